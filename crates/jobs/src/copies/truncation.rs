//! Cutting the logs of this server's copies, as `dag::machine::truncation` decides from what all copies say.

use std::time::Duration;

use dag::machine::{
    status::Role,
    truncation::{Loose, Other, Own, Rules, cut, global},
};
use directory::{Object, View};
use tokio::sync::watch;

use super::{CopyReport, Held, Manager, event, held::Copy};

/// How often logs are cut.
const ROUND: Duration = Duration::from_secs(10);

pub(super) async fn run(manager: Manager, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = async { stopped.wait_for(|stop| *stop).await.ok(); } => return,
            () = tokio::time::sleep(ROUND) => {}
        }
        let view = manager.view();
        let held: Vec<Held> = manager.inner.held.lock().values().cloned().collect();
        for held in held {
            let Held::Copy(copy) = held else { continue };
            if let Err(error) = manager.truncate(&view, &copy).await {
                tracing::warn!(database = copy.name, %error, "the log was not cut");
            }
        }
    }
}

impl Manager {
    async fn truncate(&self, view: &View, copy: &Copy) -> Result<(), base::Fault> {
        let object = self.database(copy.database)?;
        let reports = self.reports(view, &object).await;
        let Some(server) = view.get(self.me()) else { return Ok(()) };
        let rules = rules(&object, server);
        let status = copy.group.database().status();
        let Some(own) = reports.iter().find(|report| report.server == self.me()) else { return Ok(()) };
        let own = own_needs(own, status.checkpoint);
        let Some(active) = reports.iter().find(|report| matches!(report.facts.role, Role::Active(_))) else {
            return Ok(());
        };
        let others: Vec<Other> = reports
            .iter()
            .filter(|report| report.server != active.server)
            .map(|report| other(view, &object, report))
            .collect();
        // What the active copy would decide is computed by each: all see the same.
        let global = global(&rules, &own_needs(active, active.progress.replayed), &others);
        let below = cut(&rules, &own, global.below);
        if below > own.oldest {
            copy.group.purge_below(below).await.map_err(|error| super::unavailable(error.to_string()))?;
            copy.group.database().checkpoint()?;
            event::truncated(&copy.name, below);
        }
        Ok(())
    }
}

fn rules(database: &Object, server: &Object) -> Rules {
    let number = |name: &str| server.int(name).and_then(|number| u64::try_from(number).ok());
    let default = Loose::default();
    Rules {
        circular: database.flag("CircularLoggingEnabled"),
        backed_up: 0,
        loose: Loose {
            min_copies_to_protect: number("LooseTruncation_MinCopiesToProtect")
                .and_then(|copies| usize::try_from(copies).ok())
                .unwrap_or(0),
            min_disk_free_space_mb: number("LooseTruncation_MinDiskFreeSpaceThresholdInMB")
                .unwrap_or(default.min_disk_free_space_mb),
            min_logs_to_protect: number("LooseTruncation_MinLogsToProtect"),
        },
    }
}

fn own_needs(report: &CopyReport, checkpoint: u64) -> Own {
    Own {
        active: matches!(report.facts.role, Role::Active(_)),
        oldest: report.oldest,
        end: report.progress.received,
        checkpoint,
        aged: report.progress.received,
        free_bytes: report.free_bytes.unwrap_or(u64::MAX),
    }
}

fn other(view: &View, database: &Object, report: &CopyReport) -> Other {
    let copy = view.copy_on(database.guid, report.server);
    Other {
        server: report.server,
        received: report.progress.received,
        replayed: report.progress.replayed,
        lagged: copy.and_then(|copy| copy.span("ReplayLagTime")).is_some_and(|lag| lag.micros > 0),
        suspended: report.facts.suspended,
    }
}
