//! Fragments (MS-PSRP section 2.2.4): messages cut to what an envelope holds, and put together again.

use std::collections::VecDeque;

use super::PsrpError;

/// The length of a fragment's header, bytes.
pub const FRAGMENT_HEADER: usize = 21;
/// Messages whose fragments may be interleaved.
const OPEN_MAX: usize = 16;
const START: u8 = 1;
const END: u8 = 2;

/// Messages that wait to be sent, cut as room appears.
#[derive(Debug, Default)]
pub struct Fragmenter {
    waiting: VecDeque<Outgoing>,
    bytes: usize,
    last_id: u64,
}

#[derive(Debug)]
struct Outgoing {
    object_id: u64,
    /// The next fragment's number.
    fragment_id: u64,
    sent: usize,
    message: Vec<u8>,
}

impl Fragmenter {
    /// Adds a message.
    pub fn push(&mut self, message: Vec<u8>) {
        self.last_id += 1;
        self.bytes += message.len();
        self.waiting.push_back(Outgoing { object_id: self.last_id, fragment_id: 0, sent: 0, message });
    }

    /// How much waits, bytes without headers.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Drops what waits.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.bytes = 0;
    }

    /// The next fragments, of at most `max` bytes together; empty when nothing waits, or nothing fits.
    pub fn take(&mut self, max: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while let Some(first) = self.waiting.front_mut() {
            let left = first.message.len() - first.sent;
            let room = max.saturating_sub(out.len() + FRAGMENT_HEADER);
            // A sliver at the end of a full envelope is not worth a header.
            if room == 0 || (room < left && room < FRAGMENT_HEADER && !out.is_empty()) {
                break;
            }
            let len = left.min(room).min(u32::MAX as usize);
            first.write(len, &mut out);
            self.bytes -= len;
            if first.sent == first.message.len() {
                self.waiting.pop_front();
            }
        }
        out
    }
}

impl Outgoing {
    fn write(&mut self, len: usize, out: &mut Vec<u8>) {
        let data = &self.message[self.sent..self.sent + len];
        let mut flags = 0;
        if self.fragment_id == 0 {
            flags |= START;
        }
        if self.sent + len == self.message.len() {
            flags |= END;
        }
        out.extend_from_slice(&self.object_id.to_be_bytes());
        out.extend_from_slice(&self.fragment_id.to_be_bytes());
        out.push(flags);
        out.extend_from_slice(&(len as u32).to_be_bytes());
        out.extend_from_slice(data);
        self.sent += len;
        self.fragment_id += 1;
    }
}

/// Puts messages together again; bounded in all it keeps.
#[derive(Debug)]
pub struct Defragmenter {
    /// Most bytes of messages that are not complete, together.
    bytes_max: usize,
    bytes: usize,
    open: Vec<Incoming>,
    /// A fragment that has not come whole.
    rest: Vec<u8>,
}

#[derive(Debug)]
struct Incoming {
    object_id: u64,
    next: u64,
    data: Vec<u8>,
}

impl Defragmenter {
    /// One that keeps at most `bytes_max` bytes: no message can be larger.
    pub fn new(bytes_max: usize) -> Self {
        Defragmenter { bytes_max, bytes: 0, open: Vec::new(), rest: Vec::new() }
    }

    /// Takes what came, and hands back the messages that are complete, in the order of their ends.
    ///
    /// # Errors
    /// Fragments out of order, or too much. Nothing of this stream can be trusted afterwards.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, PsrpError> {
        let mut complete = Vec::new();
        if self.rest.is_empty() {
            let used = self.consume(bytes, &mut complete)?;
            self.rest.extend_from_slice(&bytes[used..]);
        } else {
            self.rest.extend_from_slice(bytes);
            let joined = std::mem::take(&mut self.rest);
            let used = self.consume(&joined, &mut complete)?;
            self.rest.extend_from_slice(&joined[used..]);
        }
        Ok(complete)
    }

    /// Takes whole fragments; how many bytes that was.
    fn consume(&mut self, bytes: &[u8], complete: &mut Vec<Vec<u8>>) -> Result<usize, PsrpError> {
        let mut at = 0;
        while let Some((header, rest)) = bytes[at..].split_first_chunk::<FRAGMENT_HEADER>() {
            let [object, number] = [0, 8].map(|from| be_u64(&header[from..from + 8]));
            let flags = header[16];
            let len = header[17..].iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
            if len > self.bytes_max {
                return Err(PsrpError::TooLarge);
            }
            let Some(data) = rest.get(..len) else { break };
            complete.extend(self.fragment(object, number, flags, data)?);
            at += FRAGMENT_HEADER + len;
        }
        Ok(at)
    }

    fn fragment(
        &mut self,
        object_id: u64,
        number: u64,
        flags: u8,
        data: &[u8],
    ) -> Result<Option<Vec<u8>>, PsrpError> {
        let known = self.open.iter().position(|open| open.object_id == object_id);
        let at = match (flags & START != 0, known) {
            (true, None) if number == 0 => {
                if self.open.len() >= OPEN_MAX {
                    return Err(PsrpError::TooLarge);
                }
                self.open.push(Incoming { object_id, next: 0, data: Vec::new() });
                self.open.len() - 1
            }
            (true, None) => return Err(PsrpError::Fragment("starts in the middle")),
            (true, Some(_)) => return Err(PsrpError::Fragment("starts a message that has started")),
            (false, None) => return Err(PsrpError::Fragment("belongs to no message")),
            (false, Some(at)) => at,
        };
        self.bytes += data.len();
        if self.bytes > self.bytes_max {
            return Err(PsrpError::TooLarge);
        }
        let open = &mut self.open[at];
        if open.next != number {
            return Err(PsrpError::Fragment("is out of order"));
        }
        open.next += 1;
        open.data.extend_from_slice(data);
        if flags & END == 0 {
            return Ok(None);
        }
        let whole = self.open.swap_remove(at);
        self.bytes -= whole.data.len();
        Ok(Some(whole.data))
    }
}

fn be_u64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}
