//! How many users of all migration batches stand how.

use directory::schema::MIGRATION_BATCH;
use jobs::batches::{self, Counts};
use powershell::{Value, value::PsObject};

use crate::{Cmdlet, Outcome, call::Call};

/// `Get-MigrationStatistics`
pub static GET: Cmdlet = Cmdlet::run("Get-MigrationStatistics", get, &[]);

fn get(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let mut sum = Counts::default();
    for batch in view.of_class(&MIGRATION_BATCH) {
        let counts = batches::counts(&view, batch);
        sum.total += counts.total;
        sum.pending += counts.pending;
        sum.active += counts.active;
        sum.stopped += counts.stopped;
        sum.synced += counts.synced;
        sum.finalized += counts.finalized;
        sum.failed += counts.failed;
    }
    let mut out = PsObject::new(&["Microsoft.Exchange.Data.Storage.Management.MigrationStatistics"]);
    out.set("Identity", Value::string(""));
    for (name, count) in [
        ("TotalCount", sum.total),
        ("PendingCount", sum.pending),
        ("ActiveCount", sum.active),
        ("StoppedCount", sum.stopped),
        ("SyncedCount", sum.synced),
        ("FinalizedCount", sum.finalized),
        ("FailedCount", sum.failed),
    ] {
        out.set(name, Value::Int(count));
    }
    out.set("MigrationType", Value::string("ExchangeLocalMove"));
    let _ = call.write(out.into());
    Ok(())
}
