//! Components of a server that can be taken out of service, and who asked for that: `Set-ServerComponentState`.

use std::{fmt, sync::Arc};

use base::{Guid, Timestamp};

use crate::{
    draft::Draft, edit::Edit, error::DirectoryError, object::Object, schema::parse_time, value::Value,
};

/// The attribute of a server: one text for each request, `Component:Requester:State:time`.
const ATTRIBUTE: &str = "ComponentStates";

/// Takes all others out of service but [`ALWAYS`].
pub const SERVER_WIDE_OFFLINE: &str = "ServerWideOffline";
/// Watch over the server also while it is out of service.
const ALWAYS: &[&str] = &["Monitoring", "RecoveryActionsEnabled"];
/// Out of service until somebody asks for them: they belong to hosted organisations.
const NOT_AT_FIRST: &[&str] = &["ForwardSyncDaemon", "ProvisioningRps"];

/// The components, in the product's order.
pub const COMPONENTS: &[&str] = &[
    SERVER_WIDE_OFFLINE,
    "HubTransport",
    "FrontendTransport",
    "Monitoring",
    "RecoveryActionsEnabled",
    "AutoDiscoverProxy",
    "ActiveSyncProxy",
    "EcpProxy",
    "EwsProxy",
    "ImapProxy",
    "OabProxy",
    "OwaProxy",
    "PopProxy",
    "PushNotificationsProxy",
    "RpsProxy",
    "RwsProxy",
    "RpcProxy",
    "XropProxy",
    "HttpProxyAvailabilityGroup",
    "ForwardSyncDaemon",
    "ProvisioningRps",
    "MapiProxy",
    "EdgeTransport",
    "HighAvailability",
    "SharedCache",
    "MailboxDeliveryProxy",
    "RoutingUpdates",
    "RestProxy",
    "DefaultProxy",
    "Lsass",
    "RoutingService",
    "E4EProxy",
    "CafeLAMv2",
    "LogExportProvider",
];

/// Who may ask.
pub const REQUESTERS: &[&str] = &["HealthAPI", "Maintenance", "Sidelined", "Functional", "Deployment"];

/// How a component is; the later one is the more restrictive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ComponentState {
    /// In service.
    #[default]
    Active,
    /// Takes nothing new, and finishes what it has.
    Draining,
    /// Out of service.
    Inactive,
}

impl ComponentState {
    /// By its word, without case.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::Active, Self::Draining, Self::Inactive];
        all.into_iter().find(|state| state.to_string().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for ComponentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What one requester asked of one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentRequest {
    /// One of [`COMPONENTS`].
    pub component: &'static str,
    /// One of [`REQUESTERS`].
    pub requester: &'static str,
    /// What it is to be.
    pub state: ComponentState,
    /// Since when.
    pub since: Timestamp,
}

impl ComponentRequest {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ':');
        Some(Self {
            component: word(COMPONENTS, parts.next()?)?,
            requester: word(REQUESTERS, parts.next()?)?,
            state: ComponentState::parse(parts.next()?)?,
            since: parse_time(parts.next()?)?,
        })
    }
}

impl fmt::Display for ComponentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.component, self.requester, self.state, self.since)
    }
}

/// A word of a list, without case, as the list spells it.
pub fn word(words: &'static [&'static str], text: &str) -> Option<&'static str> {
    words.iter().find(|word| word.eq_ignore_ascii_case(text)).copied()
}

/// What was asked of a server's components.
pub fn component_requests(server: &Object) -> impl Iterator<Item = ComponentRequest> {
    server.values(ATTRIBUTE).iter().filter_map(Value::as_text).filter_map(ComponentRequest::parse)
}

/// How a component of a server is: as the most restrictive of its requesters wants it, and not more in service than
/// the server as a whole.
pub fn component_state(server: &Object, component: &str) -> ComponentState {
    let asked = |component: &str| {
        let requests = component_requests(server).filter(|one| one.component.eq_ignore_ascii_case(component));
        requests.map(|one| one.state).max()
    };
    let at_first = match NOT_AT_FIRST.contains(&component) {
        true => ComponentState::Inactive,
        false => ComponentState::Active,
    };
    let own = asked(component).unwrap_or(at_first);
    if ALWAYS.contains(&component) { own } else { own.max(asked(SERVER_WIDE_OFFLINE).unwrap_or_default()) }
}

/// Notes what a requester asks of a component, in the place of what it asked before.
pub fn request_component_state(
    draft: &mut Draft<'_>,
    server: Guid,
    request: &ComponentRequest,
) -> Result<bool, DirectoryError> {
    let object: Arc<Object> = draft.existing(server)?;
    let is_same =
        |one: &ComponentRequest| (one.component, one.requester) == (request.component, request.requester);
    if component_requests(&object).any(|one| is_same(&one) && one.state == request.state) {
        return Ok(false);
    }
    let others = component_requests(&object).filter(|one| !is_same(one));
    let all = others.chain([request.clone()]).map(|one| Value::text(one.to_string())).collect();
    draft.modify_system(server, vec![(ATTRIBUTE, Edit::Replace(all))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_they_are_written() {
        let request = ComponentRequest {
            component: "HubTransport",
            requester: "Maintenance",
            state: ComponentState::Draining,
            since: Timestamp::from_secs(1_795_412_281),
        };
        assert_eq!(ComponentRequest::parse(&request.to_string()), Some(request));
        for bad in
            ["", "HubTransport", "Hub:Maintenance:Active:2026-11-23T05:38:01Z", "HubTransport:Me:Active:x"]
        {
            assert_eq!(ComponentRequest::parse(bad), None, "{bad}");
        }
    }
}
