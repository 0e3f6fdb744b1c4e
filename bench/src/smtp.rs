//! An SMTP or LMTP client that pipelines where the server offers it.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

use crate::{ClientError, closed};

/// Longer than any honest answer takes.
const TIMEOUT: Duration = Duration::from_secs(60);

/// One session.
#[derive(Debug)]
pub struct Smtp {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    pipelining: bool,
    buffer: Vec<u8>,
}

impl Smtp {
    /// Connects and says EHLO.
    pub fn connect(address: &str) -> Result<Self, ClientError> {
        let writer = TcpStream::connect(address)?;
        writer.set_nodelay(true)?;
        writer.set_read_timeout(Some(TIMEOUT))?;
        let reader = BufReader::new(writer.try_clone()?);
        let mut session = Self { reader, writer, pipelining: false, buffer: Vec::new() };
        session.expect(b'2')?;
        session.writer.write_all(b"EHLO client.outside.test\r\n")?;
        session.pipelining = session.expect(b'2')?.to_ascii_uppercase().contains("PIPELINING");
        Ok(session)
    }

    /// One message to one recipient; returns when the server has taken responsibility for it. The content
    /// must have CRLF line ends, end with one, and have no line that starts with a dot.
    pub fn deliver(&mut self, from: &str, to: &str, content: &[u8]) -> Result<(), ClientError> {
        let envelope =
            [format!("MAIL FROM:<{from}>\r\n"), format!("RCPT TO:<{to}>\r\n"), "DATA\r\n".to_owned()];
        if self.pipelining {
            self.writer.write_all(envelope.concat().as_bytes())?;
        }
        for (command, class) in envelope.iter().zip(*b"223") {
            if !self.pipelining {
                self.writer.write_all(command.as_bytes())?;
            }
            self.expect(class)?;
        }
        self.buffer.clear();
        self.buffer.extend_from_slice(content);
        self.buffer.extend_from_slice(b".\r\n");
        self.writer.write_all(&self.buffer)?;
        self.expect(b'2').map(drop)
    }

    /// Says goodbye; whether anybody listens does not matter.
    pub fn quit(mut self) {
        if self.writer.write_all(b"QUIT\r\n").is_ok() {
            _ = self.expect(b'2');
        }
    }

    /// Reads one whole reply, which must be of this class.
    fn expect(&mut self, class: u8) -> Result<String, ClientError> {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            if self.reader.read_line(&mut reply)? == 0 {
                return Err(closed());
            }
            let line = &reply.as_bytes()[start..];
            if line.get(3) == Some(&b'-') {
                continue;
            }
            return if line[0] == class {
                Ok(reply)
            } else {
                Err(ClientError::Refused(reply.trim().to_owned()))
            };
        }
    }
}
