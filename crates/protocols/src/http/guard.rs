//! What a request must be before any handler sees it: one host, one length, one reading of its path.
//! (Request smuggling and path tricks: two parsers that disagree. Here there is one, and it is strict.)

use hyper::{Request, Version, header};

/// The request's path, decoded once and lower-cased, or why the request is refused.
pub(super) fn checked_path<B>(request: &Request<B>) -> Result<String, &'static str> {
    let headers = request.headers();
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() != Version::HTTP_10) {
        return Err("A request has exactly one Host header.\r\n");
    }
    let lengths = headers.get_all(header::CONTENT_LENGTH).iter().count();
    if lengths > 1 || (lengths == 1 && headers.contains_key(header::TRANSFER_ENCODING)) {
        return Err("A request has one length.\r\n");
    }
    if let (Some(authority), Some(host)) = (request.uri().authority(), headers.get(header::HOST))
        && !authority.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes())
    {
        return Err("The request target and the Host header differ.\r\n");
    }
    let path = decode(request.uri().path()).ok_or("The path is malformed.\r\n")?;
    let odd = |segment: &str| matches!(segment, "." | "..") || segment.contains([';', '\\']);
    if path.contains("//") || path.split('/').any(odd) || decode(&path).as_deref() != Some(&path) {
        return Err("The path is ambiguous.\r\n");
    }
    Ok(path.to_lowercase())
}

/// Percent-decodes; `None` for malformed escapes, controls and invalid UTF-8.
fn decode(path: &str) -> Option<String> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                (digit()? << 4 | digit()?) as u8
            }
            other => other,
        });
    }
    let text = String::from_utf8(out).ok()?;
    (!text.chars().any(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, headers: &[(&str, &str)]) -> Request<()> {
        let mut builder = Request::builder().uri(target);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap()
    }

    #[test]
    fn one_reading_or_none() {
        let host = [("host", "h")];
        assert_eq!(checked_path(&request("/Metrics", &host)).as_deref(), Ok("/metrics"));
        assert_eq!(checked_path(&request("/a%20b", &host)).as_deref(), Ok("/a b"));
        for bad in ["/a/../b", "/a/%2e%2e/b", "/a%252f", "/a;x/b", "//a", "/%", "/%zz", "/%0a", "/%ff"] {
            assert!(checked_path(&request(bad, &host)).is_err(), "{bad}");
        }
        for bad in [
            &[][..],
            &[("host", "h"), ("host", "i")],
            &[("host", "h"), ("content-length", "1"), ("transfer-encoding", "chunked")],
        ] {
            assert!(checked_path(&request("/", bad)).is_err(), "{bad:?}");
        }
        assert!(checked_path(&request("https://other/", &host)).is_err());
    }
}
