//! One SMTP connection as the client: greeting, `EHLO`, `STARTTLS`, `AUTH`, and the exchange of commands and
//! replies that everything else is made of.

use std::{fmt, io, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use wire::smtp::{Extensions, Reply, ResponseError, parse_response};

use super::{ClientTls, Remote, SendConnector, SmartHostLogin, Timeouts, TlsPolicy};
use crate::stream::{MaybeTls, Transport};

/// Room for one read of replies, bytes.
const READ_CHUNK: usize = 2 << 10;

/// Why a connection is of no use (any more).
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// No connection could be made.
    #[error("Failed to connect: {0}")]
    Unreachable(io::Error),
    /// The peer does not want us, in its own words.
    #[error("{0}")]
    Refused(Reply),
    /// Nothing can be sent as the connector demands.
    #[error("{0}")]
    Unfit(&'static str),
    /// TLS was offered but cannot be had.
    #[error("TLS failed: {0}")]
    Tls(io::Error),
    /// No reply in time.
    #[error("the peer was silent for too long")]
    Silent,
    /// Something that is no SMTP.
    #[error(transparent)]
    Garbage(#[from] ResponseError),
    /// The connection broke.
    #[error("the connection was lost: {0}")]
    Lost(#[from] io::Error),
}

impl LinkError {
    /// The words for a report: the peer's, or the product's for a host that cannot be reached.
    pub(super) fn reply(&self) -> Reply {
        match self {
            LinkError::Refused(reply) => reply.clone(),
            LinkError::Unfit(text) => Reply::new(454, (4, 7, 5), text),
            LinkError::Tls(_) => Reply::said(454, (4, 7, 5), self.to_string()),
            LinkError::Unreachable(_) => Reply::said(421, (4, 4, 1), self.to_string()),
            LinkError::Silent => Reply::new(421, (4, 4, 1), "Connection timed out"),
            LinkError::Garbage(_) => Reply::said(451, (4, 5, 0), self.to_string()),
            LinkError::Lost(_) => Reply::said(421, (4, 4, 2), self.to_string()),
        }
    }
}

/// A connection with its buffers.
pub(super) struct Client<S> {
    stream: MaybeTls<S>,
    input: BytesMut,
    pub(super) output: BytesMut,
    /// The last transaction came to nothing: `RSET` goes before the next.
    pub(super) dirty: bool,
    /// What the peer offers now.
    pub(super) extensions: Extensions,
    pub(super) remote: Remote,
    pub(super) timeouts: Timeouts,
}

impl<S: Transport> Client<S> {
    /// Greets and is greeted, with TLS and logon as the connector demands. `tls_allowed` is false when
    /// opportunistic TLS has failed with this host a moment ago.
    pub(super) async fn open(
        stream: S,
        remote: Remote,
        connector: &SendConnector,
        tls: &ClientTls,
        tls_allowed: bool,
    ) -> Result<Self, LinkError> {
        let mut client = Self {
            stream: MaybeTls::Plain(stream),
            input: BytesMut::new(),
            output: BytesMut::new(),
            dirty: false,
            extensions: Extensions::default(),
            remote,
            timeouts: connector.timeouts,
        };
        client.expect(220).await?;
        client.hello(connector).await?;
        client.secure(connector, tls, tls_allowed).await?;
        if let Some(login) = &connector.login {
            client.log_on(login).await?;
        }
        Ok(client)
    }

    /// Whether the connection is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.stream, MaybeTls::Tls(_))
    }

    /// `EHLO`, or `HELO` where the peer does not know it.
    async fn hello(&mut self, connector: &SendConnector) -> Result<(), LinkError> {
        let fqdn = &connector.fqdn;
        self.extensions = Extensions::default();
        if !connector.force_helo {
            let reply = self.ask(&format!("EHLO {fqdn}")).await?;
            if reply.is_success() {
                self.extensions = Extensions::read(&reply);
                return Ok(());
            }
            if reply.code == 421 || !reply.is_permanent() {
                return Err(LinkError::Refused(reply));
            }
        }
        self.command(format_args!("HELO {fqdn}"));
        self.expect(250).await.map(drop)
    }

    async fn secure(
        &mut self,
        connector: &SendConnector,
        tls: &ClientTls,
        tls_allowed: bool,
    ) -> Result<(), LinkError> {
        let demanded = matches!(connector.tls, TlsPolicy::Encrypted | TlsPolicy::Verified(_));
        let wanted = demanded || (connector.tls == TlsPolicy::Opportunistic && tls_allowed);
        if !wanted {
            return Ok(());
        }
        let mut offered = self.extensions.start_tls;
        if offered {
            let reply = self.ask("STARTTLS").await?;
            offered = reply.code == 220;
        }
        if !offered {
            return if demanded { Err(LinkError::Unfit("TLS is required, but not offered")) } else { Ok(()) };
        }
        if !self.input.is_empty() {
            // Sent in the clear, it could be anyone's; it must not be read as if it came encrypted.
            return Err(LinkError::Unfit("Replies after STARTTLS"));
        }
        let (handshake, name) = match &connector.tls {
            TlsPolicy::Verified(Some(name)) => (&tls.verified, name.as_str()),
            TlsPolicy::Verified(None) => (&tls.verified, self.remote.host.as_str()),
            _ => (&tls.opportunistic, self.remote.host.as_str()),
        };
        let name = self.server_name(name);
        self.handshake(handshake.clone(), name).await?;
        self.hello(connector).await
    }

    /// The name the certificate is to show; the address where the host has none.
    fn server_name(&self, name: &str) -> ServerName<'static> {
        ServerName::try_from(name.to_owned()).unwrap_or(ServerName::from(self.remote.address.ip()))
    }

    async fn handshake(&mut self, tls: TlsConnector, name: ServerName<'static>) -> Result<(), LinkError> {
        let plain = self.stream.take_plain().ok_or(LinkError::Silent)?;
        let shaken = timeout(self.timeouts.command, tls.connect(name, plain)).await;
        let stream = shaken.map_err(|_| LinkError::Silent)?.map_err(LinkError::Tls)?;
        self.stream = MaybeTls::Tls(Box::new(stream.into()));
        Ok(())
    }

    /// `AUTH PLAIN` or `AUTH LOGIN`, whichever is offered.
    async fn log_on(&mut self, login: &SmartHostLogin) -> Result<(), LinkError> {
        if !self.is_encrypted() && !login.without_tls {
            return Err(LinkError::Unfit("Logon needs TLS, but it is not offered"));
        }
        let SmartHostLogin { login, password, .. } = login;
        let reply = if self.extensions.auth_plain {
            let response = BASE64.encode(format!("\0{login}\0{password}"));
            self.ask(&format!("AUTH PLAIN {response}")).await?
        } else if self.extensions.auth_login {
            self.command(format_args!("AUTH LOGIN"));
            self.expect(334).await?;
            self.command(format_args!("{}", BASE64.encode(login)));
            self.expect(334).await?;
            self.ask(&BASE64.encode(password)).await?
        } else {
            return Err(LinkError::Unfit("Logon is required, but not offered"));
        };
        if reply.code == 235 { Ok(()) } else { Err(LinkError::Refused(reply)) }
    }

    /// Adds a command to what goes out. Whatever its words hold, it stays one line.
    pub(super) fn command(&mut self, words: fmt::Arguments<'_>) {
        let start = self.output.len();
        // Writing to a BytesMut cannot fail: it grows.
        let _ = fmt::Write::write_fmt(&mut self.output, words);
        for byte in &mut self.output[start..] {
            if byte.is_ascii_control() {
                *byte = b' ';
            }
        }
        self.output.extend_from_slice(b"\r\n");
    }

    /// Says a command and waits for its reply.
    pub(super) async fn ask(&mut self, words: &str) -> Result<Reply, LinkError> {
        self.command(format_args!("{words}"));
        self.reply(self.timeouts.command).await
    }

    /// Waits for a reply that must have this code.
    async fn expect(&mut self, code: u16) -> Result<Reply, LinkError> {
        let reply = self.reply(self.timeouts.command).await?;
        if reply.code == code { Ok(reply) } else { Err(LinkError::Refused(reply)) }
    }

    /// Waits for the next reply, having written what waits to go out. The whole reply must come in time.
    pub(super) async fn reply(&mut self, patience: Duration) -> Result<Reply, LinkError> {
        self.flush().await?;
        timeout(patience, self.read_reply()).await.map_err(|_| LinkError::Silent)?
    }

    async fn read_reply(&mut self) -> Result<Reply, LinkError> {
        loop {
            if let Some((reply, used)) = parse_response(&self.input)? {
                self.input.advance(used);
                tracing::trace!(%reply, "peer");
                return Ok(reply);
            }
            self.input.reserve(READ_CHUNK);
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(LinkError::Lost(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// Writes what waits to go out.
    pub(super) async fn flush(&mut self) -> Result<(), LinkError> {
        if self.output.is_empty() {
            return Ok(());
        }
        let write = async {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await
        };
        timeout(self.timeouts.block, write).await.map_err(|_| LinkError::Silent)??;
        self.output.clear();
        Ok(())
    }

    /// Writes bytes as they are, after what waits to go out.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        self.flush().await?;
        let write = self.stream.write_all(bytes);
        timeout(self.timeouts.block, write).await.map_err(|_| LinkError::Silent)??;
        Ok(())
    }

    /// Says goodbye without waiting long for it to be returned.
    pub(super) async fn quit(mut self) {
        self.timeouts.command = self.timeouts.command.min(Duration::from_secs(5));
        self.timeouts.block = self.timeouts.command;
        // The work is done; how the peer takes the farewell does not matter.
        if self.ask("QUIT").await.is_ok() {
            let _ = self.stream.shutdown().await;
        }
    }
}
