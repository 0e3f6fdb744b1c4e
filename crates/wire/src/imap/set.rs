//! Sequence sets (RFC 3501 section 9 `sequence-set`): read, resolved to disjoint ranges, written.

use std::ops::RangeInclusive;

use crate::imap::scan::{ParseError, Parsed, Scanner};

/// Ascending, disjoint, not touching.
pub type Ranges = Vec<RangeInclusive<u32>>;

/// A set as the client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceSet {
    ranges: Vec<(Bound, Bound)>,
    /// `$`: what the last search saved (RFC 5182).
    saved: bool,
}

/// A number, or `*`: the largest in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Number(u32),
    Last,
}

impl SequenceSet {
    /// Reads a set.
    pub fn parse(s: &mut Scanner<'_>) -> Parsed<Self> {
        let mut ranges = Vec::new();
        if s.take(b'$') {
            return Ok(SequenceSet { ranges, saved: true });
        }
        loop {
            let first = bound(s)?;
            let last = if s.take(b':') { bound(s)? } else { first };
            ranges.push((first, last));
            if !s.take(b',') {
                return Ok(SequenceSet { ranges, saved: false });
            }
        }
    }

    /// Whether it stands for what the last search saved.
    pub fn is_saved(&self) -> bool {
        self.saved
    }

    /// The numbers of a set that names them all: neither `*` nor `$`.
    pub fn fixed(&self) -> Parsed<Ranges> {
        let open = |bound: &Bound| *bound == Bound::Last;
        if self.saved || self.ranges.iter().any(|(a, b)| open(a) || open(b)) {
            return Err(ParseError("Only numbers are allowed in this set"));
        }
        Ok(self.resolve(u32::MAX))
    }

    /// The one number of a set that names one.
    pub fn single(&self) -> Parsed<Self> {
        let one = matches!(&self.ranges[..], [(a, b)] if a == b);
        if one { Ok(self.clone()) } else { Err(ParseError("One message number expected")) }
    }

    /// The numbers meant where `last` is the largest in use (0: none is). Nothing above it is returned.
    pub fn resolve(&self, last: u32) -> Ranges {
        let number = |bound| match bound {
            Bound::Number(number) => number,
            Bound::Last => last,
        };
        let ranges = self.ranges.iter().map(|&(a, b)| {
            let (a, b) = (number(a), number(b));
            a.min(b)..=a.max(b).min(last)
        });
        merge(ranges.filter(|range| !range.is_empty() && *range.start() > 0).collect())
    }
}

fn bound(s: &mut Scanner<'_>) -> Parsed<Bound> {
    if s.take(b'*') {
        return Ok(Bound::Last);
    }
    match s.number()? {
        0 => Err(ParseError("Invalid message set: numbers start at 1")),
        number => Ok(Bound::Number(number)),
    }
}

/// Sorts ranges and joins those that touch or overlap.
pub fn merge(mut ranges: Ranges) -> Ranges {
    ranges.sort_unstable_by_key(|range| *range.start());
    ranges.dedup_by(|next, kept| {
        let joins = *next.start() <= kept.end().saturating_add(1);
        if joins && next.end() > kept.end() {
            *kept = *kept.start()..=*next.end();
        }
        joins
    });
    ranges
}

/// Ascending numbers as ranges.
pub fn from_sorted(numbers: impl IntoIterator<Item = u32>) -> Ranges {
    let mut ranges: Ranges = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(last) if number == last.end().saturating_add(1) => *last = *last.start()..=number,
            _ => ranges.push(number..=number),
        }
    }
    ranges
}

/// The numbers that are in both.
pub fn intersect(a: &Ranges, b: &Ranges) -> Ranges {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut both = Vec::new();
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        let range = *x.start().max(y.start())..=*x.end().min(y.end());
        if x.end() < y.end() {
            a.next()
        } else {
            b.next()
        };
        if !range.is_empty() {
            both.push(range);
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn resolve(text: &str, last: u32) -> Parsed<Ranges> {
        SequenceSet::parse(&mut Scanner::new(&Bytes::copy_from_slice(text.as_bytes())))
            .map(|s| s.resolve(last))
    }

    #[test]
    fn resolves() {
        for (text, last, ranges) in [
            ("1", 9, vec![1..=1]),
            ("*", 9, vec![9..=9]),
            ("5:2,3,7:*,8", 9, vec![2..=5, 7..=9]),
            ("*:4", 9, vec![4..=9]),
            ("12:*", 9, vec![9..=9]),
            ("12:14,1", 9, vec![1..=1]),
            ("1:*", 0, vec![]),
            ("1,2,3,5", 9, vec![1..=3, 5..=5]),
            ("1:4294967295,4294967295", u32::MAX, vec![1..=u32::MAX]),
        ] {
            assert_eq!(resolve(text, last), Ok(ranges), "{text}");
        }
        for bad in ["", "0", "a", "1:", ",", "1,", "4294967296"] {
            assert!(resolve(bad, 9).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn set_algebra(a in proptest::collection::btree_set(1..60_u32, 0..30), b in proptest::collection::btree_set(1..60_u32, 0..30)) {
            let (x, y) = (from_sorted(a.iter().copied()), from_sorted(b.iter().copied()));
            let flat = |ranges: &Ranges| ranges.iter().flat_map(|r| r.clone()).collect::<Vec<_>>();
            proptest::prop_assert_eq!(flat(&x), a.iter().copied().collect::<Vec<_>>());
            proptest::prop_assert_eq!(flat(&intersect(&x, &y)), a.intersection(&b).copied().collect::<Vec<_>>());
            let mut both = y.clone();
            both.extend(x.iter().cloned());
            proptest::prop_assert_eq!(flat(&merge(both)), a.union(&b).copied().collect::<Vec<_>>());
        }
    }
}
