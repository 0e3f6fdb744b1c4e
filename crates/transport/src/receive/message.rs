//! `DATA` and `BDAT`: reads a message where it lies in the input buffer, without a copy, judges it as a
//! whole and hands it over. Lines of text have no limit of their own: a long one hurts nobody here, and
//! cutting it would break signatures; the message's and the header section's limits bound it.

use bytes::BytesMut;
use tracing::Instrument;
use wire::smtp::{
    Body, DataScanner, Reply,
    data::{self, Findings},
    unstuff,
};

use super::{
    Intake, Mail,
    channel::{Gone, MESSAGE_CHUNK},
    header::{self, HeaderFacts},
    order::Phase,
    session::{Conversation, words},
    trace::Transfer,
    transaction::TOO_LARGE,
};
use crate::stream::Transport;

const START_INPUT: &str = "Start mail input; end with <CRLF>.<CRLF>";
const NEEDS_BDAT: Reply = Reply::new(503, (5, 5, 2), "BODY=BINARYMIME requires BDAT");
const BARE_NEWLINE: Reply =
    Reply::new(550, (5, 6, 11), "Invalid line ending; message contains bare carriage returns or line feeds");
const NUL: Reply = Reply::new(550, (5, 6, 11), "Message contains NUL characters");
const HEADER_TOO_LARGE: Reply = Reply::new(552, (5, 3, 4), "Header size exceeds fixed maximum size");
const HOP_COUNT: Reply = Reply::new(554, (5, 4, 6), "Hop count exceeded - possible mail loop");

/// A message that is too large is read to its end, so that the client hears why; but of one larger than
/// this and twice the limit, bytes, nobody hears the end.
const DISCARD_MAX: usize = 64 << 20;
/// Room for a message that announced its size, bytes: what a liar can make us reserve.
const ANNOUNCED_MAX: usize = 1 << 20;

/// Bytes of a refused message that are read before we hang up.
fn discard_limit(max_message_size: usize) -> usize {
    max_message_size.saturating_mul(2).max(DISCARD_MAX)
}

impl<S: Transport, I: Intake> Conversation<'_, S, I> {
    /// `DATA`
    pub(super) async fn data(&mut self) -> Result<Reply, Gone> {
        if self.envelope.from.body == Body::BinaryMime {
            return Ok(NEEDS_BDAT);
        }
        self.channel.say(&Reply::plain(354, START_INPUT)).await?;
        let message = self.read_to_dot().await?;
        let reply = match message {
            Some((message, findings)) => self.hand_over(message, findings).await,
            None => TOO_LARGE,
        };
        self.reset();
        Ok(reply)
    }

    /// Reads up to CRLF.CRLF; `None` where the message was too large.
    async fn read_to_dot(&mut self) -> Result<Option<(BytesMut, Findings)>, Gone> {
        let limit = self.connector().max_message_size;
        let announced = self.envelope.from.size.and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        let mut room = announced.saturating_add(1024).clamp(MESSAGE_CHUNK, ANNOUNCED_MAX);
        let mut scanner = DataScanner::default();
        let mut dropped = 0;
        loop {
            let end = scanner.scan(&self.channel.input);
            if let Some(end) = end {
                let mut message = self.channel.input.split_to(end.total);
                if dropped > 0 || end.message > limit {
                    return Ok(None);
                }
                message.truncate(end.message);
                if end.findings.dots {
                    unstuff(&mut message);
                }
                return Ok(Some((message, end.findings)));
            }
            if scanner.decided() > limit || dropped > 0 {
                dropped += scanner.decided();
                drop(self.channel.input.split_to(scanner.decided()));
                scanner.forget();
                if dropped > discard_limit(limit) {
                    self.closing = true;
                    return Ok(None);
                }
            }
            self.channel.more(room).await?;
            room = MESSAGE_CHUNK;
        }
    }

    /// `BDAT`: the chunk is read whatever is said about it.
    pub(super) async fn bdat(
        &mut self,
        size: u64,
        last: bool,
        ordered: Result<(), Reply>,
    ) -> Result<Reply, Gone> {
        let limit = self.connector().max_message_size;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let announced = self.connector().keywords.chunking;
        let refusal = match ordered {
            Err(reply) => Some(reply),
            Ok(()) if !announced => Some(Reply::new(502, (5, 3, 3), "Command not implemented")),
            Ok(()) if self.chunks.len().saturating_add(size) > limit => Some(TOO_LARGE),
            Ok(()) => None,
        };
        if let Some(reply) = refusal {
            self.discard(size, discard_limit(limit)).await?;
            self.reset();
            return Ok(reply);
        }
        while self.channel.input.len() < size {
            let missing = size - self.channel.input.len();
            self.channel.more(missing.min(ANNOUNCED_MAX)).await?;
        }
        let chunk = self.channel.input.split_to(size);
        if self.chunks.is_empty() {
            self.chunks = chunk;
        } else {
            self.chunks.extend_from_slice(&chunk);
        }
        self.phase = Phase::Chunks;
        if !last {
            return Ok(Reply::said(250, (2, 6, 0), format!("{size} octets received")));
        }
        let message = std::mem::take(&mut self.chunks);
        let findings = match self.envelope.from.body {
            // Any octets may stand in a binary message, but its header section is text as ever.
            Body::BinaryMime => data::examine(&message[..header::examine(&message, "").len]),
            _ => data::examine(&message),
        };
        let reply = self.hand_over(message, findings).await;
        self.reset();
        Ok(reply)
    }

    /// Reads `size` octets and forgets them; hangs up rather than read more than `most`.
    async fn discard(&mut self, mut size: usize, most: usize) -> Result<(), Gone> {
        if size > most {
            self.closing = true;
            return Ok(());
        }
        loop {
            let here = size.min(self.channel.input.len());
            drop(self.channel.input.split_to(here));
            size -= here;
            if size == 0 {
                return Ok(());
            }
            self.channel.more(MESSAGE_CHUNK).await?;
        }
    }

    /// Judges a complete message and gives it to the intake.
    async fn hand_over(&mut self, message: BytesMut, findings: Findings) -> Reply {
        let message = message.freeze();
        let facts = header::examine(&message, &self.connector().fqdn);
        if let Some(reply) = self.objection_to_message(&facts, findings) {
            return reply;
        }
        let fqdn = &self.session.connector.fqdn;
        let id = format!("{:x}.{}", self.session.id, self.taken + 1);
        let message_id = match facts.message_id {
            Some(own) => own.to_owned(),
            None => format!("<{}@{fqdn}>", base::Guid::new(self.house.rng.as_ref())),
        };
        let envelope = std::mem::take(&mut self.envelope);
        let transfer =
            Transfer { session: &self.session, envelope: &envelope, id: &id, at: self.house.clock.now() };
        let fields = transfer.fields(&facts, &message_id);
        let span = tracing::info_span!("message", %id, %message_id, size = message.len());
        let mail = Mail { envelope, parts: vec![fields, message.clone()], message_id: message_id.clone() };
        match self.house.intake.accept(&self.session, mail).instrument(span).await {
            Ok(receipt) => {
                self.taken += 1;
                let number = receipt.internal_id;
                let text =
                    format!("{message_id} [InternalId={number}, Hostname={fqdn}] Queued mail for delivery");
                Reply::said(250, (2, 6, 0), text)
            }
            Err(refusal) => words(refusal),
        }
    }

    fn objection_to_message(&self, facts: &HeaderFacts<'_>, findings: Findings) -> Option<Reply> {
        let connector = self.connector();
        let loops = facts.hops > connector.max_hop_count || facts.local_hops > connector.max_local_hop_count;
        [
            (findings.bare_newline, BARE_NEWLINE),
            (findings.nul, NUL),
            (facts.len > connector.max_header_size, HEADER_TOO_LARGE),
            (loops, HOP_COUNT),
        ]
        .into_iter()
        .find_map(|(objects, reply)| objects.then_some(reply))
    }
}
