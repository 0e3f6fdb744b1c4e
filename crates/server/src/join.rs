//! How a new server joins: what it and a server of the organisation say to each other. It comes as a guest with a
//! join key, recognises the organisation by the fingerprint in it, and leaves with its place in the directory, the
//! organisation's authority, and a copy of the directory.

use std::{sync::Arc, time::Duration};

use base::{Disk, Fault, Guid, clock::SharedClock, disk::SystemDisk};
use bytes::{Bytes, BytesMut};
use cmdlets::{Context, Deed};
use dag::{
    copies::{give_seed, plant},
    link::{
        Audience, Endpoint, Guest, JoinKey, LinkError, Links, Peer, Registration, Sink, Source,
        authority::{Authority, ServerKey},
        service,
    },
    replica::Group,
};
use directory::{
    seed::{self, Port},
    verbs::server::{self, Joining},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    config::{Config, Ports},
    error::ServerError,
    layout::Layout,
    links::Keys,
    provision,
    serve::Seams,
};

/// Raised when what is said changes its shape, or a directory's rows do: servers of one organisation that join
/// each other must agree.
const VERSION: u16 = 3;
/// How far the clocks may be apart: certificates and log-ons would fail, and "later" would mean nothing.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(5 * 60);
/// The longest message, bytes.
const MESSAGE_MAX: usize = 64 << 20;

/// What the new server says.
#[derive(Serialize, Deserialize)]
struct Request {
    version: u16,
    /// What proves that it has the key.
    secret: Vec<u8>,
    name: String,
    fqdn: String,
    addresses: Vec<String>,
    /// The fingerprint of its own key.
    link_key: [u8; 32],
    /// Its default receive connectors' addresses; `None` for the product's ports on every address.
    connectors: [Option<std::net::SocketAddr>; 5],
    /// The site it is in; the first one where nobody says.
    site: Option<String>,
}

/// What it is told when it is in; a copy of the directory follows.
#[derive(Serialize, Deserialize)]
struct Admitted {
    /// The server's object.
    server: Guid,
    /// The organisation's name.
    organization: String,
    /// The authority's certificate, DER.
    certificate: Vec<u8>,
    /// The authority's key: every server can admit and renew, so that the loss of none of them matters.
    key: Vec<u8>,
}

/// What became of it.
pub(crate) struct Joined {
    /// The organisation's name.
    pub(crate) organization: String,
    /// The server's object.
    pub(crate) server: Guid,
}

/// Lets guests with a good key join.
pub(crate) fn answer(links: &Links, cx: Arc<Context>, copy: &Arc<Group>, keys: Arc<Keys>) -> Registration {
    let copy = copy.clone();
    links.register_stream(Audience::Guests, Endpoint::of(service::JOIN), move |peer, head, sink, source| {
        let (cx, copy, keys) = (cx.clone(), copy.clone(), keys.clone());
        async move {
            if let Err(error) = admit((&cx, &copy), &keys, (&peer, &head), sink, source).await {
                tracing::warn!(address = %peer.address, %error, "a server did not join");
            }
        }
    })
}

async fn admit(
    (cx, copy): (&Arc<Context>, &Arc<Group>),
    keys: &Keys,
    (peer, head): (&Peer, &[u8]),
    mut sink: Sink,
    source: Source,
) -> Result<(), LinkError> {
    let admitted = match enter(cx, keys, peer, head).await {
        Ok(admitted) => admitted,
        Err(why) => {
            tracing::info!(why, "a server was not let in");
            sink.refuse(VERSION, why);
            return Ok(());
        }
    };
    send(&mut sink, &admitted).await?;
    // The new server says that it has everything by ending its side.
    give_seed(copy, sink, source).await
}

/// Gives the new server its place in the directory, or says why not.
async fn enter(cx: &Arc<Context>, keys: &Keys, peer: &Peer, head: &[u8]) -> Result<Admitted, String> {
    let directory = &cx.directory;
    let malformed = |_| "the request is malformed".to_owned();
    // The version comes first, whatever follows it.
    let (version, _) = postcard::take_from_bytes::<u16>(head).map_err(malformed)?;
    if version != VERSION {
        return Err(format!(
            "the servers are of different releases (join protocol {VERSION} here, {version} there): install the same one"
        ));
    }
    let (request, _) = postcard::take_from_bytes::<Request>(head).map_err(malformed)?;
    let joining = joining(request);
    let deed = joined_by(peer, &joining);
    let public = |fault: Fault| fault.public_text;
    let server = directory.commit(move |draft| server::join_server(draft, &joining)).await.map_err(public)?;
    tracing::info!(%server, name = deed.object, "a server joins");
    let recorder = cx.clone();
    let _ = tokio::task::spawn_blocking(move || cmdlets::note(&recorder, deed)).await;
    let organization = directory.snapshot().organization().map(|o| o.name.to_string());
    Ok(Admitted {
        server,
        organization: organization.unwrap_or_default(),
        certificate: keys.authority.certificate().to_vec(),
        key: keys.authority.key(),
    })
}

/// A join, for the administrator audit log of the server that lets the new one in.
fn joined_by(peer: &Peer, joining: &Joining) -> Deed {
    Deed {
        name: "Join-ExchangeServer",
        caller: format!("{} (join key)", joining.fqdn),
        origin: peer.address.to_string(),
        object: joining.name.clone(),
        parameters: vec![
            ("Name", joining.name.clone()),
            ("Fqdn", joining.fqdn.clone()),
            ("LinkAddresses", joining.addresses.join(",")),
        ],
    }
}

fn joining(request: Request) -> Joining {
    let at = |port: Option<std::net::SocketAddr>| port.map_or(Port::Default, Port::At);
    let [default_frontend, client_frontend, outbound_proxy_frontend, default_hub, client_proxy] =
        request.connectors.map(at);
    Joining {
        key_hash: JoinKey::hash(&request.secret),
        name: request.name,
        fqdn: request.fqdn,
        addresses: request.addresses,
        link_key: request.link_key,
        ports: seed::Ports {
            default_frontend,
            client_frontend,
            outbound_proxy_frontend,
            default_hub,
            client_proxy,
        },
        site: request.site,
    }
}

/// Joins: afterwards the data folder is ready to serve.
pub(crate) async fn join(
    layout: &Layout,
    config: &Config,
    ports: Ports,
    at: &str,
    key: &JoinKey,
    site: Option<String>,
) -> Result<Joined, ServerError> {
    let seams = Seams::system();
    let refused = |error: LinkError| explain(at, error);
    let guest = Guest::connect(at, key.authority, &seams.clock).await.map_err(refused)?;
    compare_clocks(guest.clock_ahead_micros(), at, &seams.clock)?;
    let own = ServerKey::generate().map_err(refused)?;
    let request = Request {
        version: VERSION,
        secret: key.secret().to_vec(),
        name: provision::short_name(&config.server_name),
        fqdn: config.server_name.clone(),
        addresses: config.link_addresses(),
        link_key: own.fingerprint(),
        connectors: provision::connector_addresses(config, ports),
        site,
    };
    let head = postcard::to_stdvec(&request).map_err(|_| broken())?;
    let opened = guest.open_stream(Endpoint::of(service::JOIN), head.into()).await;
    let (sink, source) = opened.map_err(refused)?;
    let mut messages = Messages { source, buffer: BytesMut::new(), at: at.to_owned() };
    let Admitted { server, organization, certificate, key } = messages.next().await?;
    let authority = Authority::from_der(&certificate, &key).map_err(refused)?;
    SystemDisk
        .create_dir_all(layout.root())
        .map_err(|e| ServerError::io(layout.root().display().to_string(), e))?;
    let Messages { source, buffer, .. } = messages;
    let copied = plant(source, buffer, seams.disk(), layout.directory(), |_| ()).await;
    let copied = copied.map_err(|error| ServerError::Usage(format!("copying the directory failed: {error}")));
    copied.and_then(|()| Keys { authority, own }.save(layout)).map_err(|error| {
        ServerError::Usage(format!(
            "{error}. The organization knows this server already: run `Remove-ExchangeServer {}` there before you try \
             again, with a new join key and an empty folder",
            request.name
        ))
    })?;
    sink.finish().await.map_err(refused)?;
    Ok(Joined { organization, server })
}

fn compare_clocks(ahead: i64, at: &str, clock: &SharedClock) -> Result<(), ServerError> {
    let apart = Duration::from_micros(ahead.unsigned_abs());
    if apart <= CLOCKS_APART_MAX {
        return Ok(());
    }
    let which = if ahead > 0 { "behind" } else { "ahead of" };
    Err(ServerError::Usage(format!(
        "this machine's clock ({}) is {} s {which} that of {at}: set both by NTP, then try again",
        clock.now(),
        apart.as_secs()
    )))
}

fn broken() -> ServerError {
    ServerError::Usage("the other server said something unexpected: are both of the same release?".into())
}

/// What went wrong, and what to do about it.
fn explain(at: &str, error: LinkError) -> ServerError {
    let text = error.to_string();
    ServerError::Usage(match error {
        LinkError::Refused(refusal) => format!("{at} did not let this server join: {refusal}"),
        _ if text.contains("UnknownIssuer") => format!(
            "the server at {at} is not of the organization that made this join key: check the address, and that the \
             key is from there"
        ),
        LinkError::NoSuchService => format!("the server at {at} lets nobody join now: try again in a minute"),
        LinkError::Io(_) => format!(
            "cannot reach a server of the organization at {at}: {text}. Give HOST:PORT of its links (links = in its \
             rialto.toml), and open that port in firewalls between the two"
        ),
        _ => format!("joining through {at} failed: {text}"),
    })
}

/// Messages in a stream: a length (u32, little-endian) and a postcard body.
struct Messages {
    source: Source,
    buffer: BytesMut,
    at: String,
}

impl Messages {
    async fn next<T: DeserializeOwned>(&mut self) -> Result<T, ServerError> {
        loop {
            if let Some(len) = self.buffer.first_chunk::<4>() {
                let len = u32::from_le_bytes(*len) as usize;
                if len > MESSAGE_MAX {
                    return Err(broken());
                }
                if self.buffer.len() >= 4 + len {
                    let message = self.buffer.split_to(4 + len);
                    return postcard::from_bytes(&message[4..]).map_err(|_| broken());
                }
            }
            match self.source.next().await.map_err(|error| explain(&self.at, error))? {
                Some(piece) => self.buffer.extend_from_slice(&piece),
                None => return Err(broken()),
            }
        }
    }
}

async fn send(sink: &mut Sink, message: &impl Serialize) -> Result<(), LinkError> {
    let body = postcard::to_stdvec(message).map_err(|error| LinkError::Io(error.to_string()))?;
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
    sink.send(Bytes::copy_from_slice(&len.to_le_bytes())).await?;
    sink.send(body.into()).await
}
