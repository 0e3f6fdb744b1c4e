//! The columns of a tracking log line, and the property each becomes in `Get-MessageTrackingLog`.

/// A column; its number is its place in the lines this server writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is described by its names in TABLE")]
pub enum Column {
    DateTime,
    ClientIp,
    ClientHostname,
    ServerIp,
    ServerHostname,
    SourceContext,
    ConnectorId,
    Source,
    EventId,
    InternalMessageId,
    MessageId,
    NetworkMessageId,
    RecipientAddress,
    RecipientStatus,
    TotalBytes,
    RecipientCount,
    RelatedRecipientAddress,
    Reference,
    MessageSubject,
    SenderAddress,
    ReturnPath,
    MessageInfo,
    Directionality,
    TenantId,
    OriginalClientIp,
    OriginalServerIp,
    CustomData,
    TransportTrafficType,
    LogId,
    SchemaVersion,
}

use Column as C;

/// Every column in the order of a line: the name in the file's `#Fields` line, the name of the property.
const TABLE: [(Column, &str, &str); 30] = [
    (C::DateTime, "date-time", "Timestamp"),
    (C::ClientIp, "client-ip", "ClientIp"),
    (C::ClientHostname, "client-hostname", "ClientHostname"),
    (C::ServerIp, "server-ip", "ServerIp"),
    (C::ServerHostname, "server-hostname", "ServerHostname"),
    (C::SourceContext, "source-context", "SourceContext"),
    (C::ConnectorId, "connector-id", "ConnectorId"),
    (C::Source, "source", "Source"),
    (C::EventId, "event-id", "EventId"),
    (C::InternalMessageId, "internal-message-id", "InternalMessageId"),
    (C::MessageId, "message-id", "MessageId"),
    (C::NetworkMessageId, "network-message-id", "NetworkMessageId"),
    (C::RecipientAddress, "recipient-address", "Recipients"),
    (C::RecipientStatus, "recipient-status", "RecipientStatus"),
    (C::TotalBytes, "total-bytes", "TotalBytes"),
    (C::RecipientCount, "recipient-count", "RecipientCount"),
    (C::RelatedRecipientAddress, "related-recipient-address", "RelatedRecipientAddress"),
    (C::Reference, "reference", "Reference"),
    (C::MessageSubject, "message-subject", "MessageSubject"),
    (C::SenderAddress, "sender-address", "Sender"),
    (C::ReturnPath, "return-path", "ReturnPath"),
    (C::MessageInfo, "message-info", "MessageInfo"),
    (C::Directionality, "directionality", "Directionality"),
    (C::TenantId, "tenant-id", "TenantId"),
    (C::OriginalClientIp, "original-client-ip", "OriginalClientIp"),
    (C::OriginalServerIp, "original-server-ip", "OriginalServerIp"),
    (C::CustomData, "custom-data", "EventData"),
    (C::TransportTrafficType, "transport-traffic-type", "TransportTrafficType"),
    (C::LogId, "log-id", "LogId"),
    (C::SchemaVersion, "schema-version", "SchemaVersion"),
];

impl Column {
    /// How many there are.
    pub const COUNT: usize = TABLE.len();

    /// All of them, in the order of a line.
    pub fn all() -> impl Iterator<Item = Column> {
        TABLE.iter().map(|(column, ..)| *column)
    }
    /// The name in the file.
    pub fn name(self) -> &'static str {
        TABLE[self as usize].1
    }
    /// The name of the property an administrator sees.
    pub fn property(self) -> &'static str {
        TABLE[self as usize].2
    }
    /// The column a file's header names.
    pub(super) fn named(name: &[u8]) -> Option<Column> {
        TABLE.iter().find(|row| row.1.as_bytes() == name).map(|row| row.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enumeration() {
        for (place, column) in Column::all().enumerate() {
            assert_eq!(column as usize, place);
            assert_eq!(Column::named(column.name().as_bytes()), Some(column));
        }
        assert_eq!(Column::named(b"x"), None);
    }
}
