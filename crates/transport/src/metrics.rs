//! The transport's figures for Prometheus. The names are documented in `docs/metrics.md`.

/// A message was taken in.
pub(crate) fn received(bytes: u64) {
    ::metrics::counter!("rialto_transport_messages_received_total").increment(1);
    ::metrics::counter!("rialto_transport_bytes_received_total").increment(bytes);
}

/// Copies went into mailboxes.
pub(crate) fn delivered(copies: usize) {
    ::metrics::counter!("rialto_transport_copies_delivered_total").increment(copies as u64);
}

/// Copies went to other servers.
pub(crate) fn sent(copies: usize) {
    ::metrics::counter!("rialto_transport_copies_sent_total").increment(copies as u64);
}

/// Recipients failed for good.
pub(crate) fn failed(recipients: usize) {
    ::metrics::counter!("rialto_transport_recipients_failed_total").increment(recipients as u64);
}

/// Recipients wait for another attempt.
pub(crate) fn deferred(recipients: usize) {
    ::metrics::counter!("rialto_transport_recipients_deferred_total").increment(recipients as u64);
}

/// A notification was written.
pub(crate) fn notified(action: &'static str) {
    ::metrics::counter!("rialto_transport_notifications_total", "action" => action).increment(1);
}

/// Messages in the queues, at this moment.
pub(crate) fn queued(messages: usize) {
    ::metrics::gauge!("rialto_transport_queue_messages").set(messages as f64);
}

/// An SMTP connection is over: it `ended` by itself, was `refused` for want of room, or `evicted` to make it.
pub(crate) fn connection(outcome: &'static str) {
    ::metrics::counter!("rialto_smtp_connections_total", "outcome" => outcome).increment(1);
}
