//! What a server announces in its answer to `EHLO`.

use super::Reply;

/// The extensions a client can make use of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// PIPELINING
    pub pipelining: bool,
    /// 8BITMIME
    pub eight_bit_mime: bool,
    /// BINARYMIME
    pub binary_mime: bool,
    /// CHUNKING
    pub chunking: bool,
    /// SMTPUTF8
    pub smtp_utf8: bool,
    /// DSN
    pub dsn: bool,
    /// STARTTLS
    pub start_tls: bool,
    /// SIZE
    pub size: bool,
    /// The limit told with SIZE, bytes; `None` where there is none or 0.
    pub max_size: Option<u64>,
    /// AUTH PLAIN
    pub auth_plain: bool,
    /// AUTH LOGIN
    pub auth_login: bool,
}

impl Extensions {
    /// Reads the answer to `EHLO`; its first line is the server's name, unknown keywords are skipped.
    pub fn read(reply: &Reply) -> Self {
        let mut found = Self::default();
        for line in reply.text.split('\n').skip(1) {
            // Old servers write `AUTH=LOGIN` too; it means the same.
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            let Some(keyword) = words.next() else { continue };
            match keyword.to_ascii_uppercase().as_str() {
                "PIPELINING" => found.pipelining = true,
                "8BITMIME" => found.eight_bit_mime = true,
                "BINARYMIME" => found.binary_mime = true,
                "CHUNKING" => found.chunking = true,
                "SMTPUTF8" => found.smtp_utf8 = true,
                "DSN" => found.dsn = true,
                "STARTTLS" => found.start_tls = true,
                "SIZE" => {
                    found.size = true;
                    found.max_size = words.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
                }
                "AUTH" => {
                    for mechanism in words {
                        found.auth_plain |= mechanism.eq_ignore_ascii_case("PLAIN");
                        found.auth_login |= mechanism.eq_ignore_ascii_case("LOGIN");
                    }
                }
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_announced() {
        let text =
            "mail.example Hello\nSIZE 37748736\nPIPELINING\ndsn\nAUTH LOGIN PLAIN XOAUTH2\n8BITMIME\nX-FOO";
        let found = Extensions::read(&Reply::plain(250, text));
        let expected = Extensions {
            size: true,
            max_size: Some(37_748_736),
            pipelining: true,
            dsn: true,
            auth_plain: true,
            auth_login: true,
            eight_bit_mime: true,
            ..Extensions::default()
        };
        assert_eq!(found, expected);
        assert_eq!(Extensions::read(&Reply::plain(250, "PIPELINING")), Extensions::default());
        assert_eq!(Extensions::read(&Reply::plain(250, "x\nSIZE 0\nSIZE")).max_size, None);
    }
}
