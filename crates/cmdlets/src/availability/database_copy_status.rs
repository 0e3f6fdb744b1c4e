//! What each copy of a database is doing: status, queues, lag, seed, and why it would not become active by itself.

use std::sync::Arc;

use base::{ByteQuantifiedSize, Timestamp};
use dag::machine::{
    Generation,
    activation::{Cause, select},
    status::status,
};
use directory::{Object, Scope, View, schema::SERVER};
use powershell::{Value, value::PsObject};

use super::{candidates, database_copy::matching, request};
use crate::{Cmdlet, Outcome, call::Call, copies::CopyReport};

/// `Get-MailboxDatabaseCopyStatus`
pub static GET: Cmdlet = Cmdlet::run(
    "Get-MailboxDatabaseCopyStatus",
    get,
    &["Server", "Active", "ConnectionStatus", "Local", "ExtendedErrorInfo", "UseServerCache"],
);

const TYPES: &[&str] = &["Microsoft.Exchange.Management.SystemConfigurationTasks.DatabaseCopyStatusEntry"];
const STATUS_TYPE: &str = "Microsoft.Exchange.Management.SystemConfigurationTasks.CopyStatus";

fn get(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let mut wanted = match call.identity("Identity") {
        Some(identity) => matching(&view, &identity)?,
        None => matching(&view, "*")?,
    };
    if let Some(server) = call.identity("Server") {
        let server = view.resolve(&server, Scope::Class(&SERVER))?.guid;
        wanted.retain(|copy| copy.link("Server") == Some(server));
    }
    if call.switch("Local") {
        wanted.retain(|copy| copy.name.eq_ignore_ascii_case(&call.cx.server_name));
    }
    wanted.retain(|copy| call.reader().sees(&view, copy));
    let mut databases: Vec<&Arc<Object>> = Vec::new();
    for database in wanted.iter().filter_map(|copy| view.get(copy.link("Database")?)) {
        if !databases.iter().any(|known| known.guid == database.guid) {
            databases.push(database);
        }
    }
    for database in databases {
        let reports = call.cx.copies.reports(&view, database);
        let entries = Entries { view: &view, database, reports: &reports, now: call.cx.clock.now() };
        let rows: Vec<Value> = wanted
            .iter()
            .filter(|copy| copy.link("Database") == Some(database.guid))
            .filter(|copy| !call.switch("Active") || copy.link("Server") == database.link("Server"))
            .filter_map(|copy| entries.show(copy))
            .collect();
        call.write_all(rows);
    }
    Ok(())
}

/// The copies of one database, as they are shown.
struct Entries<'a> {
    view: &'a View,
    database: &'a Object,
    reports: &'a [CopyReport],
    now: Timestamp,
}

impl Entries<'_> {
    fn show(&self, copy: &Object) -> Option<Value> {
        let report = self.reports.iter().find(|report| Some(report.server) == copy.link("Server"))?;
        let mut out = PsObject::new(TYPES);
        for (name, value) in self.state(copy, report).into_iter().chain(Self::logs(report)) {
            out.set(name, value);
        }
        for (name, value) in self.lag(copy, report).into_iter().chain(self.activation(copy, report)) {
            out.set(name, value);
        }
        out.set("Identity", Value::string(copy.identity()));
        out.set("Guid", Value::Guid(copy.guid));
        Some(out.into())
    }

    fn state(&self, copy: &Object, report: &CopyReport) -> Vec<(&'static str, Value)> {
        let status = status(&report.facts);
        let active = self.database.link("Server").and_then(|guid| self.view.get(guid));
        let error = report.facts.failing.as_ref().map(|failing| Value::string(failing.text()));
        let text = |name: &str| copy.text(name).filter(|text| !text.is_empty()).into();
        vec![
            ("Name", Value::string(copy.identity())),
            ("DatabaseName", Value::string(&*self.database.name)),
            ("Status", Value::enumeration(STATUS_TYPE, &status.to_string(), status as i32)),
            ("MailboxServer", Value::string(&*copy.name)),
            ("ActiveDatabaseCopy", active.map(|server| &*server.name).into()),
            ("ActiveCopy", Value::Bool(self.is_active(copy))),
            ("ActivationSuspended", Value::Bool(copy.flag("ActivationSuspended"))),
            ("ReplicationSuspended", Value::Bool(copy.flag("Suspended"))),
            ("SuspendComment", text("SuspendComment")),
            ("ErrorMessage", error.clone().unwrap_or_default()),
            ("ExtendedErrorInfo", error.unwrap_or_default()),
            ("StatusRetrievedTime", Value::DateTime(self.now)),
            // The index is part of the database: there is none beside it.
            ("ContentIndexState", Value::string("NotApplicable")),
        ]
    }

    fn logs(report: &CopyReport) -> Vec<(&'static str, Value)> {
        let progress = &report.progress;
        let number = |n: u64| Value::Long(i64::try_from(n).unwrap_or(i64::MAX));
        let [generated, received, replayed] = progress.generations().map(|log| number(log.0));
        let [generated_at, received_at, replayed_at] =
            report.times.map(|time| time.map_or(Value::Null, Value::DateTime));
        let free = report.free_bytes.map(|bytes| Value::Size(ByteQuantifiedSize(bytes)));
        vec![
            ("CopyQueueLength", number(progress.copy_queue())),
            ("ReplayQueueLength", number(progress.replay_queue())),
            ("LatestAvailableLogTime", generated_at),
            ("LastCopiedLogTime", received_at.clone()),
            ("LastInspectedLogTime", received_at),
            ("LastReplayedLogTime", replayed_at),
            ("LastLogGenerated", generated),
            ("LastLogCopied", received.clone()),
            ("LastLogInspected", received),
            ("LastLogReplayed", replayed),
            ("LowestLogPresent", number(Generation::holding(report.oldest).0)),
            ("DiskFreeSpace", free.unwrap_or_default()),
        ]
    }

    fn lag(&self, copy: &Object, report: &CopyReport) -> Vec<(&'static str, Value)> {
        let span = |name: &str| copy.span(name).map_or(Value::Null, Value::TimeSpan);
        let lagged = copy.span("ReplayLagTime").is_some_and(|span| span.micros > 0);
        let lag = match report.play_down {
            _ if !lagged => Value::Null,
            Some(reason) => Value::string(format!("Enabled:False; PlayDownReason:{reason:?}")),
            None if copy.flag("ReplayLagDisabled") => {
                Value::string("Enabled:False; PlayDownReason:Disabled".to_owned())
            }
            None => Value::string("Enabled:True; PlayDownReason:None".to_owned()),
        };
        let seed = report.seeding.map(|seeding| {
            let source = self.view.get(seeding.source).map_or("", |server| &*server.name);
            Value::string(format!(
                "{} %, {} of {} bytes from {source}",
                seeding.percent(),
                seeding.done_bytes,
                seeding.total_bytes
            ))
        });
        vec![
            ("ConfiguredLagTime", span("ReplayLagTime")),
            ("TruncationLagTime", span("TruncationLagTime")),
            ("ReplayLagStatus", lag),
            ("DatabaseSeedStatus", seed.unwrap_or_default()),
        ]
    }

    /// Whether it would become active by itself if the active copy failed now, and why not.
    fn activation(&self, copy: &Object, report: &CopyReport) -> Vec<(&'static str, Value)> {
        let candidates = candidates(self.view, self.database, self.reports);
        let request = request(self.view, self.database, self.reports, Cause::Failure);
        let rejected = select(&request, &candidates).rejected;
        let reason = rejected.into_iter().find(|rejected| rejected.server == report.server);
        let reason = reason.filter(|_| !self.is_active(copy)).map(|rejected| rejected.reason.to_string());
        let policy = candidates.iter().find(|one| one.server == report.server).map(|one| one.policy);
        vec![
            ("ActivationPreference", copy.int("ActivationPreference").map_or(Value::Null, Value::Long)),
            (
                "AutoActivationPolicy",
                policy.map(|policy| format!("{policy:?}")).map_or(Value::Null, Value::string),
            ),
            ("ActivationRejectedReason", reason.map_or(Value::Null, Value::string)),
        ]
    }

    fn is_active(&self, copy: &Object) -> bool {
        copy.link("Server") == self.database.link("Server")
    }
}

#[cfg(test)]
mod tests {
    use dag::machine::CopyStatus;

    /// Scripts compare `Status` with these words.
    #[test]
    fn statuses_print_as_documented() {
        let words: Vec<String> = CopyStatus::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(
            words.join(" "),
            "Failed Seeding SeedingSource Suspended Healthy ServiceDown Initializing Resynchronizing Mounted \
             Dismounted Mounting Dismounting DisconnectedAndHealthy DisconnectedAndResynchronizing \
             FailedAndSuspended SinglePageRestore"
        );
    }
}
