//! The load: what delivering one message of 10 KB writes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;

/// Length of a body, bytes.
pub const BODY: usize = 10 << 10;
/// Length of an item's properties, bytes.
pub const METADATA: usize = 300;

const MAILBOXES: u64 = 50;

/// One message.
pub struct Message {
    pub body: Bytes,
    /// The item with its properties and the keys that find it.
    pub puts: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Message {
    /// Makes the keys those of the message `by` further.
    pub fn renumber(&mut self, by: usize) {
        for (key, _) in self.puts.iter_mut().filter(|(key, _)| key.len() == 17) {
            let id = u64::from_be_bytes(std::array::from_fn(|i| key[9 + i]));
            key[9..].copy_from_slice(&id.wrapping_add(by as u64).to_be_bytes());
        }
    }
}

/// Bytes of one message that a design is given to store.
pub fn user_bytes() -> usize {
    let message = Source::new().message(0);
    BODY + message.puts.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
}

/// Makes messages without making them all different.
pub struct Source(Bytes);

impl Source {
    pub fn new() -> Self {
        let noise = (0..1u64 << 17).flat_map(|i| mix(i).to_le_bytes()).collect::<Vec<u8>>();
        Self(noise.into())
    }

    pub fn message(&self, number: usize) -> Message {
        let number = number as u64;
        let at = (mix(number) as usize) % (self.0.len() - BODY);
        let mailbox = number % MAILBOXES;
        let id = (number / MAILBOXES).to_be_bytes();
        let key = |table: u8, rest: &[u8]| [&[table][..], &mailbox.to_be_bytes(), rest].concat();
        let puts = vec![
            (key(b'i', &id), self.0[at..at + METADATA].to_vec()),
            (key(b'u', &id), id.to_vec()),
            (key(b'c', &id), id.to_vec()),
            (key(b'h', &mix(number).to_be_bytes()), id.to_vec()),
            (key(b'f', &[]), self.0[at..at + 40].to_vec()),
        ];
        Message { body: self.0.slice(at..at + BODY), puts }
    }
}

fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 27)
}

/// Runs `commit` for each number from several threads and returns how long each call took.
pub fn drive(commits: usize, writers: usize, commit: impl Fn(Message) + Send + Sync) -> Vec<Duration> {
    let next = AtomicUsize::new(0);
    let source = Arc::new(Source::new());
    thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|_| {
                scope.spawn(|| {
                    let mut took = Vec::with_capacity(commits / writers + 1);
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= commits {
                            return took;
                        }
                        let message = source.message(number);
                        let began = Instant::now();
                        commit(message);
                        took.push(began.elapsed());
                    }
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a writer")).collect()
    })
}
