//! Servers of one organisation, each a process on loopback, for the tests that need several.

use std::{
    io::Write,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use xtask::server;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
pub(crate) const DOMAIN: &str = "contoso.example";

pub(crate) fn rialto() -> Command {
    let mut command = Command::new(server::named_or(env!("CARGO_BIN_EXE_rialto")));
    command.env_remove("RIALTO_DATA").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The organisation's folder of data folders.
pub(crate) struct Organization {
    dir: tempfile::TempDir,
    /// What is done with a server's data folder before the server starts.
    pub(crate) prepare: Box<dyn Fn(&Path)>,
}

/// One server: its folder, its ports, and its process while it runs.
pub(crate) struct Server {
    pub(crate) data: PathBuf,
    pub(crate) ports: u16,
    pub(crate) child: Option<Child>,
}

impl Organization {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), prepare: Box::new(|_| {}) }
    }

    pub(crate) fn setup(&self, name: &str, more: &[&str]) -> (Server, Output) {
        let ports = server::free_ports().unwrap();
        let data = self.dir.path().join(format!("{name}-{ports}"));
        let mut command = rialto();
        command.args(["setup", "--non-interactive", "--listen", "127.0.0.1", "--ports-from"]);
        command.args([&ports.to_string(), "--server-name", &format!("{name}.{DOMAIN}"), "--data"]);
        let output = command.arg(&data).args(more).output().unwrap();
        (Server { data, ports, child: None }, output)
    }

    /// The first server.
    pub(crate) fn first(&self, more: &[&str]) -> Server {
        let password = self.dir.path().join("password");
        std::fs::write(&password, "correct horse battery\n").unwrap();
        let password = password.to_str().unwrap();
        let own = ["--domain", DOMAIN, "--password-file", password];
        let (server, output) = self.setup("ex1", &[&own, more].concat());
        assert!(output.status.success(), "{}", text(&output));
        self.started(server)
    }

    fn started(&self, server: Server) -> Server {
        (self.prepare)(&server.data);
        server.started()
    }

    /// Tries to join through a server, with a key.
    pub(crate) fn join(&self, name: &str, at: &Server, key: &str, more: &[&str]) -> (Server, Output) {
        self.setup(name, &[&["--join", &at.links(), "--join-key", key], more].concat())
    }

    /// A further server, running.
    pub(crate) fn joined(&self, name: &str, at: &Server, more: &[&str]) -> Server {
        let (server, output) = self.join(name, at, &at.join_key(), more);
        assert!(output.status.success(), "{}", text(&output));
        assert!(text(&output).contains("has joined First Organization"), "{}", text(&output));
        self.started(server)
    }
}

impl Server {
    pub(crate) fn started(mut self) -> Self {
        self.start();
        self
    }

    pub(crate) fn start(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.log()).unwrap();
        self.child = Some(rialto().args(["serve", "--data"]).arg(&self.data).stderr(log).spawn().unwrap());
        let began = Instant::now();
        while !self.data.join("admin.sock").exists() || TcpStream::connect(self.links()).is_err() {
            assert!(began.elapsed() < PATIENCE, "{}", server::tail_of(&self.log(), 20));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.data.join("test.log")
    }

    pub(crate) fn links(&self) -> String {
        format!("127.0.0.1:{}", self.ports + 10)
    }

    /// Where clients come by IMAP over TLS.
    pub(crate) fn imaps(&self) -> u16 {
        self.ports + 3
    }

    /// `tests/servers/client.py` as the administrator at this server.
    pub(crate) fn client(&self, doing: &str) -> Command {
        let mut client = Command::new("python3");
        client.arg(xtask::root().join("tests/servers/client.py")).args([doing, &self.imaps().to_string()]);
        client.args([&format!("administrator@{DOMAIN}"), "correct horse battery"]).stdout(Stdio::piped());
        client
    }

    pub(crate) fn try_shell(&self, command: &str) -> Output {
        rialto().args(["shell", "--data"]).arg(&self.data).args(["-Command", command]).output().unwrap()
    }

    pub(crate) fn shell(&self, command: &str) -> String {
        let output = self.try_shell(command);
        assert!(output.status.success(), "{command}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn join_key(&self) -> String {
        self.shell("(New-ServerJoinKey).Key")
    }

    /// Runs a command until it prints what is wanted.
    pub(crate) fn until(&self, command: &str, wanted: &str) {
        let (began, mut seen) = (Instant::now(), String::new());
        while began.elapsed() < PATIENCE {
            seen = text(&self.try_shell(command)).trim().to_owned();
            if seen == wanted {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{command} says {seen}, not {wanted}");
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        // What says that it is ready must not be left over.
        let _ = std::fs::remove_file(self.data.join("admin.sock"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = server::tail_of(&self.log(), 40);
            let _ = writeln!(std::io::stderr(), "{} said at last:\n{said}", self.data.display());
        }
        self.kill();
    }
}
