//! Delivery: one message into many mailboxes of one database in one commit, its body stored once.

use std::{borrow::Cow, ops::ControlFlow};

use base::Timestamp;
use bytes::Bytes;
use engine::{BodyRef, Read, Txn};

use super::ledger::{Ledger, NewItem, Touched, share_body};
use crate::{
    Change, Database, StoreError,
    codec::Row,
    keys::{self, table},
    rows::Received,
    types::{FolderId, ItemId, Limits, MailboxId},
};

/// What makes a delivery recognisable when it comes again after a crash: the queue's own identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeliveryId(pub [u8; 16]);

/// One message for one or more mailboxes of a database.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// A recipient that has a delivery of this identifier already does not get it twice.
    pub id: DeliveryId,
    /// Who gets it, and where.
    pub recipients: Vec<Recipient>,
    /// The message, in parts that are stored one after the other.
    pub parts: Vec<Bytes>,
    /// `wire::mime::Summary` of it, encoded.
    pub summary: Bytes,
    /// Message class: `IPM.Note` …
    pub class: Cow<'static, str>,
    /// When the server took it (INTERNALDATE).
    pub received: Timestamp,
}

/// One mailbox a delivery goes to.
#[derive(Clone, Copy, Debug)]
pub struct Recipient {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The folder in it.
    pub folder: FolderId,
    /// Bits of [`crate::Flags`] to begin with.
    pub flags: u8,
    /// The mailbox's quotas.
    pub limits: Limits,
}

/// A message in a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Its UID in the folder it was delivered to.
    pub uid: u32,
    /// Its identity; `None` when it was there already.
    pub item: Option<ItemId>,
}

/// Deliveries forgotten by one commit.
const FORGET_BATCH: usize = 1000;

impl Database {
    /// Delivers; resolves to one answer a recipient, in their order. A recipient's own failure (quota, no
    /// such mailbox or folder) does not touch the others; a failure of the database fails all of them.
    pub fn deliver(&self, delivery: Delivery) -> Change<Vec<Result<Delivered, StoreError>>> {
        let now = self.clock().now();
        self.change(move |txn, touched| deliver(txn, touched, &delivery, now))
    }

    /// Forgets deliveries older than `before`, which can no longer come again; returns how many.
    pub async fn forget_deliveries(&self, before: Timestamp) -> Result<usize, StoreError> {
        let (mut from, mut forgotten) = (vec![table::DELIVERED], 0);
        loop {
            let (old, next) = self.view(|view| old_deliveries(view, &from, before))?;
            forgotten += old.len();
            if !old.is_empty() {
                let delete = move |txn: &mut Txn<'_>, _: &mut Touched| {
                    old.iter().for_each(|key| txn.delete(key));
                    Ok(())
                };
                self.change(delete).await?;
            }
            let Some(next) = next else { return Ok(forgotten) };
            from = next;
        }
    }
}

/// Keys of old deliveries among the next batch of rows, and where to go on.
#[expect(clippy::type_complexity, reason = "a list and a place to go on, used once")]
fn old_deliveries(
    read: &impl Read,
    from: &[u8],
    before: Timestamp,
) -> Result<(Vec<Vec<u8>>, Option<Vec<u8>>), StoreError> {
    use std::ops::Bound;
    let (mut old, mut next, mut seen) = (Vec::new(), None, 0);
    read.scan(Bound::Included(from), Bound::Excluded(&[table::DELIVERED + 1]), false, &mut |key, value| {
        if seen == FORGET_BATCH {
            next = Some(key.to_vec());
            return ControlFlow::Break(());
        }
        seen += 1;
        // A damaged row protects nobody; it goes too.
        if Received::from_bytes(value).is_ok_and(|row| row.at >= before) {
            return ControlFlow::Continue(());
        }
        old.push(key.to_vec());
        ControlFlow::Continue(())
    })?;
    Ok((old, next))
}

fn deliver(
    txn: &mut Txn<'_>,
    touched: &mut Touched,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<Vec<Result<Delivered, StoreError>>, StoreError> {
    let len = delivery.parts.iter().map(|part| part.len() as u64).sum::<u64>();
    let key = keys::by_guid(table::DELIVERED, &delivery.id.0);
    let mut received: Received = keys::get(txn, &key)?.unwrap_or(Received { at: now, ..Received::default() });
    let mut body = None;
    let (before, mut copies) = (received.mailboxes.len(), 0);
    let mut answers = Vec::with_capacity(delivery.recipients.len());
    for recipient in &delivery.recipients {
        if let Some(uid) = received.mailboxes.get(&recipient.mailbox) {
            answers.push(Ok(Delivered { uid: *uid, item: None }));
            continue;
        }
        match admit(txn, recipient, len, now) {
            Ok(ledger) => {
                let delivered = store(ledger, touched, delivery, recipient, &mut body)?;
                received.mailboxes.insert(recipient.mailbox, delivered.uid);
                copies += 1;
                answers.push(Ok(delivered));
            }
            Err(error @ (StoreError::Engine(_) | StoreError::Row(_))) => return Err(error),
            Err(error) => answers.push(Err(error)),
        }
    }
    if received.mailboxes.len() > before {
        txn.put(&key, &received.to_bytes());
    }
    if let Some(body) = body {
        share_body(txn, &body, copies - 1)?;
    }
    Ok(answers)
}

/// Opens the recipient's mailbox and folder if the message may go there. Nothing is written yet.
fn admit<'t, 'e>(
    txn: &'t mut Txn<'e>,
    recipient: &Recipient,
    len: u64,
    now: Timestamp,
) -> Result<Ledger<'t, 'e>, StoreError> {
    let mut ledger = Ledger::open(txn, recipient.mailbox, now)?;
    recipient.limits.admit(ledger.totals.size, len)?;
    ledger.folder(recipient.folder.number()?)?;
    Ok(ledger)
}

fn store(
    mut ledger: Ledger<'_, '_>,
    touched: &mut Touched,
    delivery: &Delivery,
    recipient: &Recipient,
    body: &mut Option<BodyRef>,
) -> Result<Delivered, StoreError> {
    let body = *body.get_or_insert_with(|| ledger.txn.append_body(&delivery.parts));
    let new = NewItem {
        flags: recipient.flags,
        keywords: Vec::new(),
        received: delivery.received,
        body,
        class: &delivery.class,
        summary: &delivery.summary,
    };
    let (place, item) = ledger.insert(recipient.folder.number()?, new)?;
    ledger.finish(touched)?;
    Ok(Delivered { uid: place.uid, item: Some(item) })
}
