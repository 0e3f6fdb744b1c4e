//! Three servers that keep copies of one another's mail queues: what one of them has acknowledged goes out though it
//! and its disk are lost.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::{
    collections::BTreeMap,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use bench::smtp::Smtp;
use rustix::process::{Pid, Signal, kill_process};
use support::{DOMAIN, Organization, PATIENCE, Server};

const NAMES: [&str; 3] = ["EX1", "EX2", "EX3"];
const PAUSE: Duration = Duration::from_millis(50);

/// Somebody else's mail server, which is not there at first.
struct Sink {
    port: u16,
    file: PathBuf,
    child: Option<Child>,
}

impl Sink {
    fn at(dir: &tempfile::TempDir) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { port, file: dir.path().join("subjects"), child: None }
    }

    fn comes_up(&mut self) {
        let mut sink = Command::new("python3");
        sink.arg(xtask::root().join("tests/servers/sink.py")).arg(self.port.to_string()).arg(&self.file);
        self.child = Some(sink.spawn().unwrap());
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "the sink does not listen");
            thread::sleep(PAUSE);
        }
    }

    /// How often each subject has come.
    fn subjects(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for subject in std::fs::read_to_string(&self.file).unwrap_or_default().lines() {
            *counts.entry(subject.to_owned()).or_default() += 1;
        }
        counts
    }

    /// Waits until all of these have come; none has twice.
    fn has(&self, wanted: &[String]) {
        let began = Instant::now();
        loop {
            let came = self.subjects();
            let twice: Vec<_> = came.iter().filter(|(_, times)| **times > 1).collect();
            assert!(twice.is_empty(), "more than once: {twice:?}");
            let missing: Vec<_> = wanted.iter().filter(|subject| !came.contains_key(*subject)).collect();
            if missing.is_empty() {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{} did not come: {missing:?}", missing.len());
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Hands a message for somebody outside to this server.
fn send(server: &Server, subject: &str) -> Result<(), String> {
    let mut session = Smtp::connect(&format!("127.0.0.1:{}", server.ports)).map_err(|e| e.to_string())?;
    let content = format!("Subject: {subject}\r\nMessage-ID: <{subject}@outside.test>\r\n\r\nmail\r\n");
    session
        .deliver("sender@outside.test", &format!("outside@{DOMAIN}"), content.as_bytes())
        .map_err(|error| error.to_string())
}

/// Sends some; what was acknowledged.
fn send_some(server: &Server, kind: &str, count: usize) -> Vec<String> {
    let subjects: Vec<String> = (0..count).map(|n| format!("{kind}-{n}")).collect();
    subjects.iter().for_each(|subject| send(server, subject).unwrap());
    subjects
}

/// Tries until a message is taken.
fn send_at_last(server: &Server, subject: &str) -> Vec<String> {
    let began = Instant::now();
    while let Err(why) = send(server, subject) {
        assert!(began.elapsed() < PATIENCE, "{why}");
        thread::sleep(PAUSE);
    }
    vec![subject.to_owned()]
}

/// Sends from several sides until the server dies of it; what was acknowledged.
fn send_until_killed(server: &mut Server) -> Vec<String> {
    let over = AtomicBool::new(false);
    let address = Server { data: server.data.clone(), ports: server.ports, child: None };
    thread::scope(|scope| {
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let (address, over) = (&address, &over);
                scope.spawn(move || {
                    let subjects = (0..).map(|n| format!("last-{sender}-{n}"));
                    let going_on = subjects.take_while(|_| !over.load(Ordering::SeqCst));
                    going_on.filter(|subject| send(address, subject).is_ok()).collect::<Vec<_>>()
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(500));
        server.kill();
        over.store(true, Ordering::SeqCst);
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    })
}

/// Stops a server as an administrator does.
fn stop(server: &mut Server) {
    let mut child = server.child.take().unwrap();
    let process = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(process, Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Waits until this server's queue has all its copies.
fn has_copies(server: &Server, name: &str) {
    let check = format!(
        "(Test-ReplicationHealth {name} | Where-Object Check -eq QueueRedundancy | ForEach-Object {{ \"$($_.Result) $($_.Error)\" }})"
    );
    server.until(&check, "Passed");
}

fn queued(server: &Server, name: &str) -> String {
    let all = format!("(Get-Queue -Server {name} | Measure-Object MessageCount -Sum).Sum");
    String::from_utf8_lossy(&server.try_shell(&all).stdout).trim().to_owned()
}

fn retry(servers: &[&str]) -> String {
    let each = servers.join("', '");
    format!(
        "foreach ($server in '{each}') {{ Get-Queue -Server $server | Where-Object Status -eq Retry | Retry-Queue }}"
    )
}

/// A group of three with a way out, whose next hop is down.
fn group(organization: &Organization, sink: &Sink) -> [Server; 3] {
    let first = organization.first(&[]);
    let second = organization.joined("ex2", &first, &[]);
    let third = organization.joined("ex3", &first, &[]);
    let port = sink.port;
    first.shell(&format!(
        "New-SendConnector -Name Out -AddressSpaces ext.example -SmartHosts '[127.0.0.1]' -Port {port} \
         -DNSRoutingEnabled $false -SourceTransportServers EX1,EX2,EX3 | Out-Null; \
         New-MailContact -Name outside -ExternalEmailAddress x@ext.example | Out-Null; \
         New-DatabaseAvailabilityGroup -Name DAG1 | Out-Null"
    ));
    [first, second, third]
}

fn complete(servers: &[Server; 3]) {
    for name in NAMES {
        servers[0].shell(&format!("Add-DatabaseAvailabilityGroupServer DAG1 -MailboxServer {name}"));
    }
    for name in NAMES {
        has_copies(&servers[0], name);
    }
}

#[test]
fn what_a_dead_server_with_a_dead_disk_had_acknowledged_goes_out_once() {
    let began = Instant::now();
    let (organization, dir) = (Organization::new(), tempfile::tempdir().unwrap());
    let mut sink = Sink::at(&dir);
    let mut servers = group(&organization, &sink);
    // Some come before the queue has copies, and are in the first seed.
    let mut all = send_some(&servers[0], "before", 10);
    complete(&servers);
    println!("all queues have copies after {:?}", began.elapsed());
    all.extend(send_some(&servers[0], "acknowledged", 30));
    all.extend(send_some(&servers[1], "second", 5));
    assert_eq!(queued(&servers[1], "EX1"), "40");

    all.extend(send_until_killed(&mut servers[0]));
    std::fs::remove_dir_all(servers[0].data.join("queue")).unwrap();
    let dead = Instant::now();
    sink.comes_up();
    // Its heir may rest, having found the way out closed before.
    servers[1].shell(&retry(&["EX2", "EX3"]));
    let of_the_dead: Vec<String> =
        all.iter().filter(|subject| !subject.starts_with("second")).cloned().collect();
    sink.has(&of_the_dead);
    println!("all that the dead one had has come after {:?}", dead.elapsed());
    all.extend(send_at_last(&servers[1], "meanwhile"));

    // It comes back with nothing, and gets its queue from the others.
    servers[0].start();
    all.extend(send_at_last(&servers[0], "back"));
    println!("the dead one takes mail again after {:?}", dead.elapsed());
    has_copies(&servers[1], "EX1");
    println!("its queue has all copies after {:?}", dead.elapsed());
    sink.has(&all);

    // The owner alone is no majority.
    servers[1].kill();
    servers[2].kill();
    let alone = Instant::now();
    let refused = send(&servers[0], "alone").unwrap_err();
    assert!(refused.contains("451 4.4.0"), "{refused}");
    println!("refused after {:?}", alone.elapsed());
    let read = servers[0].client("list").output().unwrap();
    assert!(read.status.success(), "who has no queue can still read mail");
    servers[1].start();
    all.extend(send_at_last(&servers[0], "two-again"));
    println!("taken again after {:?}", alone.elapsed());
    sink.has(&all);
    assert!(!sink.subjects().contains_key("alone"), "it was refused");
    println!("{:?}", began.elapsed());
}

/// Waits until nothing is left of a server's queue at another one.
fn has_let_go(server: &Server, owner: &str) {
    let (folder, began) = (server.data.join("queues").join(owner), Instant::now());
    while std::fs::read_dir(&folder).is_ok_and(|mut files| files.next().is_some()) {
        assert!(began.elapsed() < PATIENCE, "{} keeps its copy", server.data.display());
        thread::sleep(PAUSE);
    }
}

#[test]
fn a_queue_goes_with_its_server_into_a_group_out_of_it_and_to_others_for_good() {
    let began = Instant::now();
    let (organization, dir) = (Organization::new(), tempfile::tempdir().unwrap());
    let mut sink = Sink::at(&dir);
    let mut servers = group(&organization, &sink);
    complete(&servers);
    let third = servers[0].shell("(Get-ExchangeServer EX3).Guid.ToString()");
    let mut all = send_some(&servers[2], "in", 5);
    // Two that are left would take nothing as soon as one is lost: each has its queue alone again.
    servers[0].shell("Remove-DatabaseAvailabilityGroupServer DAG1 -MailboxServer EX3 -Confirm:$false");
    has_let_go(&servers[0], &third);
    has_let_go(&servers[1], &third);
    println!("the others have let go after {:?}", began.elapsed());
    servers[0].kill();
    servers[1].kill();
    all.extend(send_some(&servers[2], "out", 5));
    servers[0].start();
    servers[1].start();
    servers[2].kill();
    servers[2].start();
    assert_eq!(queued(&servers[2], "EX3"), "10");
    for server in &servers {
        server.until("(Get-ServerLink | Where-Object Status -eq Up | Measure-Object).Count", "2");
    }
    servers[0].shell("Add-DatabaseAvailabilityGroupServer DAG1 -MailboxServer EX3");
    NAMES.iter().for_each(|name| has_copies(&servers[0], name));
    println!("in again after {:?}", began.elapsed());
    // One that is stopped hands its queue over, and has it again when it is started.
    let stopping = Instant::now();
    stop(&mut servers[2]);
    println!("stopped within {:?}", stopping.elapsed());
    servers[2].start();
    has_copies(&servers[0], "EX3");
    all.extend(send_at_last(&servers[2], "after-a-stop"));
    // Now it dies, and is given up.
    all.extend(send_some(&servers[2], "in-again", 5));
    servers[2].kill();
    servers[0].shell("Remove-DatabaseAvailabilityGroupServer DAG1 -MailboxServer EX3 -Confirm:$false");
    servers[0].shell("Remove-ExchangeServer EX3 -Confirm:$false");
    has_let_go(&servers[0], &third);
    has_let_go(&servers[1], &third);
    println!("given up after {:?}", began.elapsed());
    sink.comes_up();
    servers[1].shell(&retry(&["EX1", "EX2"]));
    sink.has(&all);
    println!("{:?}", began.elapsed());
}
