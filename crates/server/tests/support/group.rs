//! Three servers and a database with a copy on each, for the tests that lose some of them.

use std::time::Instant;

use crate::support::{Organization, PATIENCE, Server};

pub(crate) const NAMES: [&str; 3] = ["EX1", "EX2", "EX3"];
pub(crate) const HEALTHY: &str = "DB01: EX1 Mounted, EX2 Healthy, EX3 Healthy";

pub(crate) struct Group {
    pub(crate) servers: [Server; 3],
    _organization: Organization,
}

/// Three servers of an organisation that run; they are reached through these addresses, if there are any.
pub(crate) fn three(organization: &Organization, relays: &[String]) -> [Server; 3] {
    let through = |server: usize| match relays.get(server) {
        Some(relay) => vec!["--link-address", relay],
        None => Vec::new(),
    };
    let first = organization.first(&through(0));
    let second = organization.joined("ex2", &first, &through(1));
    let third = organization.joined("ex3", &first, &through(2));
    [first, second, third]
}

impl Group {
    /// Servers of one organisation that reach one another, and no group yet.
    pub(crate) fn without_group(organization: Organization, servers: [Server; 3]) -> Self {
        let links = "(Get-ServerLink | Where-Object Status -eq Up | Measure-Object).Count";
        servers.iter().for_each(|server| server.until(links, "2"));
        Self { servers, _organization: organization }
    }

    /// Made as the page for administrators says.
    pub(crate) fn of(organization: Organization, servers: [Server; 3]) -> Self {
        let group = Self::without_group(organization, servers);
        group.at(0).shell("New-DatabaseAvailabilityGroup -Name DAG1");
        for name in NAMES {
            group.at(0).shell(&format!("Add-DatabaseAvailabilityGroupServer DAG1 -MailboxServer {name}"));
        }
        group.at(0).shell("Add-MailboxDatabaseCopy DB01 -MailboxServer EX2");
        group.at(0).shell("Add-MailboxDatabaseCopy DB01 -MailboxServer EX3");
        group.is(0, HEALTHY);
        group
    }

    pub(crate) fn at(&self, server: usize) -> &Server {
        &self.servers[server]
    }

    /// Waits until the copies are seen like this at a server.
    pub(crate) fn is(&self, at: usize, wanted: &str) {
        let (database, _) = wanted.split_once(':').unwrap();
        let command = format!(
            "\"{database}: \" + ((Get-MailboxDatabaseCopyStatus {database} | Sort-Object MailboxServer | \
             ForEach-Object {{ \"$($_.MailboxServer) $($_.Status)\" }}) -join ', ')"
        );
        self.at(at).until(&command, wanted);
    }

    /// Waits until one copy of a database is mounted and all others are healthy; which server has it.
    pub(crate) fn settled(&self, at: usize, database: &str) -> usize {
        let command = format!(
            "(Get-MailboxDatabaseCopyStatus {database} | ForEach-Object {{ \"$($_.Status)\" }} | Sort-Object) -join ','"
        );
        self.at(at).until(&command, "Healthy,Healthy,Mounted");
        self.active(at, database)
    }

    /// The server whose copy of a database is the active one.
    fn active(&self, at: usize, database: &str) -> usize {
        let began = Instant::now();
        let command = format!(
            "(Get-MailboxDatabaseCopyStatus {database} | Where-Object Status -eq Mounted).MailboxServer"
        );
        while began.elapsed() < PATIENCE {
            let said = self.at(at).try_shell(&command);
            let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
            if let Some(active) = NAMES.iter().position(|name| *name == said) {
                return active;
            }
        }
        panic!("no copy of {database} becomes active");
    }
}

pub(crate) fn others(server: usize) -> [usize; 2] {
    [(server + 1) % 3, (server + 2) % 3]
}
