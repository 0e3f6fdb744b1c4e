//! The local administration socket: how a shell on this machine asks the running server to run cmdlets.
//!
//! Frames are a little-endian `u32` length and a postcard body. Who is calling is what the kernel says of
//! the peer's user; nothing in a frame can change it. The file system keeps others from connecting at all.

pub(crate) mod client;
pub(crate) mod server;

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
};

use powershell::{
    Value,
    cmdlet::{ErrorRecord, Preferences, Prompt, Written},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Raised whenever a frame changes its shape; both ends say theirs first.
pub(crate) const PROTOCOL_VERSION: u32 = 2;
/// The longest frame, bytes.
const FRAME_MAX: u32 = 64 << 20;
/// How much is read at once, bytes.
const BUFFER: usize = 64 << 10;

/// What a shell asks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// The first frame.
    Hello {
        /// The shell's [`PROTOCOL_VERSION`].
        version: u32,
    },
    /// Run a cmdlet.
    Invoke {
        /// `Verb-Noun`.
        command: String,
        /// Named as declared, in the order given.
        parameters: Vec<(String, Value)>,
        /// The common parameters.
        preferences: Preferences,
        /// The pipeline object this call is for.
        pipeline_object: Option<Value>,
    },
    /// Offer values for an argument.
    Complete {
        /// `Verb-Noun`.
        command: String,
        /// The parameter.
        parameter: String,
        /// What is typed so far.
        prefix: String,
    },
    /// The answer to a [`Response::Prompt`]; nothing when nobody can answer.
    Answer(Option<Value>),
}

/// What the server says while it runs a request. `Done`, `Welcome` and `Completions` end one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Response {
    /// The answer to `Hello`.
    Welcome {
        /// The server's [`PROTOCOL_VERSION`].
        version: u32,
        /// The server's name, for the prompt.
        server: String,
    },
    /// Something the cmdlet wrote.
    Written(Written),
    /// A question; the shell must send an `Answer`.
    Prompt(Prompt),
    /// The values for a `Complete`.
    Completions(Vec<String>),
    /// The cmdlet has ended, with its terminating error if there was one.
    Done(Result<(), ErrorRecord>),
}

/// Sends one frame.
pub(crate) fn send<T: Serialize>(stream: &mut UnixStream, message: &T) -> io::Result<()> {
    let body = postcard::to_stdvec(message).map_err(io::Error::other)?;
    let len = u32::try_from(body.len()).ok().filter(|len| *len <= FRAME_MAX);
    let len =
        len.ok_or_else(|| io::Error::other("the message is too large for the administration socket"))?;
    let mut frame = Vec::with_capacity(4 + body.len());
    frame.extend_from_slice(&len.to_le_bytes());
    frame.extend_from_slice(&body);
    stream.write_all(&frame)
}

/// Receives one frame.
pub(crate) fn receive<T: DeserializeOwned>(stream: &mut impl Read) -> io::Result<T> {
    let mut len = [0; 4];
    stream.read_exact(&mut len)?;
    let len = u32::from_le_bytes(len);
    if len > FRAME_MAX {
        return Err(io::Error::other("the peer sent an over-long message"));
    }
    let mut body = Vec::with_capacity(len.min(BUFFER as u32) as usize);
    stream.take(u64::from(len)).read_to_end(&mut body)?;
    postcard::from_bytes(&body).map_err(io::Error::other)
}

/// A path to `socket` short enough for the kernel (108 bytes): through its folder's descriptor, which the
/// returned file keeps open.
fn short_path(socket: &Path) -> io::Result<(std::fs::File, std::path::PathBuf)> {
    use std::os::fd::AsRawFd;
    let dir = std::fs::File::open(socket.parent().unwrap_or(Path::new(".")))?;
    let name = socket.file_name().unwrap_or_default();
    let path = Path::new("/proc/self/fd").join(dir.as_raw_fd().to_string()).join(name);
    Ok((dir, path))
}
