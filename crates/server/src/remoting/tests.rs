//! URIs; and that nothing is sent to a server that is not who it must be.

use super::{url::parse, *};

#[test]
fn uris_are_read() {
    let target = |encrypted, host: &str, port| Target { encrypted, host: host.into(), port };
    for (url, expected, path, authority) in [
        (
            "https://Mail.Example.com/PowerShell?PSVersion=5.1",
            target(true, "mail.example.com", 443),
            "/PowerShell?PSVersion=5.1",
            "mail.example.com",
        ),
        ("http://[::1]:8080?x", target(false, "::1", 8080), "/?x", "[::1]:8080"),
        ("https://10.0.0.1:8443#f", target(true, "10.0.0.1", 8443), "/", "10.0.0.1:8443"),
    ] {
        let (parsed, parsed_path) = parse(url).unwrap();
        assert_eq!((&parsed, &*parsed_path, &*parsed.authority()), (&expected, path, authority), "{url}");
    }
    for bad in [
        "",
        "mail",
        "ftp://a/",
        "https://",
        "https://user@host/",
        "https://a:b/",
        "https://a:70000/",
        "https://[::1/",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
    assert_eq!(url::basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}
