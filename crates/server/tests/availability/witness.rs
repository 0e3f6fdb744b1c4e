//! Two servers that keep copies, and a third one that bears witness.

use std::{thread, time::Duration};

use super::{
    client::Client,
    group::{Group, three},
    load::Ledger,
    support::Organization,
};

const SETTLED: &str = "Healthy,Mounted";

impl Group {
    fn of_two() -> Self {
        let organization = Organization::new();
        let servers = three(&organization, &[]);
        let group = Self::without_group(organization, servers);
        let run = |command: &str| group.at(0).shell(command);
        run("New-DatabaseAvailabilityGroup -Name DAG1 -WitnessServer EX3");
        for name in ["EX1", "EX2"] {
            run(&format!("Add-DatabaseAvailabilityGroupServer DAG1 -MailboxServer {name}"));
        }
        run("Add-MailboxDatabaseCopy DB01 -MailboxServer EX2");
        group.both(0);
        group.at(0).until("(Get-DatabaseAvailabilityGroup DAG1 -Status).WitnessShareInUse", "Primary");
        group
    }

    /// Waits until both copies are well.
    fn both(&self, at: usize) {
        let statuses = "(Get-MailboxDatabaseCopyStatus DB01 | ForEach-Object { \"$($_.Status)\" } | Sort-Object) -join ','";
        self.at(at).until(statuses, SETTLED);
    }

    fn mounted(&self, at: usize) -> String {
        let command = "(Get-MailboxDatabaseCopyStatus DB01 | Where-Object Status -eq Mounted).MailboxServer";
        self.at(at).shell(command)
    }
}

#[test]
fn with_a_witness_one_of_two_goes_on() {
    let mut group = Group::of_two();
    let ledger = Ledger::default();
    let witness = 2;
    Client::at(group.at(witness)).until_appended(&ledger);
    // The passive one is lost, then the active one.
    for lost in [1, 0] {
        group.servers[lost].kill();
        println!("{lost} lost: {:?}", Client::at(group.at(witness)).until_appended(&ledger));
        group.servers[lost].start();
        group.both(witness);
    }
    // A copy that lacks what was acknowledged does not take over, though the witness hears it.
    group.servers[0].kill();
    Client::at(group.at(witness)).until_appended(&ledger);
    group.servers[1].kill();
    group.servers[0].start();
    thread::sleep(Duration::from_secs(4));
    assert_eq!(group.mounted(0), "", "a copy without the last message serves");
    group.servers[1].start();
    group.both(witness);
    ledger.holds_at(group.at(witness));
    // One that lost its files is made anew.
    let files = group.database(0);
    group.servers[0].kill();
    std::fs::remove_dir_all(files).unwrap();
    group.servers[0].start();
    group.both(witness);
    // A server that may not take over does not, until an administrator says so.
    assert_eq!(group.mounted(witness), "EX2");
    group.at(witness).shell("Set-MailboxServer EX1 -DatabaseCopyAutoActivationPolicy Blocked");
    group.servers[1].kill();
    thread::sleep(Duration::from_secs(4));
    assert_eq!(group.mounted(witness), "", "a copy serves that is blocked");
    group.at(witness).shell("Move-ActiveMailboxDatabase DB01 -ActivateOnServer EX1 -Confirm:$false");
    println!("activated: {:?}", Client::at(group.at(witness)).until_appended(&ledger));
    group.servers[1].start();
    group.both(witness);
    ledger.holds_at(group.at(witness));
}
