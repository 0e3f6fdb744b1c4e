//! What each WS-Management action does to shells.

use std::{sync::Arc, time::Duration};

use base::FaultKind;
use bytes::Bytes;
use services::Caller;
use wire::{
    wsman::{Chunk, ENVELOPE_MAX, ENVELOPE_MIN, Fault, FaultCode, Reply, Request, RequestBody, resource},
    xpress,
};

use super::{outbox::Fetch, shell::Shell};
use crate::http::Exchange;

/// How long a Receive waits where the client does not say.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a Receive waits at most: a proxy between us may not wait longer.
const PATIENCE_MAX: Duration = Duration::from_mins(3);
/// The longest identifier of a request, bytes: some are kept.
const NAME_MAX: usize = 256;
/// The protocol versions a client may insist on.
const PROTOCOL: &str = "2.";

/// Does what a request asks for.
pub(super) async fn serve(exchange: &mut Exchange, caller: Caller, request: Request) -> Result<Reply, Fault> {
    let max = request.max_envelope.unwrap_or(ENVELOPE_MAX).min(ENVELOPE_MAX);
    if max < ENVELOPE_MIN {
        return Err(FaultCode::Encoding.into());
    }
    let shells = exchange.settings.shells.clone();
    let patience = request.timeout.unwrap_or(PATIENCE).min(PATIENCE_MAX);
    let id = request.shell;
    let (name, again) = request.identity();
    if name.len() > NAME_MAX {
        return Err(Fault::new(FaultCode::Schema, "The request's identifier is too long."));
    }
    let name = name.to_owned();
    let shell = || shells.get(caller.user, id);
    match request.body {
        RequestBody::Create(_) => create(exchange, caller, request),
        RequestBody::Identify => Ok(Reply::Identity("Rialto".into(), env!("CARGO_PKG_VERSION").into())),
        RequestBody::Get if request.resource.starts_with(resource::CONFIG) => {
            Ok(Reply::Config(ENVELOPE_MAX >> 10))
        }
        RequestBody::Get => Ok(Reply::Shell(shell()?.describe())),
        RequestBody::Enumerate { shell: wanted } => match wanted.or(id) {
            Some(wanted) if request.resource.eq_ignore_ascii_case(resource::COMMAND) => {
                Ok(Reply::Commands(wanted, shells.get(caller.user, Some(wanted))?.commands()))
            }
            _ => Ok(Reply::Shells(shells.of(caller.user).iter().map(|shell| shell.describe()).collect())),
        },
        RequestBody::Delete => {
            shells.remove(caller.user, id)?;
            Ok(Reply::Deleted)
        }
        RequestBody::Command(command) => {
            let shell = shell()?;
            let _in_use = shell.enter(false)?;
            shell.once((&name, again), || shell.command(command).map(Reply::Command))
        }
        RequestBody::Send(send) => {
            let shell = shell()?;
            let _in_use = shell.enter(false)?;
            shell.once((&name, again), || shell.send(send).map(|()| Reply::Sent))
        }
        RequestBody::Receive(receive) => {
            let shell = shell()?;
            let _in_use = shell.enter(false)?;
            let asked = Fetch { request: &name, again, max, patience };
            tokio::select! {
                reply = fetch(&shell, receive.command, asked) => reply,
                () = exchange.stopping() => Err(FaultCode::Aborted.into()),
            }
        }
        RequestBody::Signal(signal) => {
            let shell = shell()?;
            let _in_use = shell.enter(false)?;
            shell.signal(signal);
            Ok(Reply::Signalled)
        }
        RequestBody::Disconnect { idle_timeout } => {
            let shell = shell()?;
            let _in_use = shell.enter(true)?;
            shell.disconnect(idle_timeout);
            Ok(Reply::Disconnected)
        }
        RequestBody::Reconnect => {
            let shell = shell()?;
            let _in_use = shell.enter(true)?;
            shell.reconnect();
            Ok(Reply::Reconnected)
        }
        RequestBody::Connect(connect) => {
            let shell = shell()?;
            let _in_use = shell.enter(true)?;
            shell.connect(connect, max).map(Reply::Connected)
        }
    }
}

async fn fetch(shell: &Arc<Shell>, command: Option<base::Guid>, asked: Fetch<'_>) -> Result<Reply, Fault> {
    let batch = shell.receive(command, asked).await?;
    let packed = |data: Bytes| if shell.about.xpress { xpress::store(&data).into() } else { data };
    let chunks = batch.chunks.into_iter().map(|data| Chunk { command, data: packed(data) }).collect();
    Ok(Reply::Received { chunks, done: command.filter(|_| batch.ended) })
}

fn create(exchange: &Exchange, caller: Caller, request: Request) -> Result<Reply, Fault> {
    let RequestBody::Create(create) = request.body else { return Err(FaultCode::Action.into()) };
    let option = request.options.iter().find(|(name, _)| name.eq_ignore_ascii_case("protocolversion"));
    if option.is_some_and(|(_, version)| !version.starts_with(PROTOCOL)) {
        return Err(Fault::new(FaultCode::Option, "The protocolversion option cannot be complied with."));
    }
    let configuration = request.resource.strip_prefix(resource::CONFIGURATION).ok_or(FaultCode::Resource)?;
    let commands = exchange.settings.commands.open(&caller, configuration).map_err(|fault| {
        tracing::info!(user = caller.name, ?fault, "remoting refused");
        let code = match fault.kind {
            FaultKind::AccessDenied => FaultCode::AccessDenied,
            FaultKind::NotFound => FaultCode::Resource,
            _ => FaultCode::Internal,
        };
        Fault::new(code, fault.public_text)
    })?;
    let settings = &exchange.settings;
    let how = (&*settings.server_name, request.xpress);
    let shell = settings.shells.open(create, &request.resource, &caller, how, commands)?;
    tracing::info!(user = caller.name, shell = %shell.about.id, configuration, "remote session opened");
    Ok(Reply::Created(shell.describe()))
}
