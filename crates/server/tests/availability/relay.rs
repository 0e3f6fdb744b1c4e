//! The network between the servers, as a TCP relay before each of them: what one says to another can be held back,
//! slowed down and cut off, in either direction.
//!
//! What is held arrives later, in order, as it does when TCP repeats what a network lost.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

const POLL: Duration = Duration::from_millis(5);
/// So long a relay waits to be told whose process a connection comes from.
const UNKNOWN: Duration = Duration::from_secs(60);

/// What happens to what one server says to another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing arrives.
    Held,
    /// It takes up to so long, and one time in so many the connection breaks.
    Poor(Duration, u64),
}

#[derive(Default)]
struct State {
    /// From whom, to whom.
    troubles: BTreeMap<(usize, usize), Trouble>,
    /// Each server's process and port.
    servers: BTreeMap<usize, (u32, u16)>,
    chance: u64,
}

/// The relays of a few servers.
#[derive(Clone, Default)]
pub(crate) struct Network(Arc<Mutex<State>>);

impl Network {
    /// A relay before this server; its address. It answers once the server is known.
    pub(crate) fn relay(&self, to: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let network = self.clone();
        thread::spawn(move || {
            for inbound in listener.incoming().map_while(Result::ok) {
                let network = network.clone();
                thread::spawn(move || network.carry(inbound, to));
            }
        });
        address.to_string()
    }

    /// This server is this process and listens there.
    pub(crate) fn is(&self, server: usize, process: u32, port: u16) {
        self.0.lock().unwrap().servers.insert(server, (process, port));
    }

    /// Makes trouble for what one says to the other.
    pub(crate) fn trouble(&self, from: usize, to: usize, trouble: Trouble) {
        self.0.lock().unwrap().troubles.insert((from, to), trouble);
    }

    /// Holds what two servers say to each other.
    pub(crate) fn cut(&self, one: usize, other: usize) {
        self.trouble(one, other, Trouble::Held);
        self.trouble(other, one, Trouble::Held);
    }

    /// All is well again.
    pub(crate) fn heal(&self) {
        self.0.lock().unwrap().troubles.clear();
    }

    fn carry(&self, inbound: TcpStream, to: usize) {
        let Some((from, port)) = self.caller(&inbound, to) else { return };
        let Ok(outbound) = TcpStream::connect(("127.0.0.1", port)) else { return };
        let (Ok(back_in), Ok(back_out)) = (inbound.try_clone(), outbound.try_clone()) else { return };
        let network = self.clone();
        let back = thread::spawn(move || network.pump(back_out, back_in, (to, from)));
        self.pump(inbound, outbound, (from, to));
        let _ = back.join();
    }

    /// Whose connection it is, and where the server it is for listens.
    fn caller(&self, inbound: &TcpStream, to: usize) -> Option<(usize, u16)> {
        let (theirs, ours) = (inbound.peer_addr().ok()?.port(), inbound.local_addr().ok()?.port());
        let began = Instant::now();
        while began.elapsed() < UNKNOWN {
            let servers = self.0.lock().unwrap().servers.clone();
            let socket = socket_between(theirs, ours)?;
            let from = servers.iter().find(|(_, (process, _))| holds(*process, &socket));
            if let (Some((from, _)), Some((_, port))) = (from, servers.get(&to)) {
                return Some((*from, *port));
            }
            thread::sleep(POLL);
        }
        None
    }

    fn pump(&self, mut source: TcpStream, mut sink: TcpStream, way: (usize, usize)) {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count @ 1..) = source.read(&mut buffer) {
            if !self.passes(way) || sink.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = source.shutdown(Shutdown::Both);
        let _ = sink.shutdown(Shutdown::Both);
    }

    /// Waits for as long as the trouble says; false when the connection breaks.
    fn passes(&self, way: (usize, usize)) -> bool {
        loop {
            let (trouble, chance) = {
                let mut state = self.0.lock().unwrap();
                // Knuth's multiplier: any order will do.
                state.chance = state.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state.troubles.get(&way).copied(), state.chance >> 33)
            };
            match trouble {
                None => return true,
                Some(Trouble::Held) => thread::sleep(POLL),
                Some(Trouble::Poor(longest, breaks)) => {
                    thread::sleep(longest.mul_f64((chance % 100) as f64 / 100.0));
                    return chance % breaks != 0;
                }
            }
        }
    }
}

/// The inode of the socket at this end of a connection on loopback, as `/proc/PID/fd` shows it.
fn socket_between(local: u16, remote: u16) -> Option<String> {
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let ends = format!(": 0100007F:{local:04X} 0100007F:{remote:04X} ");
    let line = table.lines().find(|line| line.contains(&ends))?;
    Some(format!("socket:[{}]", line.split_whitespace().nth(9)?))
}

fn holds(process: u32, socket: &str) -> bool {
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    files.filter_map(|file| std::fs::read_link(file.path()).ok()).any(|link| link.as_os_str() == socket)
}
