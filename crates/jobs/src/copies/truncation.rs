//! Cutting the logs of this server's copies, as `dag::machine::truncation` decides from what all copies say.

use std::time::Duration;

use dag::machine::{
    status::Role,
    truncation::{Loose, Other, Own, Rules, cut, global},
};
use directory::{Object, View};
use tokio::sync::watch;

use super::{CopyReport, Held, Manager, blocking, event, held::Copy};

/// Less than this is not worth a checkpoint, bytes.
const WORTH_IT: u64 = 4 << 20;
/// How often logs are cut.
const ROUND: Duration = Duration::from_secs(5);

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
        let Some(own) = reports.iter().find(|report| report.server == self.me()) else { return Ok(()) };
        let Some(active) = reports.iter().find(|report| matches!(report.facts.role, Role::Active(_))) else {
            return Ok(());
        };
        copy.note_progress(&reports);
        let others: Vec<Other> = reports
            .iter()
            .filter(|report| report.server != active.server)
            .map(|report| other(view, &object, &copy.last_seen(report, active.oldest)))
            .collect();
        // What the active copy would decide is computed by each: all see the same.
        let global = global(&rules, &own_needs(active, active.progress.replayed), &others);
        let possible = cut(&rules, &own_needs(own, own.progress.replayed), global.below);
        if possible < own.oldest + WORTH_IT {
            return Ok(());
        }
        let (group, below) = (copy.group.clone(), possible);
        // What a recovery would need is cut last: the checkpoint goes first.
        blocking(move || Ok(group.database().checkpoint()?)).await?;
        let checkpoint = copy.group.database().status().checkpoint;
        let below = cut(&rules, &own_needs(own, checkpoint), below);
        copy.group.purge_below(below).await.map_err(|error| super::unavailable(error.to_string()))?;
        let group = copy.group.clone();
        blocking(move || Ok(group.database().checkpoint()?)).await?;
        event::truncated(&copy.name, below);
        Ok(())
    }
}

impl Copy {
    fn note_progress(&self, reports: &[CopyReport]) {
        let answered = reports.iter().filter(|report| report.facts.server_reachable);
        let progress =
            answered.map(|report| (report.server, (report.progress.received, report.progress.replayed)));
        self.seen.lock().extend(progress);
    }

    /// A copy that does not answer is where it was when it last did, as far as this server knows. The active copy, which
    /// gave up what is before `oldest`, may have known better: nothing says that the copy has less than it needs.
    fn last_seen(&self, report: &CopyReport, oldest: u64) -> CopyReport {
        let mut report = report.clone();
        if !report.facts.server_reachable {
            let seen = self.seen.lock().get(&report.server).copied();
            let (received, replayed) = seen.unwrap_or_default();
            (report.progress.received, report.progress.replayed) =
                (received.max(oldest), replayed.max(oldest));
        }
        report
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
