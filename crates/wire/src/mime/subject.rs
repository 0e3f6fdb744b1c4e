//! The base subject (RFC 5256 section 2.1): what is left of a subject without `Re:`, `Fwd:`, `[list]` and the like.

/// Longer subjects are compared by their beginning, bytes.
const SUBJECT_MAX: usize = 1_024;

/// A base subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BaseSubject {
    /// In lower case, for comparing.
    pub text: String,
    /// Something said that it answers or forwards another message.
    pub is_reply: bool,
}

impl BaseSubject {
    /// Of a subject that is decoded already.
    pub fn of(subject: &str) -> Self {
        let subject = &subject[..subject.floor_char_boundary(SUBJECT_MAX)];
        let words: Vec<&str> = subject.split_whitespace().collect();
        let mut lower = words.join(" ").to_lowercase();
        lower.truncate(lower.floor_char_boundary(SUBJECT_MAX));
        let (mut rest, mut is_reply) = (&lower[..], false);
        loop {
            while let Some(shorter) = rest.strip_suffix("(fwd)") {
                (rest, is_reply) = (shorter.trim_end(), true);
            }
            rest = without_leaders(rest.trim(), &mut is_reply);
            match rest.strip_prefix("[fwd:").and_then(|inner| inner.strip_suffix(']')) {
                Some(inner) => (rest, is_reply) = (inner.trim(), true),
                None => return BaseSubject { text: rest.to_owned(), is_reply },
            }
        }
    }
}

/// Takes `Re:`, `[list] Fwd:` and, where something follows, `[list]` off the front.
fn without_leaders<'s>(subject: &'s str, is_reply: &mut bool) -> &'s str {
    let mut rest = subject;
    loop {
        let mut after_blobs = rest;
        while let Some(after) = without_blob(after_blobs) {
            after_blobs = after;
        }
        if let Some(after) = without_marker(after_blobs) {
            (rest, *is_reply) = (after, true);
        } else if let Some(after) = without_blob(rest).filter(|after| !after.is_empty()) {
            rest = after;
        } else {
            return rest;
        }
    }
}

/// What follows `[…]` and spaces.
fn without_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']']).filter(|end| inner.as_bytes()[*end] == b']')?;
    Some(inner[end + 1..].trim_start())
}

/// What follows `re:`, `fw:` or `fwd:`, a blob allowed before the colon.
fn without_marker(text: &str) -> Option<&str> {
    let after = ["re", "fwd", "fw"].iter().find_map(|marker| text.strip_prefix(marker))?.trim_start();
    let after = without_blob(after).unwrap_or(after);
    after.strip_prefix(':').map(str::trim_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_subjects() {
        for (subject, text, is_reply) in [
            ("Hello  World", "hello world", false),
            ("Re: Hello", "hello", true),
            ("RE: re[2]: Fwd: hello (fwd)", "hello", true),
            ("[list] hello", "hello", false),
            ("[list] Re: [list] hello", "hello", true),
            ("[list]", "[list]", false),
            ("[Fwd: [list] Re: hello]", "hello", true),
            ("Reply", "reply", false),
            ("re:", "", true),
            ("[a [b] c", "[a [b] c", false),
        ] {
            assert_eq!(BaseSubject::of(subject), BaseSubject { text: text.into(), is_reply }, "{subject}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_base_subject_is_its_own(subject in "((Re|Fwd|FW)?:? ?(\\[[a-c]{0,2}\\])? ?[a-cé]{0,3} ?(\\(fwd\\))?){0,4}") {
            let base = BaseSubject::of(&subject);
            proptest::prop_assert_eq!(BaseSubject::of(&base.text).text, base.text);
        }
    }
}
