//! Connection URIs, and Basic credentials.

use base64::{Engine, engine::general_purpose::STANDARD};
use powershell::remote::CarryError;

/// A server, as a URI names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Target {
    /// `https`.
    pub(super) encrypted: bool,
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Target {
    /// What stands in `Host`.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.encrypted, self.port) {
            (true, 443) | (false, 80) => host,
            _ => format!("{host}:{}", self.port),
        }
    }
}

/// The server of a URI, and the path with its query.
pub(super) fn parse(url: &str) -> Result<(Target, String), CarryError> {
    let bad = || CarryError::Url(url.to_owned());
    let (scheme, rest) = url.split_once("://").ok_or_else(bad)?;
    let encrypted = match &*scheme.to_ascii_lowercase() {
        "https" => true,
        "http" => false,
        _ => return Err(bad()),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = match authority.strip_prefix('[') {
        Some(v6) => v6.split_once(']').ok_or_else(bad)?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(digits) => digits.parse().map_err(|_| bad())?,
        None if port.is_empty() => {
            if encrypted {
                443
            } else {
                80
            }
        }
        None => return Err(bad()),
    };
    if host.is_empty() || authority.contains('@') {
        return Err(bad());
    }
    let path = path.split('#').next().unwrap_or_default();
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Ok((Target { encrypted, host: host.to_ascii_lowercase(), port }, path))
}

/// `Authorization` of a user (RFC 7617).
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
