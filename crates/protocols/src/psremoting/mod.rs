//! Remote PowerShell: WS-Management over HTTPS carrying MS-PSRP, for administrators' own shells. A session has
//! no language: it runs the cmdlets its caller may run, and nothing else.

mod arguments;
mod input;
mod metadata;
mod outbox;
mod pipeline;
mod pool;
mod proxies;
mod sealed;
mod service;
mod share;
mod shell;
mod shells;
mod streams;

use std::{
    sync::{Arc, OnceLock, atomic::AtomicUsize},
    time::Duration,
};

use base::{Guid, Rng, clock::SharedClock};
use bytes::Bytes;
use hyper::{StatusCode, header};
use parking_lot::Mutex;
use powershell::{
    CommandSource, Value,
    text::{from_node_with, to_node_with},
    value::Secret,
};
use services::Caller;
use wire::{
    clixml::Node,
    psrp::{Destination, Message, MessageType},
    secret,
    session_key::SessionKey,
    wsman::{ENVELOPE_MAX, Fault, FaultCode, Headers, Reply, Request, WsmanError, encrypted::Protection},
};

pub use shells::Shells;

use crate::http::{Admission, Answer, Answering, Exchange, Realm, text, typed};

/// The largest envelope taken, bytes: what clients may send, and some more.
pub const BODY_MAX: usize = ENVELOPE_MAX + (64 << 10);

const REALM: Realm = Realm { protocol: "PowerShell", name: "WSMAN" };
const SOAP: &str = "application/soap+xml;charset=UTF-8";

/// What the pipelines of a shell work with.
struct Workplace {
    /// The runspace pool, as its client calls it; most call it as the shell.
    pool: OnceLock<Guid>,
    /// What the caller may run.
    commands: Arc<dyn CommandSource>,
    /// Who that is.
    caller: String,
    /// This server's name.
    server: String,
    clock: SharedClock,
    rng: Arc<dyn Rng>,
    /// Pipelines at work, of all callers.
    running: Arc<AtomicUsize>,
    /// Those of this caller, in all shells.
    running_own: Arc<AtomicUsize>,
    /// What clients have sent and nothing has taken yet, and what is kept of answers, bytes, of all callers.
    buffered: Arc<AtomicUsize>,
    /// What secrets travel under, once the client has shown a key of its own.
    key: Mutex<Option<SessionKey>>,
}

impl Workplace {
    /// A message to the client, for a pipeline or (empty) the pool.
    fn message(&self, pipeline: Guid, kind: MessageType, data: Node) -> Vec<u8> {
        // As the product answers: the versions of a session belong to no pool.
        let pool = self.pool.get().filter(|_| kind != MessageType::SessionCapability);
        let pool = pool.copied().unwrap_or(Guid::EMPTY);
        Message { destination: Destination::Client, kind, pool, pipeline, data: Some(data) }.encode()
    }

    /// A value for the client. Secrets stay here while there is no key.
    fn to_node(&self, value: &Value, depth: usize) -> Node {
        let key = self.key.lock().clone();
        to_node_with(value, depth, &|hidden| {
            let protect = |key: &SessionKey| key.protect(&secret::Secret(hidden.reveal().to_owned()));
            key.as_ref().map_or(Node::Nil, |key| Node::Secure(protect(key)))
        })
    }

    /// A value of the client's.
    fn to_value(&self, node: &Node) -> Value {
        let key = self.key.lock().clone();
        from_node_with(node, &|hidden| Some(Secret::new(&key.as_ref()?.reveal(hidden).ok()?.0)))
    }
}

/// What a client sent breaks the protocol.
fn malformed(error: wire::psrp::PsrpError) -> Fault {
    Fault::new(FaultCode::Schema, format!("PowerShell remoting: {error}."))
}

/// How long a shell may idle, whatever was asked for.
fn bounded(asked: Duration) -> Duration {
    asked.clamp(Duration::from_mins(1), Duration::from_hours(12))
}

/// Answers one request.
pub fn handle(mut exchange: Exchange) -> Answering {
    Box::pin(async move {
        match respond(&mut exchange).await {
            Ok(answer) | Err(answer) => answer,
        }
    })
}

async fn respond(exchange: &mut Exchange) -> Result<Answer, Answer> {
    let mut admission = exchange.authenticate(&REALM).await?;
    let token = admission.answer();
    let mut answer = match converse(exchange, admission).await {
        Ok(answer) | Err(answer) => answer,
    };
    if let Some(token) = token {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, token);
    }
    Ok(answer)
}

/// Answers somebody who has authenticated.
async fn converse(exchange: &mut Exchange, admission: Admission) -> Result<Answer, Answer> {
    let mut body = exchange.body().await?;
    if admission.is_new && body.is_empty() {
        // Only the token was sent: messages follow once the client has the keys for them.
        return Ok(typed(StatusCode::OK, SOAP, ""));
    }
    let content_type = exchange.header(header::CONTENT_TYPE).unwrap_or_default();
    if let Some(protection) = Protection::of(content_type).filter(|_| admission.by_ticket) {
        let malformed = || text(StatusCode::BAD_REQUEST, "The message cannot be decrypted.\r\n");
        let failed = || text(StatusCode::INTERNAL_SERVER_ERROR, "The answer cannot be encrypted.\r\n");
        let body = sealed::open(exchange, &std::mem::take(&mut body)).ok_or_else(malformed)?;
        let (status, envelope) = perform(exchange, admission.caller, body).await;
        return sealed::close(exchange, protection, status, envelope.as_bytes()).ok_or_else(failed);
    }
    if admission.by_ticket && !exchange.connection().is_tls() {
        return Err(text(StatusCode::FORBIDDEN, "Without TLS, messages must be encrypted.\r\n"));
    }
    // No other site's form can send this type: a browser that knows a password must not be led here.
    if !content_type.trim_start().to_ascii_lowercase().starts_with("application/soap+xml") {
        return Err(text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "application/soap+xml is needed.\r\n"));
    }
    let (status, envelope) = perform(exchange, admission.caller, body).await;
    Ok(typed(status, SOAP, envelope))
}

/// Does what an envelope asks for: the answer's status and envelope.
async fn perform(exchange: &mut Exchange, caller: Caller, body: Bytes) -> (StatusCode, String) {
    let (relates_to, operation, reply) = match Request::read(&body) {
        Ok(request) => {
            drop(body);
            let name = request.body.name();
            metrics::counter!("rialto_remoting_requests_total", "action" => name).increment(1);
            let (relates_to, operation) = (request.message_id.clone(), request.operation.clone());
            let reply = service::serve(exchange, caller, request).await;
            if let Err(fault) = &reply {
                tracing::debug!(action = name, ?fault, "remoting");
            }
            (relates_to, operation, reply.unwrap_or_else(Reply::Fault))
        }
        Err(error) => {
            let code = if error == WsmanError::Action { FaultCode::Action } else { FaultCode::Schema };
            (String::new(), None, Reply::Fault(Fault::new(code, error.to_string())))
        }
    };
    let shells = &exchange.settings.shells;
    let message_id = format!("uuid:{}", Guid::new(shells.rng())).to_uppercase().replace("UUID", "uuid");
    let machine = &exchange.settings.server_name;
    let operation = operation.as_ref().map(|operation| &*operation.id);
    let headers = Headers { relates_to: &relates_to, message_id: &message_id, operation, machine };
    let is_fault = matches!(reply, Reply::Fault(_));
    let status = if is_fault { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
    (status, reply.write(headers))
}

#[cfg(test)]
mod tests;
