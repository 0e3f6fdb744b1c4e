//! The way to other servers' remote PowerShell: HTTPS by hyper and rustls, for the shell.

mod certificates;
mod url;

use std::{
    collections::HashMap,
    fmt::Display,
    net::{SocketAddr, ToSocketAddrs},
    sync::{Arc, OnceLock},
    time::Duration,
};

use base::net;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use powershell::remote::{ANSWER_MAX, Answer, CarryError, Endpoint, Remoting};
use rustls_pki_types::ServerName;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;

use self::url::Target;

/// How long a connection and its handshake may take.
const CONNECT: Duration = Duration::from_secs(30);
/// Idle connections kept for each server.
const IDLE_MAX: usize = 8;

/// An open connection, ready for a request.
type Connection = SendRequest<Full<Bytes>>;
/// What connections may be used again for: the server, and how its certificate was checked.
type Key = (Target, bool, bool);

/// Carries requests of the shell. Nothing is set up before the first.
#[derive(Default)]
pub(crate) struct HttpsRemoting {
    runtime: OnceLock<Runtime>,
    idle: Arc<Mutex<HashMap<Key, Vec<Connection>>>>,
}

impl Remoting for HttpsRemoting {
    fn post(&self, endpoint: &Endpoint, body: &str, timeout: Duration) -> Result<Answer, CarryError> {
        let (target, path) = url::parse(&endpoint.url)?;
        let runtime = self.runtime()?;
        let request = request(endpoint, &target, &path, body)?;
        let work = async {
            let key = (target, endpoint.check_authority, endpoint.check_name);
            tokio::time::timeout(timeout, self.carry(key, request)).await.map_err(|_| CarryError::TimedOut)?
        };
        runtime.block_on(work)
    }
}

impl HttpsRemoting {
    fn runtime(&self) -> Result<&Runtime, CarryError> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let made = Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(failed)?;
        Ok(self.runtime.get_or_init(|| made))
    }

    /// Sends on an idle connection, or on a new one where none is left that works.
    async fn carry(&self, key: Key, mut request: Request<Full<Bytes>>) -> Result<Answer, CarryError> {
        while let Some(mut connection) = self.take(&key) {
            if connection.ready().await.is_err() {
                continue;
            }
            match connection.try_send_request(request).await {
                Ok(response) => return self.answer(key, connection, response).await,
                Err(mut error) => match error.take_message() {
                    // The server had closed it: nothing was sent.
                    Some(unsent) => request = unsent,
                    None => return Err(failed(error.into_error())),
                },
            }
        }
        let mut connection = connect(&key).await?;
        let response = connection.send_request(request).await.map_err(failed)?;
        self.answer(key, connection, response).await
    }

    fn take(&self, key: &Key) -> Option<Connection> {
        self.idle.lock().get_mut(key)?.pop()
    }

    async fn answer(
        &self,
        key: Key,
        connection: Connection,
        response: Response<Incoming>,
    ) -> Result<Answer, CarryError> {
        let status = response.status().as_u16();
        let location = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
        let location = location.map(str::to_owned);
        let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await.map_err(failed)?;
        let mut idle = self.idle.lock();
        let kept = idle.entry(key).or_default();
        if kept.len() < IDLE_MAX {
            kept.push(connection);
        }
        Ok(Answer { status, location, body: body.to_bytes().into() })
    }
}

fn failed(error: impl Display) -> CarryError {
    CarryError::Failed(error.to_string())
}

fn request(
    endpoint: &Endpoint,
    target: &Target,
    path: &str,
    body: &str,
) -> Result<Request<Full<Bytes>>, CarryError> {
    Request::post(path)
        .header(header::HOST, target.authority())
        .header(header::AUTHORIZATION, url::basic(&endpoint.user, endpoint.password.reveal()))
        .header(header::CONTENT_TYPE, "application/soap+xml;charset=UTF-8")
        .header(header::USER_AGENT, concat!("Rialto/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT_ENCODING, "identity")
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
        .map_err(|error| CarryError::Url(error.to_string()))
}

/// Connects to the first address that answers.
async fn connect((target, authority, name): &Key) -> Result<Connection, CarryError> {
    let mut last = CarryError::Unknown;
    for address in addresses(target).await? {
        match net::connect(address, None, CONNECT).await {
            Ok(stream) if target.encrypted => {
                let config = certificates::checking(*authority, *name).map_err(failed)?;
                let server = ServerName::try_from(target.host.clone());
                let server = server.map_err(|error| CarryError::Url(error.to_string()))?;
                let handshake = TlsConnector::from(config).connect(server, stream);
                let stream =
                    tokio::time::timeout(CONNECT, handshake).await.map_err(|_| CarryError::TimedOut)?;
                return speak(stream.map_err(|error| certificates::refusal(&error))?).await;
            }
            Ok(stream) => return speak(stream).await,
            Err(error) => last = CarryError::Unreachable(error.to_string()),
        }
    }
    Err(last)
}

async fn addresses(target: &Target) -> Result<Vec<SocketAddr>, CarryError> {
    let place = (target.host.clone(), target.port);
    let found = tokio::task::spawn_blocking(move || place.to_socket_addrs().map(Iterator::collect)).await;
    match found {
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(_)) => Err(CarryError::Unknown),
        Err(error) => Err(failed(error)),
    }
}

async fn speak<S>(stream: S) -> Result<Connection, CarryError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    // It ends when the server closes it or nobody holds the sender any more.
    tokio::spawn(connection);
    Ok(sender)
}

#[cfg(test)]
mod tests;
