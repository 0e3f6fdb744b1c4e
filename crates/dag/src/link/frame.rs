//! The wire format of a link: frames of a fixed header and a payload. No I/O.
//!
//! | bytes | what |
//! |---|---|
//! | 0–3 | length of the payload, little-endian, at most [`PAYLOAD_MAX`] |
//! | 4 | kind |
//! | 5 | flags: 1 on a [`Frame::Data`] that is its side's last |
//! | 6–7 | zero |
//! | 8–11 | stream, little-endian; 0 for the connection itself |

use base::Guid;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use super::types::Endpoint;

/// The length of a frame's header, bytes.
pub const HEADER_LEN: usize = 12;
/// The longest payload, bytes. Short enough that a heartbeat between two of them is not late on a slow line.
pub const PAYLOAD_MAX: usize = 64 << 10;
/// The flag on the last data of a side.
const LAST: u8 = 1;
/// Service, group and style, before the head of an [`Frame::Open`].
const OPEN_LEN: usize = 2 + 16 + 1;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The first frame of the server that dialled; see [`Hello`].
    Hello(Hello),
    /// The first frame of the server that accepted.
    Welcome(Hello),
    /// Nothing new will be accepted; what is open is finished. Or, first of all: not welcome.
    Goodbye(Goodbye),
    /// Answered at once by a [`Frame::Pong`] of the same number.
    Ping(u64),
    /// The answer.
    Pong(u64),
    /// Begins a stream.
    Open {
        /// Its number, not in use.
        stream: u32,
        /// Where to.
        endpoint: Endpoint,
        /// How it is used.
        style: Style,
        /// What the stream is about; calls have none.
        head: Bytes,
    },
    /// A piece of what one side says.
    Data {
        /// The stream.
        stream: u32,
        /// The piece; may be empty with `last`.
        payload: Bytes,
        /// Nothing follows from this side.
        last: bool,
    },
    /// The sender of this frame has room for so many more bytes of the stream.
    Credit {
        /// The stream.
        stream: u32,
        /// Bytes.
        bytes: u32,
    },
    /// The stream is over, in both directions.
    Reset {
        /// The stream.
        stream: u32,
        /// Why.
        reason: ResetReason,
    },
}

/// How a stream is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A request and its answer.
    Call,
    /// Bytes in both directions for as long as both like.
    Stream,
}

/// How a server introduces itself. Later versions may only add fields at the end; what follows is skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`MAGIC`].
    pub magic: [u8; 4],
    /// The oldest version of this protocol it speaks.
    pub oldest: u16,
    /// The newest.
    pub newest: u16,
    /// Its wall clock, microseconds since 1970.
    pub now_micros: i64,
    /// The program's version, for people.
    pub program: String,
}

/// What a [`Hello`] begins with.
pub const MAGIC: [u8; 4] = *b"RLTL";

/// Why a connection ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Goodbye {
    /// The server stops.
    Stopping,
    /// A newer connection of the same server takes its place.
    Replaced,
    /// The peer is not, or no longer, a server of the organisation.
    Stranger,
    /// No common version; the sender's are given.
    Version(u16, u16),
    /// Too many connections.
    Busy,
    /// The peer broke the protocol.
    Broken(String),
}

/// Why a stream ends early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResetReason {
    /// Whoever wanted it wants it no more.
    GivenUp,
    /// Nothing is registered there.
    NoSuchService,
    /// More than the receiver takes: bytes, the limit.
    TooLong(u64, u64),
    /// More at a time than the receiver takes.
    Busy,
    /// The handler's own reason.
    Refused(u16, String),
}

/// The bytes are not a frame of this protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than allowed.
    #[error("a frame of {0} bytes")]
    TooLong(usize),
    /// Of no known kind.
    #[error("a frame of unknown kind {0}")]
    Kind(u8),
    /// The payload does not fit the kind.
    #[error("a malformed frame of kind {0}")]
    Malformed(u8),
}

const HELLO: u8 = 1;
const WELCOME: u8 = 2;
const GOODBYE: u8 = 3;
const PING: u8 = 4;
const PONG: u8 = 5;
const OPEN: u8 = 6;
const DATA: u8 = 7;
const CREDIT: u8 = 8;
const RESET: u8 = 9;

/// A header for a payload that is sent beside it.
pub fn data_header(stream: u32, len: usize, last: bool) -> Bytes {
    let mut out = BytesMut::with_capacity(HEADER_LEN);
    put_header(&mut out, DATA, if last { LAST } else { 0 }, stream, len);
    out.freeze()
}

fn put_header(out: &mut BytesMut, kind: u8, flags: u8, stream: u32, len: usize) {
    out.put_u32_le(u32::try_from(len).unwrap_or(u32::MAX));
    out.put_u8(kind);
    out.put_u8(flags);
    out.put_u16_le(0);
    out.put_u32_le(stream);
}

impl Frame {
    /// Writes header and payload.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Frame::Hello(hello) => put_body(out, HELLO, 0, hello),
            Frame::Welcome(hello) => put_body(out, WELCOME, 0, hello),
            Frame::Goodbye(reason) => put_body(out, GOODBYE, 0, reason),
            Frame::Ping(number) => put_number(out, PING, *number),
            Frame::Pong(number) => put_number(out, PONG, *number),
            Frame::Open { stream, endpoint, style, head } => {
                put_header(out, OPEN, 0, *stream, OPEN_LEN + head.len());
                out.put_u16_le(endpoint.service);
                out.put_slice(&endpoint.group.0);
                out.put_u8(u8::from(*style == Style::Stream));
                out.put_slice(head);
            }
            Frame::Data { stream, payload, last } => {
                put_header(out, DATA, u8::from(*last) * LAST, *stream, payload.len());
                out.put_slice(payload);
            }
            Frame::Credit { stream, bytes } => {
                put_header(out, CREDIT, 0, *stream, 4);
                out.put_u32_le(*bytes);
            }
            Frame::Reset { stream, reason } => put_body(out, RESET, *stream, reason),
        }
    }

    /// Takes the first frame off the buffer; `None` where it is not complete yet.
    pub fn decode(buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        if buffer.len() < HEADER_LEN {
            return Ok(None);
        }
        let len = u32::from_le_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]) as usize;
        if len > PAYLOAD_MAX {
            return Err(FrameError::TooLong(len));
        }
        let (kind, flags) = (buffer[4], buffer[5]);
        if !(HELLO..=RESET).contains(&kind) {
            return Err(FrameError::Kind(kind));
        }
        if buffer.len() < HEADER_LEN + len {
            return Ok(None);
        }
        let mut header = buffer.split_to(HEADER_LEN);
        header.advance(HEADER_LEN - 4);
        let stream = header.get_u32_le();
        let payload = buffer.split_to(len).freeze();
        Frame::parse(kind, flags, stream, payload).map(Some)
    }

    fn parse(kind: u8, flags: u8, stream: u32, mut payload: Bytes) -> Result<Frame, FrameError> {
        let malformed = FrameError::Malformed(kind);
        // Each kind belongs to a stream or to the connection, and only data has a flag.
        if (stream == 0) != (kind < OPEN) || flags & !(u8::from(kind == DATA) * LAST) != 0 {
            return Err(malformed);
        }
        Ok(match kind {
            HELLO => Frame::Hello(body(kind, &payload)?),
            WELCOME => Frame::Welcome(body(kind, &payload)?),
            GOODBYE => Frame::Goodbye(body(kind, &payload)?),
            PING | PONG if payload.len() != 8 => return Err(malformed),
            PING => Frame::Ping(payload.get_u64_le()),
            PONG => Frame::Pong(payload.get_u64_le()),
            OPEN if payload.len() < OPEN_LEN => return Err(malformed),
            OPEN => {
                let service = payload.get_u16_le();
                let mut group = Guid::EMPTY;
                payload.copy_to_slice(&mut group.0);
                let style = match payload.get_u8() {
                    0 => Style::Call,
                    1 => Style::Stream,
                    _ => return Err(malformed),
                };
                Frame::Open { stream, endpoint: Endpoint { service, group }, style, head: payload }
            }
            DATA => Frame::Data { stream, payload, last: flags & LAST != 0 },
            CREDIT if payload.len() != 4 => return Err(malformed),
            CREDIT => Frame::Credit { stream, bytes: payload.get_u32_le() },
            _ => Frame::Reset { stream, reason: body(kind, &payload)? },
        })
    }
}

fn put_number(out: &mut BytesMut, kind: u8, number: u64) {
    put_header(out, kind, 0, 0, 8);
    out.put_u64_le(number);
}

/// Header and body; texts in bodies are short, and cut where a program made them long.
fn put_body(out: &mut BytesMut, kind: u8, stream: u32, body: &impl Serialize) {
    let body = postcard::to_stdvec(body).unwrap_or_default();
    put_header(out, kind, 0, stream, body.len());
    out.put_slice(&body);
}

/// Reads a body; what follows it is of a later version.
fn body<T: for<'de> Deserialize<'de>>(kind: u8, payload: &[u8]) -> Result<T, FrameError> {
    postcard::take_from_bytes(payload).map(|(body, _)| body).map_err(|_| FrameError::Malformed(kind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hello() -> impl Strategy<Value = Hello> {
        (any::<[u8; 4]>(), any::<(u16, u16)>(), any::<i64>(), ".{0,40}").prop_map(
            |(magic, (oldest, newest), now_micros, program)| Hello {
                magic,
                oldest,
                newest,
                now_micros,
                program,
            },
        )
    }

    fn frame() -> impl Strategy<Value = Frame> {
        let bytes = |max| prop::collection::vec(any::<u8>(), 0..max).prop_map(Bytes::from);
        let stream = 1..=u32::MAX;
        let goodbye = prop_oneof![
            Just(Goodbye::Stopping),
            Just(Goodbye::Replaced),
            any::<(u16, u16)>().prop_map(|(a, b)| Goodbye::Version(a, b)),
            ".{0,40}".prop_map(Goodbye::Broken),
        ];
        let reason = prop_oneof![
            Just(ResetReason::GivenUp),
            any::<(u64, u64)>().prop_map(|(a, b)| ResetReason::TooLong(a, b)),
            (any::<u16>(), ".{0,40}").prop_map(|(code, text)| ResetReason::Refused(code, text)),
        ];
        let endpoint =
            any::<(u16, [u8; 16])>().prop_map(|(service, group)| Endpoint { service, group: Guid(group) });
        let style = prop_oneof![Just(Style::Call), Just(Style::Stream)];
        prop_oneof![
            hello().prop_map(Frame::Hello),
            hello().prop_map(Frame::Welcome),
            goodbye.prop_map(Frame::Goodbye),
            any::<u64>().prop_map(Frame::Ping),
            any::<u64>().prop_map(Frame::Pong),
            (stream.clone(), endpoint, style, bytes(100)).prop_map(|(stream, endpoint, style, head)| {
                Frame::Open { stream, endpoint, style, head }
            }),
            (stream.clone(), bytes(3000), any::<bool>()).prop_map(|(stream, payload, last)| Frame::Data {
                stream,
                payload,
                last
            }),
            (stream.clone(), any::<u32>()).prop_map(|(stream, bytes)| Frame::Credit { stream, bytes }),
            (stream, reason).prop_map(|(stream, reason)| Frame::Reset { stream, reason }),
        ]
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in(
            frames in prop::collection::vec(frame(), 1..20),
            cuts in prop::collection::vec(1..5000_usize, 1..20),
        ) {
            let mut wire = BytesMut::new();
            frames.iter().for_each(|frame| frame.encode(&mut wire));
            let (mut buffer, mut seen) = (BytesMut::new(), Vec::new());
            for cut in cuts.into_iter().cycle() {
                if wire.is_empty() {
                    break;
                }
                buffer.extend_from_slice(&wire.split_to(cut.min(wire.len())));
                while let Some(frame) = Frame::decode(&mut buffer).unwrap() {
                    seen.push(frame);
                }
            }
            prop_assert_eq!(seen, frames);
        }

        #[test]
        fn any_bytes_are_frames_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Some(frame)) = Frame::decode(&mut buffer) {
                let mut again = BytesMut::new();
                frame.encode(&mut again);
                prop_assert_eq!(Frame::decode(&mut again), Ok(Some(frame)));
            }
        }
    }

    #[test]
    fn refuses_what_is_too_long_before_it_is_there() {
        let mut header = BytesMut::new();
        put_header(&mut header, DATA, 0, 1, PAYLOAD_MAX + 1);
        assert_eq!(Frame::decode(&mut header), Err(FrameError::TooLong(PAYLOAD_MAX + 1)));
    }

    #[test]
    fn a_hello_of_a_later_version_is_read() {
        let hello = Hello { magic: MAGIC, oldest: 1, newest: 9, now_micros: 5, program: "Rialto 9".into() };
        let mut body = postcard::to_stdvec(&hello).unwrap();
        body.extend_from_slice(b"what nobody knows yet");
        let mut wire = BytesMut::new();
        put_header(&mut wire, HELLO, 0, 0, body.len());
        wire.put_slice(&body);
        assert_eq!(Frame::decode(&mut wire), Ok(Some(Frame::Hello(hello))));
    }
}
