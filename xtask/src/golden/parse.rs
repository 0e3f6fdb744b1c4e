//! The session file format: text into steps. `docs/testing.md` describes it to authors.

use std::time::Duration;

use super::pattern::Pattern;

/// One step and where it starts.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Line in the file, from 1.
    pub(crate) line: usize,
    /// What to do.
    pub(crate) action: Action,
}

/// An expected line and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// Line in the file, from 1.
    pub(crate) line: usize,
    /// What must match.
    pub(crate) pattern: Pattern,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// `C:` the client sends a line.
    Send(Pattern),
    /// `C*` the client sends exact bytes, some times over.
    SendRaw {
        /// How many times.
        times: usize,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// `S:` a run of lines the server sends next.
    Expect(Vec<Expected>),
    /// `S~` lines are skipped until one matches.
    Skip(Expected),
    /// `S.` the server closes the connection.
    Closed,
    /// `PS>`, `PS!` a command in the administration shell.
    Shell {
        /// The command, lines joined by a line feed.
        command: Pattern,
        /// An error is expected.
        fails: bool,
        /// What it prints.
        expected: Vec<Expected>,
    },
    /// `H>` one HTTPS request.
    Http(Box<HttpStep>),
    /// `@ message` lines of a message that a sink captured.
    Message {
        /// The sink.
        sink: String,
        /// Which message, from 1.
        index: usize,
        /// Lines to compare, in order; `true` skips until one matches.
        expected: Vec<(bool, Expected)>,
    },
    /// `@ …` anything else.
    Directive(Directive),
}

/// An HTTPS request and what is expected of its answer.
#[derive(Clone, Debug)]
pub(crate) struct HttpStep {
    /// `GET /path`.
    pub(crate) request: Pattern,
    /// Request headers, whole lines.
    pub(crate) headers: Vec<Pattern>,
    /// Request body, lines joined by a line feed.
    pub(crate) body: Vec<Pattern>,
    /// The status code.
    pub(crate) status: Option<Expected>,
    /// Headers that must be there: whole `Name: pattern` lines.
    pub(crate) expected_headers: Vec<Expected>,
    /// The whole body; not compared when empty.
    pub(crate) expected_body: Vec<Expected>,
    /// Parts of a JSON body: `pointer pattern`.
    pub(crate) expected_json: Vec<Expected>,
}

/// The `@` directives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Directive {
    /// Opens a connection to a named port, in TLS at once where asked.
    Connect {
        /// The connection's name.
        name: String,
        /// Which listener, or a `host:port`.
        port: String,
        /// TLS from the first byte.
        tls: bool,
    },
    /// Switches to an open connection.
    Use(String),
    /// The TLS handshake, now, on the current connection.
    StartTls,
    /// Closes the current connection.
    Close,
    /// Stops the server gracefully and starts it again.
    Restart,
    /// Kills the server with SIGKILL and starts it again.
    Kill,
    /// Waits.
    Sleep(Duration),
    /// Gives a variable a value.
    Set(String, Pattern),
    /// Gives a variable the Base64 of escaped text (variables are expanded after the escapes).
    Base64(String, Pattern),
    /// How long the next expectation may take.
    Within(Duration),
    /// Starts an SMTP sink that greets with a host name.
    Sink {
        /// The sink's name.
        name: String,
        /// The name it greets with.
        host: String,
    },
    /// From now on the sink answers this verb (`RCPT`, `DATA`, `END` …) with this reply.
    Answer {
        /// The sink.
        sink: String,
        /// The verb, upper case.
        verb: String,
        /// The whole reply line.
        reply: Pattern,
    },
    /// Waits until the sink has so many messages.
    Received(String, usize),
}

/// A line that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParseError {
    /// Line in the file, from 1.
    pub(crate) line: usize,
    /// What is wrong with it.
    pub(crate) problem: String,
}

/// Reads a whole session file.
pub(crate) fn parse(text: &str) -> Result<Vec<Step>, ParseError> {
    let mut steps: Vec<Step> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let number = index + 1;
        read_line(&mut steps, number, line).map_err(|problem| ParseError { line: number, problem })?;
    }
    Ok(steps)
}

/// Prefixes that open a step, and prefixes that continue the one before, longest first where they overlap.
fn read_line(steps: &mut Vec<Step>, number: usize, line: &str) -> Result<(), String> {
    let (prefix, rest) = split_prefix(line).ok_or_else(|| format!("no step starts like this: {line}"))?;
    let pattern = Pattern::parse(rest);
    let expected = Expected { line: number, pattern: pattern.clone() };
    let action = match prefix {
        "C:" => Action::Send(pattern),
        "C*" => raw(rest)?,
        "S:" => match steps.last_mut().map(|s| &mut s.action) {
            Some(Action::Expect(lines)) if lines.last().is_some_and(|l| l.line + 1 == number) => {
                lines.push(expected);
                return Ok(());
            }
            _ => Action::Expect(vec![expected]),
        },
        "S~" => Action::Skip(expected),
        "S." => Action::Closed,
        "PS>" | "PS!" => Action::Shell { command: pattern, fails: prefix == "PS!", expected: Vec::new() },
        "H>" => Action::Http(Box::new(HttpStep {
            request: pattern,
            headers: Vec::new(),
            body: Vec::new(),
            status: None,
            expected_headers: Vec::new(),
            expected_body: Vec::new(),
            expected_json: Vec::new(),
        })),
        "@" => directive(rest.trim())?,
        _ => return continue_step(steps.last_mut(), prefix, expected),
    };
    steps.push(Step { line: number, action });
    Ok(())
}

fn continue_step(step: Option<&mut Step>, prefix: &str, expected: Expected) -> Result<(), String> {
    let action = step.map(|s| &mut s.action);
    match (prefix, action) {
        ("PS<", Some(Action::Shell { command, expected: printed, .. })) if printed.is_empty() => {
            *command = Pattern::parse(&format!("{}\n{}", command.source(), expected.pattern.source()));
        }
        ("|", Some(Action::Shell { expected: printed, .. })) => printed.push(expected),
        ("h>", Some(Action::Http(http))) => http.headers.push(expected.pattern),
        ("b>", Some(Action::Http(http))) => http.body.push(expected.pattern),
        ("H<", Some(Action::Http(http))) => http.status = Some(expected),
        ("h<", Some(Action::Http(http))) => http.expected_headers.push(expected),
        ("b<", Some(Action::Http(http))) => http.expected_body.push(expected),
        ("j<", Some(Action::Http(http))) => http.expected_json.push(expected),
        ("M:" | "M~", Some(Action::Message { expected: lines, .. })) => {
            lines.push((prefix == "M~", expected))
        }
        _ => return Err(format!("{prefix} does not follow on the step before it")),
    }
    Ok(())
}

const PREFIXES: [&str; 19] = [
    "C:", "C*", "S:", "S~", "S.", "PS>", "PS!", "PS<", "H>", "H<", "h>", "h<", "b>", "b<", "j<", "M:", "M~",
    "|", "@",
];

/// The prefix and what follows it; one space between them is not part of the text.
fn split_prefix(line: &str) -> Option<(&'static str, &str)> {
    let prefix = PREFIXES.into_iter().find(|p| line.starts_with(p))?;
    let rest = &line[prefix.len()..];
    Some((prefix, rest.strip_prefix(' ').unwrap_or(rest)))
}

/// `C*` with an optional count before the quoted bytes (`C*500 "x"`).
fn raw(rest: &str) -> Result<Action, String> {
    let rest = rest.trim();
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let times =
        if digits == 0 { 1 } else { rest[..digits].parse().map_err(|_| "count too large".to_owned())? };
    Ok(Action::SendRaw { times, bytes: quoted(rest[digits..].trim())? })
}

/// `"…"` with Rust's escapes, as bytes.
fn quoted(text: &str) -> Result<Vec<u8>, String> {
    let inner = text
        .strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .ok_or_else(|| format!("expected \"quoted bytes\", found {text}"))?;
    let mut out = Vec::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match chars.next() {
            Some('r') => out.push(b'\r'),
            Some('n') => out.push(b'\n'),
            Some('t') => out.push(b'\t'),
            Some('0') => out.push(0),
            Some(c @ ('\\' | '"' | '\'')) => out.push(c as u8),
            Some('x') => {
                let hex: String = chars.by_ref().take(2).collect();
                out.push(u8::from_str_radix(&hex, 16).map_err(|_| format!("not a byte: \\x{hex}"))?);
            }
            Some('u') => {
                let hex: String = chars.by_ref().skip(1).take_while(|&c| c != '}').collect();
                let c = u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32);
                let c = c.ok_or_else(|| format!("not a character: \\u{{{hex}}}"))?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            other => return Err(format!("unknown escape \\{}", other.unwrap_or(' '))),
        }
    }
    Ok(out)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let value: f64 = text.parse().map_err(|_| format!("not a number of seconds: {text}"))?;
    Duration::try_from_secs_f64(value).map_err(|e| e.to_string())
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("not a count: {text}"))
}

fn directive(text: &str) -> Result<Action, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    // What follows the first `n` words, as written.
    let tail = |n: usize| words.iter().take(n).fold(text, |rest, w| rest[w.len()..].trim_start());
    let own = |s: &str| s.to_owned();
    let directive = match words.as_slice() {
        ["connect", name, port] => Directive::Connect { name: own(name), port: own(port), tls: false },
        ["connect", name, port, "tls"] => Directive::Connect { name: own(name), port: own(port), tls: true },
        ["use", name] => Directive::Use(own(name)),
        ["starttls"] => Directive::StartTls,
        ["close"] => Directive::Close,
        ["restart"] => Directive::Restart,
        ["kill"] => Directive::Kill,
        ["sleep", time] => Directive::Sleep(seconds(time)?),
        ["within", time] => Directive::Within(seconds(time)?),
        ["set", name, ..] => Directive::Set(own(name), Pattern::parse(tail(2))),
        ["base64", name, ..] => {
            let text = String::from_utf8(quoted(tail(2))?).map_err(|_| "not UTF-8".to_owned())?;
            Directive::Base64(own(name), Pattern::parse(&text))
        }
        ["sink", name, "smtp", host] => Directive::Sink { name: own(name), host: own(host) },
        ["answer", sink, verb, ..] => Directive::Answer {
            sink: own(sink),
            verb: verb.to_ascii_uppercase(),
            reply: Pattern::parse(tail(3)),
        },
        ["received", name, n] => Directive::Received(own(name), count(n)?),
        ["message", name, k] => {
            return Ok(Action::Message { sink: own(name), index: count(k)?, expected: Vec::new() });
        }
        _ => return Err(format!("no such directive: @ {text}")),
    };
    Ok(Action::Directive(directive))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_of_line() {
        let text = "# a comment\n\n@ connect a smtp\nS: 220 {*}\nC: EHLO x\nS: 250-{*}\nS: 250 OK\nC*3 \"a\\r\\n\\x00\"\n\
            S~ * done\nS.\nPS> Get-Mailbox |\nPS< Format-List\n| Name : {*}\nPS! Get-X\n| no\n\
            H> GET /x\nh> A: b\nb> body\nH< 200\nh< C: {*}\nb< ok\n@ message s 2\nM: a\nM~ b\n@ within 2.5\n";
        let steps = parse(text).unwrap();
        assert_eq!(steps.len(), 12);
        assert!(matches!(&steps[3].action, Action::Expect(lines) if lines.len() == 2 && lines[1].line == 7));
        assert!(matches!(&steps[4].action, Action::SendRaw { times: 3, bytes } if bytes == b"a\r\n\0"));
        assert!(matches!(&steps[7].action, Action::Shell { command, fails: false, expected }
            if command.source() == "Get-Mailbox |\nFormat-List" && expected.len() == 1));
        assert!(matches!(&steps[8].action, Action::Shell { fails: true, .. }));
        assert!(
            matches!(&steps[9].action, Action::Http(h) if h.status.is_some() && h.expected_body.len() == 1)
        );
        assert!(matches!(&steps[10].action, Action::Message { index: 2, expected, .. } if expected[1].0));
        assert_eq!(steps[11].line, 25);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (text, line) in
            [("X: y", 1), ("\n@ dance", 2), ("| out", 1), ("C* \"\\q\"", 1), ("C*2 x", 1), ("S.\nPS< x", 2)]
        {
            assert_eq!(parse(text).unwrap_err().line, line, "{text}");
        }
    }

    #[test]
    fn directives_keep_their_tails() {
        let steps =
            parse("@ set x  a  b\n@ answer s rcpt 550 5.1.1 no  such user\n@ base64 p \"\\0u\\0p w\"")
                .unwrap();
        let directive = |i: usize| match &steps[i].action {
            Action::Directive(d) => d.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(directive(0), Directive::Set("x".into(), Pattern::parse("a  b")));
        let reply = Pattern::parse("550 5.1.1 no  such user");
        assert_eq!(directive(1), Directive::Answer { sink: "s".into(), verb: "RCPT".into(), reply });
        assert_eq!(directive(2), Directive::Base64("p".into(), Pattern::parse("\0u\0p w")));
    }
}
