//! What is open on one connection: streams, their windows, and whose turn it is to send. No I/O and no clock:
//! frames go in, bytes come out.
//!
//! Each side may send a stream as many bytes as the other has given it credit for, so that nothing a peer sends
//! has to be held beyond the windows; streams that may send take turns, a frame each, so that none waits for
//! another; and what belongs to the connection itself (heartbeats, credit) goes before all of them.

use std::{
    collections::{HashMap, VecDeque},
    task::{Context, Poll, Waker},
};

use bytes::{Bytes, BytesMut};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    error::{LinkError, Refusal},
    frame::{self, Frame, PAYLOAD_MAX, ResetReason, Style},
    types::Endpoint,
};

/// How much a side may send before it is given credit, bytes.
pub(crate) const WINDOW: usize = 256 << 10;
/// How much of a stream (not a call, nor one that lasts) is on its way at most, bytes.
pub(crate) const STREAM_WINDOW: usize = 4 << 20;
/// How much waits in a stream's own queue before its sender does, bytes.
const QUEUE_MAX: usize = 256 << 10;
/// Calls and streams open at a time in a connection, those that last not counted.
pub(crate) const OPEN_MAX: usize = 1024;
/// Lasting streams open at a time in a connection: as many as a server takes sessions of clients.
pub(crate) const LASTING_MAX: usize = 64 << 10;
/// Control frames waiting to be sent, bytes; a peer that asks for more without reading the answers is cut off.
const CONTROL_MAX: usize = 32 << 20;

/// The peer broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Violation(pub(crate) &'static str);

/// What a received frame means to others.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Nothing.
    None,
    /// The peer began a stream.
    Opened { stream: u32, endpoint: Endpoint, style: Style, head: Bytes },
    /// A heartbeat came back.
    Pong(u64),
    /// The peer ends the connection.
    Goodbye(frame::Goodbye),
}

/// One stream.
struct Open {
    /// It is given more room than the first window.
    wide: bool,
    /// It is counted apart.
    lasting: bool,
    /// What waits to be sent.
    queue: VecDeque<Bytes>,
    queued: usize,
    /// How much of it may be sent now.
    credit: usize,
    /// Nothing will be queued any more.
    ending: bool,
    /// The last frame has been sent.
    ended: bool,
    /// It is in the turns already.
    in_turn: bool,
    /// What came and was not taken.
    inbox: VecDeque<Bytes>,
    /// How much more the peer may send.
    window: usize,
    /// Taken, but no credit given for it yet.
    taken: usize,
    /// The peer's last data came.
    all_came: bool,
    /// Nobody wants what still comes.
    deaf: bool,
    failure: Option<LinkError>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// It has been counted as over.
    over: bool,
    /// The place among those open at a time.
    place: Option<OwnedSemaphorePermit>,
}

impl Open {
    fn new(endpoint: Endpoint, style: Style, place: Option<OwnedSemaphorePermit>) -> Self {
        let lasting = endpoint.is_lasting();
        Self {
            wide: style == Style::Stream && !lasting,
            lasting,
            queue: VecDeque::new(),
            queued: 0,
            credit: WINDOW,
            ending: false,
            ended: false,
            in_turn: false,
            inbox: VecDeque::new(),
            window: WINDOW,
            taken: 0,
            all_came: false,
            deaf: false,
            failure: None,
            reader: None,
            writer: None,
            over: false,
            place,
        }
    }

    fn may_send(&self) -> bool {
        !self.ended
            && self.failure.is_none()
            && (self.queued > 0 && self.credit > 0 || self.queued == 0 && self.ending)
    }

    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }

    /// Nothing more will be sent in either direction.
    fn is_over(&self) -> bool {
        self.failure.is_some() || self.ended && self.all_came
    }

    /// Nobody here holds an end of it any more.
    fn is_left(&self) -> bool {
        self.deaf && self.ending
    }
}

/// The streams of one connection.
#[derive(Default)]
pub(crate) struct Mux {
    /// Whether the peer may begin streams; else this side may.
    accepts: bool,
    last_id: u32,
    open: HashMap<u32, Open>,
    /// How many are not over, and how many of these last.
    busy: usize,
    lasting: usize,
    control: BytesMut,
    turns: VecDeque<u32>,
    /// Why it has ended.
    failed: Option<LinkError>,
}

impl Mux {
    /// For the side that accepted the connection, or the one that dialled.
    pub(crate) fn new(accepts: bool) -> Self {
        Self { accepts, ..Self::default() }
    }

    /// Begins a stream; `place` is given up when it is over.
    pub(crate) fn begin(
        &mut self,
        endpoint: Endpoint,
        style: Style,
        head: Bytes,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<u32, LinkError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.control.len() > CONTROL_MAX {
            return Err(LinkError::Busy);
        }
        let stream = loop {
            self.last_id = self.last_id.wrapping_add(1).max(1);
            if !self.open.contains_key(&self.last_id) {
                break self.last_id;
            }
        };
        self.control(&Frame::Open { stream, endpoint, style, head });
        self.insert(stream, Open::new(endpoint, style, place));
        Ok(stream)
    }

    /// Whether the peer may begin streams.
    pub(crate) fn accepts(&self) -> bool {
        self.accepts
    }

    /// Counts a stream that begins and gives it its room.
    fn insert(&mut self, stream: u32, mut open: Open) {
        self.busy += 1;
        self.lasting += usize::from(open.lasting);
        if open.wide {
            open.window = STREAM_WINDOW;
            self.control(&Frame::Credit { stream, bytes: (STREAM_WINDOW - WINDOW) as u32 });
        }
        self.open.insert(stream, open);
    }

    /// A frame of the connection itself, sent before anything of a stream.
    pub(crate) fn control(&mut self, frame: &Frame) {
        frame.encode(&mut self.control);
    }

    /// Takes what the peer sent.
    pub(crate) fn receive(&mut self, frame: Frame) -> Result<Event, Violation> {
        if self.control.len() > CONTROL_MAX {
            return Err(Violation("asks without reading the answers"));
        }
        match frame {
            Frame::Hello(_) | Frame::Welcome(_) => return Err(Violation("introduces itself twice")),
            Frame::Goodbye(reason) => return Ok(Event::Goodbye(reason)),
            Frame::Ping(number) => self.control(&Frame::Pong(number)),
            Frame::Pong(number) => return Ok(Event::Pong(number)),
            Frame::Open { stream, endpoint, style, head } => {
                return self.opened(stream, endpoint, style, head);
            }
            Frame::Data { stream, payload, last } => self.came(stream, payload, last)?,
            Frame::Credit { stream, bytes } => {
                if let Some(open) = self.open.get_mut(&stream) {
                    open.credit = open.credit.saturating_add(bytes as usize).min(1 << 30);
                    self.take_turn(stream);
                }
            }
            Frame::Reset { stream, reason } => {
                let error = meaning(reason);
                self.end(stream, error);
            }
        }
        Ok(Event::None)
    }

    fn opened(
        &mut self,
        stream: u32,
        endpoint: Endpoint,
        style: Style,
        head: Bytes,
    ) -> Result<Event, Violation> {
        if self.failed.is_some() {
            return Ok(Event::None);
        }
        if !self.accepts {
            return Err(Violation("opens a stream on a connection that is not its own"));
        }
        if self.open.contains_key(&stream) {
            return Err(Violation("opens a stream twice"));
        }
        let (open, most) = if endpoint.is_lasting() {
            (self.lasting, LASTING_MAX)
        } else {
            (self.busy - self.lasting, OPEN_MAX)
        };
        if open >= most {
            return Err(Violation("opens too many streams"));
        }
        self.insert(stream, Open::new(endpoint, style, None));
        Ok(Event::Opened { stream, endpoint, style, head })
    }

    /// Data of a stream; of one that is over it is let go.
    fn came(&mut self, stream: u32, payload: Bytes, last: bool) -> Result<(), Violation> {
        let open = self.open.get_mut(&stream).filter(|open| open.failure.is_none());
        let Some(open) = open else { return Ok(()) };
        if payload.len() > open.window {
            return Err(Violation("sends more than it has credit for"));
        }
        if open.all_came {
            return Err(Violation("sends after its last"));
        }
        open.window -= payload.len();
        open.all_came = last;
        if open.deaf {
            open.taken += payload.len();
            self.give_credit(stream);
        } else {
            if !payload.is_empty() {
                open.inbox.push_back(payload);
            }
            if let Some(waker) = open.reader.take() {
                waker.wake();
            }
        }
        self.forget_if_over(stream);
        Ok(())
    }

    /// The next piece of what the peer says in a stream; nothing after its last.
    pub(crate) fn poll_next(
        &mut self,
        stream: u32,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, LinkError>> {
        let Some(open) = self.open.get_mut(&stream) else { return Poll::Ready(Err(self.why_gone())) };
        if let Some(piece) = open.inbox.pop_front() {
            open.taken += piece.len();
            self.give_credit(stream);
            return Poll::Ready(Ok(Some(piece)));
        }
        if open.all_came {
            return Poll::Ready(Ok(None));
        }
        if let Some(error) = &open.failure {
            return Poll::Ready(Err(error.clone()));
        }
        open.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Gives back what was taken, once it is worth a frame.
    fn give_credit(&mut self, stream: u32) {
        let Some(open) = self.open.get_mut(&stream) else { return };
        let worth = if open.wide { STREAM_WINDOW / 4 } else { WINDOW / 2 };
        if open.taken >= worth && !open.all_came && open.failure.is_none() {
            let bytes = std::mem::take(&mut open.taken);
            open.window += bytes;
            self.control(&Frame::Credit { stream, bytes: u32::try_from(bytes).unwrap_or(u32::MAX) });
        }
    }

    /// Ready when a stream takes more.
    pub(crate) fn poll_room(&mut self, stream: u32, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        let Some(open) = self.open.get_mut(&stream) else { return Poll::Ready(Err(self.why_gone())) };
        if let Some(error) = &open.failure {
            return Poll::Ready(Err(error.clone()));
        }
        if open.queued < QUEUE_MAX {
            return Poll::Ready(Ok(()));
        }
        open.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ready when all that was queued is on its way, the last included.
    pub(crate) fn poll_sent(&mut self, stream: u32, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        // A stream that is over is forgotten; it went well unless the connection has ended.
        let Some(open) = self.open.get_mut(&stream) else {
            return Poll::Ready(self.failed.clone().map_or(Ok(()), Err));
        };
        if let Some(error) = &open.failure {
            return Poll::Ready(Err(error.clone()));
        }
        if open.ended {
            return Poll::Ready(Ok(()));
        }
        open.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Queues bytes of a stream, however many wait already.
    pub(crate) fn queue(&mut self, stream: u32, bytes: Bytes) {
        if let Some(open) = self.open.get_mut(&stream)
            && !open.ending
            && !bytes.is_empty()
        {
            open.queued += bytes.len();
            open.queue.push_back(bytes);
            self.take_turn(stream);
        }
    }

    /// Nothing more will be queued.
    pub(crate) fn finish(&mut self, stream: u32) {
        if let Some(open) = self.open.get_mut(&stream) {
            open.ending = true;
            self.take_turn(stream);
        }
    }

    /// Ends a stream in both directions, telling the peer why.
    pub(crate) fn reset(&mut self, stream: u32, reason: ResetReason) {
        if self.open.get(&stream).is_some_and(|open| !open.is_over()) {
            self.control(&Frame::Reset { stream, reason });
            self.end(stream, LinkError::Reset);
        }
        self.forget_if_over(stream);
    }

    /// Whoever read a stream has gone.
    pub(crate) fn leave(&mut self, stream: u32) {
        let Some(open) = self.open.get_mut(&stream) else { return };
        open.deaf = true;
        open.taken += open.inbox.drain(..).map(|piece| piece.len()).sum::<usize>();
        // Where only what the peer says is outstanding, nobody waits for it any more.
        if open.ending && !open.all_came && !open.is_over() {
            return self.reset(stream, ResetReason::GivenUp);
        }
        self.give_credit(stream);
        self.forget_if_over(stream);
    }

    /// Whoever wrote a stream has gone; without having finished it, that ends it.
    pub(crate) fn abandon(&mut self, stream: u32) {
        let Some(open) = self.open.get_mut(&stream) else { return };
        if open.ending {
            return self.forget_if_over(stream);
        }
        open.ending = true;
        if open.is_over() {
            self.forget_if_over(stream);
        } else {
            self.reset(stream, ResetReason::GivenUp);
        }
    }

    fn end(&mut self, stream: u32, error: LinkError) {
        if let Some(open) = self.open.get_mut(&stream) {
            open.failure.get_or_insert(error);
            open.queue.clear();
            open.queued = 0;
            open.wake();
        }
        self.forget_if_over(stream);
    }

    /// The connection has ended: every stream has.
    pub(crate) fn fail(&mut self, error: &LinkError) {
        self.failed.get_or_insert_with(|| error.clone());
        let streams: Vec<u32> = self.open.keys().copied().collect();
        streams.into_iter().for_each(|stream| self.end(stream, error.clone()));
    }

    /// Whether the connection has ended.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    fn why_gone(&self) -> LinkError {
        self.failed.clone().unwrap_or(LinkError::Reset)
    }

    /// A stream that is over gives up its place, whoever still looks at what is left of it; one that nobody here
    /// holds is forgotten.
    fn forget_if_over(&mut self, stream: u32) {
        let Some(open) = self.open.get_mut(&stream).filter(|open| open.is_over()) else { return };
        if !std::mem::replace(&mut open.over, true) {
            open.place = None;
            self.busy -= 1;
            self.lasting -= usize::from(open.lasting);
        }
        if open.is_left() {
            self.open.remove(&stream);
        }
    }

    fn take_turn(&mut self, stream: u32) {
        if let Some(open) = self.open.get_mut(&stream)
            && !open.in_turn
            && open.may_send()
        {
            open.in_turn = true;
            self.turns.push_back(stream);
        }
    }

    /// Whether there is anything to send.
    pub(crate) fn has_work(&self) -> bool {
        !self.control.is_empty() || !self.turns.is_empty()
    }

    /// Streams that are not over.
    pub(crate) fn busy(&self) -> usize {
        self.busy
    }

    /// What to send next: control frames, then streams in turn, a frame each, until about `budget` bytes.
    pub(crate) fn take_output(&mut self, budget: usize, out: &mut VecDeque<Bytes>) {
        let mut bytes = self.control.len();
        if bytes > 0 {
            out.push_back(self.control.split().freeze());
        }
        while bytes < budget
            && let Some(stream) = self.turns.pop_front()
        {
            bytes += self.take_frame(stream, out);
        }
    }

    fn take_frame(&mut self, stream: u32, out: &mut VecDeque<Bytes>) -> usize {
        let Some(open) = self.open.get_mut(&stream) else { return 0 };
        open.in_turn = false;
        if !open.may_send() {
            return 0;
        }
        let len = open.queued.min(open.credit).min(PAYLOAD_MAX);
        open.queued -= len;
        open.credit -= len;
        open.ended = open.ending && open.queued == 0;
        out.push_back(frame::data_header(stream, len, open.ended));
        let mut rest = len;
        while rest > 0
            && let Some(first) = open.queue.front_mut()
        {
            let piece = first.split_to(rest.min(first.len()));
            rest -= piece.len();
            if first.is_empty() {
                open.queue.pop_front();
            }
            out.push_back(piece);
        }
        if (open.queued < QUEUE_MAX || open.ended)
            && let Some(waker) = open.writer.take()
        {
            waker.wake();
        }
        self.take_turn(stream);
        self.forget_if_over(stream);
        frame::HEADER_LEN + len
    }
}

fn meaning(reason: ResetReason) -> LinkError {
    match reason {
        ResetReason::GivenUp => LinkError::Reset,
        ResetReason::NoSuchService => LinkError::NoSuchService,
        ResetReason::TooLong(bytes, limit) => LinkError::TooLong {
            what: "a request or an answer",
            bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        },
        ResetReason::Busy => LinkError::Busy,
        ResetReason::Refused(code, text) => LinkError::Refused(Refusal { code, text }),
    }
}
