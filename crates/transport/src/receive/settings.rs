//! Receive connectors as the directory has them, made into what sessions work by.

use std::{sync::Arc, time::Duration};

use base::{Guid, Unlimited};
use directory::{Object, Value, View};

use super::{AuthMechanisms, Keywords, PermissionGroups, ReceiveConnector, TransportRole};

/// The enabled receive connectors of a server.
pub fn connectors(view: &View, server: Guid) -> Vec<Arc<ReceiveConnector>> {
    let enabled = view.receive_connectors(server).filter(|object| object.flag("Enabled"));
    enabled.map(|object| Arc::new(connector(object))).collect()
}

fn connector(object: &Object) -> ReceiveConnector {
    let duration = |name| object.span(name).map_or(Duration::ZERO, |span| span.to_duration());
    let number = |name| object.int(name).and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    let small = |name| object.int(name).and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX);
    let count =
        |name| object.count(name).limit().and_then(|n| usize::try_from(*n).ok()).unwrap_or(usize::MAX);
    let bytes = |name| match object.size(name) {
        Unlimited::Limited(size) => usize::try_from(size.bytes()).unwrap_or(usize::MAX),
        Unlimited::Unlimited => usize::MAX,
    };
    let fqdn = object.text("Fqdn").unwrap_or(&object.name);
    let defaults = ReceiveConnector::frontend(&*object.name, fqdn);
    let auth = |word| object.has_flag("AuthMechanism", word);
    let group = |word| object.has_flag("PermissionGroups", word);
    let hub = object.text("TransportRole") == Some("HubTransport");
    ReceiveConnector {
        role: if hub { TransportRole::HubTransport } else { TransportRole::FrontendTransport },
        bindings: object.values("Bindings").iter().filter_map(binding).collect(),
        remote_ip_ranges: object.values("RemoteIPRanges").iter().filter_map(range).collect(),
        banner: object.text("Banner").map(|text| text.trim_start_matches("220 ").to_owned()),
        auth: AuthMechanisms {
            tls: auth("Tls"),
            basic: auth("BasicAuth") || auth("BasicAuthRequireTLS"),
            external_authoritative: auth("ExternalAuthoritative"),
        },
        permissions: PermissionGroups {
            anonymous: group("AnonymousUsers"),
            users: group("ExchangeUsers"),
            servers: group("ExchangeServers"),
        },
        keywords: Keywords {
            pipelining: object.flag("PipeliningEnabled"),
            delivery_status_notification: object.flag("DeliveryStatusNotificationEnabled"),
            enhanced_status_codes: object.flag("EnhancedStatusCodesEnabled"),
            eight_bit_mime: object.flag("EightBitMimeEnabled"),
            binary_mime: object.flag("BinaryMimeEnabled"),
            chunking: object.flag("ChunkingEnabled"),
            smtp_utf8: object.flag("SmtpUtf8Enabled"),
        },
        require_tls: object.flag("RequireTLS"),
        max_message_size: bytes("MaxMessageSize"),
        max_header_size: bytes("MaxHeaderSize"),
        max_recipients: number("MaxRecipientsPerMessage"),
        max_hop_count: number("MaxHopCount"),
        max_local_hop_count: number("MaxLocalHopCount"),
        connection_timeout: duration("ConnectionTimeout"),
        inactivity_timeout: duration("ConnectionInactivityTimeout"),
        max_inbound_connections: count("MaxInboundConnection"),
        max_inbound_per_source: count("MaxInboundConnectionPerSource"),
        max_inbound_percentage_per_source: number("MaxInboundConnectionPercentagePerSource"),
        max_protocol_errors: u32::try_from(count("MaxProtocolErrors")).unwrap_or(u32::MAX),
        max_logon_failures: small("MaxLogonFailures"),
        tarpit_interval: duration("TarpitInterval"),
        ..defaults
    }
}

fn binding(value: &Value) -> Option<std::net::SocketAddr> {
    match value {
        Value::Binding(binding) => Some(binding.0),
        _ => None,
    }
}

fn range(value: &Value) -> Option<directory::value::IpRange> {
    match value {
        Value::Range(range) => Some(**range),
        _ => None,
    }
}
