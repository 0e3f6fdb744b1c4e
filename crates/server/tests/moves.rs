//! A mailbox moves between databases that are active on different servers while mail comes in, and every server is
//! lost on the way.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

#[path = "support/group.rs"]
mod group;
#[path = "availability/load.rs"]
mod load;
mod support;

use std::{
    io::Write,
    time::{Duration, Instant},
};

use group::{Group, NAMES, others, three};
use load::Ledger;
use support::{Organization, PATIENCE, text};

const MESSAGES: usize = 300;
/// Bytes of each.
const SIZE: usize = 8000;
/// So slow that no move ends before its servers are lost.
const SLOW: &str = "\n[mailbox_replication]\nretry_delay = 1\nmax_bytes_per_second = 12000\n";
const FAST: &str = "\n[mailbox_replication]\nretry_delay = 1\n";

/// DB01 is active on EX1, DB02 on EX2; should it be lost, EX3 comes next.
fn group() -> Group {
    let mut organization = Organization::new();
    organization.prepare = Box::new(|data| {
        let mut config = std::fs::OpenOptions::new().append(true).open(data.join("rialto.toml")).unwrap();
        config.write_all(SLOW.as_bytes()).unwrap();
    });
    let servers = three(&organization, &[]);
    let group = Group::of(organization, servers);
    group.at(0).shell("New-MailboxDatabase DB02 -Server EX2; Mount-Database DB02");
    for name in ["EX3", "EX1"] {
        group.at(0).shell(&format!("Add-MailboxDatabaseCopy DB02 -MailboxServer {name}"));
    }
    group.is(0, "DB02: EX1 Healthy, EX2 Mounted, EX3 Healthy");
    group
}

/// What a server says of the move.
fn statistics(group: &Group, at: usize, property: &str) -> String {
    group.at(at).shell(&format!("(Get-MoveRequestStatistics Administrator).{property}"))
}

/// Waits until more items than that have been brought; how many.
fn until_brought(group: &Group, at: usize, more_than: u64) -> u64 {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let said = group.at(at).try_shell("(Get-MoveRequestStatistics Administrator).ItemsTransferred");
        if let Ok(brought) = text(&said).trim().parse::<u64>()
            && brought > more_than
        {
            return brought;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the move does not go on: {}", report(group, at));
}

fn report(group: &Group, at: usize) -> String {
    group.at(at).shell(
        "$s = Get-MoveRequestStatistics Administrator -IncludeReport; \"$($s.Status) $($s.StatusDetail) $($s.Message)\"; \
         $s.Report | Out-String -Width 400",
    )
}

/// Loses a server while the move is under way; it goes on where it was, and the server comes back.
fn lose(group: &mut Group, victim: usize) {
    let [other, _] = others(victim);
    let before = until_brought(group, other, 0);
    group.servers[victim].kill();
    let began = Instant::now();
    let after = until_brought(group, other, before);
    println!("{} lost after {before} items, {after} after {:?}", NAMES[victim], began.elapsed());
    assert_ne!(statistics(group, other, "Status"), "Failed", "{}", report(group, other));
    let file = group.at(victim).data.join("rialto.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, config.replace(SLOW, FAST)).unwrap();
    group.servers[victim].start();
    ["DB01", "DB02"].iter().for_each(|database| _ = group.settled(victim, database));
}

/// Has a database where it is wanted.
fn place(group: &Group, database: &str, server: usize) {
    if group.settled(0, database) != server {
        let to = NAMES[server];
        group
            .at(0)
            .shell(&format!("Move-ActiveMailboxDatabase {database} -ActivateOnServer {to} -Confirm:$false"));
        assert_eq!(group.settled(0, database), server);
    }
}

/// UIDVALIDITY and the messages that were there before the move, as a client sees them.
fn show(group: &Group, at: usize) -> Vec<String> {
    let output = group.at(at).client("show").output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let lines = text(&output);
    let is_meant = |line: &&str| line.starts_with('[') || line.contains("Subject: n");
    lines.lines().filter(is_meant).map(ToOwned::to_owned).collect()
}

#[test]
fn a_move_survives_the_loss_of_target_source_and_mover() {
    let mut group = group();
    let filled = group.at(0).client("fill").args([MESSAGES.to_string(), SIZE.to_string()]).status().unwrap();
    assert!(filled.success());
    let before = show(&group, 0);
    assert_eq!(before.len(), MESSAGES + 1);
    let ledger = Ledger::default();
    let load = ledger.send_through(&[group.at(0), group.at(1), group.at(2)]);
    // Copies that do not follow hold it back.
    group.at(0).shell("Set-MailboxDatabase DB02 -DataMoveReplicationConstraint AllCopies");
    group.at(0).shell("Suspend-MailboxDatabaseCopy DB02\\EX1 -Confirm:$false");
    group.at(1).until("(Get-MailboxDatabaseCopyStatus DB02\\EX1).Status", "Suspended");
    group.at(0).shell("New-MoveRequest Administrator -TargetDatabase DB02");
    let held =
        "$s = Get-MoveRequestStatistics Administrator; \"$($s.Status) $($s.StatusDetail) $($s.Message)\"";
    group.at(0).until(
        held,
        "Retrying StalledDueToTarget_MdbReplication the copies of database \"DB02\" do not satisfy the constraint \
         AllCopies yet: DB02\\EX1 is Suspended",
    );
    group.at(0).shell("Resume-MailboxDatabaseCopy DB02\\EX1");
    until_brought(&group, 0, 0);
    group.at(0).shell("Set-MailboxDatabase DB02 -DataMoveReplicationConstraint SecondCopy");
    // The target, the source, and whoever has taken the move up.
    place(&group, "DB02", 1);
    lose(&mut group, 1);
    place(&group, "DB02", 2);
    place(&group, "DB01", 0);
    lose(&mut group, 0);
    let said = "(Get-MoveRequestStatistics Administrator -IncludeReport).Report -match 'EX1 had it before' -match 'source'";
    group.at(0).until(&format!("@({said}).Count"), "1");
    group.at(0).until("(Get-MoveRequestStatistics Administrator).MRSServerName", "EX3");
    lose(&mut group, 2);
    group.at(0).until("(Get-MoveRequest Administrator).Status", "Completed");
    load.end();
    let report = report(&group, 0);
    println!("{report}\n{} acknowledged meanwhile", ledger.count());
    assert!(report.matches("The move is resumed: ").count() >= 2, "{report}");
    assert_eq!(group.at(0).shell("(Get-Mailbox Administrator).Database"), "DB02");
    // What is left behind is kept and found.
    let left =
        "(Get-MailboxStatistics -Database DB01 | Where-Object DisconnectReason -eq SoftDeleted).DisplayName";
    group.at(0).until(left, "Administrator");
    for (server, name) in NAMES.iter().enumerate() {
        ledger.holds_at(group.at(server));
        let after = show(&group, server);
        let other = before.iter().zip(&after).find(|(before, after)| before != after);
        assert!(after.len() == before.len() && other.is_none(), "at {name}: {other:?}");
    }
}
