//! One message over one connection: `MAIL`, `RCPT`, `DATA` (or `BDAT` for binary ones), pipelined where the
//! peer allows it.

use bytes::{Bytes, BytesMut};
use wire::smtp::{Body, EnhancedCode, MailFrom, RcptTo, Reply, Ret, Stuffer, data};

use super::{
    Outcome, Outgoing, Verdict,
    client::{Client, LinkError},
};
use crate::stream::Transport;

/// Recipients whose replies may be outstanding at once: all replies must fit the socket's buffers, or both
/// sides would wait for each other.
const WINDOW: usize = 50;
/// Bytes of a message encoded before they are written.
const BLOCK: usize = 64 << 10;

const NEEDS_UTF8: Reply = Reply::new(550, (5, 6, 7), "The next server does not support SMTPUTF8");
const NEEDS_BINARY: Reply = Reply::new(554, (5, 6, 3), "The next server does not support BINARYMIME");
const TOO_LARGE: Reply =
    Reply::new(552, (5, 3, 4), "Message size exceeds the fixed maximum message size of the next server");

/// How a transfer broke off.
pub(super) enum Broken {
    /// Before the peer could have taken the message: another host may be tried at once.
    Before(LinkError),
    /// After the message was sent, with the answer lost: the peer may have it.
    After(LinkError),
}

impl From<LinkError> for Broken {
    fn from(error: LinkError) -> Self {
        Broken::Before(error)
    }
}

/// What the bytes of a message need of the peer.
struct Needs {
    size: usize,
    eight_bit: bool,
    binary: bool,
    utf8_headers: bool,
}

impl Needs {
    fn of(mail: &Outgoing<'_>) -> Self {
        let from = &mail.envelope.from;
        let eight_bit = mail.parts.iter().any(|part| !part.is_ascii());
        let unframed = |part: &Bytes| {
            let findings = data::examine(part);
            findings.bare_newline || findings.nul
        };
        Self {
            size: mail.parts.iter().map(Bytes::len).sum(),
            eight_bit,
            binary: from.body == Body::BinaryMime && mail.parts.iter().any(unframed),
            utf8_headers: from.smtputf8 && eight_bit && !headers_are_ascii(mail.parts),
        }
    }
}

/// The parts are read as one text up to the first empty line.
fn headers_are_ascii(parts: &[Bytes]) -> bool {
    let mut newlines = 0;
    for &byte in parts.iter().flat_map(|part| part.iter()) {
        newlines = match byte {
            b'\n' => newlines + 1,
            b'\r' => newlines,
            _ => 0,
        };
        if newlines == 2 {
            return true;
        }
        if !byte.is_ascii() {
            return false;
        }
    }
    true
}

impl<S: Transport> Client<S> {
    /// Sends a message; one outcome per recipient, in order.
    pub(super) async fn transfer(&mut self, mail: &Outgoing<'_>) -> Result<Vec<Outcome>, Broken> {
        let needs = Needs::of(mail);
        let mut outcomes: Vec<Option<Outcome>> =
            mail.envelope.to.iter().map(|to| self.objection(&needs, &mail.envelope.from, to)).collect();
        let wanted: Vec<usize> = (0..outcomes.len()).filter(|i| outcomes[*i].is_none()).collect();
        if !wanted.is_empty() {
            self.carry(mail, &needs, &wanted, &mut outcomes).await?;
        }
        let lost = || Outcome::ours(Verdict::Transient, LinkError::Silent.reply(), Some(self.remote.clone()));
        Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(lost)).collect())
    }

    /// Why this recipient cannot be served by this peer at all.
    fn objection(&self, needs: &Needs, from: &MailFrom, to: &RcptTo) -> Option<Outcome> {
        let offers = self.extensions;
        let sender_utf8 = from.sender.as_ref().is_some_and(base::SmtpAddress::is_international);
        let utf8 = needs.utf8_headers || sender_utf8 || to.address.is_international();
        let too_large = offers.max_size.is_some_and(|max| needs.size as u64 > max);
        let binary = needs.binary && !(offers.binary_mime && offers.chunking);
        [(utf8 && !offers.smtp_utf8, NEEDS_UTF8), (binary, NEEDS_BINARY), (too_large, TOO_LARGE)]
            .into_iter()
            .find_map(|(objects, reply)| objects.then_some(reply))
            .map(|reply| Outcome::ours(Verdict::Permanent, reply, Some(self.remote.clone())))
    }

    async fn carry(
        &mut self,
        mail: &Outgoing<'_>,
        needs: &Needs,
        wanted: &[usize],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<(), Broken> {
        if self.dirty {
            self.ask("RSET").await?;
        }
        self.dirty = true;
        let window = if self.extensions.pipelining { WINDOW } else { 1 };
        let mut accepted = Vec::new();
        let mut batches = wanted.chunks(window);
        self.mail_command(&mail.envelope.from, needs);
        let first = if self.extensions.pipelining { batches.next().unwrap_or_default() } else { &[] };
        self.rcpt_commands(mail, first);
        let sender = self.command_reply().await?;
        if !sender.is_success() {
            for _ in first {
                self.command_reply().await?;
            }
            settle(outcomes, wanted, &Outcome::said(sender, self.remote.clone(), false));
            return Ok(());
        }
        self.rcpt_replies(first, &mut accepted, outcomes).await?;
        for batch in batches {
            self.rcpt_commands(mail, batch);
            self.rcpt_replies(batch, &mut accepted, outcomes).await?;
        }
        if !accepted.is_empty() {
            let reply = self.body(mail, needs).await?;
            self.dirty = !reply.is_success();
            settle(outcomes, &accepted, &Outcome::said(reply, self.remote.clone(), self.extensions.dsn));
        }
        Ok(())
    }

    fn rcpt_commands(&mut self, mail: &Outgoing<'_>, batch: &[usize]) {
        for &index in batch {
            self.rcpt_command(&mail.envelope.to[index]);
        }
    }

    async fn rcpt_replies(
        &mut self,
        batch: &[usize],
        accepted: &mut Vec<usize>,
        outcomes: &mut [Option<Outcome>],
    ) -> Result<(), Broken> {
        for &index in batch {
            let reply = self.command_reply().await?;
            if reply.is_success() {
                accepted.push(index);
            } else {
                outcomes[index] = Some(self.rcpt_outcome(reply));
            }
        }
        Ok(())
    }

    async fn command_reply(&mut self) -> Result<Reply, Broken> {
        let reply = self.reply(self.timeouts.command).await?;
        if reply.code == 421 { Err(Broken::Before(LinkError::Refused(reply))) } else { Ok(reply) }
    }

    fn mail_command(&mut self, from: &MailFrom, needs: &Needs) {
        let offers = self.extensions;
        let sender = from.sender.as_ref().map_or("", base::SmtpAddress::as_str);
        let mut words = format!("MAIL FROM:<{sender}>");
        if offers.size {
            words.push_str(&format!(" SIZE={}", needs.size));
        }
        if needs.binary {
            words.push_str(" BODY=BINARYMIME");
        } else if offers.eight_bit_mime && (needs.eight_bit || from.body == Body::EightBitMime) {
            words.push_str(" BODY=8BITMIME");
        }
        if offers.smtp_utf8 && from.smtputf8 {
            words.push_str(" SMTPUTF8");
        }
        if offers.dsn {
            match from.ret {
                Some(Ret::Full) => words.push_str(" RET=FULL"),
                Some(Ret::Headers) => words.push_str(" RET=HDRS"),
                None => {}
            }
            push_parameter(&mut words, "ENVID", from.envid.as_deref());
        }
        self.command(format_args!("{words}"));
    }

    fn rcpt_command(&mut self, to: &RcptTo) {
        let mut words = format!("RCPT TO:<{}>", to.address);
        if self.extensions.dsn {
            if let Some(notify) = to.notify {
                let events =
                    [(notify.success, "SUCCESS"), (notify.failure, "FAILURE"), (notify.delay, "DELAY")];
                let wanted: Vec<&str> = events.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
                words.push_str(" NOTIFY=");
                words.push_str(&if wanted.is_empty() { "NEVER".to_owned() } else { wanted.join(",") });
            }
            push_parameter(&mut words, "ORCPT", to.orcpt.as_deref());
        }
        self.command(format_args!("{words}"));
    }

    /// `552` to a recipient means "too many" on old servers (RFC 5321 section 4.5.3.1.10): try again.
    fn rcpt_outcome(&self, reply: Reply) -> Outcome {
        let too_many =
            reply.code == 552 && reply.status.is_none_or(|status| status == EnhancedCode::new(5, 5, 3));
        let outcome = Outcome::said(reply, self.remote.clone(), false);
        if too_many { Outcome { verdict: Verdict::Transient, ..outcome } } else { outcome }
    }

    /// Sends the message itself; the peer's final word.
    async fn body(&mut self, mail: &Outgoing<'_>, needs: &Needs) -> Result<Reply, Broken> {
        if needs.binary {
            self.command(format_args!("BDAT {} LAST", needs.size));
            for part in mail.parts {
                self.write(part).await?;
            }
        } else {
            let go = self.ask("DATA").await?;
            if !go.is_intermediate() {
                return Ok(go);
            }
            self.stuffed(mail.parts).await?;
        }
        self.reply(self.timeouts.end).await.map_err(Broken::After)
    }

    async fn stuffed(&mut self, parts: &[Bytes]) -> Result<(), LinkError> {
        let mut stuffer = Stuffer::default();
        for block in parts.iter().flat_map(|part| part.chunks(BLOCK)) {
            stuffer.push(block, &mut self.output);
            if self.output.len() >= BLOCK {
                self.flush().await?;
            }
        }
        let mut end = BytesMut::new();
        stuffer.finish(&mut end);
        self.output.extend_from_slice(&end);
        Ok(())
    }
}

/// A parameter that came with the envelope, unless its value could not stand on the line.
fn push_parameter(words: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|v| !v.is_empty() && v.bytes().all(|b| b.is_ascii_graphic())) {
        words.push_str(&format!(" {name}={value}"));
    }
}

/// Gives every recipient without an outcome of its own this one.
fn settle(outcomes: &mut [Option<Outcome>], indices: &[usize], outcome: &Outcome) {
    for &index in indices {
        outcomes[index].get_or_insert_with(|| outcome.clone());
    }
}
