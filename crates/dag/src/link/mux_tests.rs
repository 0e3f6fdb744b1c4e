//! The streams of a connection without a connection: two ends, and bytes carried between them by hand.

use std::{
    collections::{BTreeMap, VecDeque},
    task::{Context, Poll, Waker},
};

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::{
    error::LinkError,
    frame::{Frame, PAYLOAD_MAX, ResetReason, Style},
    mux::{Event, Mux, OPEN_MAX, STREAM_WINDOW, WINDOW},
    types::{Endpoint, service},
};

const TEST: Endpoint = Endpoint::of(service::TEST);

/// Takes what one end sends next, as frames.
fn output(mux: &mut Mux, budget: usize) -> Vec<Frame> {
    let (mut out, mut wire) = (VecDeque::new(), BytesMut::new());
    mux.take_output(budget, &mut out);
    out.iter().for_each(|piece| wire.extend_from_slice(piece));
    std::iter::from_fn(|| Frame::decode(&mut wire).unwrap()).collect()
}

/// Carries what one end has to send now to the other, and says what it meant there.
fn carry(from: &mut Mux, to: &mut Mux, budget: usize) -> Vec<Event> {
    let frames = output(from, budget);
    frames.into_iter().map(|frame| to.receive(frame).unwrap()).filter(|event| *event != Event::None).collect()
}

fn next(mux: &mut Mux, stream: u32) -> Poll<Result<Option<Bytes>, LinkError>> {
    mux.poll_next(stream, &mut Context::from_waker(Waker::noop()))
}

fn ends() -> (Mux, Mux) {
    (Mux::new(false), Mux::new(true))
}

fn open(a: &mut Mux, b: &mut Mux, style: Style) -> u32 {
    let stream = a.begin(TEST, style, Bytes::new(), None).unwrap();
    carry(a, b, usize::MAX);
    carry(b, a, usize::MAX);
    stream
}

/// Something that a schedule does.
#[derive(Clone, Debug)]
enum Step {
    Queue(usize, usize),
    Carry(usize),
    Back,
    Read(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..4_usize, 1..200_000_usize).prop_map(|(stream, len)| Step::Queue(stream, len)),
        (1..500_000_usize).prop_map(Step::Carry),
        Just(Step::Back),
        (0..4_usize).prop_map(Step::Read),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the schedule, each stream arrives whole and in order, and no window is ever passed (`receive`
    /// would say so).
    #[test]
    fn streams_arrive_whole_whatever_the_schedule(steps in prop::collection::vec(step(), 1..120)) {
        let (mut a, mut b) = ends();
        let styles = [Style::Stream, Style::Stream, Style::Call, Style::Call];
        let streams = styles.map(|style| open(&mut a, &mut b, style));
        let (mut sent, mut got) = ([0_usize; 4], [0_usize; 4]);
        let byte = |at: usize| (at % 249) as u8;
        let read = |b: &mut Mux, i: usize, got: &mut [usize; 4]| {
            while let Poll::Ready(Ok(Some(piece))) = next(b, streams[i]) {
                assert!(piece.iter().zip(got[i]..).all(|(have, at)| *have == byte(at)), "stream {i}");
                got[i] += piece.len();
            }
        };
        for step in steps {
            match step {
                Step::Queue(i, len) => {
                    a.queue(streams[i], (sent[i]..sent[i] + len).map(byte).collect());
                    sent[i] += len;
                }
                Step::Carry(budget) => _ = carry(&mut a, &mut b, budget),
                Step::Back => _ = carry(&mut b, &mut a, usize::MAX),
                Step::Read(i) => read(&mut b, i, &mut got),
            }
        }
        streams.iter().for_each(|stream| a.finish(*stream));
        while a.has_work() || b.has_work() || got != sent {
            carry(&mut a, &mut b, 1 << 20);
            (0..4).for_each(|i| read(&mut b, i, &mut got));
            carry(&mut b, &mut a, usize::MAX);
        }
        for stream in streams {
            prop_assert_eq!(next(&mut b, stream), Poll::Ready(Ok(None)));
        }
    }
}

#[test]
fn streams_take_turns_and_control_goes_first() {
    let (mut a, mut b) = ends();
    let [bulk, small] = [Style::Stream, Style::Call].map(|style| open(&mut a, &mut b, style));
    a.queue(bulk, Bytes::from(vec![0; 2 << 20]));
    a.queue(small, Bytes::from_static(b"urgent"));
    a.control(&Frame::Ping(7));
    let frames = output(&mut a, 3 * PAYLOAD_MAX);
    assert_eq!(frames[0], Frame::Ping(7));
    assert!(matches!(&frames[1], Frame::Data { stream, .. } if *stream == bulk));
    assert!(
        matches!(&frames[2], Frame::Data { stream, payload, .. } if *stream == small && payload == "urgent")
    );
    assert!(frames[3..].iter().all(|frame| matches!(frame, Frame::Data { stream, .. } if *stream == bulk)));
}

#[test]
fn a_stream_that_nobody_reads_stops_at_its_window() {
    for (style, window) in [(Style::Stream, STREAM_WINDOW), (Style::Call, WINDOW)] {
        let (mut a, mut b) = ends();
        let stream = open(&mut a, &mut b, style);
        a.queue(stream, Bytes::from(vec![0; 2 * STREAM_WINDOW]));
        let frames = output(&mut a, usize::MAX);
        let sent: usize = frames
            .iter()
            .map(|frame| match frame {
                Frame::Data { payload, .. } => payload.len(),
                _ => 0,
            })
            .sum();
        assert_eq!(sent, window);
        assert!(!a.has_work());
        // One byte more is a violation.
        frames.into_iter().for_each(|frame| _ = b.receive(frame).unwrap());
        let more = Frame::Data { stream, payload: Bytes::from_static(b"x"), last: false };
        assert_eq!(b.receive(more).unwrap_err().0, "sends more than it has credit for");
    }
}

#[test]
fn places_are_counted_and_given_back() {
    let (mut a, mut b) = ends();
    let streams: Vec<u32> = (0..OPEN_MAX).map(|_| open(&mut a, &mut b, Style::Call)).collect();
    assert_eq!((a.busy(), b.busy()), (OPEN_MAX, OPEN_MAX));
    let one_more = Frame::Open { stream: 1 << 30, endpoint: TEST, style: Style::Call, head: Bytes::new() };
    assert_eq!(b.receive(one_more.clone()).unwrap_err().0, "opens too many streams");
    assert!(a.receive(one_more.clone()).is_err(), "the side that dialled takes no streams");
    // Half are answered, half given up; all that is held is let go.
    for (i, stream) in streams.iter().enumerate() {
        if i % 2 == 0 {
            a.finish(*stream);
            b.queue(*stream, Bytes::from_static(b"answer"));
            b.finish(*stream);
        } else {
            a.abandon(*stream);
        }
    }
    carry(&mut a, &mut b, usize::MAX);
    carry(&mut b, &mut a, usize::MAX);
    assert_eq!((a.busy(), b.busy()), (0, 0));
    assert_eq!(next(&mut a, streams[0]), Poll::Ready(Ok(Some(Bytes::from_static(b"answer")))));
    assert_eq!(next(&mut a, streams[0]), Poll::Ready(Ok(None)));
    assert_eq!(next(&mut b, streams[1]), Poll::Ready(Err(LinkError::Reset)));
    assert!(matches!(b.receive(one_more), Ok(Event::Opened { .. })));
}

#[test]
fn a_reset_reaches_the_other_side_with_its_reason_and_late_data_harms_nobody() {
    let (mut a, mut b) = ends();
    let stream = open(&mut a, &mut b, Style::Stream);
    a.queue(stream, Bytes::from_static(b"on its way"));
    let late = output(&mut a, usize::MAX);
    b.reset(stream, ResetReason::Refused(9, "no".into()));
    carry(&mut b, &mut a, usize::MAX);
    late.into_iter().for_each(|frame| assert_eq!(b.receive(frame), Ok(Event::None)));
    let refused = LinkError::Refused(super::Refusal::new(9, "no"));
    assert_eq!(next(&mut a, stream), Poll::Ready(Err(refused)));
    assert_eq!(next(&mut b, stream), Poll::Ready(Err(LinkError::Reset)));
}

#[test]
fn the_end_of_a_connection_ends_every_stream_and_allows_no_more() {
    let (mut a, mut b) = ends();
    let streams: BTreeMap<u32, ()> = (0..5).map(|_| (open(&mut a, &mut b, Style::Call), ())).collect();
    let lost = LinkError::Lost("pulled".into());
    a.fail(&lost);
    for stream in streams.keys() {
        assert_eq!(next(&mut a, *stream), Poll::Ready(Err(lost.clone())));
    }
    assert_eq!(a.begin(TEST, Style::Call, Bytes::new(), None), Err(lost));
    assert_eq!(a.busy(), 0);
}
