//! APPEND and REPLACE: messages put into a folder by the client, whole or in pieces (RFC 3501 section 6.3.11,
//! RFC 3502, RFC 4315, RFC 4469, RFC 8508).

use base::{Fault, FaultKind};
use bytes::{Bytes, BytesMut};
use services::{
    Mailbox,
    mailbox::{Flags, FolderId, NewMessage},
};
use wire::imap::{Appended, Message, MessageUrl, Piece, SequenceSet, section, set, write};

use super::{
    reply::{Failure, Outcome, done_with, no, target_failure},
    session::Session,
};

impl Session {
    pub(super) async fn append(&mut self, name: &str, messages: Vec<Appended>) -> Outcome {
        let folder = self.target(name)?;
        let mailbox = self.mailbox()?;
        let mut new = Vec::with_capacity(messages.len());
        for message in messages {
            new.push(self.put_together(message).await?);
        }
        let uids = mailbox.append(folder, new).await.map_err(target_failure)?;
        let validity = mailbox.status(folder)?.uid_validity;
        let mut code = format!("APPENDUID {validity} ").into_bytes();
        write::set(&mut code, &set::from_sorted(uids));
        done_with(String::from_utf8_lossy(&code).into_owned(), "Completed")
    }

    pub(super) async fn replace(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        name: &str,
        message: Appended,
    ) -> Outcome {
        let target = self.target(name)?;
        let new = self.put_together(message).await?;
        let (mailbox, view) = self.selected_for_change()?;
        let old = view.uids_of(set, uid).first().copied();
        let old = old.ok_or_else(|| no("NONEXISTENT", "No such message"))?;
        let folder = view.folder;
        let uid = mailbox.replace(folder, old, target, new).await.map_err(|fault| {
            if fault.code == "ErrorItemNotFound" {
                no("NONEXISTENT", "No such message")
            } else {
                target_failure(fault)
            }
        })?;
        let validity = mailbox.status(target)?.uid_validity;
        // Before the EXPUNGE response, which the loop writes (RFC 8508 section 3.4).
        self.link.say(&format!("* OK [APPENDUID {validity} {uid}] Replaced\r\n"));
        self.done_removing("Completed")
    }

    /// The message, in one piece: what came in one is a slice of the command and is not copied.
    async fn put_together(&mut self, message: Appended) -> Result<NewMessage, Failure> {
        let Appended { flags, date, mut pieces } = message;
        let bytes = match (pieces.pop(), pieces.is_empty()) {
            (Some(Piece::Text(whole)), true) => whole,
            (last, _) => {
                pieces.extend(last);
                self.join(pieces).await?
            }
        };
        if bytes.is_empty() {
            return Err(no("CANNOT", "The message is empty"));
        }
        let flags = Flags { system: flags.system, keywords: flags.keywords };
        Ok(NewMessage { bytes, flags, received: date.unwrap_or_else(|| self.server.clock.now()) })
    }

    async fn join(&mut self, pieces: Vec<Piece>) -> Result<Bytes, Failure> {
        let most = self.server.append_max as usize;
        let mut whole = BytesMut::new();
        for piece in pieces {
            let bytes = match piece {
                Piece::Text(bytes) => bytes,
                Piece::Url(url) => self.read_url(&url).await?,
            };
            if whole.len() + bytes.len() > most {
                return Err(no("TOOBIG", "The message is too large"));
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(whole.freeze())
    }

    /// The bytes a URL names: of the caller's own mailbox only.
    async fn read_url(&mut self, url: &str) -> Result<Bytes, Failure> {
        let bad = || no(format!("BADURL {}", quoted(url)), "The URL names nothing here");
        let named = MessageUrl::parse(url).ok_or_else(bad)?;
        let folder = match &named.mailbox {
            Some(name) => self.folder(name).map_err(|_| bad())?,
            None => self.view.as_ref().map(|view| view.folder).ok_or_else(bad)?,
        };
        let mailbox = self.mailbox()?;
        let read = move |mailbox: &Mailbox| read_bytes(mailbox, folder, &named);
        mailbox.aside(read).await?.ok_or_else(bad)
    }
}

/// What a URL names; `None` where there is no such thing.
fn read_bytes(mailbox: &Mailbox, folder: FolderId, url: &MessageUrl) -> Result<Option<Bytes>, Fault> {
    if url.uid_validity.is_some_and(|wanted| mailbox.status(folder).is_ok_and(|s| s.uid_validity != wanted)) {
        return Ok(None);
    }
    let Some(item) = mailbox.items(folder, &vec![url.uid..=url.uid], 1)?.pop() else { return Ok(None) };
    let body = match mailbox.body(item.id) {
        Ok(body) => body,
        Err(fault) if fault.kind == FaultKind::NotFound => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let Some(wanted) = &url.body else { return Ok(Some(body)) };
    let message = Message::new(&body);
    let Some(bytes) = message.section(&wanted.section) else { return Ok(None) };
    let bytes = wanted.partial.map_or(&bytes[..], |(start, count)| section::partial(&bytes, start, count));
    Ok(Some(Bytes::copy_from_slice(bytes)))
}

/// As a response code may repeat what the client sent.
fn quoted(url: &str) -> String {
    let mut out = Vec::new();
    let plain: String = url.chars().filter(|c| c.is_ascii_graphic()).take(512).collect();
    write::string(&mut out, plain.as_bytes());
    String::from_utf8_lossy(&out).into_owned()
}
