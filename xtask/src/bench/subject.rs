//! A server that is measured: started here, with accounts u1@… to log on to, stopped when dropped.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Outcome,
    server::{Launch, Server},
};

/// Mailboxes that mail goes to.
const MAILBOXES: usize = 50;

/// What an administrator of a test machine sets, so that one host may send as much as it likes: the defaults
/// limit the connections from one address.
const RIALTO_SETUP: &[&str] =
    &["Get-ReceiveConnector | Set-ReceiveConnector -MaxInboundConnectionPerSource Unlimited \
     -MaxInboundConnectionPercentagePerSource 100 -MessageRateLimit Unlimited"];
const RIALTO_PASSWORD: &str = "Bench-pass-1";

/// A running server with what the measuring client needs to know.
pub(super) struct Subject {
    label: String,
    smtp: String,
    imap: String,
    accounts: PathBuf,
    disk: PathBuf,
    /// Of a peer; ours changes with every start.
    pids: String,
    /// Ours; none for a moment while it is opened again.
    server: Option<Server>,
    /// Another one; stopped when this is dropped.
    _peer: Option<Peer>,
}

/// A server that a script starts and stops.
struct Peer {
    name: String,
    script: PathBuf,
    /// Where it keeps everything.
    run: PathBuf,
}

impl Peer {
    /// Runs the script; what it prints.
    fn call(&self, action: &str) -> Outcome<String> {
        let output = Command::new(&self.script).args([action, &self.name]).env("RUN", &self.run).output();
        let output = output.map_err(|e| format!("{}: {e}", self.script.display()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(format!("{action}: {} {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        _ = self.call("stop");
    }
}

impl Subject {
    /// Starts this server on a new data folder and makes its mailboxes.
    pub(super) fn rialto(binary: &Path, folder: &Path) -> Outcome<Self> {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let mut launch = Launch::new(binary, folder)?;
        launch.arguments.push("--allow-plaintext".to_owned());
        let server = Server::start(launch)?;
        let domain = server.ready().admin.address.rsplit('@').next().unwrap_or_default().to_owned();
        let mailboxes = format!(
            "1..{MAILBOXES} | ForEach-Object {{ New-Mailbox -Name \"u$_\" -UserPrincipalName \"u$_@{domain}\" \
             -Password (ConvertTo-SecureString '{RIALTO_PASSWORD}' -AsPlainText -Force) }} | Out-Null"
        );
        for command in RIALTO_SETUP.iter().copied().chain([mailboxes.as_str()]) {
            shell(binary, &server.launch().data, command)?;
        }
        let account = |n: usize| format!("u{n}@{domain} u{n}@{domain} {RIALTO_PASSWORD}\n");
        Ok(Self {
            label: "rialto".to_owned(),
            smtp: server.address("smtp")?,
            imap: server.address("imap")?,
            accounts: write_accounts(folder, account)?,
            disk: folder.to_owned(),
            pids: String::new(),
            server: Some(server),
            _peer: None,
        })
    }

    /// Starts another server by its script.
    pub(super) fn peer(name: &str, script: &Path, folder: &Path) -> Outcome<Self> {
        // Other servers drop their privileges: they must be able to reach what is theirs.
        let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
        std::fs::set_permissions(folder, open).map_err(|e| e.to_string())?;
        let peer = Peer { name: name.to_owned(), script: script.to_owned(), run: folder.to_owned() };
        peer.call("start")?;
        let ports = peer.call("ports")?;
        let (smtp, imap) = ports.split_once(' ').ok_or("the peer's script names no ports")?;
        Ok(Self {
            label: name.to_owned(),
            smtp: format!("127.0.0.1:{smtp}"),
            imap: format!("127.0.0.1:{imap}"),
            accounts: write_accounts(&folder.join(name), |n| format!("u{n}@bench.test u{n} bench-pass\n"))?,
            disk: folder.to_owned(),
            pids: peer.call("pids")?,
            server: None,
            _peer: Some(peer),
        })
    }

    /// How the table names it.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// Our server's process; none for a peer, and for a moment while it is opened again.
    pub(super) fn server(&mut self) -> &mut Option<Server> {
        &mut self.server
    }

    /// The client's options that say where the server is and what to watch.
    pub(super) fn client_options(&self) -> Vec<String> {
        let pids = self.server.as_ref().map_or_else(|| self.pids.clone(), |s| s.pid().to_string());
        let accounts = self.accounts.to_string_lossy().into_owned();
        let disk = self.disk.to_string_lossy().into_owned();
        [
            ("--smtp", &self.smtp),
            ("--imap", &self.imap),
            ("--accounts", &accounts),
            ("--pids", &pids),
            ("--disk", &disk),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value.clone()])
        .collect()
    }
}

fn write_accounts(folder: &Path, account: impl Fn(usize) -> String) -> Outcome<PathBuf> {
    let path = folder.join("accounts");
    let text: String = (1..=MAILBOXES).map(account).collect();
    std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(path)
}

fn shell(binary: &Path, data: &Path, command: &str) -> Outcome<()> {
    let output =
        Command::new(binary).arg("shell").arg("--data").arg(data).args(["-Command", command]).output();
    let output = output.map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{command}\n{}", String::from_utf8_lossy(&said)))
}
