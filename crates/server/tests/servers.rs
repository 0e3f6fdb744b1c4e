//! Several servers of one organisation, each a process on loopback: joining by key, heartbeats, loss, removal.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use support::{DOMAIN, Organization, PATIENCE, Server, text};
use xtask::server;

impl Server {
    /// Appends a message and gives the subjects of all.
    fn append(&self, subject: &str) -> String {
        let output = self.client("use").arg(subject).stderr(Stdio::piped()).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Waits until the links to these servers, sorted, are as said, and no others are there.
    fn until_links(&self, wanted: &[(&str, &str)]) {
        let wanted: Vec<String> = wanted.iter().map(|(name, status)| format!("{name} {status}")).collect();
        let command = "(Get-ServerLink | Sort-Object Server | ForEach-Object { \"$($_.Server) $($_.Status)\" }) -join ', '";
        self.until(command, &wanted.join(", "));
    }

    fn servers(&self) -> String {
        self.shell("(Get-ExchangeServer | Sort-Object Name).Name -join ','")
    }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn servers_join_watch_each_other_and_forget_the_one_that_is_removed() {
    let organization = Organization::new();
    let first = organization.first(&[]);
    let mut second = organization.joined("ex2", &first, &[]);
    assert_eq!(first.servers(), "EX1,EX2");
    assert_eq!(second.servers(), "EX1,EX2");
    assert_eq!(
        second.shell("(Get-Mailbox Administrator).PrimarySmtpAddress"),
        format!("administrator@{DOMAIN}")
    );
    assert_eq!(second.shell("(Get-ReceiveConnector -Server EX2 | Measure-Object).Count"), "5");
    first.until_links(&[("EX2", "Up")]);
    second.until_links(&[("EX1", "Up")]);
    for key in ["authority.key.der", "server.key.der"] {
        assert_eq!(mode(&second.data.join("certificates/links").join(key)), 0o600);
    }
    // A third one joins through the second; the first hears of it.
    let mut third = organization.joined("ex3", &second, &[]);
    first.until_links(&[("EX2", "Up"), ("EX3", "Up")]);
    second.until_links(&[("EX1", "Up"), ("EX3", "Up")]);
    third.until_links(&[("EX1", "Up"), ("EX2", "Up")]);
    assert_eq!(first.servers(), "EX1,EX2,EX3");
    // One is killed: both others say so, in the event log too; it comes back and they find it.
    second.kill();
    first.until_links(&[("EX2", "Down"), ("EX3", "Up")]);
    third.until_links(&[("EX1", "Up"), ("EX2", "Down")]);
    let events = first.shell("(Get-WinEvent -LogName Application -MaxEvents 50).Message");
    assert!(events.contains("No heartbeats come from the server EX2"), "{events}");
    let second = second.started();
    first.until_links(&[("EX2", "Up"), ("EX3", "Up")]);
    third.until_links(&[("EX1", "Up"), ("EX2", "Up")]);
    // Removed on one server, it is forgotten by all and refused, although it still runs; and after its restart.
    first.shell("Remove-ExchangeServer EX3 -Confirm:$false");
    assert_eq!(first.servers(), "EX1,EX2");
    first.until_links(&[("EX2", "Up")]);
    second.until_links(&[("EX1", "Up")]);
    third.until_links(&[("EX1", "Down"), ("EX2", "Down")]);
    third.until(
        "(Get-ServerLink EX1).Failure -like '*does not, or no longer, know this one as a server*'",
        "True",
    );
    third.kill();
    let third = third.started();
    third.until_links(&[("EX1", "Down"), ("EX2", "Down")]);
    assert_eq!(second.servers(), "EX1,EX2");
    let events = second.shell("(Get-WinEvent -LogName Application -MaxEvents 50).Message");
    assert!(events.contains("EX3 was removed from the organization"), "{events}");
}

#[test]
fn a_join_that_cannot_be_says_why() {
    let organization = Organization::new();
    let first = organization.first(&[]);
    let refused = |name: &str, at: &Server, key: &str, why: &str| {
        let (server, output) = organization.join(name, at, key, &[]);
        assert!(!output.status.success(), "{}", text(&output));
        assert!(text(&output).contains(why), "wanted: {why}\ngot: {}", text(&output));
        assert!(!server.data.join("rialto.toml").exists(), "a folder that did not join is not set up");
    };
    let key = first.join_key();
    refused("bad", &first, &key[..key.len() - 1], "this isn't a whole join key");
    refused("ex1", &first, &key, "There is a server EX1 (ex1.contoso.example) already");
    // A key is good after a refusal that had another reason, and good once.
    drop(organization.join("ex2", &first, &key, &[]));
    assert_eq!(first.servers(), "EX1,EX2");
    refused("ex3", &first, &key, "has been used already, by the server ex2.contoso.example");
    let expired = first.shell("(New-ServerJoinKey -Lifetime 00:00:00.001).Key");
    refused("ex4", &first, &expired, "has expired");
    let removed = first.shell("$k = New-ServerJoinKey; Remove-ServerJoinKey $k.Name -Confirm:$false; $k.Key");
    refused("ex5", &first, &removed, "isn't known");
    // Of another organisation, and nowhere at all.
    let others = Organization::new();
    let other = others.first(&[]);
    refused("ex6", &other, &first.join_key(), "is not of the organization that made this join key");
    let nobody = Server { data: PathBuf::new(), ports: server::free_ports().unwrap(), child: None };
    refused("ex7", &nobody, &first.join_key(), "cannot reach a server of the organization");
    assert_eq!(first.servers(), "EX1,EX2");
    // The keys themselves are kept nowhere.
    assert_eq!(first.shell("(Get-ServerJoinKey | Where-Object { $_.UsedBy }).UsedBy"), "ex2.contoso.example");
    assert!(!first.shell("Get-ServerJoinKey | Format-List").contains("Hash"));
}

#[test]
fn a_change_on_any_server_is_on_all_and_outlives_the_loss_of_one() {
    let organization = Organization::new();
    let mut first = organization.first(&[]);
    let second = organization.joined("ex2", &first, &[]);
    let third = organization.joined("ex3", &first, &[]);
    let name = "(Get-Mailbox Administrator).DisplayName";
    for (at, new) in [(&second, "Changed at EX2"), (&third, "Changed at EX3"), (&first, "Changed at EX1")] {
        at.shell(&format!("Set-Mailbox Administrator -DisplayName '{new}'"));
        // Where it was written it is seen at once.
        assert_eq!(at.shell(name), new);
        [&first, &second, &third].into_iter().for_each(|server| server.until(name, new));
    }
    // The first one, which decided so far, is lost: changes go on once another one decides.
    first.kill();
    third.shell("Set-Mailbox Administrator -DisplayName 'Changed without EX1'");
    second.until(name, "Changed without EX1");
    let first = first.started();
    first.until(name, "Changed without EX1");
    first.shell("Set-Mailbox Administrator -DisplayName 'All are there'");
    [&second, &third].into_iter().for_each(|server| server.until(name, "All are there"));
}

#[test]
fn clients_come_to_any_server_and_come_back_when_theirs_is_lost() {
    let organization = Organization::new();
    let mut first = organization.first(&[]);
    let second = organization.joined("ex2", &first, &[]);
    assert_eq!(first.append("one"), "one");
    assert_eq!(second.append("two"), "one,two");
    // The mailbox is on the first; so is what the client of the second is told.
    let mut waiting = second.client("wait").spawn().unwrap();
    let mut told = BufReader::new(waiting.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(told.next().as_deref(), Some("idling"));
    assert_eq!(first.append("three"), "one,two,three");
    assert_eq!(told.next().as_deref(), Some("* 3 EXISTS"));
    first.kill();
    let goodbye = told.next();
    assert!(goodbye.as_deref().is_some_and(|bye| bye.starts_with("* BYE [UNAVAILABLE]")), "{goodbye:?}");
    assert_eq!(told.next(), None);
    assert!(waiting.wait().unwrap().success());
    let _first = first.started();
    assert_eq!(second.append("four"), "one,two,three,four");
}

/// What a port says first; nothing where nobody listens.
fn greeting(port: u16) -> Option<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    Some(line.trim_end().to_owned())
}

/// Waits until a port says what begins so.
fn until_greeting(port: u16, wanted: Option<&str>) {
    let began = Instant::now();
    loop {
        let said = greeting(port);
        let is_so = match (&said, wanted) {
            (Some(said), Some(wanted)) => said.starts_with(wanted),
            (said, wanted) => said.is_some() == wanted.is_some(),
        };
        if is_so {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "port {port} says {said:?}, not {wanted:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn cmdlets_run_where_what_they_are_about_is() {
    let organization = Organization::new();
    let first = organization.first(&[]);
    let (second, output) = organization
        .setup("ex2", &["--join", &first.links(), "--join-key", &first.join_key(), "--site", "Porto"]);
    assert!(output.status.success(), "{}", text(&output));
    let mut second = second.started();
    first.until_links(&[("EX2", "Up")]);
    second.until_links(&[("EX1", "Up")]);
    let sites = "(Get-ExchangeServer | Sort-Object Name).Site -join ','";
    assert_eq!(first.shell(sites), "Default-First-Site-Name,Porto");
    // A database of the second server is mounted from the first one, and there alone.
    first.shell("New-MailboxDatabase DB02 -Server EX2");
    first.shell("Mount-Database DB02");
    let mounted = "(Get-MailboxDatabase -Status | Sort-Object Name).MountedOnServer -join ','";
    assert_eq!(first.shell(mounted), format!("ex1.{DOMAIN},ex2.{DOMAIN}"));
    assert_eq!(second.shell(mounted), format!("ex1.{DOMAIN},ex2.{DOMAIN}"));
    // Queues and event logs are asked for across, in either direction.
    assert_eq!(second.shell("(Get-Queue -Server EX1).Identity"), "EX1\\Submission");
    let events = first
        .shell("(Get-WinEvent -ComputerName EX2 -LogName Application).MachineName | Select-Object -Unique");
    assert_eq!(events, "EX2");
    // What was done is recorded once, where it was asked for; joins are, by the server that let the new one in.
    let recorded = "(Search-AdminAuditLog -Cmdlets Mount-Database,Join-ExchangeServer | Sort-Object CmdletName | ForEach-Object \
                    { \"$($_.CmdletName) $($_.ObjectModified) $($_.OriginatingServer)\" }) -join ', '";
    for server in [&first, &second] {
        assert_eq!(server.shell(recorded), "Join-ExchangeServer EX2 EX1, Mount-Database DB02 EX1");
    }
    // Maintenance of the second server, from the first.
    let set = |component: &str, state: &str| {
        first.shell(&format!(
            "Set-ServerComponentState EX2 -Component {component} -State {state} -Requester Maintenance"
        ));
    };
    let (smtp, imap) = (second.ports, second.ports + 2);
    until_greeting(smtp, Some("220 "));
    set("HubTransport", "Draining");
    until_greeting(smtp, Some("421 4.3.2 Service not active"));
    set("HubTransport", "Active");
    until_greeting(smtp, Some("220 "));
    until_greeting(imap, Some("* OK"));
    set("ServerWideOffline", "Inactive");
    until_greeting(imap, None);
    set("ServerWideOffline", "Active");
    until_greeting(imap, Some("* OK"));
    // One that is gone is named, and does not keep the other from answering.
    second.kill();
    first.until_links(&[("EX2", "Down")]);
    let output = first.try_shell("Dismount-Database DB02 -Confirm:$false");
    assert!(
        !output.status.success() && text(&output).contains("The server \"EX2\" can't be reached"),
        "{}",
        text(&output)
    );
    let output = first.try_shell("(Get-MailboxDatabase -Status | Sort-Object Name).Mounted -join ','");
    assert!(text(&output).contains("The server \"EX2\" can't be reached"), "{}", text(&output));
    assert!(String::from_utf8_lossy(&output.stdout).trim_end().ends_with("True,"), "{}", text(&output));
}
