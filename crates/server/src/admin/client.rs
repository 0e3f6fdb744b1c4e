//! The shell's end of the administration socket: a source of commands that are run by the server.

use std::{
    io::{self, BufReader},
    os::unix::net::UnixStream,
    sync::Arc,
};

use parking_lot::Mutex;
use powershell::cmdlet::{CommandInfo, CommandSource, ErrorRecord, Flow, Invocation, ParameterInfo, Streams};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{BUFFER, PROTOCOL_VERSION, Request, Response, receive, send, short_path};
use crate::{error::ServerError, layout::Layout};

/// How often a call looks whether it is to stop.
const LOOK: &Timespec = &Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// A connection: objects come by the thousands, each a frame, and are read many at a time.
type Connection = BufReader<UnixStream>;

/// The cmdlets of a running server.
///
/// A pipeline runs several cmdlets at once, the later ones while the earlier ones still write: each call under
/// way has a connection of its own, kept for the next one when it is done.
pub(crate) struct RemoteCmdlets {
    layout: Layout,
    idle: Mutex<Vec<Connection>>,
    /// The server's name.
    pub(crate) server: String,
}

impl RemoteCmdlets {
    /// Connects to the server that runs on this data folder.
    pub(crate) fn connect(layout: Layout) -> Result<Self, ServerError> {
        let (stream, server) = open(&layout)?;
        Ok(Self { layout, idle: Mutex::new(vec![stream]), server })
    }

    /// A connection that nobody uses.
    fn connection(&self) -> io::Result<Connection> {
        let idle = self.idle.lock().pop();
        idle.map_or_else(|| open(&self.layout).map(|(stream, _)| stream).map_err(io::Error::other), Ok)
    }

    /// A connection whose call has ended.
    fn put_back(&self, stream: Connection) {
        self.idle.lock().push(stream);
    }

    fn ask(&self, call: &Invocation, out: &mut dyn Streams) -> io::Result<Result<(), ErrorRecord>> {
        let mut stream = self.connection()?;
        let request = Request::Invoke {
            command: call.command.name.to_string(),
            parameters: call
                .parameters
                .iter()
                .map(|(name, value)| (name.to_string(), value.clone()))
                .collect(),
            preferences: call.preferences.clone(),
            pipeline_object: call.pipeline_object.clone(),
        };
        send(stream.get_mut(), &request)?;
        let mut wanted = Flow::Continue;
        loop {
            while !readable_within(&stream, LOOK)? {
                if out.stopping() {
                    // The server sees that nobody listens any more, and stops, too.
                    return Ok(Ok(()));
                }
            }
            match receive(&mut stream)? {
                Response::Written(written) => written.repeat(out, &mut wanted),
                Response::Prompt(prompt) => {
                    let answer = out.prompt(&prompt);
                    if out.stopping() {
                        // Nor does it get an answer.
                        return Ok(Ok(()));
                    }
                    send(stream.get_mut(), &Request::Answer(answer))?;
                }
                Response::Done(result) => {
                    self.put_back(stream);
                    return Ok(result);
                }
                Response::Welcome { .. } | Response::Completions(_) => {
                    return Err(io::Error::other("the server answered out of turn"));
                }
            }
        }
    }
}

/// Whether something comes in time.
fn readable_within(stream: &Connection, patience: &Timespec) -> io::Result<bool> {
    if !stream.buffer().is_empty() {
        return Ok(true);
    }
    let mut waiting = [PollFd::new(stream.get_ref(), PollFlags::IN)];
    match poll(&mut waiting, Some(patience)) {
        Err(rustix::io::Errno::INTR) => Ok(false),
        ready => Ok(ready? > 0),
    }
}

/// Opens a connection and says hello; with the server's name.
fn open(layout: &Layout) -> Result<(Connection, String), ServerError> {
    let socket = layout.socket();
    let no_server = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ServerError::Usage(format!(
            "no server is running on {}: start it with `rialto serve --data {}` (or `rialto quickstart`)",
            layout.root().display(),
            layout.root().display()
        )),
        _ => ServerError::io(format!("cannot reach the server at {}", socket.display()), error),
    };
    let connect = short_path(&socket).and_then(|(_dir, path)| UnixStream::connect(path));
    let mut stream = BufReader::with_capacity(BUFFER, connect.map_err(no_server)?);
    send(stream.get_mut(), &Request::Hello { version: PROTOCOL_VERSION }).map_err(no_server)?;
    match receive(&mut stream).map_err(no_server)? {
        Response::Welcome { version: PROTOCOL_VERSION, server } => Ok((stream, server)),
        Response::Done(Err(refusal)) => Err(ServerError::Usage(refusal.message.to_string())),
        _ => Err(ServerError::Usage(
            "the running server is of another version: use its own `rialto shell`".into(),
        )),
    }
}

impl CommandSource for RemoteCmdlets {
    fn find(&self, name: &str) -> Option<Arc<CommandInfo>> {
        cmdlets::find(name)
    }

    fn names(&self) -> Vec<Arc<str>> {
        cmdlets::names()
    }

    fn invoke(&self, call: &Invocation, out: &mut dyn Streams) -> Result<(), ErrorRecord> {
        self.ask(call, out).unwrap_or_else(|error| {
            Err(base::Fault::new(
                base::FaultKind::Unavailable,
                "ServerConnectionLost",
                format!("The connection to the server was lost: {error}. Start the server and run the command again."),
            )
            .into())
        })
    }

    fn complete(&self, command: &CommandInfo, parameter: &ParameterInfo, prefix: &str) -> Vec<String> {
        let Ok(mut stream) = self.connection() else { return Vec::new() };
        let request = Request::Complete {
            command: command.name.to_string(),
            parameter: parameter.name.to_string(),
            prefix: prefix.to_owned(),
        };
        match send(stream.get_mut(), &request).and_then(|()| receive(&mut stream)) {
            Ok(Response::Completions(values)) => {
                self.put_back(stream);
                values
            }
            _ => Vec::new(),
        }
    }

    fn declared(&self) -> Option<&dyn CommandSource> {
        Some(&cmdlets::Declarations)
    }
}
