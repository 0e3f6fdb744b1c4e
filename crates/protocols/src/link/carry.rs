//! A client whose session is held by another server: its bytes go there and back as they are. Nothing is read ahead and
//! no buffer waits for bytes, because thousands of such clients idle.

use std::{future::poll_fn, io, mem::MaybeUninit, pin::Pin, task::ready};

use base::neighbours::Conversation;
use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, split},
    time::timeout,
};

use super::{Gone, Link, WRITE_PATIENCE, stopped};

/// How much is read at a time, bytes; on the stack.
const PIECE: usize = 16 << 10;

impl Link {
    /// Carries what the client has sent already and will send to another server, and what that says to the client,
    /// until one of them ends. `Ok`: the other server has ended the session and said what there was to say.
    pub(crate) async fn carry(&mut self, there: Conversation, protocol: &'static str) -> Result<(), Gone> {
        let _counted = Counted::new(protocol, "out");
        self.flush().await?;
        let ahead = std::mem::take(&mut self.input).freeze();
        self.shrink();
        let (from_client, mut to_client) = split(&mut self.stream);
        let (mut from_there, to_there) = split(there);
        let mut told = Told::default();
        let ended = tokio::select! {
            ended = hear(&mut from_there, &mut to_client, &mut told) => ended,
            gone = say(ahead, from_client, to_there) => Err(gone),
            () = stopped(&mut self.shutdown) => Err(Gone::Stopping),
        };
        match ended {
            // Words of ours within an answer would be taken for a part of it.
            Err(Gone::Offline | Gone::Stopping) if told.is_within_line => Err(Gone::Closed),
            ended => ended,
        }
    }
}

/// What the client was told last.
#[derive(Default)]
struct Told {
    is_within_line: bool,
}

/// What the other server says, to its end.
async fn hear(
    from: &mut (impl AsyncRead + Unpin),
    client: &mut (impl AsyncWrite + Unpin),
    told: &mut Told,
) -> Result<(), Gone> {
    loop {
        let piece = come(from).await.map_err(|error| {
            tracing::debug!(%error, "the server that holds the session is lost");
            Gone::Offline
        })?;
        let Some(last) = piece.last() else { return Ok(()) };
        told.is_within_line = true;
        let write = async {
            client.write_all(&piece).await?;
            client.flush().await
        };
        timeout(WRITE_PATIENCE, write).await.map_err(|_| Gone::Inactive)??;
        told.is_within_line = *last != b'\n';
    }
}

/// What the client says, until it is gone. Its end is passed on, and the other server's answer to that is waited for.
async fn say(ahead: Bytes, mut client: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> Gone {
    let mut piece = ahead;
    loop {
        if to.write_all(&piece).await.is_err() {
            // What it said before is still to be heard, and why it went.
            return std::future::pending().await;
        }
        piece = match come(&mut client).await {
            Ok(piece) => piece,
            Err(error) => return Gone::Broken(error),
        };
        if piece.is_empty() {
            let _ = to.shutdown().await;
            return std::future::pending().await;
        }
    }
}

/// The next bytes as they come; none at the end.
async fn come(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
    poll_fn(|cx| {
        let mut room = [const { MaybeUninit::uninit() }; PIECE];
        let mut room = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut *from).poll_read(cx, &mut room))?;
        Ok(Bytes::copy_from_slice(room.filled())).into()
    })
    .await
}

/// A session between two servers, counted while it lasts.
pub(crate) struct Counted(metrics::Gauge);

impl Counted {
    /// `way`: `out` where the client is, `in` where the mailbox is.
    pub(crate) fn new(protocol: &'static str, way: &'static str) -> Self {
        let open = metrics::gauge!("rialto_carried_sessions", "protocol" => protocol, "way" => way);
        open.increment(1.0);
        Counted(open)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::BytesMut;
    use tokio::{
        io::{AsyncReadExt, DuplexStream, duplex},
        sync::watch,
        task::JoinHandle,
    };

    use super::*;

    /// A client, the other server, and the carrying between them.
    struct Carried {
        client: DuplexStream,
        server: DuplexStream,
        stop: watch::Sender<bool>,
        ended: JoinHandle<Result<(), Gone>>,
    }

    fn carried(ahead: &[u8]) -> Carried {
        let (client, near) = duplex(1 << 10);
        let (server, far) = duplex(1 << 10);
        let (stop, shutdown) = watch::channel(false);
        let mut link = Link::new(Box::new(near), shutdown);
        link.input = BytesMut::from(ahead);
        link.say("before\r\n");
        let ended = tokio::spawn(async move { link.carry(Box::new(far), "IMAP4").await });
        Carried { client, server, stop, ended }
    }

    async fn expect(from: &mut DuplexStream, text: &str) {
        let mut came = vec![0; text.len()];
        timeout(Duration::from_secs(60), from.read_exact(&mut came)).await.unwrap().unwrap();
        assert_eq!(String::from_utf8_lossy(&came), text);
    }

    #[tokio::test]
    async fn both_directions_in_order_from_the_first_byte_to_the_end() {
        let Carried { mut client, mut server, stop: _stop, ended } = carried(b"a1 NOOP\r\n");
        expect(&mut client, "before\r\n").await;
        expect(&mut server, "a1 NOOP\r\n").await;
        let much = "0123456789".repeat(50_000);
        tokio::join!(async { server.write_all(much.as_bytes()).await.unwrap() }, expect(&mut client, &much));
        client.write_all(b"a2 LOGOUT\r\n").await.unwrap();
        client.shutdown().await.unwrap();
        let mut rest = String::new();
        server.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "a2 LOGOUT\r\n");
        server.write_all(b"* BYE\r\n").await.unwrap();
        drop(server);
        expect(&mut client, "* BYE\r\n").await;
        ended.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_stop_speaks_between_lines_only() {
        for (said, within) in [("* 1 EXISTS\r\n", false), ("* 1 FETCH (BODY[] {9}", true)] {
            let Carried { mut client, mut server, stop, ended } = carried(b"");
            server.write_all(said.as_bytes()).await.unwrap();
            expect(&mut client, &format!("before\r\n{said}")).await;
            stop.send_replace(true);
            let ended = ended.await.unwrap();
            assert_eq!(matches!(ended, Err(Gone::Closed)), within, "{ended:?}");
            assert_eq!(matches!(ended, Err(Gone::Stopping)), !within, "{ended:?}");
        }
    }
}
