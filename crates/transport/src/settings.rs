//! The directory's transport settings as the rooms here hold them.

use base::{EnhancedTimeSpan, Guid};
use directory::{Object, View};

use crate::{queue::QueueSettings, track::TrackSettings};

/// The settings of a server's transport service; defaults where it has no object.
pub(crate) fn of(view: &View, server: Guid) -> (QueueSettings, TrackSettings) {
    let Some(server) = view.get(server) else { return Default::default() };
    (queue(server), track(server))
}

fn queue(server: &Object) -> QueueSettings {
    let defaults = QueueSettings::default();
    let span = |name, default: EnhancedTimeSpan| server.span(name).unwrap_or(default);
    let number = |name, default: usize| {
        server.int(name).and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
    };
    let count = |name| match server.count(name).limit() {
        Some(count) => usize::try_from(*count).unwrap_or(1),
        None => usize::MAX,
    };
    QueueSettings {
        transient_failure_retry_interval: span(
            "TransientFailureRetryInterval",
            defaults.transient_failure_retry_interval,
        ),
        transient_failure_retry_count: number("TransientFailureRetryCount", 6) as u32,
        outbound_connection_failure_retry_interval: span(
            "OutboundConnectionFailureRetryInterval",
            defaults.outbound_connection_failure_retry_interval,
        ),
        message_retry_interval: span("MessageRetryInterval", defaults.message_retry_interval),
        message_expiration_timeout: span("MessageExpirationTimeout", defaults.message_expiration_timeout),
        delay_notification_timeout: span("DelayNotificationTimeout", defaults.delay_notification_timeout),
        max_outbound_connections: count("MaxOutboundConnections"),
        max_per_domain_outbound_connections: count("MaxPerDomainOutboundConnections"),
        max_concurrent_mailbox_deliveries: number("MaxConcurrentMailboxDeliveries", 20),
        poison_threshold: u8::try_from(number("PoisonThreshold", 2)).unwrap_or(2),
        ..defaults
    }
}

fn track(server: &Object) -> TrackSettings {
    let defaults = TrackSettings::default();
    let size = |name| match server.size(name).limit() {
        Some(size) => base::Unlimited::Limited(size.bytes()),
        None => base::Unlimited::Unlimited,
    };
    TrackSettings {
        enabled: server.flag("MessageTrackingLogEnabled"),
        max_age: server.span("MessageTrackingLogMaxAge").unwrap_or(defaults.max_age),
        max_directory_size: size("MessageTrackingLogMaxDirectorySize"),
        max_file_size: size("MessageTrackingLogMaxFileSize"),
        subjects: server.flag("MessageTrackingLogSubjectLoggingEnabled"),
    }
}
