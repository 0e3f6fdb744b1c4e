//! The rules for source text, as tables.

use super::{Finding, crates::EDGES, source::Source};

/// The longest file, lines.
const LINES_MAX: usize = 700;

/// Where a rule looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    /// All code.
    Everywhere,
    /// Code outside tests.
    Production,
}

/// Words that may not stand in some files.
struct Rule {
    /// Path prefixes it holds for.
    within: &'static [&'static str],
    /// Path prefixes it does not hold for, each with the reason.
    except: &'static [(&'static str, &'static str)],
    place: Where,
    words: &'static [&'static str],
    problem: &'static str,
}

/// Code of ours in Rust.
const OURS: &[&str] = &["crates/", "xtask/", "bench/"];

const RULES: &[Rule] = &[
    Rule {
        within: OURS,
        except: &[],
        place: Where::Everywhere,
        words: &["todo!", "unimplemented!", "dbg!"],
        problem: "leftover {}",
    },
    Rule {
        within: OURS,
        except: &[],
        place: Where::Production,
        words: &[".unwrap()", ".expect(\"", ".expect(&"],
        problem: "leftover {} outside tests: return the error",
    },
    Rule {
        within: OURS,
        except: &[],
        place: Where::Production,
        words: &["#[allow(", "#![allow("],
        problem: "bare allow: write #[expect(…, reason = \"…\")]",
    },
    Rule {
        within: &["crates/"],
        except: &[
            ("crates/base/", "the seam itself"),
            ("crates/transport/src/receive/channel.rs", "the runtime's clock, which simulations stop"),
            ("crates/transport/src/deliver/there.rs", "the runtime's clock likewise"),
        ],
        place: Where::Production,
        words: &[
            "SystemTime::now",
            "Instant::now",
            "Timestamp::now(",
            "Zoned::now",
            "Utc::now",
            "clock_gettime",
        ],
        problem: "{}: time comes from base::clock",
    },
    Rule {
        within: &["crates/"],
        except: &[
            ("crates/base/", "the seam itself"),
            ("crates/dag/src/replica/runtime.rs", "gives openraft its randomness from base::rng"),
        ],
        place: Where::Production,
        words: &["getrandom::", "rand::", "thread_rng", "OsRng"],
        problem: "{}: randomness comes from base::rng",
    },
    Rule {
        within: &["crates/"],
        except: &[("crates/base/", "the seam itself")],
        place: Where::Production,
        words: &[
            "tokio::net",
            "std::os::unix::net",
            "TcpStream::connect",
            "TcpListener::bind",
            "UdpSocket::bind",
            "TcpSocket::new",
        ],
        problem: "{}: sockets come from base::net",
    },
    Rule {
        within: &["crates/"],
        except: &[
            ("crates/base/", "the seam itself"),
            ("crates/server/src/admin/", "the shell's local socket is no file of the data"),
            ("crates/server/src/shell/", "the files of the person at the shell are not the data folder's"),
            ("crates/server/src/analyze.rs", "scripts of the person at the shell likewise"),
            ("crates/server/src/manual.rs", "manual pages likewise"),
            ("crates/server/src/kerberos.rs", "the keytab may be the system's: it is opened to be read only"),
        ],
        place: Where::Production,
        words: &[
            "std::fs",
            "tokio::fs",
            "std::{fs",
            "fs::File",
            "File::open",
            "File::create",
            "OpenOptions::new",
            "rustix::fs",
        ],
        problem: "{}: files come from base::disk",
    },
    Rule {
        within: &[
            "crates/wire/src/",
            "crates/powershell/src/lexer",
            "crates/powershell/src/parser",
            "crates/powershell/src/ast",
            "crates/dag/src/machine",
        ],
        except: &[],
        place: Where::Production,
        words: &[
            "async fn",
            "async move",
            ".await",
            "tokio::",
            "base::clock",
            "base::disk",
            "base::net",
            "base::rng",
        ],
        problem: "{}: no async, clock or I/O here; types in, bytes out",
    },
];

/// Crates that a crate's code may not name, beyond what its manifest says.
const STRANGERS: &[(&str, &[&str])] =
    &[("protocols", &["store", "directory", "engine", "transport"]), ("store", &["dag"])];

/// Modules of `protocols` that do not know one another.
const PROTOCOLS: &[&str] = &["adminapi", "imap", "pop3", "ews", "jmap", "dav", "owa", "psremoting"];

/// Beginnings of paths that only exist on somebody's machine; written in halves so as not to find themselves.
const MACHINE_PATHS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Adds everything wrong with one file.
pub(super) fn check(source: &Source, findings: &mut Vec<Finding>) {
    let mut find =
        |line: usize, problem: String| findings.push(Finding { path: source.path.clone(), line, problem });
    for (index, line) in source.text.lines().enumerate() {
        if MACHINE_PATHS.iter().any(|path| line.contains(path)) {
            find(index + 1, "a machine's path; say it relatively or by an option".to_owned());
        }
    }
    if !source.path.ends_with(".rs") {
        return;
    }
    if !source.text.starts_with("//!") {
        find(1, "a file starts with //! and what belongs here".to_owned());
    }
    let length = source.text.lines().count();
    if length > LINES_MAX {
        find(0, format!("{length} lines is too long (at most {LINES_MAX}): make it about one thing"));
    }
    for rule in RULES.iter().filter(|rule| rule.holds_for(&source.path)) {
        for line in source.lines(rule.place == Where::Everywhere) {
            if let Some(word) = rule.words.iter().find(|word| has_word(line.code, word)) {
                find(line.number, rule.problem.replace("{}", word.trim_end_matches(['"', '&'])));
            }
        }
    }
    check_names(source, &mut find);
}

impl Rule {
    fn holds_for(&self, path: &str) -> bool {
        self.within.iter().any(|p| path.starts_with(p))
            && !self.except.iter().any(|(p, _)| path.starts_with(p))
    }
}

/// Names of crates and modules that this file may not use.
fn check_names(source: &Source, find: &mut impl FnMut(usize, String)) {
    let Some(rest) = source.path.strip_prefix("crates/") else { return };
    let Some((name, inside)) = rest.split_once("/src/") else { return };
    let allowed = EDGES.iter().find(|(from, _)| *from == name).map_or(&[][..], |(_, to)| *to);
    let strangers = STRANGERS.iter().find(|(from, _)| *from == name).map_or(&[][..], |(_, to)| *to);
    let own = inside.split(['/', '.']).next().unwrap_or_default();
    for line in source.lines(false) {
        for stranger in strangers.iter().filter(|s| !allowed.contains(s)) {
            let word = format!("{stranger}::");
            let mut places = line.code.match_indices(&word).map(|(at, _)| at);
            let names = |at| starts_path(line.code, at, &word) && !is_nested(&source.code[..line.start + at]);
            if places.any(names) {
                find(line.number, format!("{name} may not name {stranger}"));
            }
        }
        if name == "protocols" && PROTOCOLS.contains(&own) {
            let others = PROTOCOLS.iter().filter(|other| **other != own);
            for other in others.filter(|other| line.code.contains(&format!("crate::{other}"))) {
                find(line.number, format!("{own} uses {other}: protocol modules never import one another"));
            }
        }
    }
}

/// Whether `word` stands in `code` and, where it starts like a name, is not the end of a longer path or name.
fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| starts_path(code, at, word))
}

fn starts_path(code: &str, at: usize, word: &str) -> bool {
    let before = code[..at].chars().next_back();
    let is_name = word.starts_with(|c: char| c.is_alphanumeric());
    let continues =
        |c: char| c.is_alphanumeric() || c == '_' || c == '.' || (c == ':' && word.ends_with("::"));
    !is_name || !before.is_some_and(continues)
}

/// Whether code ends inside the braces of a `use some::{…`, where a name continues a path.
fn is_nested(before: &str) -> bool {
    let mut depth = 0usize;
    for (at, c) in before.char_indices().rev() {
        match c {
            ';' => return false,
            '}' => depth += 1,
            '{' if depth == 0 => return before[..at].ends_with("::"),
            '{' => depth -= 1,
            _ => {}
        }
    }
    false
}
