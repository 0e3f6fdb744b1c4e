//! Plain text messages of a given size: the same seed and number give the same bytes.

/// A fast generator (xorshift64*); quality enough for words.
struct Words(u64);

impl Words {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

const SYLLABLES: [&str; 32] = [
    "ba", "co", "du", "fe", "gi", "ho", "ju", "ka", "li", "mo", "nu", "pa", "re", "si", "to", "vu", "wa",
    "ze", "an", "er", "in", "or", "un", "st", "tr", "pl", "cr", "ge", "mi", "la", "so", "te",
];
/// Columns after which a line is broken.
const WIDTH: usize = 66;
/// Different words; the frequent ones are much more frequent.
const VOCABULARY: u64 = 20_000;

/// The Message-ID that [`make`] gives, without angle brackets.
pub fn id(seed: u64, number: u64) -> String {
    format!("{seed:x}.{number}@outside.test")
}

/// A message of about `size` bytes with CRLF line ends and no line that starts with a dot. Every hundredth
/// holds the word `xylophone`, for searches.
pub fn make(seed: u64, number: u64, size: usize, to: &str) -> Vec<u8> {
    let mut words = Words::new(seed ^ number.rotate_left(32));
    let (day, hour, minute) = (number % 28 + 1, number / 60 % 24, number % 60);
    let head = format!(
        "From: Bench Sender <sender@outside.test>\r\nTo: <{to}>\r\nSubject: bench message {number} about project {}\r\n\
        Date: {day:02} Oct 2026 {hour:02}:{minute:02}:00 +0000\r\nMessage-ID: <{}>\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n",
        words.next() % 500,
        id(seed, number),
    );
    let mut out = Vec::with_capacity(size + 32);
    out.extend_from_slice(head.as_bytes());
    if number.is_multiple_of(100) {
        out.extend_from_slice(b"the xylophone is here\r\n");
    }
    let mut column = 0;
    while out.len() + 2 < size {
        let before = out.len();
        push_word(words.next() % VOCABULARY * (words.next() % VOCABULARY) / VOCABULARY, &mut out);
        column += out.len() - before + 1;
        if column > WIDTH {
            out.extend_from_slice(b"\r\n");
            column = 0;
        } else {
            out.push(b' ');
        }
    }
    let end = out.iter().rposition(|b| !b.is_ascii_whitespace()).map_or(0, |at| at + 1);
    out.truncate(end);
    out.extend_from_slice(b"\r\n");
    out
}

/// Two to four syllables, always the same for the same number.
fn push_word(number: u64, out: &mut Vec<u8>) {
    let mut bits = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
    for _ in 0..2 + number % 3 {
        out.extend_from_slice(SYLLABLES[(bits & 31) as usize].as_bytes());
        bits >>= 5;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_repeatable_and_fit_for_data() {
        for number in [1, 2, 100] {
            let message = make(7, number, 10_240, "u1@bench.test");
            assert_eq!(message, make(7, number, 10_240, "u1@bench.test"));
            assert!(message.len().abs_diff(10_240) < 32, "{}", message.len());
            let text = String::from_utf8(message).unwrap();
            assert!(text.ends_with("\r\n") && !text.contains("\n."));
            assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
            assert!(text.lines().all(|l| l.len() < 100));
            assert_eq!(text.contains("xylophone"), number == 100);
        }
        assert_ne!(make(7, 1, 2000, "a@b.c"), make(8, 1, 2000, "a@b.c"));
    }
}
