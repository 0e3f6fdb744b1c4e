//! What prose cannot enforce: the direction of dependencies, the seams, file heads, leftovers. Each rule is
//! data in `crates` or `rules`; `source` knows code from comments, strings and tests.

use std::{fmt, path::Path};

use crate::Outcome;

mod crates;
mod rules;
mod source;

/// One thing that is not as the house wants it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, from the workspace's folder.
    pub path: String,
    /// The line, from 1; 0 for the whole file.
    pub line: usize,
    /// What is wrong, and what to do instead.
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.problem)
    }
}

/// Everything that is wrong in the workspace at `root`, sorted.
pub fn check(root: &Path) -> Outcome<Vec<Finding>> {
    let mut findings = crates::check(root)?;
    for source in source::all(root)? {
        rules::check(&source, &mut findings);
    }
    findings.sort();
    findings.dedup();
    Ok(findings)
}

/// Prints what is wrong; the error counts it.
pub fn run(root: &Path) -> Outcome<()> {
    let findings = check(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() { Ok(()) } else { Err(format!("tidy: {} findings", findings.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace with these files, and what is found in it.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        check(root.path()).unwrap().iter().map(ToString::to_string).collect()
    }

    /// One source file in a crate, and what is found in it.
    fn in_file(path: &str, code: &str) -> Vec<String> {
        found(&[(path, &format!("//! Head.\n{code}\n"))])
    }

    const STORE: &str = "crates/store/src/x.rs";

    #[test]
    fn planted_violations_are_found() {
        let machine = ["/ro", "ot/x"].concat();
        for (path, code, problem) in [
            (STORE, "fn f() { todo!() }", "x.rs:2: leftover todo!"),
            (STORE, "fn f() { dbg!(1); }", "leftover dbg!"),
            (STORE, "fn f() { x.unwrap(); }", "leftover .unwrap()"),
            (STORE, "fn f() { x.expect(\"y\"); }", "leftover .expect("),
            (STORE, "#[allow(dead_code)]\nfn f() {}", "bare allow"),
            (STORE, "fn f() { Instant::now(); }", "base::clock"),
            (STORE, "fn f() { std::fs::read(\"x\"); }", "base::disk"),
            (STORE, "use std::{fs, io};", "base::disk"),
            (STORE, "fn f() { tokio::net::TcpStream::connect(a); }", "base::net"),
            (STORE, "fn f() { getrandom::fill(&mut b); }", "base::rng"),
            (STORE, "use dag::Machine;", "store may not name dag"),
            ("crates/protocols/src/imap/x.rs", "use store::Folder;", "protocols may not name store"),
            (
                "crates/protocols/src/imap/x.rs",
                "fn f(x: directory::User) {}",
                "protocols may not name directory",
            ),
            (
                "crates/protocols/src/imap/x.rs",
                "use crate::pop3::Session;",
                "protocol modules never import one another",
            ),
            ("crates/wire/src/x.rs", "async fn f() {}", "no async"),
            ("crates/powershell/src/parser/x.rs", "use tokio::sync::Mutex;", "no async"),
            (STORE, &format!("// {machine}"), "machine's path"),
            (STORE, &"\n".repeat(701), "is too long"),
        ] {
            let found = in_file(path, code);
            assert!(found.iter().any(|f| f.contains(problem)), "{code:?} in {path} gave {found:?}");
        }
        assert!(found(&[(STORE, "fn f() {}\n")])[0].contains("a file starts with //!"));
    }

    #[test]
    fn what_is_allowed_is_left_alone() {
        for (path, code) in [
            (STORE, "// todo!() and x.unwrap() and std::fs in a comment"),
            (STORE, "const X: &str = \"dbg!(x).unwrap() Instant::now\";"),
            (STORE, "const X: &str = r#\"todo!(\"#; const C: char = '\"'; fn f<'a>(x: &'a str) {}"),
            (STORE, "fn f(p: &mut Parser) { p.expect(Token::Dot); }"),
            (STORE, "#[cfg(test)]\nmod tests {\n fn f() { x.unwrap(); std::fs::read(\"a\"); { } }\n}"),
            (STORE, "#[test]\nfn f() { x.unwrap(); }"),
            (STORE, "#[expect(dead_code, reason = \"x\")]\nfn f() {}"),
            ("crates/store/tests/x.rs", "fn f() { x.unwrap(); std::fs::read(\"a\"); }"),
            ("crates/base/src/disk.rs", "fn f() { std::fs::read(\"x\"); }"),
            ("crates/protocols/src/imap/x.rs", "use crate::imap::Session; fn store(x: self::store::X) {}"),
            ("crates/cmdlets/src/x.rs", "fn f() { self.store.read(); }"),
            ("crates/protocols/src/x.rs", "use base64::{\n Engine as _, engine::general_purpose };"),
            ("crates/transport/src/receive/channel.rs", "fn f() { Instant::now(); }"),
        ] {
            assert_eq!(in_file(path, code), Vec::<String>::new(), "{code}");
        }
    }

    #[test]
    fn test_regions_end_where_they_end() {
        let found =
            in_file(STORE, "#[cfg(test)]\nmod tests { fn f() { \"}\"; x.unwrap() } }\nfn g() { y.unwrap() }");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("crates/store/src/x.rs:4:"), "{found:?}");
    }

    #[test]
    fn files_declared_as_tests_are_tests() {
        let lib = "//! Head.\n#[cfg(test)]\nmod checks;\n";
        let found = found(&[
            ("crates/a/src/lib.rs", lib),
            ("crates/a/src/checks.rs", "//! x\nfn f() { x.unwrap() }\n"),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn manifests_keep_the_arrows_pointing_down() {
        let lints = "[lints]\nworkspace = true\n";
        let manifest =
            |deps: &str| format!("[package]\nname = \"rialto-store\"\n[dependencies]\n{deps}\n{lints}");
        for (deps, problem) in [
            ("services.workspace = true", "store may not depend on services"),
            ("bytes = \"1\"", "bytes is not named in the workspace"),
        ] {
            let found = found(&[("crates/store/Cargo.toml", &manifest(deps))]);
            assert!(found.len() == 1 && found[0].contains(problem), "{found:?}");
        }
        let fine = manifest("base.workspace = true\nengine = { workspace = true }");
        assert_eq!(found(&[("crates/store/Cargo.toml", &fine)]), Vec::<String>::new());
        let bare = "[package]\nname = \"rialto-store\"\n";
        assert!(found(&[("crates/store/Cargo.toml", bare)])[0].contains("[lints]"));
        let unknown = "[package]\nname = \"rialto-new\"\n[lints]\nworkspace = true\n";
        assert!(found(&[("crates/new/Cargo.toml", unknown)])[0].contains("no place in the architecture"));
    }
}
