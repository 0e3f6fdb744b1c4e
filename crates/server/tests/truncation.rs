//! How the log of a database with copies is cut, line by line, on small file systems that run short of space: normal
//! truncation waits for every copy; loose truncation, which each server does by its own free space, gives up the one
//! that is farthest behind; that one must be seeded again. `AUTORESEED=1` also waits until one is by itself.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    rc::Rc,
    time::{Duration, Instant},
};

use bench::{message, smtp::Smtp};
use support::{DOMAIN, Organization, PATIENCE, Server, text};
use tempfile::TempDir;
use xtask::durability::volume::{self, Ballast, Volume};

/// A volume for the databases of a server, and what is left of it when it runs short, bytes.
const VOLUME: u64 = 4 << 30;
const SHORT: u64 = 1 << 30;
/// `LooseTruncation_MinDiskFreeSpaceThresholdInMB`: between the two.
const THRESHOLD_MB: u64 = 1536;
/// What a batch of mail comes to: much more than one log, and than is worth cutting.
const MESSAGES: u64 = 24;
const SIZE: usize = 400 << 10;
/// The messages of the whole test are those of one seed.
const SEED: u64 = 8;
const POLL: Duration = Duration::from_millis(200);

/// How the copies of a database are seen: server, status, the lowest log that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen(BTreeMap<String, (String, u64)>);

impl Seen {
    fn lowest(&self, server: &str) -> u64 {
        self.0.get(server).unwrap().1
    }

    fn status(&self, server: &str) -> &str {
        &self.0.get(server).unwrap().0
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let copies =
            self.0.iter().map(|(server, (status, lowest))| format!("{server} {status} from log {lowest}"));
        f.write_str(&copies.collect::<Vec<_>>().join(", "))
    }
}

/// Three servers with their databases on a volume each.
struct Group {
    servers: [Server; 3],
    sent: u64,
    _organization: Organization,
    volumes: Rc<RefCell<Vec<Volume>>>,
    _images: TempDir,
}

impl Group {
    fn new() -> Self {
        let (mut organization, images) = (Organization::new(), tempfile::tempdir().unwrap());
        let volumes: Rc<RefCell<Vec<Volume>>> = Rc::default();
        let (made, folder) = (volumes.clone(), images.path().to_owned());
        organization.prepare = Box::new(move |data| {
            let image = folder.join(data.file_name().unwrap());
            made.borrow_mut().push(Volume::of(VOLUME, "ext4", image, data.join("databases")).unwrap());
        });
        let first = organization.first(&[]);
        let second = organization.joined("ex2", &first, &[]);
        let third = organization.joined("ex3", &first, &[]);
        let servers = [first, second, third];
        let links = "(Get-ServerLink | Where-Object Status -eq Up | Measure-Object).Count";
        servers.iter().for_each(|server| server.until(links, "2"));
        let group = Self { servers, sent: 0, _organization: organization, volumes, _images: images };
        group.shell("New-DatabaseAvailabilityGroup DAG1; Set-DatabaseAvailabilityGroup DAG1 -AutoDagAutoReseedEnabled $false");
        group.shell("'EX1', 'EX2', 'EX3' | ForEach-Object { Add-DatabaseAvailabilityGroupServer DAG1 -MailboxServer $_ }");
        group.shell("'EX2', 'EX3' | ForEach-Object { Add-MailboxDatabaseCopy DB01 -MailboxServer $_ }");
        group.shell("New-MailboxDatabase DB02 -Server EX1; Mount-Database DB02");
        group.shell("Add-MailboxDatabaseCopy DB02 -MailboxServer EX2");
        group.shell(&format!(
            "New-Mailbox -Name second -UserPrincipalName second@{DOMAIN} -Database DB02 -Password \
             (ConvertTo-SecureString 'correct-horse-battery' -AsPlainText -Force)"
        ));
        group.until("DB01", |seen| seen.status("EX2") == "Healthy" && seen.status("EX3") == "Healthy");
        group.until("DB02", |seen| seen.status("EX2") == "Healthy");
        group
    }

    fn shell(&self, command: &str) -> String {
        self.servers[0].shell(command)
    }

    /// Mail for both databases.
    fn send(&mut self) {
        let mut session = Smtp::connect(&format!("127.0.0.1:{}", self.servers[0].ports)).unwrap();
        for number in self.sent..self.sent + MESSAGES {
            for to in [format!("administrator@{DOMAIN}"), format!("second@{DOMAIN}")] {
                let content = message::make(SEED, number, SIZE, &to);
                session.deliver("sender@outside.test", &to, &content).unwrap();
            }
        }
        session.quit();
        self.sent += MESSAGES;
    }

    fn seen(&self, database: &str) -> Option<Seen> {
        let output = self.servers[0].try_shell(&format!(
            "Get-MailboxDatabaseCopyStatus {database} | \
             ForEach-Object {{ \"$($_.MailboxServer) $($_.Status) $($_.LowestLogPresent)\" }}"
        ));
        let said = text(&output);
        let copies = said.lines().map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [server, status, lowest] => Some((server.to_owned(), (status.to_owned(), lowest.parse().ok()?))),
            _ => None,
        });
        copies.collect::<Option<_>>().map(Seen)
    }

    /// Waits until the copies of a database are seen as wanted.
    fn until(&self, database: &str, wanted: impl Fn(&Seen) -> bool) -> Seen {
        let (began, mut last) = (Instant::now(), None);
        while began.elapsed() < PATIENCE {
            last = self.seen(database);
            match last {
                Some(seen) if wanted(&seen) => return seen,
                _ => std::thread::sleep(POLL),
            }
        }
        panic!("{database} is seen as {last:?} at last");
    }

    /// Waits until the log of a database begins above this one on these servers.
    fn until_cut(&self, database: &str, log: u64, servers: &[&str]) -> Seen {
        self.until(database, |seen| servers.iter().all(|server| seen.lowest(server) > log))
    }

    /// The log of the first database that is being written.
    fn last_log(&self) -> u64 {
        let whole = self.shell("(Get-MailboxDatabaseCopyStatus DB01\\EX1).LastLogGenerated");
        whole.parse::<u64>().unwrap() + 1
    }

    fn fill(&self, server: usize) -> Ballast {
        Ballast::fill(self.volumes.borrow()[server].folder(), SHORT).unwrap()
    }

    /// All mail to the first database can be read at this server.
    fn holds_all_at(&self, server: usize) {
        let output = self.servers[server].client("list").output().unwrap();
        let found = String::from_utf8_lossy(&output.stdout).lines().count() as u64;
        assert_eq!(found, self.sent, "messages at {}", self.servers[server].data.display());
    }
}

#[test]
fn a_log_is_cut_when_no_copy_needs_it_or_the_straggler_is_given_up() {
    if let Some(reason) = volume::impossible(&["mkfs.ext4"]) {
        println!("skipped: {reason}");
        return;
    }
    let mut group = Group::new();
    let row = |what: &str, seen: &Seen| println!("{what}: {seen}");
    let all = ["EX1", "EX2", "EX3"];

    group.shell("Set-MailboxDatabase DB01 -CircularLoggingEnabled $true");
    let second = group.seen("DB02").unwrap();
    group.send();
    let normal = group.until_cut("DB01", 1, &all);
    row("circular logging, all copies have it: cut everywhere", &normal);
    let kept = group.seen("DB02").unwrap();
    row("DB02, no circular logging and no backup: kept", &kept);
    assert_eq!(kept, second);

    // The straggler has no log above this one.
    let has = group.last_log();
    group.servers[2].kill();
    group.until("DB01", |seen| seen.status("EX3") == "ServiceDown");
    group.shell("Set-MailboxDatabase DB02 -CircularLoggingEnabled $true");
    group.send();
    // A database without a copy there says when both servers have looked at their logs.
    row(
        "DB02, circular logging from now on, no copy on EX3: cut",
        &group.until_cut("DB02", kept.lowest("EX1"), &all[..2]),
    );
    let waiting = group.seen("DB01").unwrap();
    row("a copy is stopped: normal truncation waits for it", &waiting);
    assert!(
        all[..2].iter().all(|server| waiting.lowest(server) <= has),
        "{waiting}, the straggler has {has}"
    );

    for server in all {
        group.shell(&format!(
            "Set-MailboxServer {server} -LooseTruncation_MinCopiesToProtect 1 -LooseTruncation_MinLogsToProtect 1 \
             -LooseTruncation_MinDiskFreeSpaceThresholdInMB {THRESHOLD_MB}"
        ));
    }
    let ballast = group.fill(1);
    let own = group.until_cut("DB01", has, &all[1..2]);
    row("EX2 is short of space: it cuts for itself, EX1 does not", &own);
    assert_eq!(own.lowest("EX1"), waiting.lowest("EX1"));
    drop(ballast);
    let ballast = group.fill(0);
    let given_up = group.until_cut("DB01", has, &all[..1]);
    row("EX1 is short of space: it gives up the straggler", &given_up);
    drop(ballast);

    group.servers[2].start();
    let failed = group.until("DB01", |seen| seen.status("EX3") == "FailedAndSuspended");
    row("the straggler is back", &failed);
    let why = group.shell("(Get-MailboxDatabaseCopyStatus DB01\\EX3).ErrorMessage");
    println!("  {why}");
    assert!(why.contains("must be seeded anew"), "{why}");
    assert!(group.servers[2].shell("(Get-WinEvent -LogName Application).Id").contains("4113"));
    group.shell("Update-MailboxDatabaseCopy DB01\\EX3 -DeleteExistingFiles -Confirm:$false");
    let seeded = group.until("DB01", |seen| seen.status("EX3") == "Healthy");
    row("seeded again", &seeded);
    group.shell("Move-ActiveMailboxDatabase DB01 -ActivateOnServer EX3 -Confirm:$false");
    group.holds_all_at(2);

    if std::env::var_os("AUTORESEED").is_some() {
        group.shell("Move-ActiveMailboxDatabase DB01 -ActivateOnServer EX1 -Confirm:$false");
        row("AutoReseed", &group.seeds_itself());
    }
}

impl Group {
    /// Lets the copy straggle once more, and waits until it is seeded without a command.
    fn seeds_itself(&mut self) -> Seen {
        self.shell("Set-DatabaseAvailabilityGroup DAG1 -AutoDagAutoReseedEnabled $true");
        let has = self.last_log();
        self.servers[2].kill();
        let _ballast = self.fill(0);
        self.send();
        self.until_cut("DB01", has, &["EX1"]);
        self.servers[2].start();
        self.until("DB01", |seen| seen.status("EX3") == "FailedAndSuspended");
        let seeded = self.until("DB01", |seen| seen.status("EX3") == "Healthy");
        self.holds_all_at(2);
        seeded
    }
}
