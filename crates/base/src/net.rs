//! The network seam: sockets are opened here and nowhere else.

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    time::Duration,
};

pub use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Pending connections the kernel holds for a listener.
const BACKLOG: u32 = 1024;

/// Listens on `address`, reusing it if the last owner has just gone.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    if address.is_ipv6() {
        // Each family has a listener of its own: `[::]` must not take IPv4's port too.
        rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
    }
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Who is counted as one: an IPv4 address (mapped ones too), or the /64 of an IPv6 address, all of which its
/// host commands.
pub fn source(remote: IpAddr) -> IpAddr {
    match remote.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        other => other,
    }
}

/// Connects within `timeout`, from `source` where one is given.
pub async fn connect(
    address: SocketAddr,
    source: Option<SocketAddr>,
    timeout: Duration,
) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    if let Some(source) = source {
        socket.bind(source)?;
    }
    let stream = tokio::time::timeout(timeout, socket.connect(address))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The addresses of `host:port`, as the operating system resolves it.
pub async fn resolve(name: &str) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host(name).await?.collect())
}

/// How much of what was written the kernel holds back unsent, bytes.
const UNSENT_MAX: u32 = 256 << 10;

/// Keeps the kernel's queue of unsent bytes short and sends at once, so that what is urgent is not behind
/// seconds of what is not (TCP_NODELAY, TCP_NOTSENT_LOWAT).
pub fn prefer_latency(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        for (remote, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1:2:3:4", "2001:db8::"),
            ("::1", "::1"),
        ] {
            assert_eq!(source(remote.parse().unwrap()), expected.parse::<IpAddr>().unwrap());
        }
    }
}
