//! Into the mailbox databases that are mounted here.

use base::Guid;
use directory::{Object, Value, View};
use engine::EngineError;
use store::{Delivery, DeliveryId, FolderRole, Limits, NewMailbox, StoreError, Stores};

use super::{Landed, Missed, ToMailboxes};

/// How often a commit is made again before which another came.
const CONFLICTS_MAX: usize = 5;

impl ToMailboxes<'_> {
    /// Delivers into the stores given; one answer for each mailbox, in their order, when it is durable.
    pub(super) async fn deliver_here(&self, stores: &Stores) -> Result<Vec<Landed>, Missed> {
        let mut made = self.commit(stores).await;
        for _ in 0..CONFLICTS_MAX {
            let Err(StoreError::Engine(EngineError::Conflict)) = made else { break };
            made = self.commit(stores).await;
        }
        made.map_err(missed)
    }

    async fn commit(&self, stores: &Stores) -> Result<Vec<Landed>, StoreError> {
        let database = stores.get(self.database)?;
        let mut recipients = Vec::with_capacity(self.mailboxes.len());
        let mut answers: Vec<Option<Landed>> = Vec::with_capacity(self.mailboxes.len());
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
                Err(error) => answers.push(Some(landed(error))),
            }
        }
        if recipients.is_empty() {
            return Ok(answers.into_iter().flatten().collect());
        }
        let delivery = Delivery {
            id: DeliveryId(self.network_id.0),
            recipients,
            parts: self.parts.clone(),
            summary: self.summary.clone(),
            class: "IPM.Note".into(),
            received: self.received,
        };
        let mut delivered = database.deliver(delivery).await?.into_iter();
        let answer = |answer: Option<Landed>| match (answer, delivered.len()) {
            (Some(answer), _) => answer,
            _ => match delivered.next() {
                Some(Ok(copy)) if copy.item.is_some() => Landed::Now,
                Some(Ok(_)) => Landed::Before,
                Some(Err(error)) => landed(error),
                None => Landed::Nobody,
            },
        };
        Ok(answers.into_iter().map(answer).collect())
    }
}

/// What one mailbox said.
fn landed(error: StoreError) -> Landed {
    match error {
        StoreError::Quota { .. } => Landed::Full,
        StoreError::Moving => Landed::Moving,
        StoreError::NoMailbox => Landed::Nobody,
        other => Landed::Never(other.to_string()),
    }
}

/// What the database said.
fn missed(error: StoreError) -> Missed {
    let text = error.to_string();
    match error {
        StoreError::Engine(EngineError::Full(folder)) => Missed::Full(folder),
        StoreError::Engine(EngineError::TooLarge(_)) => Missed::Unfit(text),
        StoreError::Engine(EngineError::Passive(_) | EngineError::Conflict) => Missed::NotNow(text),
        // What a failed disk has written shows when the database is opened again.
        StoreError::Engine(_) => Missed::Unknown(text),
        _ => Missed::NotNow(text),
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
