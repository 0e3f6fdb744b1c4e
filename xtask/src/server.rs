//! One `rialto quickstart` process: built once, started on a data folder and a port range of its own,
//! stopped, killed and started again. The player and the durability harnesses stand on this.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::Outcome;

/// How long a server may take until it prints its addresses.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a graceful stop may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// Ports that one server may use from the first one given.
const PORTS_PER_SERVER: u16 = 20;

/// What a server needs to start; the same again starts it on what it had.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The `rialto` binary.
    pub binary: PathBuf,
    /// The command line before the binary, such as a tracer; usually empty.
    pub wrapper: Vec<String>,
    /// More arguments for `quickstart`.
    pub arguments: Vec<String>,
    /// The data folder.
    pub data: PathBuf,
    /// The first port.
    pub ports_from: u16,
    /// Where standard error goes, appended.
    pub log: PathBuf,
}

impl Launch {
    /// A server in `folder` (data in `folder/data`, log in `folder/server.log`) on free ports.
    pub fn new(binary: &Path, folder: &Path) -> Outcome<Self> {
        Ok(Self {
            binary: binary.to_owned(),
            wrapper: Vec::new(),
            arguments: Vec::new(),
            data: folder.join("data"),
            ports_from: free_ports()?,
            log: folder.join("server.log"),
        })
    }

    fn command(&self) -> Command {
        let mut words: Vec<&std::ffi::OsStr> = self.wrapper.iter().map(AsRef::as_ref).collect();
        words.push(self.binary.as_os_str());
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        if !self.wrapper.is_empty() {
            // A wrapper and the server under it are killed together.
            command.process_group(0);
        }
        command
    }
}

/// Who may log on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The SMTP address.
    pub address: String,
    /// The generated password.
    pub password: String,
}

/// What `quickstart --json` printed.
#[derive(Clone, Debug, Default)]
pub struct Ready {
    /// The server's name, where it says so.
    pub server: String,
    /// Listener name to `host:port`.
    pub listeners: BTreeMap<String, String>,
    /// The certificate that the server shows, a PEM file.
    pub certificate: PathBuf,
    /// The administrator.
    pub admin: Account,
    /// The mailboxes, in order.
    pub mailboxes: Vec<Account>,
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    launch: Launch,
    child: Child,
    ready: Ready,
}

impl Server {
    /// Starts and waits until the server says that it is ready.
    pub fn start(launch: Launch) -> Outcome<Self> {
        let log = File::options().create(true).append(true).open(&launch.log);
        let log = log.map_err(|e| format!("{}: {e}", launch.log.display()))?;
        let mut child = launch
            .command()
            .args(["quickstart", "--json", "--ports-from", &launch.ports_from.to_string(), "--data"])
            .arg(&launch.data)
            .args(&launch.arguments)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|e| format!("cannot start {}: {e}", launch.binary.display()))?;
        let ready = match child.stdout.take() {
            Some(stdout) => wait_ready(stdout),
            None => Err("no standard output".to_owned()),
        };
        match ready {
            Ok(ready) => Ok(Self { launch, child, ready }),
            Err(problem) => {
                kill(&mut child);
                Err(format!("the server did not start: {problem}\n{}", tail_of(&launch.log, 20)))
            }
        }
    }

    /// Where and who, as the server printed it.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// The address of a listener by name, or of anything that looks like `host:port` already.
    pub fn address(&self, port: &str) -> Outcome<String> {
        if port.contains(':') {
            return Ok(port.to_owned());
        }
        let known = || self.ready.listeners.keys().cloned().collect::<Vec<_>>().join(" ");
        self.ready
            .listeners
            .get(port)
            .cloned()
            .ok_or_else(|| format!("no listener {port}; there are: {}", known()))
    }

    /// How it was started.
    pub fn launch(&self) -> &Launch {
        &self.launch
    }

    /// The process id; of the wrapper where there is one.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)) | Err(_))
    }

    /// Runs a script in the server's own shell; what it printed.
    pub fn cmdlets(&self, script: &str) -> Outcome<String> {
        let mut shell = Command::new(&self.launch.binary);
        shell.arg("shell").arg("--data").arg(&self.launch.data).args(["-Command", script]);
        let output = shell.output().map_err(|e| format!("rialto shell: {e}"))?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(printed);
        }
        Err(format!("rialto shell -Command {script:?}: {printed}{}", String::from_utf8_lossy(&output.stderr)))
    }

    /// SIGTERM, and waits for a clean end.
    pub fn stop(mut self) -> Outcome<Launch> {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let pid = pid.ok_or("no process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).map_err(|e| e.to_string())?;
        let asked = Instant::now();
        while asked.elapsed() < STOP_TIMEOUT {
            match self.child.try_wait().map_err(|e| e.to_string())? {
                Some(status) if status.success() => return Ok(self.launch.clone()),
                Some(status) => return Err(format!("the server stopped with {status}")),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        Err(format!("the server did not stop within {} s", STOP_TIMEOUT.as_secs()))
    }

    /// SIGKILL, at once.
    pub fn kill(mut self) -> Launch {
        if !self.launch.wrapper.is_empty()
            && let Some(group) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw)
        {
            _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        kill(&mut self.child);
        self.launch.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

/// Kills and reaps; a process that is gone already is fine.
fn kill(child: &mut Child) {
    if child.kill().is_ok() {
        _ = child.wait();
    }
}

/// Reads one JSON object from the server's standard output, then keeps draining it.
fn wait_ready(stdout: ChildStdout) -> Outcome<Ready> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let first = serde_json::Deserializer::from_reader(stdout.by_ref()).into_iter::<Value>().next();
        _ = sender.send(first);
        let mut sink = Vec::new();
        while stdout.read_until(b'\n', &mut sink).is_ok_and(|n| n > 0) {
            sink.clear();
        }
    });
    match receiver.recv_timeout(START_TIMEOUT) {
        Ok(Some(Ok(value))) => ready_from(&value),
        Ok(Some(Err(error))) => Err(format!("what it printed is not JSON: {error}")),
        Ok(None) => Err("it ended without a word".to_owned()),
        Err(_) => Err(format!("nothing printed within {} s", START_TIMEOUT.as_secs())),
    }
}

fn ready_from(value: &Value) -> Outcome<Ready> {
    let object = value.as_object().ok_or("the JSON it printed is not an object")?;
    let server = value["server"].as_str().unwrap_or_default().to_owned();
    let certificate = value["certificate"].as_str().unwrap_or_default().into();
    let mut ready = Ready { server, certificate, ..Ready::default() };
    for (name, value) in object {
        if let Some(address) =
            value.as_str().filter(|a| a.rsplit_once(':').is_some_and(|(_, p)| p.parse::<u16>().is_ok()))
        {
            ready.listeners.insert(name.clone(), address.to_owned());
        }
    }
    ready.admin = account_from(&value["admin"]);
    ready.mailboxes = value["mailboxes"].as_array().into_iter().flatten().map(account_from).collect();
    Ok(ready)
}

fn account_from(value: &Value) -> Account {
    Account {
        address: value["address"].as_str().unwrap_or_default().to_owned(),
        password: value["password"].as_str().unwrap_or_default().to_owned(),
    }
}

/// The first of a run of ports that are free now. Each call in one process and each process of a parallel
/// test run looks in a different place; all stay below the range the kernel gives to outgoing connections.
pub fn free_ports() -> Outcome<u16> {
    const FIRST: u16 = 20_000;
    const RUNS: u16 = 600;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() * 37 % u32::from(RUNS)).unwrap_or(0);
    for _ in 0..RUNS {
        let run = (start + NEXT.fetch_add(1, Ordering::Relaxed)) % RUNS;
        let first = FIRST + run * PORTS_PER_SERVER;
        if (first..first + PORTS_PER_SERVER).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return Ok(first);
        }
    }
    Err(format!("no run of {PORTS_PER_SERVER} free ports above {FIRST}"))
}

/// The binary that `RIALTO_BIN` names, or this one.
pub fn named_or(binary: &str) -> PathBuf {
    std::env::var_os("RIALTO_BIN").map_or_else(|| binary.into(), PathBuf::from)
}

/// The server to test: what `RIALTO_BIN` names, or the workspace's own, built now.
pub fn build(release: bool) -> Outcome<PathBuf> {
    match std::env::var_os("RIALTO_BIN") {
        Some(binary) => Ok(binary.into()),
        None => executable("rialto", "rialto", release),
    }
}

/// Builds a binary of the workspace.
pub fn executable(package: &str, binary: &str, release: bool) -> Outcome<PathBuf> {
    let mut command = crate::cargo_command();
    command.args([
        "build",
        "--package",
        package,
        "--bin",
        binary,
        "--message-format",
        "json-render-diagnostics",
    ]);
    if release {
        command.arg("--release");
    }
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|e| format!("cannot run cargo: {e}"))?;
    if !output.status.success() {
        return Err(format!("{binary} does not build"));
    }
    let messages = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>().flatten();
    let built = messages.filter(|m| m["target"]["name"] == binary);
    let paths = built.filter_map(|m| m["executable"].as_str().map(PathBuf::from));
    paths.last().ok_or_else(|| format!("cargo built no {binary}"))
}

/// The last lines of a log, each indented, for a failure report.
pub fn tail_of(log: &Path, lines: usize) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    let tail = &all[all.len().saturating_sub(lines)..];
    let shown: String = tail.iter().map(|line| format!("    {line}\n")).collect();
    format!("  server log {}:\n{shown}", log.display())
}
