//! The simplest durable log there is, as the limit and as the log under the other index engines: one thread
//! gathers what is queued, writes it with one call into zero-filled files, syncs once, and answers.

use std::{
    io::IoSlice,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread::{self, JoinHandle},
};

use base::disk::{Disk, DiskFile, OpenMode, SystemDisk};

use crate::load::Message;

/// Length of a log file, bytes.
const SEGMENT: u64 = 64 << 20;

/// What is done with a batch once it is durable, before it is answered.
pub type Apply = Box<dyn FnMut(&[Message], u64) + Send>;

type Job = (Message, SyncSender<()>);

/// A running log.
pub struct Log {
    queue: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    flushes: Arc<AtomicU64>,
}

impl Log {
    /// Starts a log on these files.
    pub fn start(files: Files, apply: Apply) -> Self {
        let (queue, jobs) = channel();
        let flushes = Arc::new(AtomicU64::new(0));
        let counted = flushes.clone();
        let thread = thread::spawn(move || run(&jobs, files, apply, &counted));
        Self { queue: Some(queue), thread: Some(thread), flushes }
    }

    pub fn commit(&self, message: Message) {
        let (answer, answered) = sync_channel(1);
        let queue = self.queue.as_ref().expect("a running log");
        queue.send((message, answer)).expect("a running log");
        answered.recv().expect("an answer");
    }

    /// Device flushes of the log.
    pub fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Relaxed)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the log's thread");
        }
    }
}

fn run(jobs: &Receiver<Job>, mut files: Files, mut apply: Apply, flushes: &AtomicU64) {
    let (mut file, mut at, mut position) = (files.next(), 0, 0);
    while let Ok(first) = jobs.recv() {
        let (messages, answers): (Vec<Message>, Vec<_>) =
            std::iter::once(first).chain(jobs.try_iter().take(1023)).unzip();
        let records: Vec<([u8; 48], Vec<u8>)> = messages.iter().map(record).collect();
        let mut slices = Vec::with_capacity(records.len() * 3);
        for ((head, tail), message) in records.iter().zip(&messages) {
            slices.extend([IoSlice::new(head), IoSlice::new(&message.body), IoSlice::new(tail)]);
        }
        let len: u64 = slices.iter().map(|slice| slice.len() as u64).sum();
        if at + len > SEGMENT {
            (file, at) = (files.next(), 0);
        }
        file.write_all_at(&slices, at).expect("a write");
        file.sync_data().expect("a sync");
        flushes.fetch_add(1, Ordering::Relaxed);
        at += len;
        position += len;
        apply(&messages, position);
        answers.into_iter().for_each(|answer| answer.send(()).expect("a waiting writer"));
    }
}

fn record(message: &Message) -> ([u8; 48], Vec<u8>) {
    let mut tail = Vec::with_capacity(512);
    for (key, value) in &message.puts {
        for bytes in [key, value] {
            tail.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            tail.extend_from_slice(bytes);
        }
    }
    tail.extend_from_slice(&crc32c::crc32c(&message.body).to_le_bytes());
    let mut head = [0; 48];
    head[..4].copy_from_slice(&crc32c::crc32c(&tail).to_le_bytes());
    (head, tail)
}

/// Where the log's files come from.
pub enum Files {
    /// All made beforehand.
    Ready(Vec<Arc<dyn DiskFile>>),
    /// Made beside the work, one ahead.
    Making(Receiver<Arc<dyn DiskFile>>),
}

impl Files {
    /// Enough zero-filled files for so many bytes.
    pub fn ready(dir: &Path, bytes: u64) -> Self {
        Self::Ready((0..=bytes / SEGMENT + 1).map(|number| made(dir, number, true)).collect())
    }

    /// Files made as they are needed; with `fill` their blocks are written, else only reserved.
    pub fn making(dir: &Path, fill: bool) -> Self {
        let (send, receive) = sync_channel(0);
        let dir: PathBuf = dir.into();
        thread::spawn(move || {
            (0..).map(|number| made(&dir, number, fill)).try_for_each(|file| send.send(file))
        });
        Self::Making(receive)
    }

    fn next(&mut self) -> Arc<dyn DiskFile> {
        match self {
            Self::Ready(files) => files.pop().expect("enough files"),
            Self::Making(files) => files.recv().expect("the thread that makes them"),
        }
    }
}

fn made(dir: &Path, number: u64, fill: bool) -> Arc<dyn DiskFile> {
    let file = SystemDisk.open(&dir.join(format!("{number}.log")), OpenMode::New).expect("a file");
    file.preallocate(SEGMENT).expect("space");
    let zeros = vec![0; 1 << 20];
    for at in (0..SEGMENT).step_by(zeros.len()).filter(|_| fill) {
        file.write_all_at(&[IoSlice::new(&zeros)], at).expect("a write");
        file.sync_data().expect("a sync");
    }
    file.sync_data().expect("a sync");
    file
}
