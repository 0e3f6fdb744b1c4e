//! Writes a notification as a message: multipart/report with a part for people, one for programs, and the
//! original or its header.

use std::fmt::Write as _;

use base::{Guid, Rng, SmtpAddress, Timestamp};
use base64::Engine as _;
use bytes::Bytes;
use wire::{
    mime::header_len,
    smtp::{EnhancedCode, Ret, xtext},
};

use super::{Action, Line, text};
use crate::queue::Message;

/// Recipients listed in one notification; of more, the first ones.
const LINES_MAX: usize = 1000;
/// Characters of the original subject that are repeated.
const SUBJECT_MAX: usize = 255;

/// Who writes notifications, and how.
#[derive(Clone, Debug)]
pub struct Writer<'a> {
    /// This server's name.
    pub fqdn: &'a str,
    /// The sender people see.
    pub postmaster: &'a SmtpAddress,
    /// Originals above this length are returned by their header only, bytes.
    pub attach_max: u64,
    /// Say for administrators what the servers said.
    pub diagnostics: bool,
}

/// A notification ready for the queue.
#[derive(Clone, Debug)]
pub struct Notification {
    /// The message.
    pub bytes: Bytes,
    /// Its `Message-ID`.
    pub message_id: String,
    /// Its subject.
    pub subject: String,
    /// It needs 8BITMIME.
    pub eight_bit: bool,
    /// It needs SMTPUTF8.
    pub international: bool,
}

impl Writer<'_> {
    /// Writes the notification about `lines` of a message to `to`. `original` is the message as it was.
    pub fn write(
        &self,
        message: &Message,
        lines: &[Line],
        to: &SmtpAddress,
        original: &[u8],
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Notification {
        let lines = &lines[..lines.len().min(LINES_MAX)];
        let action = lines.first().map_or(Action::Failed, |line| line.action);
        let boundary = format!("_report_{}", Guid::new(rng));
        let message_id = format!("<{}@{}>", Guid::new(rng), self.fqdn);
        let subject: String = format!("{}: {}", text::subject(action), plain(&message.subject))
            .chars()
            .take(SUBJECT_MAX)
            .collect();
        let international = message.from.smtputf8 && lines.iter().any(|line| line.address.is_international());
        let mut out = String::with_capacity(2048);
        // Writing to a String cannot fail, here and below.
        let _ = self.header(&mut out, message, action, to, now, &message_id, &subject, &boundary);
        let _ = self.for_people(&mut out, &boundary, action, lines);
        let _ = self.for_programs(&mut out, &boundary, message, lines, now, international);
        let mut out = out.into_bytes();
        self.returned(&mut out, &boundary, message, action, original, international);
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let eight_bit = !out.is_ascii();
        let international = international || to.is_international();
        Notification { bytes: out.into(), message_id, subject, eight_bit, international }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one header")]
    fn header(
        &self,
        out: &mut String,
        message: &Message,
        action: Action,
        to: &SmtpAddress,
        now: Timestamp,
        message_id: &str,
        subject: &str,
        boundary: &str,
    ) -> std::fmt::Result {
        write!(out, "From: \"Mail Delivery\" <{}>\r\nTo: <{to}>\r\n", self.postmaster)?;
        write!(out, "Date: {}\r\nMessage-ID: {message_id}\r\n", now.to_rfc5322())?;
        write!(out, "Subject: {}\r\n", encoded(subject))?;
        let original = plain(&message.message_id);
        if original.starts_with('<') && original.ends_with('>') && original.is_ascii() && original.len() < 900
        {
            write!(out, "In-Reply-To: {original}\r\nReferences: {original}\r\n")?;
        }
        out.push_str("Auto-Submitted: auto-replied\r\nX-Auto-Response-Suppress: DR, OOF, AutoReply\r\n");
        if action == Action::Failed {
            out.push_str("X-MS-Exchange-Message-Is-Ndr:\r\n");
        }
        out.push_str("Content-Language: en-US\r\nMIME-Version: 1.0\r\n");
        write!(
            out,
            "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"{boundary}\"\r\n\r\n\
             This is a delivery status notification in MIME format.\r\n"
        )
    }

    fn for_people(
        &self,
        out: &mut String,
        boundary: &str,
        action: Action,
        lines: &[Line],
    ) -> std::fmt::Result {
        write!(out, "\r\n--{boundary}\r\nContent-Type: text/plain; charset=\"utf-8\"\r\n")?;
        write!(out, "Content-Transfer-Encoding: 8bit\r\n\r\n{}\r\n", text::heading(action))?;
        for line in lines {
            write!(out, "\r\n{}\r\n", line.original)?;
            let explanation = text::explanation(&line.status);
            if !explanation.is_empty() {
                write!(out, "{explanation}\r\n")?;
            }
            if let Some(until) = line.until {
                write!(out, "It is tried until {}.\r\n", until.to_rfc5322())?;
            }
        }
        if !self.diagnostics || !matches!(action, Action::Failed | Action::Delayed) {
            return Ok(());
        }
        write!(
            out,
            "\r\nDiagnostic information for administrators:\r\n\r\nGenerating server: {}\r\n",
            self.fqdn
        )?;
        for line in lines {
            let who = line.remote.as_deref().map_or_else(|| self.fqdn.into(), plain);
            let said = folded(&plain(&line.status.to_string()));
            write!(out, "\r\n{}\r\n{who} returned '{said}'\r\n", line.address)?;
        }
        Ok(())
    }

    fn for_programs(
        &self,
        out: &mut String,
        boundary: &str,
        message: &Message,
        lines: &[Line],
        now: Timestamp,
        international: bool,
    ) -> std::fmt::Result {
        let kind = if international { "message/global-delivery-status" } else { "message/delivery-status" };
        write!(out, "\r\n--{boundary}\r\nContent-Type: {kind}\r\n\r\n")?;
        write!(out, "Reporting-MTA: dns;{}\r\n", self.fqdn)?;
        if let Some(envid) = message.from.envid.as_deref().and_then(xtext::decode) {
            write!(out, "Original-Envelope-Id: {}\r\n", ascii(&String::from_utf8_lossy(&envid)))?;
        }
        if !message.origin.helo.is_empty() {
            write!(out, "Received-From-MTA: dns;{}\r\n", ascii(&message.origin.helo))?;
        }
        write!(out, "Arrival-Date: {}\r\n", message.received.to_rfc5322())?;
        for line in lines {
            out.push_str("\r\n");
            if let Some((kind, address)) = line.orcpt.as_deref().and_then(|orcpt| orcpt.split_once(';')) {
                let address = xtext::decode(address).unwrap_or_default();
                let address = ascii(&String::from_utf8_lossy(&address));
                write!(out, "Original-Recipient: {};{address}\r\n", ascii(kind))?;
            }
            let kind = if line.address.is_international() { "utf-8" } else { "rfc822" };
            // Without the UTF-8 form of the report, an international address is written in xtext.
            let address = match (line.address.is_international(), international) {
                (true, false) => xtext::encode(line.address.as_str().as_bytes()),
                _ => line.address.to_string(),
            };
            write!(out, "Final-Recipient: {kind};{address}\r\nAction: {}\r\n", line.action.name())?;
            write!(out, "Status: {}\r\n", code(line))?;
            if let Some(remote) = &line.remote {
                write!(out, "Remote-MTA: dns;{}\r\n", ascii(remote))?;
            }
            if matches!(line.action, Action::Failed | Action::Delayed) && self.diagnostics {
                write!(out, "Diagnostic-Code: smtp;{}\r\n", folded(&ascii(&line.status.to_string())))?;
                write!(out, "Last-Attempt-Date: {}\r\n", now.to_rfc5322())?;
            }
            if let Some(until) = line.until {
                write!(out, "Will-Retry-Until: {}\r\n", until.to_rfc5322())?;
            }
        }
        Ok(())
    }

    /// The original where it was asked for (or may be seen by its sender anyway) and fits, else its header.
    fn returned(
        &self,
        out: &mut Vec<u8>,
        boundary: &str,
        message: &Message,
        action: Action,
        original: &[u8],
        international: bool,
    ) {
        let wanted = match message.from.ret {
            Some(ret) => ret == Ret::Full,
            None => message.origin.trusted,
        };
        let full = wanted
            && action == Action::Failed
            && original.len() as u64 <= self.attach_max
            && message.from.body != wire::smtp::Body::BinaryMime;
        let content = if full { original } else { &original[..header_len(original)] };
        let kind = match (full, international) {
            (true, true) => "message/global",
            (true, false) => "message/rfc822",
            (false, true) => "message/global-headers",
            (false, false) => "text/rfc822-headers",
        };
        let encoding = if content.is_ascii() { "7bit" } else { "8bit" };
        out.extend_from_slice(
            format!(
                "\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
            )
            .as_bytes(),
        );
        out.extend_from_slice(content);
        if !content.ends_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// The enhanced code: the answer's own, or one that says no more than the answer's class.
fn code(line: &Line) -> EnhancedCode {
    let class = match line.action {
        Action::Failed => 5,
        Action::Delayed => 4,
        Action::Delivered | Action::Relayed | Action::Expanded => 2,
    };
    match line.status.status {
        Some(code) if code.class == class => code,
        // A try that ended for good after failing for now keeps what it was about.
        Some(code) => EnhancedCode::new(class, code.subject, code.detail),
        None => EnhancedCode::new(class, 0, 0),
    }
}

/// One line without control characters.
pub(crate) fn plain(text: &str) -> String {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().map(|c| if is_break(c) { ' ' } else { c }).collect()
}

/// One line of printable ASCII.
fn ascii(text: &str) -> String {
    text.chars()
        .map(|c| {
            if (' '..='~').contains(&c) {
                c
            } else if c.is_control() {
                ' '
            } else {
                '?'
            }
        })
        .collect()
}

/// Breaks a long field value at spaces, so that no line passes what a line may have.
fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut column = 0;
    for word in text.split(' ') {
        if column > 0 && column + word.len() > 200 {
            out.push_str("\r\n\t");
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        // A word no line can hold is cut.
        let word = &word[..word.len().min(900)];
        out.push_str(word);
        column += word.len();
    }
    out
}

/// A header value: as it is where it is ASCII and short, else in encoded words (RFC 2047).
pub(crate) fn encoded(text: &str) -> String {
    if text.is_ascii() && text.len() <= 900 {
        return folded(text);
    }
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if word.len() + c.len_utf8() > 45 {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let encode =
        |word: String| format!("=?utf-8?B?{}?=", base64::engine::general_purpose::STANDARD.encode(word));
    words.into_iter().map(encode).collect::<Vec<_>>().join("\r\n\t")
}
