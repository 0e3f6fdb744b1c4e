//! How results of SEARCH and SORT are told: plainly, or as ESEARCH (RFC 4731, RFC 5182, RFC 5267, RFC 9394).

use wire::imap::{Return, set, write};

/// What was found, in the order it is told.
pub(super) struct Results<'a> {
    /// `SEARCH` or `SORT`
    pub(super) verb: &'static str,
    pub(super) tag: &'a str,
    pub(super) uid: bool,
    /// UIDs or sequence numbers.
    pub(super) numbers: &'a [u32],
    pub(super) modseq: Option<u64>,
}

impl Results<'_> {
    /// `* SEARCH n …`
    pub(super) fn write_plain(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"* ");
        out.extend_from_slice(self.verb.as_bytes());
        for number in self.numbers {
            out.push(b' ');
            write::number(out, (*number).into());
        }
        if let Some(modseq) = self.modseq {
            out.extend_from_slice(b" (MODSEQ ");
            write::number(out, modseq);
            out.push(b')');
        }
        out.extend_from_slice(b"\r\n");
    }

    /// `* ESEARCH (TAG "t") …`; nothing where nothing is wanted but that the result is kept.
    pub(super) fn write_extended(&self, wanted: Return, out: &mut Vec<u8>) {
        let told = Return { save: false, update: false, ..wanted };
        if told == Return::default() {
            return;
        }
        write_head(out, self.tag, self.uid);
        let count = self.numbers.len() as u64;
        for (wanted, name, number) in [
            (wanted.min, " MIN ", self.numbers.first().map(|n| u64::from(*n))),
            (wanted.max, " MAX ", self.numbers.last().map(|n| u64::from(*n))),
            (wanted.count, " COUNT ", Some(count)),
            (true, " MODSEQ ", self.modseq),
        ] {
            if let Some(number) = number.filter(|_| wanted) {
                out.extend_from_slice(name.as_bytes());
                write::number(out, number);
            }
        }
        if wanted.all && !self.numbers.is_empty() {
            out.extend_from_slice(b" ALL ");
            write_numbers(out, self.numbers);
        }
        if let Some(window) = wanted.window {
            out.extend_from_slice(format!(" PARTIAL ({} ", window.label()).as_bytes());
            match window.of(self.numbers) {
                [] => out.extend_from_slice(b"NIL"),
                within => write_numbers(out, within),
            }
            out.push(b')');
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// `* ESEARCH (TAG "t") UID`
pub(super) fn write_head(out: &mut Vec<u8>, tag: &str, uid: bool) {
    out.extend_from_slice(b"* ESEARCH (TAG ");
    write::string(out, tag.as_bytes());
    out.push(b')');
    if uid {
        out.extend_from_slice(b" UID");
    }
}

/// Numbers in their order, those that follow one another as ranges.
pub(super) fn write_numbers(out: &mut Vec<u8>, numbers: &[u32]) {
    write::set(out, &set::from_sorted(numbers.iter().copied()));
}

/// What `$` stands for after a search that saves (RFC 5182 section 2.4): the lowest and highest where only
/// these were asked for.
pub(super) fn to_save(wanted: Return, found: &[u32]) -> Vec<u32> {
    let mut saved = match wanted {
        Return { all: true, .. } | Return { count: true, .. } => found.to_vec(),
        Return { window: Some(window), .. } => window.of(found).to_vec(),
        Return { min: false, max: false, .. } => found.to_vec(),
        Return { min, max, .. } => {
            let ends = found.first().filter(|_| min).into_iter().chain(found.last().filter(|_| max));
            ends.copied().collect()
        }
    };
    saved.sort_unstable();
    saved.dedup();
    saved
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use wire::imap::{Scanner, Search};

    use super::*;

    fn wanted(text: &str) -> Return {
        let bytes = Bytes::from(format!("RETURN ({text}) ALL"));
        Search::parse(&mut Scanner::new(&bytes)).unwrap().results.unwrap()
    }

    fn told(options: &str, numbers: &[u32]) -> String {
        let results = Results { verb: "SEARCH", tag: "a", uid: true, numbers, modseq: None };
        let mut out = Vec::new();
        results.write_extended(wanted(options), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn extended_results() {
        let told_of = |text: &str| format!("* ESEARCH (TAG \"a\") UID{text}\r\n");
        assert_eq!(told("MIN MAX COUNT", &[3, 5, 9]), told_of(" MIN 3 MAX 9 COUNT 3"));
        assert_eq!(told("", &[3, 4, 9, 2]), told_of(" ALL 3:4,9,2"));
        assert_eq!(told("ALL COUNT", &[]), told_of(" COUNT 0"));
        assert_eq!(told("SAVE", &[1]), "");
        assert_eq!(told("PARTIAL 2:3", &[3, 5, 9]), told_of(" PARTIAL (2:3 5,9)"));
        assert_eq!(told("PARTIAL -1:-1", &[]), told_of(" PARTIAL (-1:-1 NIL)"));
    }

    #[test]
    fn saved_results() {
        for (options, saved) in [
            ("SAVE", &[3, 5, 9][..]),
            ("SAVE MIN", &[3]),
            ("SAVE MIN MAX", &[3, 9]),
            ("SAVE MIN COUNT", &[3, 5, 9]),
            ("SAVE PARTIAL 1:2", &[3, 5]),
        ] {
            assert_eq!(to_save(wanted(options), &[3, 5, 9]), saved, "{options}");
        }
    }
}
