//! The network seam: sockets are opened here and nowhere else.

use std::{io, net::SocketAddr, time::Duration};

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
