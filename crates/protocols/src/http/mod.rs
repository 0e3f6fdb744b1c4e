//! The HTTPS listener and its one router. A route is one line in [`ROUTES`]; a handler gets an [`Exchange`]
//! and answers; identity never comes from a header.

mod exchange;
mod guard;
mod negotiate;
mod routes;

use std::{convert::Infallible, pin::Pin, sync::Arc, time::Duration};

use base::{Fault, net::TcpListener};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, StatusCode, body::Incoming, header, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use powershell::CommandSource;
use services::{Caller, Services, tickets::Channel};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    adminapi::Pages,
    listen::{self, ConnectionLimits},
    psremoting::Shells,
};

pub use exchange::{Exchange, Realm};
pub use negotiate::Admission;
pub use routes::ROUTES;

use negotiate::Connection;

/// How long a client may take to send its request's head, and be silent before it.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// The same, where the keys of a conversation without TLS end with its connection: a client whose connection is gone
/// has already encrypted its next message for it.
const KEYED_TIMEOUT: Duration = Duration::from_mins(15);
/// How long a client may take for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest request head, bytes.
const HEAD_MAX: usize = 64 << 10;

/// What every answer is.
pub type Answer = Response<Full<Bytes>>;

/// What handlers may ask of the server.
pub struct Settings {
    /// This server's name, as health checks show it.
    pub server_name: String,
    /// Renders the metrics in Prometheus' text format.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
    /// Who is calling, and what they may do to mailboxes.
    pub services: Services,
    /// The cmdlets, for those who administer.
    pub commands: Arc<dyn OpenCommands>,
    /// The shells that administrators have open.
    pub shells: Arc<Shells>,
    /// What the REST keeps between requests.
    pub adminapi: Pages,
    /// The hash of this end of TLS, for clients that bind their tickets to it.
    pub tls_end: [u8; 16],
    /// Passwords are taken without TLS, too.
    pub basic_in_clear: bool,
}

/// Whoever has cmdlets for administrators who come over the network.
pub trait OpenCommands: Send + Sync {
    /// The commands of a session configuration (`Microsoft.Exchange`) as this caller may run them.
    ///
    /// # Errors
    /// `AccessDenied` for those who administer nothing, `NotFound` for a configuration nobody knows.
    fn open(&self, caller: &Caller, configuration: &str) -> Result<Arc<dyn CommandSource>, Fault>;
}

/// A handler's work. It may take long; it is dropped when the client hangs up.
pub type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// One path and what answers it.
pub struct Route {
    /// The path, decoded, lower case. One that ends in a slash stands for everything below it, too, and for
    /// itself without the slash.
    pub path: &'static str,
    /// The methods that are answered; others get 405.
    pub methods: &'static [hyper::Method],
    /// The largest body its handler can read, bytes.
    pub body_max: usize,
    /// Answered over plain HTTP, too, where that is configured.
    pub plain: bool,
    /// Makes the answer.
    pub handler: fn(Exchange) -> Answering,
}

impl Route {
    /// Whether it answers a path.
    fn matches(&self, path: &str) -> bool {
        match self.path.strip_suffix('/') {
            Some(stem) if !stem.is_empty() => {
                path.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            _ => path == self.path,
        }
    }
}

/// Accepts until `shutdown` turns true, then lets the open requests finish. Without an acceptor what comes is
/// plain HTTP, and only [`Route::plain`] routes are there.
pub async fn serve(
    listener: TcpListener,
    settings: Arc<Settings>,
    tls: Option<TlsAcceptor>,
    shutdown: watch::Receiver<bool>,
) {
    let stop = shutdown.clone();
    let channel = tls.as_ref().map_or(Channel::Plain, |_| Channel::Tls(settings.tls_end));
    listen::serve("HTTP", listener, ConnectionLimits::default(), shutdown, |stream, peer| {
        let (tls, settings, stop) = (tls.clone(), settings.clone(), stop.clone());
        let connection = Arc::new(Connection::new(peer, channel));
        async move {
            let front = Front { settings, connection, stop };
            let Some(tls) = tls else { return serve_connection(stream, front).await };
            match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
                Ok(Ok(stream)) => serve_connection(stream, front).await,
                Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS"),
                Err(_) => tracing::debug!(%peer, "no TLS in time"),
            }
        }
    })
    .await;
}

/// Where requests come in.
#[derive(Clone)]
struct Front {
    settings: Arc<Settings>,
    connection: Arc<Connection>,
    stop: watch::Receiver<bool>,
}

/// What those hear who ask for anything else where there is no TLS.
const HTTPS_ONLY: &str =
    "This address answers over HTTPS only; without TLS there is remote PowerShell alone.\r\n";

/// Serves one connection until it closes, or the server stops and the request at work is answered.
async fn serve_connection<S>(stream: S, front: Front)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (peer, mut shutdown) = (front.connection.peer, front.stop.clone());
    let keyed = !front.connection.is_tls() && front.settings.services.takes_tickets();
    let head_timeout = if keyed { KEYED_TIMEOUT } else { HEADER_TIMEOUT };
    let service = service_fn(move |request| {
        let answer = dispatch(front.clone(), request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = listen::stopped(&mut shutdown) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%peer, %error, "HTTP connection ended");
    }
}

async fn dispatch(front: Front, request: Request<Incoming>) -> Answer {
    let Front { settings, connection, stop } = front;
    let mut answer = match guard::checked_path(&request) {
        Err(refusal) => exchange::closing(text(StatusCode::BAD_REQUEST, refusal)),
        Ok(path) => match ROUTES.iter().find(|route| route.matches(&path)) {
            None => text(StatusCode::NOT_FOUND, "Not found.\r\n"),
            Some(route) if !connection.is_tls() && !route.plain => text(StatusCode::NOT_FOUND, HTTPS_ONLY),
            Some(route) if !route.methods.contains(request.method()) => not_allowed(route.methods),
            Some(route) => {
                let exchange = Exchange::new(settings, connection, path, request, stop);
                (route.handler)(exchange.bounded(route.body_max)).await
            }
        },
    };
    metrics::counter!("rialto_http_requests_total", "status" => answer.status().as_u16().to_string())
        .increment(1);
    let headers = answer.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        headers.entry(name).or_insert(header::HeaderValue::from_static(value));
    }
    answer
}

/// On every answer, unless the handler set its own.
const SECURITY_HEADERS: [(header::HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

/// 405, with the methods that are answered (RFC 9110 section 15.5.6).
pub fn not_allowed(methods: &[hyper::Method]) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed.\r\n");
    let allowed: Vec<&str> = methods.iter().map(hyper::Method::as_str).collect();
    if let Ok(value) = header::HeaderValue::from_str(&allowed.join(", ")) {
        answer.headers_mut().insert(header::ALLOW, value);
    }
    answer
}

/// A plain-text answer.
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    typed(status, "text/plain; charset=utf-8", body)
}

/// An answer of a given content type.
pub fn typed(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    answer
}
