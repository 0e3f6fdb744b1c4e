//! The server's end of the administration socket: one thread per shell, each request bound again and run.

use std::{
    io,
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base::net::UnixListener;
use cmdlets::{Cmdlets, Context};
use powershell::{
    Value,
    cmdlet::{Bound, Carried, Carry, CommandSource, Flow, Prompt, Written},
};

use tokio::sync::watch;

use super::{PROTOCOL_VERSION, Request, Response, receive, send, short_path};
use crate::{error::ServerError, layout::Layout, shutdown};

/// Shells at once.
const SHELLS_MAX: usize = 32;
/// The rest after `accept` failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Opens the socket; it is for this server's own user (and root) alone.
pub(crate) fn bind(layout: &Layout) -> Result<UnixListener, ServerError> {
    open_socket(layout).map_err(|e| ServerError::io("cannot open the administration socket", e))
}

fn open_socket(layout: &Layout) -> io::Result<UnixListener> {
    let socket = layout.socket();
    let (_dir, path) = short_path(&socket)?;
    // The data folder's lock is ours, so a socket that is still there belongs to nobody.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    UnixListener::bind(&path)
}

/// Accepts shells until `shutdown`.
pub(crate) async fn serve(listener: UnixListener, cx: Arc<Context>, mut shutdown: watch::Receiver<bool>) {
    let shells = Arc::new(AtomicUsize::new(0));
    loop {
        let accepted = tokio::select! {
            () = shutdown::requested(&mut shutdown) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => admit(stream, &cx, &shells),
            Err(error) => {
                tracing::warn!(%error, "the administration socket cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Starts a conversation with a shell whose user may have one.
fn admit(stream: base::net::UnixStream, cx: &Arc<Context>, shells: &Arc<AtomicUsize>) {
    let uid = match stream.peer_cred() {
        Ok(credentials) if is_allowed(credentials.uid()) => credentials.uid(),
        _ => return,
    };
    if shells.fetch_add(1, Ordering::Relaxed) >= SHELLS_MAX {
        shells.fetch_sub(1, Ordering::Relaxed);
        return;
    }
    let (cmdlets, shells) = (Cmdlets::for_local_user(cx.clone(), uid), shells.clone());
    std::thread::spawn(move || {
        let result = stream.into_std().and_then(|stream| {
            stream.set_nonblocking(false)?;
            converse(stream, &cmdlets)
        });
        shells.fetch_sub(1, Ordering::Relaxed);
        if let Err(error) = result
            && error.kind() != io::ErrorKind::UnexpectedEof
        {
            tracing::debug!(%error, "a shell's connection ended");
        }
    });
}

/// The operating system's user must be root or the one the server runs as.
fn is_allowed(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

fn converse(mut stream: UnixStream, cmdlets: &Cmdlets) -> io::Result<()> {
    loop {
        match receive(&mut stream)? {
            Request::Hello { version: PROTOCOL_VERSION } => {
                let server = cmdlets.server_name();
                send(&mut stream, &Response::Welcome { version: PROTOCOL_VERSION, server })?;
            }
            Request::Hello { .. } => {
                let fault =
                    base::Fault::invalid("This shell and the running server are of different versions.");
                return send(&mut stream, &Response::Done(Err(fault.into())));
            }
            Request::Invoke { command, parameters, preferences, pipeline_object } => {
                let mut out = Carried(Socket { stream: &mut stream, failed: None });
                let result = cmdlets
                    .bind(&command, named(parameters), preferences, pipeline_object)
                    .and_then(|call| cmdlets.invoke(&call, &mut out));
                if let Some(error) = out.0.failed {
                    return Err(error);
                }
                send(&mut stream, &Response::Done(result))?;
            }
            Request::Complete { command, parameter, prefix } => {
                let values = cmdlets
                    .find(&command)
                    .and_then(|info| Some(cmdlets.complete(&info, info.parameter(&parameter)?, &prefix)));
                send(&mut stream, &Response::Completions(values.unwrap_or_default()))?;
            }
            Request::Answer(_) => return Err(io::Error::other("an answer without a question")),
        }
    }
}

fn named(parameters: Vec<(String, Value)>) -> Bound {
    parameters.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// Takes what a cmdlet writes to the shell.
struct Socket<'a> {
    stream: &'a mut UnixStream,
    /// The shell has gone; nothing more is sent.
    failed: Option<io::Error>,
}

impl Socket<'_> {
    fn send(&mut self, response: &Response) -> Flow {
        if self.failed.is_none() {
            self.failed = send(self.stream, response).err();
        }
        if self.failed.is_some() { Flow::Stop } else { Flow::Continue }
    }
}

impl Carry for Socket<'_> {
    fn carry(&mut self, message: Written) -> Flow {
        self.send(&Response::Written(message))
    }
    fn ask(&mut self, prompt: &Prompt) -> Option<Value> {
        if self.send(&Response::Prompt(prompt.clone())) == Flow::Stop {
            return None;
        }
        match receive(self.stream) {
            Ok(Request::Answer(answer)) => answer,
            Ok(_) => None,
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }
    fn stopping(&self) -> bool {
        self.failed.is_some()
    }
}
