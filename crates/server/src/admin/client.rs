//! The shell's end of the administration socket: a source of commands that are run by the server.

use std::{io, os::unix::net::UnixStream, sync::Arc};

use parking_lot::Mutex;
use powershell::{
    Value,
    cmdlet::{CommandInfo, CommandSource, ErrorRecord, Flow, Invocation, ParameterInfo, Streams},
};

use super::{PROTOCOL_VERSION, Request, Response, receive, send, short_path};
use crate::{error::ServerError, layout::Layout};

/// The cmdlets of a running server.
pub(crate) struct RemoteCmdlets {
    /// Connections at rest. A pipeline such as `Get-X | Set-X` calls the second cmdlet while the first still
    /// writes, so each call has a connection of its own.
    idle: Mutex<Vec<UnixStream>>,
    layout: Layout,
    /// The server's name.
    pub(crate) server: String,
}

impl RemoteCmdlets {
    /// Connects to the server that runs on this data folder.
    pub(crate) fn connect(layout: &Layout) -> Result<Self, ServerError> {
        let (stream, server) = greet(layout)?;
        Ok(Self { idle: Mutex::new(vec![stream]), layout: layout.clone(), server })
    }

    /// A connection nobody uses.
    fn connection(&self) -> io::Result<UnixStream> {
        let idle = self.idle.lock().pop();
        idle.map_or_else(|| greet(&self.layout).map(|(stream, _)| stream).map_err(io::Error::other), Ok)
    }

    /// Runs a call. A connection whose objects nobody reads any more is closed, which ends the cmdlet.
    fn ask(&self, call: &Invocation, out: &mut dyn Streams) -> io::Result<Result<(), ErrorRecord>> {
        let mut stream = self.connection()?;
        let result = converse(&mut stream, call, out)?;
        Ok(result.map_or(Ok(()), |result| {
            self.idle.lock().push(stream);
            result
        }))
    }
}

/// Connects and says hello; the server's name comes back.
fn greet(layout: &Layout) -> Result<(UnixStream, String), ServerError> {
    let socket = layout.socket();
    let no_server = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ServerError::Usage(format!(
            "no server is running on {}: start it with `rialto serve --data {}` (or `rialto quickstart`)",
            layout.root().display(),
            layout.root().display()
        )),
        _ => ServerError::io(format!("cannot reach the server at {}", socket.display()), error),
    };
    let mut stream =
        short_path(&socket).and_then(|(_dir, path)| UnixStream::connect(path)).map_err(no_server)?;
    send(&mut stream, &Request::Hello { version: PROTOCOL_VERSION }).map_err(no_server)?;
    match receive(&mut stream).map_err(no_server)? {
        Response::Welcome { version: PROTOCOL_VERSION, server } => Ok((stream, server)),
        Response::Done(Err(refusal)) => Err(ServerError::Usage(refusal.message.to_string())),
        _ => Err(ServerError::Usage(
            "the running server is of another version: use its own `rialto shell`".into(),
        )),
    }
}

/// Sends a call and relays what it writes; nothing where the reader had enough before its end.
fn converse(
    stream: &mut UnixStream,
    call: &Invocation,
    out: &mut dyn Streams,
) -> io::Result<Option<Result<(), ErrorRecord>>> {
    let request = Request::Invoke {
        command: call.command.name.to_string(),
        parameters: call.parameters.iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
        preferences: call.preferences.clone(),
        pipeline_object: call.pipeline_object.clone(),
    };
    send(stream, &request)?;
    loop {
        let wanted = match receive(stream)? {
            Response::Output(value) => out.output(value),
            Response::Error(record) => out.error(record),
            Response::Warning(text) => going_on(out.warning(&text)),
            Response::Verbose(text) => going_on(out.verbose(&text)),
            Response::Debug(text) => going_on(out.debug(&text)),
            Response::Progress(progress) => going_on(out.progress(&progress)),
            Response::Information(value) => going_on(out.information(value)),
            Response::Prompt(prompt) => {
                let answer = out.prompt(&prompt);
                send(stream, &Request::Answer(answer))?;
                Flow::Continue
            }
            Response::Done(result) => return Ok(Some(result)),
            Response::Welcome { .. } | Response::Completions(_) => {
                return Err(io::Error::other("the server answered out of turn"));
            }
        };
        if wanted == Flow::Stop {
            return Ok(None);
        }
    }
}

fn going_on((): ()) -> Flow {
    Flow::Continue
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
        let request = Request::Complete {
            command: command.name.to_string(),
            parameter: parameter.name.to_string(),
            prefix: prefix.to_owned(),
        };
        let Ok(mut stream) = self.connection() else { return Vec::new() };
        match send(&mut stream, &request).and_then(|()| receive(&mut stream)) {
            Ok(Response::Completions(values)) => {
                self.idle.lock().push(stream);
                values
            }
            _ => Vec::new(),
        }
    }

    fn accepts(&self, parameter_type: &str, object: &Value) -> Option<bool> {
        cmdlets::accepts(parameter_type, object)
    }
}
