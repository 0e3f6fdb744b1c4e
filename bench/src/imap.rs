//! An IMAP client that counts and compares rather than understands.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use crate::{ClientError, closed};

/// Longer than any honest answer takes.
const TIMEOUT: Duration = Duration::from_secs(600);

/// One connection.
#[derive(Debug)]
pub struct Imap {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    tag: u32,
    exists: u64,
    line: Vec<u8>,
    literal: Vec<u8>,
}

/// What a command's untagged answers amounted to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// `FETCH` answers.
    pub fetched: u64,
    /// Bytes received.
    pub bytes: u64,
}

/// A message as fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its UID.
    pub uid: u32,
    /// The literal that was asked for.
    pub content: Vec<u8>,
}

impl Imap {
    /// Connects and reads the greeting.
    pub fn connect(address: &str) -> Result<Self, ClientError> {
        let writer = TcpStream::connect(address)?;
        writer.set_nodelay(true)?;
        writer.set_read_timeout(Some(TIMEOUT))?;
        let reader = BufReader::with_capacity(64 << 10, writer.try_clone()?);
        let mut connection =
            Self { reader, writer, tag: 0, exists: 0, line: Vec::new(), literal: Vec::new() };
        connection.read_line()?;
        Ok(connection)
    }

    /// Connects and logs on.
    pub fn log_on(address: &str, user: &str, password: &str) -> Result<Self, ClientError> {
        let mut connection = Self::connect(address)?;
        connection.command(&format!("LOGIN {} {}", quoted(user), quoted(password)))?;
        Ok(connection)
    }

    /// Messages in the selected mailbox, as far as the server has said.
    pub fn exists(&self) -> u64 {
        self.exists
    }

    /// Sends a command and reads its answers.
    pub fn command(&mut self, command: &str) -> Result<Tally, ClientError> {
        self.send(command)?;
        self.finish(|_, _| ())
    }

    /// Sends a command; `finish` or `status_answer` must follow.
    fn send(&mut self, command: &str) -> Result<(), ClientError> {
        self.tag += 1;
        let line = format!("a{} {command}\r\n", self.tag);
        Ok(self.writer.write_all(line.as_bytes())?)
    }

    /// Selects a mailbox; how many messages are in it.
    pub fn select(&mut self, mailbox: &str) -> Result<u64, ClientError> {
        self.exists = 0;
        self.command(&format!("SELECT {}", quoted(mailbox)))?;
        Ok(self.exists)
    }

    /// How many messages a mailbox holds, without selecting it.
    pub fn count(&mut self, mailbox: &str) -> Result<u64, ClientError> {
        self.send(&format!("STATUS {} (MESSAGES)", quoted(mailbox)))?;
        let mut count = 0;
        self.finish(|line, _| {
            let text = String::from_utf8_lossy(line).to_ascii_uppercase();
            if let Some((_, rest)) = text.split_once("(MESSAGES ") {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                count = digits.parse().unwrap_or(0);
            }
        })?;
        Ok(count)
    }

    /// Stores a message.
    pub fn append(&mut self, mailbox: &str, content: &[u8]) -> Result<(), ClientError> {
        self.append_all(mailbox, std::slice::from_ref(&content))
    }

    /// Stores messages, sent at once (LITERAL+), answers read afterwards.
    pub fn append_all<M: AsRef<[u8]>>(&mut self, mailbox: &str, messages: &[M]) -> Result<(), ClientError> {
        let mut bytes = Vec::new();
        let first = self.tag + 1;
        for message in messages {
            let message = message.as_ref();
            self.tag += 1;
            let head = format!("a{} APPEND {} {{{}+}}\r\n", self.tag, quoted(mailbox), message.len());
            bytes.extend_from_slice(head.as_bytes());
            bytes.extend_from_slice(message);
            bytes.extend_from_slice(b"\r\n");
        }
        self.writer.write_all(&bytes)?;
        for tag in first..=self.tag {
            self.finish_tag(tag, |_, _| ())?;
        }
        Ok(())
    }

    /// The messages of a UID set, with one literal item each (`BODY.PEEK[]`).
    pub fn fetch(&mut self, uids: &str, item: &str) -> Result<Vec<Fetched>, ClientError> {
        self.send(&format!("UID FETCH {uids} (UID {item})"))?;
        let mut messages: Vec<Fetched> = Vec::new();
        // The UID may stand before the literal or after it.
        let mut unfinished: Option<Fetched> = None;
        self.finish(|line, literal| {
            let uid = uid_in(line);
            let is_fetch = line.starts_with(b"* ") && line.windows(7).any(|w| w == b" FETCH ");
            if is_fetch {
                let content = literal.map(<[u8]>::to_vec).unwrap_or_default();
                unfinished = Some(Fetched { uid: uid.unwrap_or(0), content });
            } else if let (Some(message), Some(uid)) = (unfinished.as_mut(), uid) {
                message.uid = uid;
            }
            if literal.is_none() {
                messages.extend(unfinished.take());
            }
        })?;
        Ok(messages)
    }

    fn finish(&mut self, each: impl FnMut(&[u8], Option<&[u8]>)) -> Result<Tally, ClientError> {
        self.finish_tag(self.tag, each)
    }

    /// Reads to the tagged answer. `each` gets every untagged line and every line that continues one after a
    /// literal, with the literal that follows it.
    fn finish_tag(
        &mut self,
        tag: u32,
        mut each: impl FnMut(&[u8], Option<&[u8]>),
    ) -> Result<Tally, ClientError> {
        let tag = format!("a{tag} ");
        let mut tally = Tally::default();
        let mut continued = false;
        loop {
            self.read_line()?;
            tally.bytes += self.line.len() as u64;
            if !continued && self.line.starts_with(tag.as_bytes()) {
                let answer = &self.line[tag.len()..];
                let is_ok = answer.get(..2).is_some_and(|w| w.eq_ignore_ascii_case(b"OK"));
                let text = || String::from_utf8_lossy(answer).trim_end().to_owned();
                return if is_ok { Ok(tally) } else { Err(ClientError::Refused(text())) };
            }
            if !continued {
                tally.fetched += u64::from(self.line.starts_with(b"* ") && word(&self.line, 2) == b"FETCH");
                if word(&self.line, 2) == b"EXISTS\r\n" {
                    self.exists = number(word(&self.line, 1)).unwrap_or(self.exists);
                }
            }
            let literal = literal_length(&self.line);
            if let Some(length) = literal {
                self.literal.resize(length, 0);
                self.reader.read_exact(&mut self.literal)?;
                tally.bytes += length as u64;
            }
            each(&self.line, literal.is_some().then_some(self.literal.as_slice()));
            continued = literal.is_some();
        }
    }

    fn read_line(&mut self) -> Result<(), ClientError> {
        self.line.clear();
        match self.reader.read_until(b'\n', &mut self.line)? {
            0 => Err(closed()),
            _ => Ok(()),
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The `n`-th word of a line, from 0.
fn word(line: &[u8], n: usize) -> &[u8] {
    line.splitn(4, |&b| b == b' ').nth(n).unwrap_or_default()
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// `… {123}` at the end of a line.
fn literal_length(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}\r\n")?;
    let start = line.iter().rposition(|&b| b == b'{')?;
    number(&line[start + 1..])
}

/// The number after `UID `.
fn uid_in(line: &[u8]) -> Option<u32> {
    let start = line.windows(4).position(|w| w == b"UID ")? + 4;
    let digits = line[start..].iter().take_while(|b| b.is_ascii_digit()).count();
    number(&line[start..start + digits])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_shapes_it_needs() {
        assert_eq!(literal_length(b"* 1 FETCH (UID 7 BODY[] {310}\r\n"), Some(310));
        assert_eq!(literal_length(b"* 1 FETCH (FLAGS ())\r\n"), None);
        assert_eq!(uid_in(b" UID 42)\r\n"), Some(42));
        assert_eq!(word(b"* 12 EXISTS\r\n", 1), b"12");
        assert_eq!(quoted("a\"b\\c"), "\"a\\\"b\\\\c\"");
    }
}
