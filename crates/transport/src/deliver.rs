//! Delivery into mailboxes: one message for all its recipients of one database in one commit.

use base::{Guid, Timestamp};
use bytes::Bytes;
use directory::{Object, Value, View};
use engine::EngineError;
use store::{Delivered, Delivery, DeliveryId, FolderRole, Limits, NewMailbox, StoreError, Stores};

/// The mailbox is over its quota.
pub(crate) const MAILBOX_FULL: wire::smtp::Reply =
    wire::smtp::Reply::new(550, (5, 2, 2), "STOREDRV.Deliver; mailbox full");
/// The mailbox cannot take the message for a reason that does not pass.
pub(crate) const UNDELIVERABLE: wire::smtp::Reply =
    wire::smtp::Reply::new(550, (5, 2, 0), "STOREDRV.Deliver; the mailbox can't take this message");

/// A message for mailboxes of one database.
pub(crate) struct ToMailboxes<'a> {
    /// The database.
    pub(crate) database: Guid,
    /// The message's number that stays the same: who has a delivery of it gets no second one.
    pub(crate) network_id: Guid,
    /// The mailboxes.
    pub(crate) mailboxes: Vec<Guid>,
    /// The message, in parts.
    pub(crate) parts: Vec<Bytes>,
    /// Its summary, encoded.
    pub(crate) summary: Bytes,
    /// When it was taken in.
    pub(crate) received: Timestamp,
    /// The directory: quotas, and the names of mailboxes that are made at their first message.
    pub(crate) view: &'a View,
}

impl ToMailboxes<'_> {
    /// Delivers; one answer for each mailbox, in their order. An error is the database's: nobody got it.
    pub(crate) async fn deliver(
        self,
        stores: &Stores,
    ) -> Result<Vec<Result<Delivered, StoreError>>, StoreError> {
        let database = stores.get(self.database)?;
        let mut recipients = Vec::with_capacity(self.mailboxes.len());
        let mut answers: Vec<Option<StoreError>> = Vec::with_capacity(self.mailboxes.len());
        for guid in &self.mailboxes {
            match open_or_make(&database, *guid, self.view).await {
                Ok(mailbox) => {
                    let limits = self.view.by_mailbox_guid(*guid).map(|owner| limits_of(self.view, &owner));
                    recipients.push(store::Recipient {
                        mailbox: mailbox.id(),
                        folder: FolderRole::Inbox.folder(),
                        flags: 0,
                        limits: limits.unwrap_or_default(),
                    });
                    answers.push(None);
                }
                Err(error @ (StoreError::Engine(_) | StoreError::Row(_))) => return Err(error),
                Err(error) => answers.push(Some(error)),
            }
        }
        if recipients.is_empty() {
            return Ok(answers.into_iter().flatten().map(Err).collect());
        }
        let delivery = Delivery {
            id: DeliveryId(self.network_id.0),
            recipients,
            parts: self.parts,
            summary: self.summary,
            class: "IPM.Note".into(),
            received: self.received,
        };
        let mut delivered = database.deliver(delivery).await?.into_iter();
        let answer = |error: Option<StoreError>| match error {
            Some(error) => Err(error),
            None => delivered.next().unwrap_or(Err(StoreError::NoMailbox)),
        };
        Ok(answers.into_iter().map(answer).collect())
    }
}

/// The mailbox of that GUID; it is made when its owner first gets or opens it, as the product does.
pub async fn open_or_make(
    database: &store::Database,
    guid: Guid,
    view: &View,
) -> Result<store::Mailbox, StoreError> {
    match database.mailbox(guid) {
        Err(StoreError::NoMailbox) => {}
        found => return found,
    }
    let owner = view.by_mailbox_guid(guid).ok_or(StoreError::NoMailbox)?;
    let language = owner.values("Languages").first().and_then(Value::as_text).unwrap_or("en-US");
    let new =
        NewMailbox { guid, display_name: owner.display_name().to_owned(), culture: language.to_owned() };
    match database.create_mailbox(new).await {
        // Somebody else made it at the same moment.
        Ok(_) | Err(StoreError::MailboxExists(_)) => database.mailbox(guid),
        Err(error) => Err(error),
    }
}

/// The quotas of a mailbox: its own, or its database's where it uses the defaults.
pub fn limits_of(view: &View, owner: &Object) -> Limits {
    let database = owner.link("Database").and_then(|guid| view.get(guid));
    let source = match database {
        Some(database) if owner.flag("UseDatabaseQuotaDefaults") => database,
        _ => owner,
    };
    let bytes = |name| source.size(name).limit().map(|size| size.bytes());
    Limits {
        warning: bytes("IssueWarningQuota"),
        prohibit_send: bytes("ProhibitSendQuota"),
        prohibit_send_receive: bytes("ProhibitSendReceiveQuota"),
    }
}

/// Whether a failure may pass by itself.
pub(crate) fn is_transient(error: &StoreError) -> bool {
    match error {
        StoreError::Engine(engine) => !matches!(engine, EngineError::TooLarge(_)),
        StoreError::NotMounted(_) | StoreError::Row(_) | StoreError::Moving => true,
        _ => false,
    }
}
