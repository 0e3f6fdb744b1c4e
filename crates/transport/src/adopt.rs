//! Taking over what a lost server had accepted and not yet delivered: its queue has copies on other servers, and the
//! one that has the active copy now makes the messages its own.

use std::collections::BTreeSet;

use base::{
    Guid,
    eventlog::{EventKind, Level},
};
use engine::{Database, EngineError};

use crate::{
    Transport, TransportError,
    core::Core,
    queue::{Foreign, Hop, Message, Note, Recipient, adoption},
    routing,
    track::{Event, EventId, Source},
};

/// Messages that go together …
const TOGETHER: usize = 200;
/// … and their bytes; one that is longer goes alone.
const TOGETHER_BYTES: u64 = 4 << 20;
/// What a recipient's row takes, roughly.
const ROW_BYTES: u64 = 512;

const LEFT: EventKind = EventKind {
    log: "Application",
    source: "MSExchangeTransport",
    id: 17_019,
    category: "Storage",
    level: Level::Error,
};

/// What became of another server's queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Messages that are this server's now.
    pub adopted: u64,
    /// Messages that were left where they are: they can't be read, or are too large for this server's queue.
    pub left: u64,
}

impl Transport {
    /// Drains the queue of a lost server, whose database can be written to here: its messages become this server's,
    /// with the states of their recipients. Called again after a crash or an error it goes on where it was; a
    /// message is delivered by one of the two servers, whenever either of them dies, and whoever has the database
    /// afterwards.
    ///
    /// # Errors
    /// The database can't be written to here (any more), or this server's own queue can't. Where the other one can
    /// only be read, what an earlier attempt has left unfinished is settled as far as that shows whose it is.
    pub async fn adopt(&self, foreign: Database, owner: Guid) -> Result<Adoption, TransportError> {
        let core = &self.core;
        let _one_at_a_time = core.adopting.lock().await;
        let mut outcome = Adoption::default();
        // What an earlier attempt has left unfinished comes first.
        for notes in core.spool.notes(Some(owner))?.chunks(TOGETHER) {
            outcome.adopted += core.take_away(&foreign, notes.to_vec()).await?;
        }
        let mut last = None;
        loop {
            let page = adoption::foreign_page(&foreign, last)?;
            let Some(&end) = page.last() else { break };
            let mut page = &page[..];
            while !page.is_empty() {
                let (batch, left) = core.read_together(&foreign, &mut page)?;
                outcome.left += left;
                match core.copy(owner, &batch).await {
                    Ok(notes) => outcome.adopted += core.take_away(&foreign, notes).await?,
                    Err(TransportError::Engine(EngineError::TooLarge(_))) => {
                        core.take_singly(&foreign, owner, &batch, &mut outcome).await?;
                    }
                    Err(error) => return Err(error),
                }
            }
            last = Some(end);
        }
        if outcome != Adoption::default() {
            tracing::info!(%owner, adopted = outcome.adopted, left = outcome.left, "a queue was taken over");
        }
        Ok(outcome)
    }

    /// Settles what an adoption has left unfinished that can't go on because another server has the queue again, as
    /// far as this copy of it shows whose the messages are.
    pub async fn settle_adoption(&self, foreign: &Database, owner: Guid) -> Result<(), TransportError> {
        let core = &self.core;
        // Whoever is at it does this first.
        let Ok(_one_at_a_time) = core.adopting.try_lock() else { return Ok(()) };
        let notes = core.spool.notes(Some(owner))?;
        let known = adoption::whose(foreign, core.server_object, &notes)?;
        if !known.is_empty() {
            core.make_own(known).await?;
        }
        Ok(())
    }
}

fn left_alone(id: u64, why: &str) {
    let text = format!("Message {id} of another server's queue was not taken over: {why}");
    base::eventlog::write(&LEFT, &text);
}

impl Core {
    /// Reads as many messages as go together, and says how many can't be read.
    pub(crate) fn read_together(
        &self,
        foreign: &Database,
        page: &mut &[u64],
    ) -> Result<(Vec<Foreign>, u64), TransportError> {
        let (mut batch, mut bytes, mut left) = (Vec::new(), 0, 0);
        while let Some((&id, rest)) = page.split_first() {
            match adoption::foreign_message(foreign, id) {
                Ok(message) => {
                    bytes += message.body.len() as u64 + message.queued.recipients.len() as u64 * ROW_BYTES;
                    if !batch.is_empty() && (bytes > TOGETHER_BYTES || batch.len() == TOGETHER) {
                        break;
                    }
                    batch.push(message);
                }
                Err(TransportError::NoMessage(_)) => {}
                Err(error @ (TransportError::Row(_) | TransportError::Engine(EngineError::Corrupt(_)))) => {
                    left_alone(id, &error.to_string());
                    left += 1;
                }
                Err(error) => return Err(error),
            }
            *page = rest;
        }
        Ok((batch, left))
    }

    /// Takes over messages that don't fit into one record together; one that doesn't fit alone is left.
    async fn take_singly(
        &self,
        foreign: &Database,
        owner: Guid,
        batch: &[Foreign],
        outcome: &mut Adoption,
    ) -> Result<(), TransportError> {
        for one in batch.chunks(1) {
            match self.copy(owner, one).await {
                Ok(notes) => outcome.adopted += self.take_away(foreign, notes).await?,
                Err(TransportError::Engine(error @ EngineError::TooLarge(_))) => {
                    one.iter().for_each(|message| left_alone(message.queued.id, &error.to_string()));
                    outcome.left += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Copies messages into this server's queue, not to be delivered yet.
    pub(crate) async fn copy(&self, owner: Guid, batch: &[Foreign]) -> Result<Vec<Note>, TransportError> {
        let view = self.view();
        let taken_over = |message: &Foreign| {
            let recipients = message.queued.recipients.iter();
            let recipients = recipients.map(|(_, one)| taken_over(&view, &message.queued.message, one));
            let ours = self.spool.next_id();
            let note = Note { owner, theirs: message.queued.id, ours, print: message.print };
            (adoption::copy(ours, message, recipients.collect()), note)
        };
        let copies: Vec<_> = batch.iter().map(taken_over).collect();
        let notes = copies.iter().map(|(_, note)| *note).collect();
        if !copies.is_empty() {
            self.spool.adopt(copies).await?;
        }
        Ok(notes)
    }

    /// Takes messages that have been copied out of the other queue, and begins to deliver them. Says how many.
    async fn take_away(&self, foreign: &Database, notes: Vec<Note>) -> Result<u64, TransportError> {
        if notes.is_empty() {
            return Ok(0);
        }
        let left = match adoption::leave(foreign, self.server_object, notes.clone()).await {
            Ok(left) => left,
            Err(error) => {
                // What can't be written to any more may still be read.
                self.make_own(adoption::whose(foreign, self.server_object, &notes)?).await?;
                return Err(error);
            }
        };
        let adopted = self.make_own(left).await?;
        // What is left of this is a mark nobody asks about.
        if let Err(error) = adoption::forget(foreign, notes).await {
            tracing::debug!(%error, "marks stay in a queue that was taken over");
        }
        Ok(adopted)
    }

    /// Copies that are this server's now are delivered like any other message; the others go.
    pub(crate) async fn make_own(&self, copies: Vec<(Note, bool)>) -> Result<u64, TransportError> {
        self.spool.confirm(copies.clone()).await?;
        let (settings, mut adopted) = (self.settings(), 0);
        for note in copies.iter().filter(|(_, is_ours)| *is_ours).map(|(note, _)| note) {
            adopted += 1;
            // Where it has waited long for this, it may have been delivered.
            let Ok(queued) = self.spool.load(note.ours) else { continue };
            let from = self.name_of(note.owner);
            let event = self.event(queued.id, &queued.message, Source::Redundancy, EventId::Resubmit);
            let event = Event { source_context: &from, server_hostname: &self.server, ..event };
            let to: Vec<_> = queued.recipients.iter().map(|(_, one)| (&one.to.address, "")).collect();
            self.record(event, &to);
            self.reschedule(&queued, &settings, &BTreeSet::new());
        }
        self.wake.notify_one();
        Ok(adopted)
    }
}

/// A recipient as it goes on from here: what was on its way out looks for a connector again, and mailboxes are tried
/// at once.
fn taken_over(view: &directory::View, message: &Message, recipient: &Recipient) -> Recipient {
    let hop = match &recipient.hop {
        Hop::SmartHost(_) | Hop::Domain(..) | Hop::Unreachable => match recipient.to.address.domain().parse()
        {
            Ok(domain) => routing::next_hop(view, &domain, message.size),
            Err(_) => Hop::Unreachable,
        },
        hop => hop.clone(),
    };
    let same_road = hop == recipient.hop && !matches!(hop, Hop::Mailbox(_));
    let next_try = if same_road { recipient.next_try } else { base::Timestamp::default() };
    Recipient { hop, next_try, ..recipient.clone() }
}
