//! Framing against a reference that is too simple to be wrong, over every mix of the four bytes that matter.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::smtp::Stuffer;

/// The rule, byte by byte: the message's end, its content without stuffing, and whether it is clean.
fn reference(input: &[u8]) -> Option<(usize, Vec<u8>, bool)> {
    let framed = [b"\r\n".as_slice(), input].concat();
    let end = framed.windows(5).position(|window| window == b"\r\n.\r\n")?;
    let message = &framed[..end + 2];
    let mut content = Vec::new();
    for (at, &byte) in message.iter().enumerate().skip(2) {
        let stuffing = byte == b'.' && message[..at].ends_with(b"\r\n");
        if !stuffing {
            content.push(byte);
        }
    }
    let bare = message.iter().enumerate().any(|(at, &byte)| match byte {
        b'\r' => message.get(at + 1) != Some(&b'\n'),
        b'\n' => at == 0 || message[at - 1] != b'\r',
        _ => false,
    });
    Some((end + 3, content, !bare && !message.contains(&0)))
}

fn ours(input: &[u8], step: usize) -> Option<(usize, Vec<u8>, bool)> {
    let mut scanner = DataScanner::default();
    let mut seen = 0;
    while seen < input.len() {
        seen = (seen + step).min(input.len());
        if let Some(end) = scanner.scan(&input[..seen]) {
            let mut message = BytesMut::from(&input[..end.message]);
            if end.findings.dots {
                unstuff(&mut message);
            }
            let clean = !end.findings.bare_newline && !end.findings.nul;
            return Some((end.total, message.to_vec(), clean));
        }
    }
    None
}

#[test]
fn every_mix_of_eight_bytes_frames_as_the_reference_does() {
    const ALPHABET: [u8; 5] = [b'\r', b'\n', b'.', 0, b'a'];
    let mut input = [0u8; 8];
    for mut number in 0..5usize.pow(8) {
        for byte in &mut input {
            *byte = ALPHABET[number % 5];
            number /= 5;
        }
        let expected = reference(&input);
        assert_eq!(ours(&input, 8), expected, "{input:?}");
        assert_eq!(ours(&input, 1), expected, "{input:?} byte by byte");
    }
}

/// Each form tries to end the first message early and to hide a second one.
#[test]
fn the_classic_smuggling_forms_never_make_two_messages() {
    let ends: [&[u8]; 12] = [
        b"\n.\n",
        b"\n.\r\n",
        b"\r.\r",
        b"\r.\r\n",
        b"\r\n.\n",
        b"\r\n.\r",
        b"\n.\r",
        b"\r.\n",
        b"\r\r\n.\r\r\n",
        b"\r\n\0.\r\n",
        b"\r\n.\0\r\n",
        b"\r\n.\r\0\n",
    ];
    for end in ends {
        let input =
            [b"Subject: a\r\n\r\nb", end, b"MAIL FROM:<x@y>\r\nRCPT TO:<z@w>\r\nDATA\r\n\r\n.\r\n"].concat();
        let (total, _, clean) = ours(&input, 3).unwrap();
        assert_eq!(total, input.len(), "{end:?}: one message, to the only true end");
        assert!(!clean, "{end:?}: and that one is refused");
    }
}

#[test]
fn a_message_too_large_is_read_without_being_kept() {
    let input = [b"x\r\n..y\r\n".repeat(1000), b".\r\nQUIT\r\n".to_vec()].concat();
    let mut scanner = DataScanner::default();
    let mut buffer = BytesMut::new();
    for chunk in input.chunks(7) {
        buffer.extend_from_slice(chunk);
        if let Some(end) = scanner.scan(&buffer) {
            let rest = buffer.split_off(end.total);
            assert!(b"QUIT\r\n".starts_with(&rest));
            return;
        }
        let _ = buffer.split_to(scanner.decided());
        scanner.forget();
        assert!(buffer.len() < 10);
    }
    panic!("no end found");
}

#[test]
fn unstuffing() {
    for (wire, content) in [
        ("", ""),
        ("..\r\n", ".\r\n"),
        (".a\r\n..b\r\nc.\r\n", "a\r\n.b\r\nc.\r\n"),
        ("a\r\n...\r\n.\r", "a\r\n..\r\n\r"),
    ] {
        let mut message = BytesMut::from(wire);
        unstuff(&mut message);
        assert_eq!(message, content, "{wire:?}");
    }
}

fn stuffed(parts: &[Bytes]) -> BytesMut {
    let (mut stuffer, mut out) = (Stuffer::default(), BytesMut::new());
    for part in parts {
        stuffer.push(part, &mut out);
    }
    stuffer.finish(&mut out);
    out
}

proptest! {
    #[test]
    fn decode_undoes_encode(lines in prop::collection::vec("[.a]{0,5}", 0..20), cut: prop::sample::Index) {
        let message: Vec<u8> = lines.iter().flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect();
        let (head, tail) = message.split_at(cut.index(message.len() + 1));
        let out = stuffed(&[Bytes::copy_from_slice(head), Bytes::copy_from_slice(tail)]);
        prop_assert_eq!(ours(&out, 5), Some((out.len(), message, true)));
    }

    #[test]
    fn whatever_goes_out_comes_in_as_one_clean_message(
        parts in prop::collection::vec(prop::collection::vec(prop::sample::select(&b"\r\n.a"[..]), 0..9), 0..4),
    ) {
        let parts: Vec<Bytes> = parts.into_iter().map(Bytes::from).collect();
        let out = stuffed(&parts);
        let (total, content, clean) = ours(&out, out.len()).unwrap();
        prop_assert_eq!(total, out.len());
        prop_assert!(clean);
        let ink = |bytes: &[u8]| bytes.iter().filter(|b| !b"\r\n".contains(b)).count();
        prop_assert_eq!(ink(&content), parts.iter().map(|p| ink(p)).sum::<usize>());
        prop_assert!(content.is_empty() || content.ends_with(b"\r\n"));
    }

    #[test]
    fn examine_agrees_with_the_reference(message in prop::collection::vec(prop::sample::select(&b"\r\n\0a"[..]), 0..12)) {
        let (_, _, clean) = reference(&[&message[..], b"\r\n.\r\n"].concat()).unwrap();
        // The end mark's CRLF may complete a final CR; as a chunk the CR stands alone.
        prop_assume!(!message.ends_with(b"\r"));
        let findings = examine(&message);
        prop_assert_eq!(clean, !findings.bare_newline && !findings.nul);
    }
}
