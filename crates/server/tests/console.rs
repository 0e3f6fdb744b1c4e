//! `rialto shell` at a terminal, as a person uses it: questions, what is typed in secret, and Ctrl+C.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs::File,
    io::{Read, Write},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
    process::{Child, Command},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use xtask::server::{self, Launch, Server};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal with a shell at it.
struct Terminal {
    keys: File,
    shell: Child,
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    fn open(mut shell: Command) -> Self {
        let pty = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&pty).unwrap();
        unlockpt(&pty).unwrap();
        let name = ptsname(&pty, Vec::new()).unwrap();
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let line: OwnedFd = rustix::fs::open(path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let line = File::from(line);
        shell.env("TERM", "xterm").stdin(line.try_clone().unwrap());
        let shell = shell.stdout(line.try_clone().unwrap()).stderr(line).spawn().unwrap();
        let keys = File::from(pty);
        let screen: Arc<Mutex<String>> = Arc::default();
        let (mut seen, mut answers, show) =
            (keys.try_clone().unwrap(), keys.try_clone().unwrap(), screen.clone());
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = seen.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..n]);
                // The line editor asks where the cursor is.
                for _ in text.matches("\u{1b}[6n") {
                    answers.write_all(b"\x1b[1;1R").unwrap();
                }
                show.lock().unwrap().push_str(&text);
            }
        });
        Self { keys, shell, screen }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this is shown; what was shown up to there is done with.
    fn shows(&self, text: &str) -> String {
        let began = Instant::now();
        loop {
            let mut screen = self.screen.lock().unwrap();
            if let Some(at) = screen.find(text) {
                return screen.drain(..at + text.len()).collect();
            }
            assert!(began.elapsed() < PATIENCE, "no {text:?} in {screen:?}");
            drop(screen);
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

#[test]
fn ctrl_c_answers_a_question() {
    let folder = tempfile::tempdir().unwrap();
    let binary = server::named_or(env!("CARGO_BIN_EXE_rialto"));
    let server = Server::start(Launch::new(&binary, folder.path()).unwrap()).unwrap();
    // With the terminal as its own: else Ctrl+C would go elsewhere.
    let mut shell = Command::new("setsid");
    shell
        .args(["--ctty", "--wait"])
        .arg(&server.launch().binary)
        .args(["shell", "--data"])
        .arg(&server.launch().data);
    shell.env("NO_COLOR", "1").env("XDG_STATE_HOME", folder.path());
    let mut terminal = Terminal::open(shell);
    terminal.shows("MAIL");
    terminal.shows("> ");
    let act = "[CmdletBinding(SupportsShouldProcess)] param() $PSCmdlet.ShouldProcess('this')";
    terminal.press(&format!("function Act {{ {act} }}; 'then ' + 0\r"));
    terminal.shows("then 0");
    terminal.shows("> ");
    let mut after = 0;
    let question = "(default is \"Y\"): ";
    // A cmdlet of the server asks, a command of the language, a text is wanted, and a secret one.
    for (command, asked) in [
        ("Remove-Mailbox nuno", question),
        ("Act -Confirm", question),
        ("$y = Read-Host Name", "Name: "),
        ("$z = Read-Host -AsSecureString Password", "Password: "),
    ] {
        terminal.press(&format!("{command}; 'not ' + 'this'\r"));
        terminal.shows(asked);
        terminal.press("\u{3}");
        let between = terminal.shows("> ");
        assert!(!between.contains("not this") && !between.contains(" : "), "{command}: {between}");
        after += 1;
        // The shell goes on, and answers the next question as ever.
        terminal.press(&format!("'then ' + {after}\r"));
        terminal.shows(&format!("then {after}"));
        terminal.shows("> ");
    }
    terminal.press("$z = Read-Host -AsSecureString Password; 'length ' + $z.Length\r");
    terminal.shows("Password: ");
    terminal.press("quiet\r");
    let between = terminal.shows("length 5");
    assert!(!between.contains("quiet"), "{between}");
    terminal.shows("> ");
    terminal.press("'done ' + (Act -Confirm)\r");
    terminal.shows(question);
    terminal.press("y\r");
    terminal.shows("done True");
    terminal.shows("> ");
    terminal.press("(Get-Mailbox nuno).Name\r");
    terminal.shows("Nuno Mota");
    terminal.press("exit 7\r");
    assert_eq!(terminal.shell.wait().unwrap().code(), Some(7));
}
