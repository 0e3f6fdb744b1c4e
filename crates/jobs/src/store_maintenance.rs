//! Keeps mailbox databases small and in step with the directory: forgets deliveries that cannot come again, purges
//! recoverable items and disconnected mailboxes past their retention, finishes removals that a stop interrupted.

use std::time::Duration;

use base::{EnhancedTimeSpan, Timestamp, clock::SharedClock};
use directory::{Directory, Object, Value, View};
use store::{Database, MailboxState, StoreError, Stores};
use tokio::sync::watch;

use crate::store_state;

/// Time between two rounds.
const INTERVAL: Duration = Duration::from_secs(3600);
/// The first round waits until the server has settled.
const FIRST: Duration = Duration::from_secs(60);
/// A delivery is remembered so much longer than any queue keeps a message. The transport forgets sooner what it knows
/// that nobody will ask about.
const REMEMBERED_LONGER: EnhancedTimeSpan = EnhancedTimeSpan::from_days(1);
/// How long queues keep messages where nothing is set.
const EXPIRATION: EnhancedTimeSpan = EnhancedTimeSpan::from_days(2);

/// Runs round after round until `shutdown` turns true.
pub async fn run(
    directory: Directory,
    stores: Stores,
    clock: SharedClock,
    mut shutdown: watch::Receiver<bool>,
) {
    let mut pause = FIRST;
    loop {
        tokio::select! {
            _ = async { shutdown.wait_for(|stop| *stop).await.ok(); } => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = INTERVAL;
        let view = directory.snapshot();
        for object in view.databases() {
            let Ok(database) = stores.get(object.guid) else { continue };
            if let Err(error) = store_state::align_all(&database, &directory).await {
                tracing::warn!(database = database.name(), %error, "mailboxes may be out of step with the directory");
            }
            if let Err(error) = round(&database, &view, object, &clock).await {
                tracing::warn!(database = database.name(), %error, "store maintenance did not finish");
            }
        }
    }
}

/// How long deliveries are remembered: a message may be in the queue of any server.
fn remembered(view: &View) -> EnhancedTimeSpan {
    let kept = view.servers().filter_map(|server| server.span("MessageExpirationTimeout"));
    let kept = kept.max().unwrap_or_default().max(EXPIRATION);
    EnhancedTimeSpan { micros: kept.micros.saturating_add(REMEMBERED_LONGER.micros) }
}

/// One round over one database.
pub async fn round(
    database: &Database,
    view: &View,
    settings: &Object,
    clock: &SharedClock,
) -> Result<(), StoreError> {
    let now = clock.now();
    let mut removed = database.finish_removals().await?;
    let forgotten = database.forget_deliveries(before(now, remembered(view))).await?;
    let kept = settings.span("MailboxRetention").unwrap_or(EnhancedTimeSpan::from_days(30));
    let kept = before(now, kept);
    let mut purged = 0;
    for (id, mailbox) in database.statistics()? {
        if let MailboxState::Disconnected { reason, since } = mailbox.state
            && since <= kept
        {
            tracing::info!(database = database.name(), mailbox = %mailbox.guid, ?reason, %since, "retention is over");
            database.mailbox_by_id(id).remove().await?;
            removed += 1;
            continue;
        }
        let owner = store_state::owner(view, database.guid(), mailbox.guid);
        let Some(until) = purged_until(owner.as_deref(), settings, now) else { continue };
        match database.mailbox_by_id(id).purge_recoverable(until).await {
            Ok(count) => purged += count,
            // What a move has locked is purged where it lives then.
            Err(StoreError::Moving) => {}
            Err(error) => return Err(error),
        }
    }
    tracing::info!(database = database.name(), removed, forgotten, purged, "store maintenance");
    Ok(())
}

fn before(now: Timestamp, kept: EnhancedTimeSpan) -> Timestamp {
    now.plus(EnhancedTimeSpan { micros: kept.micros.saturating_neg() })
}

/// What was deleted before this moment is destroyed; nothing while a hold without an end is on the mailbox. A hold
/// that lasts keeps what was deleted for as long, and never shorter than retention does.
fn purged_until(owner: Option<&Object>, database: &Object, now: Timestamp) -> Option<Timestamp> {
    let own = owner.filter(|owner| !owner.flag("UseDatabaseRetentionDefaults"));
    let retention = own.and_then(|owner| owner.span("RetainDeletedItemsFor"));
    let retention = retention
        .or_else(|| database.span("DeletedItemRetention"))
        .unwrap_or(EnhancedTimeSpan::from_days(14));
    let until = before(now, retention);
    let Some(owner) = owner.filter(|owner| owner.flag("LitigationHoldEnabled")) else { return Some(until) };
    match owner.get("LitigationHoldDuration").as_deref() {
        Some(Value::Lasting(duration)) => duration.limit().map(|duration| until.min(before(now, *duration))),
        _ => None,
    }
}
