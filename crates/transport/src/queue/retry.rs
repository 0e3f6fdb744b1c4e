//! When to try again, and for how long: the transport settings of the product, with its defaults.

use base::EnhancedTimeSpan;

/// Retry, expiry and concurrency. Names are the product's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// `QueueGlitchRetryInterval`: a hop that stops answering is tried again this soon …
    pub glitch_retry_interval: EnhancedTimeSpan,
    /// `QueueGlitchRetryCount`: … so many times,
    pub glitch_retry_count: u32,
    /// `TransientFailureRetryInterval`: then at this interval …
    pub transient_failure_retry_interval: EnhancedTimeSpan,
    /// `TransientFailureRetryCount`: … so many times,
    pub transient_failure_retry_count: u32,
    /// `OutboundConnectionFailureRetryInterval`: then at this one until the messages expire.
    pub outbound_connection_failure_retry_interval: EnhancedTimeSpan,
    /// A mailbox database that does not answer is tried again this soon: it may be on its way to another server,
    /// which takes a second or two …
    pub failover_retry_interval: EnhancedTimeSpan,
    /// … so many times,
    pub failover_retry_count: u32,
    /// then at this interval, as is the queue's own database where it fails: asking costs no connection.
    pub database_retry_interval: EnhancedTimeSpan,
    /// `MessageRetryInterval`: a message the hop does not take for now.
    pub message_retry_interval: EnhancedTimeSpan,
    /// `MessageExpirationTimeout`: a message not delivered by then is returned.
    pub message_expiration_timeout: EnhancedTimeSpan,
    /// `DelayNotificationTimeout`: the sender is told of a delay after this long.
    pub delay_notification_timeout: EnhancedTimeSpan,
    /// `MaxOutboundConnections`
    pub max_outbound_connections: usize,
    /// `MaxPerDomainOutboundConnections`
    pub max_per_domain_outbound_connections: usize,
    /// `MaxConcurrentMailboxDeliveries`: messages on their way into one mailbox database.
    pub max_concurrent_mailbox_deliveries: usize,
    /// Messages in the categorizer at once.
    pub max_concurrent_categorizations: usize,
    /// Breakdowns after which a message is set aside.
    pub poison_threshold: u8,
}

impl Default for QueueSettings {
    fn default() -> Self {
        let minutes = |n: i64| EnhancedTimeSpan::from_secs(n * 60);
        Self {
            glitch_retry_interval: minutes(1),
            glitch_retry_count: 4,
            transient_failure_retry_interval: minutes(5),
            transient_failure_retry_count: 6,
            outbound_connection_failure_retry_interval: minutes(10),
            failover_retry_interval: EnhancedTimeSpan::from_secs(1),
            failover_retry_count: 10,
            database_retry_interval: EnhancedTimeSpan::from_secs(5),
            message_retry_interval: minutes(10),
            message_expiration_timeout: EnhancedTimeSpan::from_days(2),
            delay_notification_timeout: minutes(4 * 60),
            max_outbound_connections: 1000,
            max_per_domain_outbound_connections: 20,
            max_concurrent_mailbox_deliveries: 64,
            max_concurrent_categorizations: 16,
            poison_threshold: 2,
        }
    }
}

impl QueueSettings {
    /// How long a mailbox database rests after the `failures`-th failure in a row.
    pub fn mailbox_retry(&self, failures: u32) -> EnhancedTimeSpan {
        if failures <= self.failover_retry_count {
            self.failover_retry_interval
        } else {
            self.database_retry_interval
        }
    }

    /// How long a hop rests after the `failures`-th failure in a row to reach it.
    pub fn hop_retry(&self, failures: u32) -> EnhancedTimeSpan {
        if failures <= self.glitch_retry_count {
            self.glitch_retry_interval
        } else if failures - self.glitch_retry_count <= self.transient_failure_retry_count {
            self.transient_failure_retry_interval
        } else {
            self.outbound_connection_failure_retry_interval
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hop_is_tried_at_three_paces() {
        let settings = QueueSettings::default();
        let minutes: Vec<_> =
            (1..=12).map(|failures| settings.hop_retry(failures).to_duration().as_secs() / 60).collect();
        assert_eq!(minutes, [1, 1, 1, 1, 5, 5, 5, 5, 5, 5, 10, 10]);
        let seconds: Vec<_> =
            [1, 10, 11, 99].map(|failures| settings.mailbox_retry(failures).to_duration().as_secs()).into();
        assert_eq!(seconds, [1, 1, 5, 5]);
    }
}
