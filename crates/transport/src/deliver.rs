//! Delivery into mailboxes: one message for all its recipients of one database in one commit.

use base::{Guid, Timestamp};
use bytes::Bytes;
use directory::{Object, Recipient as Owner, Value, View};
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
        let limits_of_database = self.view.get(self.database).map(|object| limits(object));
        let mut recipients = Vec::with_capacity(self.mailboxes.len());
        let mut answers: Vec<Option<StoreError>> = Vec::with_capacity(self.mailboxes.len());
        for guid in &self.mailboxes {
            let owner = self.view.by_mailbox_guid(*guid);
            let mailbox = match database.mailbox(*guid) {
                Ok(mailbox) => Ok(mailbox.id()),
                Err(StoreError::NoMailbox) => make_mailbox(&database, *guid, owner.as_ref()).await,
                Err(error) => Err(error),
            };
            match mailbox {
                Ok(mailbox) => {
                    let own = owner.filter(|owner| !owner.flag("UseDatabaseQuotaDefaults"));
                    let limits = own.map(|owner| limits(&owner)).or(limits_of_database).unwrap_or_default();
                    let folder = FolderRole::Inbox.folder();
                    recipients.push(store::Recipient { mailbox, folder, flags: 0, limits });
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

/// The store makes a mailbox at its first message, as the product does.
async fn make_mailbox(
    database: &store::Database,
    guid: Guid,
    owner: Option<&Owner>,
) -> Result<store::MailboxId, StoreError> {
    let owner = owner.ok_or(StoreError::NoMailbox)?;
    let language = owner.values("Languages").first().and_then(Value::as_text).unwrap_or("en-US");
    let new =
        NewMailbox { guid, display_name: owner.display_name().to_owned(), culture: language.to_owned() };
    match database.create_mailbox(new).await {
        // Somebody else made it at the same moment.
        Err(StoreError::MailboxExists(_)) => Ok(database.mailbox(guid)?.id()),
        other => other,
    }
}

/// The quotas set on a mailbox or a database.
fn limits(object: &Object) -> Limits {
    let bytes = |name| object.size(name).limit().map(|size| size.bytes());
    Limits {
        warning: bytes("IssueWarningQuota"),
        prohibit_send: bytes("ProhibitSendQuota"),
        prohibit_send_receive: bytes("ProhibitSendReceiveQuota"),
    }
}

/// Whether a failure may pass by itself.
pub(crate) fn is_transient(error: &StoreError) -> bool {
    matches!(error, StoreError::Engine(_) | StoreError::NotMounted(_) | StoreError::Row(_))
}
