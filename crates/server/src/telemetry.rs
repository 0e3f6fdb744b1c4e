//! What the server says of itself: log lines on standard error, metrics, and the event log.

use std::sync::Arc;

use base::{
    clock::{Clock, SystemClock},
    eventlog::{self, Entry, EventLog},
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{EnvFilter, Layer, layer::Context, prelude::*};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging: `RUST_LOG` chooses what (default: warnings, and our own news), and events go to `events`.
pub(crate) fn start_logging(format: LogFormat, events: Arc<EventLog>) {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,openraft=error,rialto=info,eventlog=info,audit=info"));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let result = tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(EventLogLayer { events })
        .try_init();
    if result.is_err() {
        tracing::debug!("logging was started already");
    }
}

/// Starts collecting metrics; the handle renders them for Prometheus.
pub(crate) fn start_metrics() -> PrometheusHandle {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::debug!("metrics were started already");
    }
    handle
}

/// Copies `tracing` events of the event-log target into the event log.
struct EventLogLayer {
    events: Arc<EventLog>,
}

impl<S: Subscriber> Layer<S> for EventLogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != eventlog::TARGET {
            return;
        }
        let level = match *event.metadata().level() {
            Level::ERROR => eventlog::Level::Error,
            Level::WARN => eventlog::Level::Warning,
            _ => eventlog::Level::Information,
        };
        let mut fields = Fields::default();
        event.record(&mut fields);
        let entry = Entry {
            time: SystemClock.now(),
            log: fields.log,
            source: fields.source,
            id: fields.id,
            level: level.number(),
            category: fields.category,
            message: fields.message,
            record_id: 0,
        };
        if let Err(error) = self.events.append(entry) {
            tracing::warn!(%error, "the event log could not be written");
        }
    }
}

#[derive(Default)]
struct Fields {
    log: String,
    source: String,
    id: u32,
    category: String,
    message: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "id" {
            self.id = u32::try_from(value).unwrap_or(u32::MAX);
        }
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "log" => self.log = value.into(),
            "source" => self.source = value.into(),
            "category" => self.category = value.into(),
            _ => {}
        }
    }
}
