//! A capturing SMTP server on loopback: takes what it is sent and shows it to the session.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::transport::printable;
use crate::Outcome;

#[derive(Debug, Default)]
struct State {
    messages: Vec<Vec<String>>,
    answers: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Shared {
    host: String,
    state: Mutex<State>,
    arrived: Condvar,
}

/// A sink; its threads end with the process.
#[derive(Debug)]
pub(crate) struct Sink {
    port: u16,
    shared: Arc<Shared>,
}

impl Sink {
    /// Listens on a free loopback port and greets as `host`.
    pub(crate) fn start(host: &str) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
        let port = listener.local_addr().map_err(|e| e.to_string())?.port();
        let shared =
            Arc::new(Shared { host: host.to_owned(), state: Mutex::default(), arrived: Condvar::new() });
        let server = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = Arc::clone(&server);
                std::thread::spawn(move || server.serve(stream));
            }
        });
        Ok(Self { port, shared })
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on answers `verb` with `reply`; `END` is the answer to a message's final dot.
    pub(crate) fn answer(&self, verb: &str, reply: &str) {
        self.shared.lock().answers.insert(verb.to_owned(), reply.to_owned());
    }

    /// Waits until at least `count` messages are here; returns how many there are.
    pub(crate) fn wait(&self, count: usize, timeout: Duration) -> usize {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.lock();
        while state.messages.len() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = match self.shared.arrived.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        state.messages.len()
    }

    /// The lines of the `index`-th message, from 1: its AUTH (where the client logged on), MAIL and RCPT
    /// commands, then its content.
    pub(crate) fn message(&self, index: usize) -> Option<Vec<String>> {
        self.shared.lock().messages.get(index.checked_sub(1)?).cloned()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply(&self, verb: &str) -> String {
        if let Some(reply) = self.lock().answers.get(verb) {
            return reply.clone();
        }
        match verb {
            "GREETING" => format!("220 {} ESMTP", self.host),
            "EHLO" => {
                format!(
                    "250-{}\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-AUTH PLAIN\r\n250 DSN",
                    self.host
                )
            }
            "HELO" | "MAIL" | "RCPT" | "RSET" | "NOOP" | "END" => "250 2.0.0 OK".to_owned(),
            "AUTH" => "235 2.7.0 Authentication successful".to_owned(),
            "DATA" => "354 Go ahead".to_owned(),
            "QUIT" => "221 2.0.0 Bye".to_owned(),
            _ => "502 5.5.1 Not implemented".to_owned(),
        }
    }

    /// One session; an error ends it.
    fn serve(&self, stream: TcpStream) {
        let Ok(mut writer) = stream.try_clone() else { return };
        let mut reader = BufReader::new(stream);
        let mut say = |verb: &str| {
            let reply = self.reply(verb);
            let said = writer.write_all(format!("{reply}\r\n").as_bytes()).is_ok();
            said.then(|| reply.as_bytes().first().copied().unwrap_or(b'5'))
        };
        if say("GREETING").is_none() {
            return;
        }
        let (mut envelope, mut logon): (Vec<String>, Option<String>) = (Vec::new(), None);
        while let Some(line) = read_line(&mut reader) {
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let Some(class) = say(&verb) else { return };
            match (verb.as_str(), class) {
                ("AUTH", b'2') => logon = Some(line),
                ("MAIL", b'2') => envelope = logon.iter().cloned().chain([line]).collect(),
                ("RCPT", b'2') => envelope.push(line),
                ("EHLO" | "HELO" | "RSET", _) => envelope.clear(),
                ("DATA", b'3') => {
                    let mut message = std::mem::take(&mut envelope);
                    if !read_content(&mut reader, &mut message) {
                        return;
                    }
                    if say("END") == Some(b'2') {
                        self.lock().messages.push(message);
                        self.arrived.notify_all();
                    }
                }
                ("QUIT", _) => return,
                _ => {}
            }
        }
    }
}

fn read_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).ok().filter(|&n| n > 0)?;
    // A bare LF stays visible: what is sent outside must never hold one.
    let text = line.strip_suffix(b"\r\n").unwrap_or(&line);
    Some(printable(text))
}

/// Lines up to the lone dot, unstuffed; false if the client went away before it.
fn read_content(reader: &mut impl BufRead, message: &mut Vec<String>) -> bool {
    while let Some(line) = read_line(reader) {
        if line == "." {
            return true;
        }
        message.push(line.strip_prefix('.').map_or(line.clone(), str::to_owned));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_and_answers() {
        let sink = Sink::start("ext.example").unwrap();
        sink.answer("RSET", "451 4.3.0 later");
        let stream = TcpStream::connect(("127.0.0.1", sink.port())).unwrap();
        (&stream)
            .write_all(
                b"EHLO a\r\nRSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n\
                Subject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n",
            )
            .unwrap();
        let replies: Vec<String> = BufReader::new(&stream).lines().map_while(Result::ok).collect();
        assert_eq!(replies[0], "220 ext.example ESMTP");
        assert!(replies.contains(&"451 4.3.0 later".to_owned()));
        assert_eq!(sink.wait(1, Duration::from_secs(5)), 1);
        let message = sink.message(1).unwrap();
        assert_eq!(message, ["MAIL FROM:<a@b>", "RCPT TO:<c@d>", "Subject: x", "", ".dot"]);
        assert_eq!(sink.message(2), None);
    }
}
