//! Keeps mailbox databases small: forgets deliveries that cannot come again, purges recoverable items past
//! their retention, finishes removals that a stop interrupted.

use std::time::Duration;

use base::{EnhancedTimeSpan, clock::SharedClock};
use directory::{Directory, Object, View};
use store::{Database, StoreError, Stores};
use tokio::sync::watch;

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
            if let Err(error) = round(&database, object, remembered(&view), &clock).await {
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

/// One round over one database; deliveries are remembered for so long.
pub async fn round(
    database: &Database,
    settings: &Object,
    remembered: EnhancedTimeSpan,
    clock: &SharedClock,
) -> Result<(), StoreError> {
    let now = clock.now();
    let before = |kept: EnhancedTimeSpan| now.plus(EnhancedTimeSpan { micros: -kept.micros });
    let removed = database.finish_removals().await?;
    let forgotten = database.forget_deliveries(before(remembered)).await?;
    let retention = settings.span("DeletedItemRetention").unwrap_or(EnhancedTimeSpan::from_days(14));
    let mut purged = 0;
    for (id, _) in database.statistics()? {
        match database.mailbox_by_id(id).purge_recoverable(before(retention)).await {
            Ok(count) => purged += count,
            // What a move has locked is purged where it lives then.
            Err(StoreError::Moving) => {}
            Err(error) => return Err(error),
        }
    }
    tracing::info!(database = database.name(), removed, forgotten, purged, "store maintenance");
    Ok(())
}
