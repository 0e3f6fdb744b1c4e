//! Copies of mailbox databases on the servers of a group: added, preferred, lagged, suspended, seeded anew.

use std::sync::Arc;

use base::EnhancedTimeSpan;
use dag::machine::status::{CopyStatus, status};
use directory::{
    DirectoryError, Draft, Edit, Object, Scope, View,
    filter::wildcard_matches,
    schema::{MAILBOX_DATABASE, MAILBOX_DATABASE_COPY, SERVER},
    verbs::{self, NewDatabaseCopy},
};

use crate::{
    Cmdlet, Failure, Noun, Outcome,
    call::Call,
    convert,
    copies::{Seed, Seeding},
    database::mailbox_database,
};

/// What can be set of a copy.
static NOUN: Noun = Noun::new("MailboxDatabaseCopy", &MAILBOX_DATABASE_COPY, &[]);

/// `Add-MailboxDatabaseCopy`
pub static ADD: Cmdlet = Cmdlet::run(
    "Add-MailboxDatabaseCopy",
    add,
    &[
        "MailboxServer",
        "ActivationPreference",
        "ConfigurationOnly",
        "ReplayLagMaxDelay",
        "ReplayLagTime",
        "SeedingPostponed",
        "TruncationLagTime",
    ],
);
/// `Remove-MailboxDatabaseCopy`
pub static REMOVE: Cmdlet = Cmdlet::run("Remove-MailboxDatabaseCopy", remove, &[]).asking();
/// `Set-MailboxDatabaseCopy`
pub static SET: Cmdlet = Cmdlet::run("Set-MailboxDatabaseCopy", set, SETTINGS);
/// `Suspend-MailboxDatabaseCopy`
pub static SUSPEND: Cmdlet = Cmdlet::run(
    "Suspend-MailboxDatabaseCopy",
    suspend,
    &["ActivationOnly", "EnableReplayLag", "SuspendComment"],
)
.asking();
/// `Resume-MailboxDatabaseCopy`
pub static RESUME: Cmdlet = Cmdlet::run(
    "Resume-MailboxDatabaseCopy",
    resume,
    &["DisableReplayLag", "DisableReplayLagReason", "ReplicationOnly"],
);
/// `Update-MailboxDatabaseCopy`
pub static UPDATE: Cmdlet = Cmdlet::run(
    "Update-MailboxDatabaseCopy",
    update,
    &["BeginSeed", "CancelSeed", "DatabaseOnly", "DeleteExistingFiles", "ManualResume", "SourceServer"],
)
.asking();

const SETTINGS: &[&str] = &[
    "ActivationPreference",
    "DatabaseCopyAutoActivationPolicy",
    "ReplayLagMaxDelay",
    "ReplayLagTime",
    "TruncationLagTime",
];
const SPANS: [&str; 3] = ["ReplayLagTime", "TruncationLagTime", "ReplayLagMaxDelay"];
/// The comment of a copy that waits to be seeded.
const UNSEEDED: &str = "The copy must be seeded before it takes part in replication.";
/// The longest `-SuspendComment`, characters.
const COMMENT_MAX: usize = 512;

/// The copies that an identity means: `DB01\EX02`, `DB01` (all of it), either with wildcards, or a GUID.
pub(super) fn matching(view: &View, identity: &str) -> Outcome<Vec<Arc<Object>>> {
    if let Some((name, server)) = identity.split_once('\\').filter(|_| !identity.contains('=')) {
        let databases = view.matching(name, Scope::Class(&MAILBOX_DATABASE));
        let named = view.resolve(server, Scope::Class(&SERVER)).ok().map(|server| server.guid);
        let on = |copy: &&&Arc<Object>| {
            wildcard_matches(server, &copy.name)
                || named.is_some_and(|named| copy.link("Server") == Some(named))
        };
        let copies = databases.iter().flat_map(|database| view.copies_of(database.guid));
        let found: Vec<_> =
            copies.collect::<Vec<_>>().iter().filter(on).map(|copy| Arc::clone(copy)).collect();
        return nonempty(view, identity, found);
    }
    if let Ok(copy) = view.resolve(identity, Scope::Class(&MAILBOX_DATABASE_COPY))
        && (identity.contains('=') || identity.parse() == Ok(copy.guid))
    {
        return Ok(vec![copy]);
    }
    let databases = view.matching(identity, Scope::Class(&MAILBOX_DATABASE));
    let copies = databases.iter().flat_map(|database| view.copies_of(database.guid)).cloned().collect();
    nonempty(view, identity, copies)
}

fn nonempty(view: &View, identity: &str, found: Vec<Arc<Object>>) -> Outcome<Vec<Arc<Object>>> {
    if found.is_empty() && !identity.contains('*') {
        return Err(view.not_found(identity).into());
    }
    Ok(found)
}

/// One copy, with its database and its server.
struct One {
    copy: Arc<Object>,
    database: Arc<Object>,
    server: Arc<Object>,
}

impl One {
    /// The copy that a call's identity means, which is the caller's to change.
    fn named(call: &Call<'_>, view: &View) -> Outcome<Self> {
        let identity = call.identity("Identity").unwrap_or_default();
        let found = matching(view, &identity)?;
        let [copy] = &found[..] else {
            return Err(Failure::invalid(format!(
                "\"{identity}\" means {} copies. Name one of them as database\\server.",
                found.len()
            )));
        };
        call.admit(view, copy, &identity)?;
        let linked = |name: &str| copy.link(name).and_then(|guid| view.get(guid)).cloned();
        let missing = || view.not_found(&identity);
        Ok(Self {
            copy: copy.clone(),
            database: linked("Database").ok_or_else(missing)?,
            server: linked("Server").ok_or_else(missing)?,
        })
    }

    fn is_active(&self) -> bool {
        self.database.link("Server") == Some(self.server.guid)
    }

    /// There is something to copy from or to.
    fn replicated(&self, view: &View) -> Outcome {
        if view.copies_of(self.database.guid).len() > 1 {
            return Ok(());
        }
        Err(Failure::invalid("The database has no other copy."))
    }

    fn passive(&self, what: &str) -> Outcome {
        if self.is_active() {
            let text =
                format!("The copy \"{}\" is the active copy and can't be {what}.", self.copy.identity());
            return Err(Failure::invalid(text));
        }
        Ok(())
    }

    /// Changes what the directory says of the copy, and has it done.
    fn change(&self, call: &mut Call<'_>, edits: Vec<(&'static str, Edit)>) -> Outcome<bool> {
        let copy = self.copy.guid;
        let changed = call.commit(move |draft| draft.modify_system(copy, edits))?;
        call.cx.copies.apply(self.database.guid)?;
        Ok(changed)
    }
}

fn spans(call: &Call<'_>, view: &View) -> Outcome<Vec<(&'static str, EnhancedTimeSpan)>> {
    let mut spans = Vec::new();
    for name in SPANS {
        let (Some(given), Some(attribute)) = (call.get(name), MAILBOX_DATABASE_COPY.attribute(name)) else {
            continue;
        };
        if let Edit::Replace(values) = convert::to_edit(view, attribute, given)?
            && let [directory::Value::Span(span)] = values[..]
        {
            spans.push((name, span));
        }
    }
    Ok(spans)
}

fn preference(call: &Call<'_>) -> Option<i64> {
    call.text("ActivationPreference").and_then(|text| text.parse().ok())
}

fn add(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let database = mailbox_database::NOUN.named(call, &view)?;
    let server = call.identity("MailboxServer").ok_or_else(|| Failure::missing("MailboxServer"))?;
    let server = view.resolve(&server, Scope::Class(&SERVER))?;
    verbs::check_new_copy(&view, &database, &server)?;
    let configuration_only = call.switch("ConfigurationOnly");
    if !configuration_only {
        call.cx.copies.prepare(&database, &server)?;
    }
    let action = format!("Adding a copy of database \"{}\" on server \"{}\"", database.name, server.name);
    if !call.should_process(&action)? {
        return Ok(());
    }
    let postponed = configuration_only || call.switch("SeedingPostponed");
    let new = NewDatabaseCopy {
        database: database.guid,
        server: server.guid,
        preference: preference(call),
        spans: spans(call, &view)?,
        suspended: postponed.then(|| UNSEEDED.to_owned()),
    };
    call.commit(move |draft| verbs::new_database_copy(draft, new).map(|_| ()))?;
    if configuration_only {
        return Ok(());
    }
    call.cx.copies.apply(database.guid)?;
    if postponed {
        call.warn(&format!(
            "The copy \"{}\\{}\" is suspended until it is seeded with Update-MailboxDatabaseCopy.",
            database.name, server.name
        ));
        return Ok(());
    }
    let seed = Seed {
        database: database.guid,
        server: server.guid,
        source: None,
        delete_existing: false,
        begin_only: false,
    };
    run_seed(call, &format!("Seeding {}\\{}", database.name, server.name), &seed)
}

fn run_seed(call: &mut Call<'_>, activity: &str, seed: &Seed) -> Outcome {
    let cx = call.cx;
    let outcome = cx.copies.seed(seed, &mut |seeding: &Seeding| {
        let status = format!("{} of {} bytes", seeding.done_bytes, seeding.total_bytes);
        call.progress(activity, &status, seeding.percent());
        !call.stopping()
    });
    call.progress_ended(activity);
    Ok(outcome?)
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let one = One::named(call, &view)?;
    if !call.should_process(&format!("Removing database copy \"{}\"", one.copy.identity()))? {
        return Ok(());
    }
    let copy = one.copy.guid;
    call.commit(move |draft| verbs::remove_database_copy(draft, copy))?;
    call.cx.copies.apply(one.database.guid)?;
    call.warn(&format!(
        "The copy \"{}\" was removed. Its files stay on server \"{}\" until you delete them.",
        one.copy.identity(),
        one.server.name
    ));
    Ok(())
}

fn set(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let one = One::named(call, &view)?;
    let place = preference(call);
    let mut given = call.invocation.parameters.clone();
    given.shift_remove("ActivationPreference");
    let edits = NOUN.edits(call, &given, &view, Some(&one.copy))?;
    if !call.should_process(&format!("Setting mailbox database copy \"{}\"", one.copy.identity()))? {
        return Ok(());
    }
    let copy = one.copy.guid;
    let changed = call.commit(move |draft: &mut Draft<'_>| {
        let placed = match place {
            Some(place) => verbs::prefer_copy(draft, copy, place)?,
            None => false,
        };
        Ok::<_, DirectoryError>(draft.modify(copy, edits)? || placed)
    })?;
    if !changed {
        call.warn(&format!(
            "The command completed successfully but no settings of '{}' have been modified.",
            one.copy.identity()
        ));
    }
    Ok(call.cx.copies.apply(one.database.guid)?)
}

fn suspend(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let one = One::named(call, &view)?;
    one.replicated(&view)?;
    let comment = call.text("SuspendComment").unwrap_or_default().to_string();
    if comment.chars().count() > COMMENT_MAX {
        return Err(Failure::invalid(format!("SuspendComment takes at most {COMMENT_MAX} characters.")));
    }
    let activation = ("ActivationSuspended", Edit::set(true));
    let (what, edits) = if call.switch("EnableReplayLag") {
        let reason = ("ReplayLagDisabledReason", Edit::clear());
        ("Enabling the replay lag of", vec![("ReplayLagDisabled", Edit::set(false)), reason])
    } else if call.switch("ActivationOnly") {
        ("Suspending activation of", vec![activation, ("SuspendComment", Edit::set(comment))])
    } else {
        one.passive("suspended")?;
        let suspended = ("Suspended", Edit::set(true));
        ("Suspending", vec![suspended, activation, ("SuspendComment", Edit::set(comment))])
    };
    if call.should_process(&format!("{what} database copy \"{}\"", one.copy.identity()))? {
        one.change(call, edits)?;
    }
    Ok(())
}

/// What ends a suspension: of replication, and of activation unless it is to stay.
fn resumed(replication_only: bool) -> Vec<(&'static str, Edit)> {
    let mut edits = vec![("Suspended", Edit::set(false)), ("SuspendComment", Edit::clear())];
    if !replication_only {
        edits.push(("ActivationSuspended", Edit::set(false)));
    }
    edits
}

fn resume(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let one = One::named(call, &view)?;
    one.replicated(&view)?;
    let mut edits = resumed(call.switch("ReplicationOnly"));
    if call.switch("DisableReplayLag") {
        let reason = call.text("DisableReplayLagReason").unwrap_or_default().to_string();
        edits = vec![("ReplayLagDisabled", Edit::set(true)), ("ReplayLagDisabledReason", Edit::set(reason))];
    }
    if call.should_process(&format!("Resuming database copy \"{}\"", one.copy.identity()))?
        && !one.change(call, edits)?
    {
        call.warn(&format!("The copy \"{}\" wasn't suspended.", one.copy.identity()));
    }
    Ok(())
}

fn update(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let one = One::named(call, &view)?;
    one.replicated(&view)?;
    one.passive("seeded")?;
    if call.switch("CancelSeed") {
        if call.should_process(&format!("Canceling the seed of \"{}\"", one.copy.identity()))? {
            call.cx.copies.cancel_seed(one.database.guid, one.server.guid)?;
        }
        return Ok(());
    }
    let reports = call.cx.copies.reports(&view, &one.database);
    let own = reports.iter().find(|report| report.server == one.server.guid);
    let is = own.map_or(CopyStatus::ServiceDown, |report| status(&report.facts));
    if !matches!(is, CopyStatus::Suspended | CopyStatus::FailedAndSuspended) {
        return Err(Failure::invalid(format!(
            "The copy \"{}\" is in state '{is}'. Suspend it with Suspend-MailboxDatabaseCopy before it is seeded.",
            one.copy.identity()
        )));
    }
    let source = call.identity("SourceServer");
    let source = source.map(|source| view.resolve(&source, Scope::Class(&SERVER))).transpose()?;
    let seed = Seed {
        database: one.database.guid,
        server: one.server.guid,
        source: source.map(|server| server.guid),
        delete_existing: call.switch("DeleteExistingFiles") || call.switch("Force"),
        begin_only: call.switch("BeginSeed"),
    };
    if !call.should_process(&format!(
        "Seeding database copy \"{}\"; what it has is replaced",
        one.copy.identity()
    ))? {
        return Ok(());
    }
    run_seed(call, &format!("Seeding {}", one.copy.identity()), &seed)?;
    let seeded = match call.switch("ManualResume") {
        true => vec![("SuspendComment", Edit::clear())],
        false => resumed(false),
    };
    one.change(call, seeded).map(|_| ())
}
