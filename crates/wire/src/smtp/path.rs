//! Paths of `MAIL` and `RCPT` (RFC 5321 section 4.1.2): brackets, quotes and source routes.

use base::{SmtpAddress, SmtpDomain};

/// A path and what follows it on the line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path<'a> {
    /// The mailbox without brackets and source route; empty for `<>`.
    pub(super) mailbox: &'a str,
    /// The parameters.
    pub(super) rest: &'a str,
}

/// Takes the path off `text`. Brackets may be left out, as people at a keyboard do, where nothing else
/// could be meant.
pub(super) fn take(text: &str) -> Option<Path<'_>> {
    let text = text.trim_start_matches(' ');
    let (inner, rest) = match text.strip_prefix('<') {
        Some(inside) => {
            let close = closing_bracket(inside)?;
            (&inside[..close], &inside[close + 1..])
        }
        None => {
            let (word, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
            (!word.is_empty() && !word.contains(['<', '>', '"'])).then_some((word, rest))?
        }
    };
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    Some(Path { mailbox: strip_route(inner)?, rest })
}

/// Where the `>` stands that is not within a quoted string.
fn closing_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// `@a,@b:u@d` is `u@d`: a route is never followed (RFC 5321 appendix C), but must be well-formed.
fn strip_route(path: &str) -> Option<&str> {
    if !path.starts_with('@') {
        return Some(path);
    }
    let (route, mailbox) = path.split_once(':')?;
    let well_formed = route
        .split(',')
        .all(|hop| hop.strip_prefix('@').is_some_and(|domain| domain.parse::<SmtpDomain>().is_ok()));
    (well_formed && !mailbox.is_empty()).then_some(mailbox)
}

/// The recipient a mailbox text names; `postmaster` alone is the one at `domain` (RFC 5321 section 4.5.1).
pub(super) fn recipient(mailbox: &str, domain: &str) -> Option<SmtpAddress> {
    if mailbox.eq_ignore_ascii_case("postmaster") {
        return format!("{mailbox}@{domain}").parse().ok();
    }
    mailbox.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_mailbox() {
        for (text, mailbox, rest) in [
            ("<>", "", ""),
            ("<a@b>", "a@b", ""),
            (" <a@b> SIZE=1", "a@b", " SIZE=1"),
            ("a@b BODY=7BIT", "a@b", " BODY=7BIT"),
            (r#"<"a>b\" c"@d> X"#, r#""a>b\" c"@d"#, " X"),
            ("<@x,@y.z:u@d>", "u@d", ""),
        ] {
            assert_eq!(take(text), Some(Path { mailbox, rest }), "{text}");
        }
        for bad in
            ["", "<", "<a@b", "<a@b>x", "<@x>", "<@x,y:u@d>", "<@x:>", "<@:u@d>", "\"a@b", "a<b>", "<\"a>"]
        {
            assert_eq!(take(bad), None, "{bad}");
        }
    }

    #[test]
    fn postmaster_needs_no_domain() {
        assert_eq!(recipient("Postmaster", "here.example").unwrap().as_str(), "Postmaster@here.example");
        assert_eq!(recipient("nuno", "here.example"), None);
    }
}
