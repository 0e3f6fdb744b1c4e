//! One HTTPS exchange of a session: the request as bytes, the answer taken apart.

use std::time::{Duration, Instant};

use super::transport::{Connection, printable};
use crate::Outcome;

/// An answer, as far as sessions compare it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: String,
    /// Header lines, `Name: value`.
    pub(crate) headers: Vec<String>,
    /// The body's lines, printable.
    pub(crate) body: Vec<String>,
    /// The body as JSON, where it is.
    pub(crate) json: Option<serde_json::Value>,
}

impl Answer {
    /// What a pointer (RFC 6901) leads to, as sessions show it: texts bare, other values as JSON, `(none)` where
    /// there is nothing. With a `#` at its end it counts the members.
    pub(crate) fn at(&self, pointer: &str) -> String {
        let (path, counts) = pointer.strip_suffix('#').map_or((pointer, false), |path| (path, true));
        match self.json.as_ref().and_then(|json| json.pointer(path.trim_end_matches('/'))) {
            None => "(none)".to_owned(),
            Some(serde_json::Value::Array(items)) if counts => items.len().to_string(),
            Some(serde_json::Value::Object(members)) if counts => members.len().to_string(),
            Some(serde_json::Value::String(text)) => printable(text.as_bytes()),
            Some(other) => printable(other.to_string().as_bytes()),
        }
    }
}

/// Sends `request` (`GET /path`) with its header lines and body; one connection for one request.
pub(crate) fn exchange(
    address: &str,
    request: &str,
    headers: &[String],
    body: Option<&str>,
    timeout: Duration,
) -> Outcome<Answer> {
    let mut connection = Connection::open(address, true, timeout)?;
    let mut bytes = format!("{request} HTTP/1.1\r\n");
    let has = |name: &str| headers.iter().any(|h| is_named(h, name));
    let mut own = vec![("Host", address.to_owned()), ("Connection", "close".to_owned())];
    own.extend(body.map(|b| ("Content-Length", b.len().to_string())));
    for (name, value) in own {
        if !has(name) {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    for header in headers {
        bytes.push_str(&format!("{header}\r\n"));
    }
    bytes.push_str("\r\n");
    bytes.push_str(body.unwrap_or_default());
    connection.send(bytes.as_bytes())?;
    let raw = connection.read_until(Instant::now() + timeout, is_whole);
    parse(&raw)
}

/// Whether a header line carries this name.
pub(crate) fn is_named(line: &str, name: &str) -> bool {
    line.split_once(':').is_some_and(|(n, _)| n.trim().eq_ignore_ascii_case(name))
}

/// The value of the first header of that name in raw header lines.
fn value<'a>(headers: &'a [String], name: &str) -> Option<&'a str> {
    headers.iter().find(|h| is_named(h, name)).and_then(|h| h.split_once(':')).map(|(_, v)| v.trim())
}

fn head(raw: &[u8]) -> Option<(String, Vec<String>, &[u8])> {
    let end = raw.windows(4).position(|w| w == b"\r\n\r\n")?;
    let text = printable_lines(&raw[..end]);
    let (first, headers) = text.split_first()?;
    Some((first.clone(), headers.to_vec(), &raw[end + 4..]))
}

fn printable_lines(bytes: &[u8]) -> Vec<String> {
    let line = |l: &[u8]| printable(l.strip_suffix(b"\r").unwrap_or(l));
    bytes.split(|&b| b == b'\n').map(line).collect()
}

/// True once the answer is complete by its own framing; without any, the end of the connection decides.
fn is_whole(raw: &[u8]) -> bool {
    let Some((_, headers, body)) = head(raw) else { return false };
    match value(&headers, "Content-Length").map(str::parse::<usize>) {
        Some(Ok(length)) => body.len() >= length,
        _ => value(&headers, "Transfer-Encoding").is_some() && dechunk(body).is_some(),
    }
}

/// The body of chunks, or `None` while it is not complete.
fn dechunk(mut raw: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let end = raw.windows(2).position(|w| w == b"\r\n")?;
        let size = std::str::from_utf8(&raw[..end]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        raw = &raw[end + 2..];
        if size == 0 {
            return raw.windows(2).any(|w| w == b"\r\n").then_some(out);
        }
        out.extend_from_slice(raw.get(..size)?);
        raw = raw.get(size + 2..)?;
    }
}

fn parse(raw: &[u8]) -> Outcome<Answer> {
    let (first, headers, body) = head(raw).ok_or_else(|| format!("no HTTP answer: {}", printable(raw)))?;
    let status = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = match value(&headers, "Transfer-Encoding") {
        Some(_) => dechunk(body).ok_or("the chunked body is cut short")?,
        None => body.to_vec(),
    };
    let mut lines = printable_lines(&body);
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    Ok(Answer { status, headers, body: lines, json: serde_json::from_slice(&body).ok() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_answers_apart() {
        let raw = b"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na\r\nb\r\n1;x\r\nc\r\n0\r\n\r\n";
        assert!(is_whole(raw));
        assert!(!is_whole(&raw[..raw.len() - 2]));
        let answer = parse(raw).unwrap();
        assert_eq!((answer.status.as_str(), answer.headers.len()), ("200", 2));
        assert_eq!(answer.body, ["a", "bc"]);
        let sized = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
        assert!(is_whole(sized) && !is_whole(&sized[..sized.len() - 1]));
        assert!(parse(b"nonsense").is_err());
        assert_eq!(answer.at("/a"), "(none)");
    }

    #[test]
    fn points_into_json() {
        let raw = b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{\"a\":[{\"b/c\":\"x\"},true],\"n\":1}";
        let answer = parse(raw).unwrap();
        for (pointer, shown) in
            [("/a/0/b~1c", "x"), ("/a/1", "true"), ("/a#", "2"), ("/#", "2"), ("/n", "1"), ("/a/2", "(none)")]
        {
            assert_eq!(answer.at(pointer), shown, "{pointer}");
        }
    }
}
