//! Three servers that keep copies of one another's databases: what is acknowledged survives whatever happens to one.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "availability/client.rs"]
mod client;
#[path = "support/group.rs"]
mod group;
#[path = "availability/load.rs"]
mod load;
#[path = "availability/relay.rs"]
mod relay;
mod support;
#[path = "availability/witness.rs"]
mod witness;

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use client::Client;
use group::{Group, HEALTHY, NAMES, others, three};
use load::Ledger;
use relay::{Network, Trouble};
use rustix::process::{Pid, Signal, kill_process};
use support::{Organization, Server, text};

impl Group {
    /// The servers reach each other through relays, if there are any.
    fn new(network: Option<&Network>) -> Self {
        let organization = Organization::new();
        let relays: Vec<String> =
            (0..3).filter_map(|server| network.map(|network| network.relay(server))).collect();
        let servers = three(&organization, &relays);
        for (index, server) in servers.iter().enumerate() {
            if let Some(network) = network {
                network.is(index, server.child.as_ref().unwrap().id(), server.ports + 10);
            }
        }
        Self::of(organization, servers)
    }

    fn database(&self, server: usize) -> std::path::PathBuf {
        let databases = self.at(server).data.join("databases");
        let guid = self.at(0).shell("(Get-MailboxDatabase DB01).Guid.ToString()");
        databases.join(guid)
    }
}

impl Server {
    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.as_ref().unwrap().id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }
}

fn rounds() -> usize {
    std::env::var("ROUNDS").map_or(3, |rounds| rounds.parse().unwrap())
}

#[test]
fn copies_are_suspended_seeded_removed_and_come_back() {
    let mut group = Group::new(None);
    let run = |group: &Group, command: &str| group.at(0).shell(command);
    let ledger = Ledger::default();
    let mut client = Client::at(group.at(2));
    client.until_appended(&ledger);
    run(&group, "Suspend-MailboxDatabaseCopy DB01\\EX2 -SuspendComment 'New disk' -Confirm:$false");
    group.is(0, "DB01: EX1 Mounted, EX2 Suspended, EX3 Healthy");
    assert_eq!(run(&group, "(Get-MailboxDatabaseCopyStatus DB01\\EX2).SuspendComment"), "New disk");
    client.until_appended(&ledger);
    run(&group, "Resume-MailboxDatabaseCopy DB01\\EX2");
    group.is(0, HEALTHY);
    let update = "Update-MailboxDatabaseCopy DB01\\EX2 -DeleteExistingFiles -Confirm:$false";
    let refused = group.at(0).try_shell(update);
    assert!(text(&refused).contains("is in state 'Healthy'. Suspend it"), "{}", text(&refused));
    run(&group, "Suspend-MailboxDatabaseCopy DB01\\EX2 -Confirm:$false");
    group.is(0, "DB01: EX1 Mounted, EX2 Suspended, EX3 Healthy");
    // What fails says so, wherever it is asked for: here the files are in the way.
    for server in [0, 1] {
        let refused = group.at(server).try_shell("Update-MailboxDatabaseCopy DB01\\EX2 -Confirm:$false");
        assert!(text(&refused).contains("already: use -DeleteExistingFiles"), "{}", text(&refused));
    }
    run(&group, update);
    group.is(0, HEALTHY);
    run(&group, "Remove-MailboxDatabaseCopy DB01\\EX3 -Confirm:$false");
    group.is(0, "DB01: EX1 Mounted, EX2 Healthy");
    client.until_appended(&ledger);
    run(&group, "Add-MailboxDatabaseCopy DB01 -MailboxServer EX3");
    group.is(0, HEALTHY);
    // Without its files a copy is made anew; it never starts empty.
    let files = group.database(1);
    group.servers[1].kill();
    std::fs::remove_dir_all(files).unwrap();
    group.servers[1].start();
    group.is(0, HEALTHY);
    ledger.holds_at(group.at(1));
    // A second database, active elsewhere.
    run(&group, "New-MailboxDatabase DB02 -Server EX2; Mount-Database DB02");
    for name in ["EX1", "EX3"] {
        run(&group, &format!("Add-MailboxDatabaseCopy DB02 -MailboxServer {name}"));
    }
    group.is(0, "DB02: EX1 Healthy, EX2 Mounted, EX3 Healthy");
    run(&group, "Dismount-Database DB02 -Confirm:$false");
    group.is(2, "DB02: EX1 Healthy, EX2 Dismounted, EX3 Healthy");
    run(&group, "Mount-Database DB02");
    group.is(2, "DB02: EX1 Healthy, EX2 Mounted, EX3 Healthy");
    // All at once.
    group.servers.iter_mut().for_each(Server::kill);
    thread::scope(|scope| {
        group.servers.iter_mut().for_each(|server| _ = scope.spawn(|| server.start()));
    });
    group.settled(0, "DB01");
    let second =
        "(Get-MailboxDatabaseCopyStatus DB02 | ForEach-Object { \"$($_.Status)\" } | Sort-Object) -join ','";
    group.at(0).until(second, "Healthy,Healthy,Mounted");
    group.servers.iter().for_each(|server| ledger.holds_at(server));
}

/// Appends again and again while something is done, and a little before and after; the longest time until one was
/// acknowledged.
fn longest_wait(server: &Server, ledger: &Ledger, meanwhile: impl FnOnce()) -> Duration {
    let (over, begun) = (AtomicBool::new(false), Barrier::new(2));
    thread::scope(|scope| {
        let appending = scope.spawn(|| {
            let mut client = Client::at(server);
            client.until_appended(ledger);
            begun.wait();
            let mut longest = Duration::ZERO;
            while !over.load(Ordering::SeqCst) {
                longest = longest.max(client.until_appended(ledger));
            }
            longest.max(client.until_appended(ledger))
        });
        begun.wait();
        meanwhile();
        over.store(true, Ordering::SeqCst);
        appending.join().unwrap()
    })
}

#[test]
fn nothing_acknowledged_is_lost_when_the_active_one_moves_dies_or_sleeps() {
    let mut group = Group::new(None);
    let ledger = Ledger::default();
    let load = ledger.send_through(&group.servers.each_ref());
    for to in ["EX2", "EX1"] {
        let gap = longest_wait(group.at(2), &ledger, || {
            group
                .at(2)
                .shell(&format!("Move-ActiveMailboxDatabase DB01 -ActivateOnServer {to} -Confirm:$false"));
        });
        println!("switchover to {to}: longest time until an acknowledgement {gap:?}");
    }
    for round in 0..rounds() {
        let active = group.settled(round % 3, "DB01");
        let began = Instant::now();
        group.servers[active].kill();
        Client::at(group.at(others(active)[0])).until_appended(&ledger);
        println!("round {round}: {} killed, a message taken after {:?}", NAMES[active], began.elapsed());
        group.servers[active].start();
    }
    // One that sleeps and does not know that another has taken over.
    let active = group.settled(0, "DB01");
    let mut held = Client::at(group.at(active));
    held.count().unwrap();
    group.at(active).signal(Signal::STOP);
    let began = Instant::now();
    let mut other = Client::at(group.at(others(active)[0]));
    other.until_appended(&ledger);
    println!("{} stopped, a message taken after {:?}", NAMES[active], began.elapsed());
    let there = other.count().unwrap();
    thread::sleep(Duration::from_secs(3).saturating_sub(began.elapsed()));
    group.at(active).signal(Signal::CONT);
    if let Ok(seen) = held.count() {
        assert!(seen >= there, "{} shows {seen} messages of {there}", NAMES[active]);
    }
    let _ = held.append(&ledger);
    group.settled(active, "DB01");
    load.end();
    println!("{} acknowledged", ledger.count());
    group.servers.iter().for_each(|server| ledger.holds_at(server));
}

#[test]
fn a_minority_acknowledges_nothing_and_comes_back() {
    let network = Network::default();
    let group = Group::new(Some(&network));
    let ledger = Ledger::default();
    let load = ledger.send_through(&group.servers.each_ref());
    // The active one alone.
    let alone = group.settled(0, "DB01");
    let mut minority = Client::at(group.at(alone));
    minority.count().unwrap();
    others(alone).into_iter().for_each(|other| network.cut(alone, other));
    let refused = minority.append(&ledger);
    assert!(refused.is_err(), "a minority of one has acknowledged a message");
    let mut majority = Client::at(group.at(others(alone)[0]));
    println!("cut off: the majority goes on after {:?}", majority.until_appended(&ledger));
    let there = majority.count().unwrap();
    if let Ok(seen) = minority.count() {
        assert!(seen >= there, "the minority shows {seen} messages of {there}");
    }
    let own = format!("(Get-MailboxDatabaseCopyStatus DB01\\{}).Status", NAMES[alone]);
    group.at(alone).until(&own, "Dismounted");
    network.heal();
    // It is heard by nobody, and hears all.
    let mute = group.settled(alone, "DB01");
    others(mute).into_iter().for_each(|other| network.trouble(mute, other, Trouble::Held));
    let mut majority = Client::at(group.at(others(mute)[0]));
    println!("not heard: another one goes on after {:?}", majority.until_appended(&ledger));
    network.heal();
    // Two do not reach each other; the third reaches both.
    let active = group.settled(mute, "DB01");
    let [without, both] = others(active);
    network.cut(active, without);
    println!("a pair is cut: {:?}", Client::at(group.at(both)).until_appended(&ledger));
    network.heal();
    group.settled(both, "DB01");
    // Slow lines that break.
    let poor = Trouble::Poor(Duration::from_millis(40), 200);
    for (from, to) in (0..3).flat_map(|from| others(from).map(|to| (from, to))) {
        network.trouble(from, to, poor);
    }
    let mut client = Client::at(group.at(both));
    (0..3).for_each(|_| println!("slow lines: {:?}", client.until_appended(&ledger)));
    network.heal();
    group.settled(0, "DB01");
    load.end();
    println!("{} acknowledged", ledger.count());
    group.servers.iter().for_each(|server| ledger.holds_at(server));
}
