//! Mailboxes looked through for damage because somebody asked (`New-MailboxRepairRequest`). What was asked and
//! found is remembered until the server stops.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base::{Guid, Timestamp, clock::SharedClock};
use store::{Damage, Database, Finding, MailboxId, StoreError};

/// Requests remembered; the oldest that are over go.
const TASKS_MAX: usize = 10_000;
/// Findings remembered of one request.
const FINDINGS_MAX: usize = 1000;

/// How a request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// Its turn has not come.
    Queued,
    /// The mailbox is looked through.
    Running,
    /// It is over.
    Succeeded,
    /// It could not be done; why.
    Failed(String),
}

/// One mailbox looked through.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its identity.
    pub id: Guid,
    /// The request it was part of: one request may be for all mailboxes of a database.
    pub request: Guid,
    /// The database.
    pub database: Guid,
    /// The mailbox's own GUID.
    pub mailbox: Guid,
    /// What is looked for, in the words that were used.
    pub corruption: Vec<String>,
    /// Nothing is mended.
    pub detect_only: bool,
    /// How it stands.
    pub state: TaskState,
    /// How far it is, percent.
    pub progress: u8,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it was over.
    pub finished: Option<Timestamp>,
    /// How many things were found.
    pub detected: usize,
    /// How many of them were mended.
    pub fixed: usize,
    /// The first of them.
    pub findings: Vec<Finding>,
}

/// A request about to be made.
#[derive(Clone, Debug)]
pub struct NewRepair {
    /// Its identity.
    pub request: Guid,
    /// The mailboxes: identity of the task, number and own GUID.
    pub mailboxes: Vec<(Guid, MailboxId, Guid)>,
    /// What is looked for, in the words that were used, and what that means here.
    pub corruption: Vec<String>,
    /// Sorts of damage.
    pub damage: Vec<Damage>,
    /// Nothing is mended.
    pub detect_only: bool,
}

/// The requests of a server; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Repairs(Arc<Mutex<BTreeMap<(Timestamp, Guid), Task>>>);

impl Repairs {
    /// All that are remembered, the oldest first.
    pub fn list(&self) -> Vec<Task> {
        self.tasks().values().cloned().collect()
    }

    /// Forgets a task; one that runs comes to its end unseen.
    pub fn remove(&self, id: Guid) {
        self.tasks().retain(|(_, own), _| *own != id);
    }

    /// Looks through the mailboxes one after the other, on threads that may block; returns the tasks.
    pub fn start(
        &self,
        runtime: &tokio::runtime::Handle,
        database: Database,
        clock: SharedClock,
        new: NewRepair,
    ) -> Vec<Task> {
        let created = clock.now();
        let tasks: Vec<Task> = new
            .mailboxes
            .iter()
            .map(|(id, _, mailbox)| Task {
                id: *id,
                request: new.request,
                database: database.guid(),
                mailbox: *mailbox,
                corruption: new.corruption.clone(),
                detect_only: new.detect_only,
                state: TaskState::Queued,
                progress: 0,
                created,
                finished: None,
                detected: 0,
                fixed: 0,
                findings: Vec::new(),
            })
            .collect();
        {
            let mut known = self.tasks();
            known.extend(tasks.iter().map(|task| ((created, task.id), task.clone())));
            while known.len() > TASKS_MAX {
                let over = known.iter().find(|(_, task)| task.finished.is_some()).map(|(key, _)| *key);
                let Some(over) = over else { break };
                known.remove(&over);
            }
        }
        let repairs = self.clone();
        runtime.spawn_blocking(move || {
            let bodies = new.damage.contains(&Damage::Orphan) && new.mailboxes.len() > 1;
            for (id, mailbox, _) in &new.mailboxes {
                let key = (created, *id);
                if !repairs.change(key, |task| (task.state, task.progress) = (TaskState::Running, 5)) {
                    continue;
                }
                let outcome = look(&database, *mailbox, &new);
                repairs.change(key, |task| task.end(outcome, clock.now()));
            }
            if bodies
                && !new.detect_only
                && let Err(error) = database.repair_bodies().wait()
            {
                tracing::warn!(%error, "shared bodies could not be counted again");
            }
        });
        tasks
    }

    /// Changes a task; false where it was removed.
    fn change(&self, key: (Timestamp, Guid), change: impl FnOnce(&mut Task)) -> bool {
        self.tasks().get_mut(&key).map(change).is_some()
    }

    /// A panic elsewhere leaves the tasks right: none happens between two changes.
    fn tasks(&self) -> MutexGuard<'_, BTreeMap<(Timestamp, Guid), Task>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Task {
    fn end(&mut self, outcome: Result<(Vec<Finding>, usize), StoreError>, now: Timestamp) {
        (self.progress, self.finished) = (100, Some(now));
        match outcome {
            Ok((findings, fixed)) => {
                (self.detected, self.fixed, self.state) = (findings.len(), fixed, TaskState::Succeeded);
                self.findings = findings;
                self.findings.truncate(FINDINGS_MAX);
            }
            Err(error) => self.state = TaskState::Failed(error.to_string()),
        }
    }
}

/// Looks through one mailbox; what was found, and how much of it was mended.
fn look(
    database: &Database,
    mailbox: MailboxId,
    new: &NewRepair,
) -> Result<(Vec<Finding>, usize), StoreError> {
    let mailbox = database.mailbox_by_id(mailbox);
    let wanted = |findings: Vec<Finding>| -> Vec<Finding> {
        findings.into_iter().filter(|finding| new.damage.contains(&finding.damage)).collect()
    };
    if new.detect_only {
        return Ok((wanted(mailbox.check()?), 0));
    }
    let found = mailbox.repair(&new.damage).wait()?;
    let left = wanted(mailbox.check()?);
    let fixed = found.len().saturating_sub(left.len());
    Ok((found, fixed))
}
