//! What the server itself writes to people: a report somebody asked for, with the report as a file.

use std::fmt::Write as _;

use base::{Fault, FaultKind, Guid, SmtpAddress};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use wire::smtp::{Body, Envelope, MailFrom, RcptTo};

use crate::{
    Transport,
    accept::Incoming,
    dsn::{encoded, plain},
    queue::Origin,
    track::Source,
};

/// Bytes of a file in one line of base64 (RFC 2045 section 6.8).
const LINE: usize = 57;

/// A message of the server's own.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Who gets it; at least one.
    pub to: Vec<SmtpAddress>,
    /// Its subject.
    pub subject: String,
    /// What it says, in lines.
    pub text: String,
    /// The file that goes with it: its name, in ASCII, its media type, and what it holds.
    pub file: (String, &'static str, Vec<u8>),
}

impl Transport {
    /// Sends a notice in the postmaster's name; resolves to its number when it is durable. Nobody answers it, and
    /// nobody hears where it cannot be delivered but the message tracking log.
    ///
    /// # Errors
    /// Without a recipient, without a domain to send from, and what the queue says.
    pub async fn notify(&self, notice: Notice) -> Result<u64, Fault> {
        if notice.to.is_empty() {
            return Err(Fault::new(FaultKind::Invalid, "NoRecipients", "A message needs a recipient."));
        }
        let core = &self.core;
        let Some(postmaster) = core.postmaster(&core.view()) else {
            let text = "There is no address to send from: the organization has no accepted domain.";
            return Err(Fault::new(FaultKind::Invalid, "NoPostmaster", text));
        };
        let message_id = format!("<{}@{}>", Guid::new(&*core.rng), core.fqdn);
        let boundary = format!("_notice_{}", Guid::new(&*core.rng));
        let head = format!(
            "From: \"Mail Server\" <{postmaster}>\r\nDate: {}\r\nMessage-ID: {message_id}\r\n",
            core.now().to_rfc5322()
        );
        let text = head + &written(&notice, &boundary);
        let smtputf8 = !notice.to.iter().all(|to| to.as_str().is_ascii());
        let from = MailFrom { sender: None, body: Body::EightBitMime, smtputf8, ..MailFrom::default() };
        let envelope = Envelope { from, to: notice.to.into_iter().map(RcptTo::new).collect() };
        let origin = Origin { trusted: true, system: true, ..Origin::default() };
        let parts = vec![text.into()];
        let incoming = Incoming { envelope, parts, message_id, origin, source: Source::StoreDriver };
        core.take_in(incoming).await.map_err(Fault::from)
    }
}

/// The message from its recipients on.
fn written(notice: &Notice, boundary: &str) -> String {
    let Notice { to, subject, text, file: (name, kind, content) } = notice;
    let to: Vec<String> = to.iter().map(|to| format!("<{to}>")).collect();
    let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
    let mut out = format!(
        "To: {}\r\nSubject: {}\r\nAuto-Submitted: auto-generated\r\n\
         X-Auto-Response-Suppress: All\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\nContent-Type: text/plain; charset=\"utf-8\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         {text}\r\n--{boundary}\r\nContent-Type: {kind}; name=\"{name}\"\r\n\
         Content-Disposition: attachment; filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        to.join(",\r\n\t"),
        encoded(&plain(subject)),
    );
    for line in content.chunks(LINE) {
        // Writing to a String cannot fail.
        let _ = write!(out, "{}\r\n", BASE64_STANDARD.encode(line));
    }
    let _ = write!(out, "--{boundary}--\r\n");
    out
}

#[cfg(test)]
mod tests {
    use wire::mime::Structure;

    use super::*;

    #[test]
    fn a_notice_is_a_text_and_a_file() {
        let content: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let notice = Notice {
            to: vec!["ana@rialto.test".parse().unwrap(), "nuno@rialto.test".parse().unwrap()],
            subject: "Relatório\r\nBcc: all@rialto.test".into(),
            text: "Olá.\nThat is all.".into(),
            file: ("report.xml".into(), "text/xml", content.clone()),
        };
        let message = written(&notice, "b");
        assert!(
            !message.contains("\nBcc:")
                && message.contains("To: <ana@rialto.test>,\r\n\t<nuno@rialto.test>\r\n")
        );
        assert!(message.lines().all(|line| line.len() <= 78 && !line.contains('\r')), "{message}");
        let structure = Structure::parse(message.as_bytes());
        let file = &structure.parts()[structure.find(&[2]).unwrap()];
        let body = message.as_bytes()[file.body.clone()].to_vec();
        assert_eq!(wire::mime::transfer::base64(&body), content);
    }
}
