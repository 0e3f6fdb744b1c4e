//! Small SMTP and IMAP clients on blocking sockets, cheap enough to measure a server on the same machine, and
//! the messages they send. The durability harnesses use them too.

pub mod imap;
pub mod machine;
pub mod measure;
pub mod message;
pub mod smtp;

/// Why a conversation with a server stopped.
#[derive(Debug)]
pub enum ClientError {
    /// The connection broke.
    Io(std::io::Error),
    /// The server said no; its whole reply.
    Refused(String),
}

impl std::fmt::Display for ClientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ClientError::Io(error) => write!(f, "{error}"),
            ClientError::Refused(reply) => write!(f, "the server said {reply}"),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<std::io::Error> for ClientError {
    fn from(error: std::io::Error) -> Self {
        ClientError::Io(error)
    }
}

/// The peer closed the connection.
fn closed() -> ClientError {
    ClientError::Io(std::io::ErrorKind::UnexpectedEof.into())
}
