//! A mailbox moves between databases that are active on different servers, and both are lost on the way.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use xtask::server;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const DOMAIN: &str = "contoso.example";
const MESSAGES: usize = 600;
/// Bytes of each.
const SIZE: usize = 20_000;

fn rialto() -> Command {
    let mut command = Command::new(server::named_or(env!("CARGO_BIN_EXE_rialto")));
    command.env_remove("RIALTO_DATA").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// One server: its folder, its ports, and its process while it runs.
struct Server {
    name: &'static str,
    data: PathBuf,
    ports: u16,
    child: Option<Child>,
}

impl Server {
    fn new(dir: &std::path::Path, name: &'static str, more: &[&str]) -> Self {
        let ports = server::free_ports().unwrap();
        let data = dir.join(name);
        let mut command = rialto();
        command.args(["setup", "--non-interactive", "--listen", "127.0.0.1", "--ports-from"]);
        command.args([&ports.to_string(), "--server-name", &format!("{name}.{DOMAIN}"), "--data"]);
        let output = command.arg(&data).args(more).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        // So slow that there is time to lose a server in.
        let file = data.join("rialto.toml");
        let config = std::fs::read_to_string(&file).unwrap();
        let slow = "\n[mailbox_replication]\nmax_bytes_per_second = 600000\nretry_delay = 1\n";
        std::fs::write(&file, config + slow).unwrap();
        let mut server = Self { name, data, ports, child: None };
        server.start();
        server
    }

    fn start(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.log()).unwrap();
        self.child = Some(rialto().args(["serve", "--data"]).arg(&self.data).stderr(log).spawn().unwrap());
        let began = Instant::now();
        while !self.data.join("admin.sock").exists() || TcpStream::connect(self.links()).is_err() {
            assert!(began.elapsed() < PATIENCE, "{}", server::tail_of(&self.log(), 20));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> PathBuf {
        self.data.join("test.log")
    }

    fn links(&self) -> String {
        format!("127.0.0.1:{}", self.ports + 10)
    }

    fn try_shell(&self, command: &str) -> Output {
        rialto().args(["shell", "--data"]).arg(&self.data).args(["-Command", command]).output().unwrap()
    }

    fn shell(&self, command: &str) -> String {
        let output = self.try_shell(command);
        assert!(output.status.success(), "{command}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs a command until what it prints is as wanted.
    fn until(&self, command: &str, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let (began, mut seen) = (Instant::now(), String::new());
        while began.elapsed() < PATIENCE {
            seen = text(&self.try_shell(command)).trim().to_owned();
            if wanted(&seen) {
                return seen;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{command}: not {what}: {seen}\n{}", server::tail_of(&self.log(), 30));
    }

    /// `tests/servers/client.py` as the administrator at this server.
    fn client(&self, doing: &str, more: &[String]) -> String {
        let mut client = Command::new("python3");
        let port = (self.ports + 3).to_string();
        client.arg(xtask::root().join("tests/servers/client.py")).args([doing, &port]);
        client.args([&format!("administrator@{DOMAIN}"), "correct horse battery"]).args(more);
        let output = client.output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn kill(&mut self) {
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
        self.kill();
    }
}

/// Three servers with a copy of each of two databases; DB01 is active on the first, DB02 on the second.
fn group(dir: &std::path::Path) -> [Server; 3] {
    let password = dir.join("password");
    std::fs::write(&password, "correct horse battery\n").unwrap();
    let own = ["--domain", DOMAIN, "--password-file", password.to_str().unwrap()];
    let first = Server::new(dir, "ex1", &own);
    let mut further = ["ex2", "ex3"].map(|name| {
        let key = first.shell("(New-ServerJoinKey).Key");
        Some(Server::new(dir, name, &["--join", &first.links(), "--join-key", &key]))
    });
    first.shell("New-DatabaseAvailabilityGroup DAG1");
    for name in ["EX1", "EX2", "EX3"] {
        first.shell(&format!("Add-DatabaseAvailabilityGroupServer DAG1 -MailboxServer {name}"));
    }
    first.shell("New-MailboxDatabase DB02 -Server EX2; Mount-Database DB02");
    for (database, server) in [("DB01", "EX2"), ("DB01", "EX3"), ("DB02", "EX1"), ("DB02", "EX3")] {
        first.shell(&format!("Add-MailboxDatabaseCopy {database} -MailboxServer {server}"));
    }
    until_healthy(&first);
    [first, further[0].take().unwrap(), further[1].take().unwrap()]
}

fn until_healthy(at: &Server) {
    let command =
        "(Get-MailboxDatabaseCopyStatus * | ForEach-Object { \"$($_.Status)\" } | Sort-Object) -join ','";
    at.until(command, "healthy", |seen| seen == "Healthy,Healthy,Healthy,Healthy,Mounted,Mounted");
}

/// The server that has a database now.
fn active(database: &str, servers: &[Server; 3]) -> usize {
    let alive = servers.iter().find(|server| server.child.is_some()).unwrap();
    let name = alive.shell(&format!("(Get-MailboxDatabase {database}).Server"));
    servers.iter().position(|server| server.name.eq_ignore_ascii_case(&name)).unwrap()
}

/// Waits until the move has come so far, and gives what is said of it.
fn until_percent(at: &Server, percent: u32) -> String {
    let command =
        "$s = Get-MoveRequestStatistics Administrator; \"$($s.PercentComplete) $($s.Status) $($s.Message)\"";
    at.until(command, "so far", |seen| {
        let first = seen.split(' ').next().and_then(|first| first.parse::<u32>().ok());
        first.is_some_and(|now| now >= percent)
    })
}

#[test]
#[ignore = "three processes need a machine to themselves: cargo test -p rialto --test moves -- --ignored"]
fn a_move_survives_the_loss_of_both_servers() {
    let dir = tempfile::tempdir().unwrap();
    let mut servers = group(dir.path());
    servers[0].client("fill", &[MESSAGES.to_string(), SIZE.to_string()]);
    let before = servers[0].client("list", &[]);
    assert_eq!(before.lines().count(), MESSAGES + 1, "{before}");
    servers[0].shell("New-MoveRequest Administrator -TargetDatabase DB02");
    until_percent(&servers[0], 10);
    // The target is lost.
    let target = active("DB02", &servers);
    servers[target].kill();
    let alive = servers.iter().position(|server| server.child.is_some()).unwrap();
    let seen = until_percent(&servers[alive], 30);
    assert!(!seen.contains("Failed"), "{seen}");
    servers[target].start();
    until_healthy(&servers[target]);
    // The source is lost.
    let source = active("DB01", &servers);
    assert!(
        servers[source].shell("(Get-MoveRequest Administrator).Status").contains("Progress"),
        "it is still under way"
    );
    servers[source].kill();
    let alive = servers.iter().position(|server| server.child.is_some()).unwrap();
    let at = &servers[alive];
    at.until("(Get-MoveRequest Administrator).Status", "completed", |seen| seen == "Completed");
    assert_eq!(at.shell("(Get-Mailbox Administrator).Database"), "DB02");
    assert_eq!(at.client("list", &[]), before);
    let report =
        at.shell("(Get-MoveRequestStatistics Administrator -IncludeReport).Report | Out-String -Width 400");
    assert!(report.contains("The move is resumed"), "{report}");
    println!("{report}");
}
