//! The HTTPS listener and its one router. A route is one line in [`ROUTES`]; a handler gets the request
//! and answers; identity never comes from a header.

mod guard;
mod routes;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use base::net::TcpListener;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, StatusCode, body::Incoming, header, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

use crate::listen::{self, ConnectionLimits};

pub use routes::ROUTES;

/// How long a client may take to send its request's head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
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
}

/// One path and what answers it.
pub struct Route {
    /// The exact path, decoded, lower case.
    pub path: &'static str,
    /// The methods that are answered; others get 405.
    pub methods: &'static [hyper::Method],
    /// Makes the answer.
    pub handler: fn(&Settings, &SocketAddr, &Request<Incoming>) -> Answer,
}

/// How long a client may take for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// Accepts until `shutdown` turns true, then lets the open requests finish.
pub async fn serve(
    listener: TcpListener,
    settings: Arc<Settings>,
    tls: TlsAcceptor,
    shutdown: watch::Receiver<bool>,
) {
    let stop = shutdown.clone();
    listen::serve("HTTP", listener, ConnectionLimits::default(), shutdown, |stream, peer| {
        let (tls, settings, mut stop) = (tls.clone(), settings.clone(), stop.clone());
        async move {
            match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
                Ok(Ok(stream)) => tokio::select! {
                    () = serve_connection(stream, peer, settings) => {}
                    () = listen::stopped(&mut stop) => {}
                },
                Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS"),
                Err(_) => tracing::debug!(%peer, "no TLS in time"),
            }
        }
    })
    .await;
}

/// Serves one connection until it closes.
async fn serve_connection<S>(stream: S, peer: SocketAddr, settings: Arc<Settings>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let answer = dispatch(&settings, &peer, &request);
        async move { Ok::<_, Infallible>(answer) }
    });
    let result = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = result {
        tracing::debug!(%peer, %error, "HTTP connection ended");
    }
}

fn dispatch(settings: &Settings, peer: &SocketAddr, request: &Request<Incoming>) -> Answer {
    let mut answer = match guard::checked_path(request) {
        Err(refusal) => refused(refusal),
        Ok(path) => match ROUTES.iter().find(|route| route.path == path) {
            None => text(StatusCode::NOT_FOUND, "Not found.\r\n"),
            Some(route) if !route.methods.contains(request.method()) => {
                text(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed.\r\n")
            }
            Some(route) => (route.handler)(settings, peer, request),
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

fn refused(reason: &'static str) -> Answer {
    let mut answer = text(StatusCode::BAD_REQUEST, reason);
    answer.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    answer
}

/// A plain-text answer.
fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    typed(status, "text/plain; charset=utf-8", body)
}

/// An answer of a given content type.
fn typed(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    answer
}
