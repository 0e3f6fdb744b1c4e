//! What requests and replies share: the SOAP envelope, its namespaces, bytes in base64.

use base::Guid;
use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{WsmanError, ns, xmlwriter::Writer};
use crate::xml::{self, Element};

/// The prefixes, as everybody writes them.
const PREFIXES: [(&str, &str); 7] = [
    ("xmlns:s", ns::SOAP),
    ("xmlns:a", ns::ADDRESSING),
    ("xmlns:w", ns::WSMAN),
    ("xmlns:p", ns::WSMV),
    ("xmlns:rsp", ns::SHELL),
    ("xmlns:x", ns::TRANSFER),
    ("xmlns:n", ns::ENUMERATION),
];

/// `anonymous`: the reply comes on the same connection.
pub(super) const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";

/// Writes an envelope.
pub(super) fn write(
    capacity: usize,
    header: impl FnOnce(&mut Writer),
    body: impl FnOnce(&mut Writer),
) -> String {
    let mut writer = Writer::with_capacity(capacity + 2048);
    writer.element("s:Envelope", &PREFIXES, |writer| {
        writer.element("s:Header", &[], header);
        writer.element("s:Body", &[], body);
    });
    writer.finish()
}

/// The header and the body of an envelope.
pub(super) fn read(bytes: &[u8]) -> Result<(Element, Element), WsmanError> {
    let mut envelope = xml::read(bytes)?;
    if !envelope.is(ns::SOAP, "Envelope") {
        return Err(WsmanError::Schema("no envelope"));
    }
    let mut take = |name: &str| {
        let at = envelope.children.iter().position(|child| child.is(ns::SOAP, name));
        at.map(|at| envelope.children.swap_remove(at))
    };
    let header = take("Header").unwrap_or_default();
    let body = take("Body").ok_or(WsmanError::Schema("no body"))?;
    Ok((header, body))
}

/// Bytes in base64; blanks within are allowed.
pub(super) fn bytes(element: &Element) -> Result<Vec<u8>, WsmanError> {
    let text: &str = element.text.trim();
    let decoded = if text.contains(|c: char| c.is_ascii_whitespace()) {
        BASE64_STANDARD.decode(text.split_ascii_whitespace().collect::<String>())
    } else {
        BASE64_STANDARD.decode(text)
    };
    decoded.map_err(|_| WsmanError::Schema("invalid base64"))
}

/// An identifier; the product writes capitals.
pub(super) fn guid(text: &str) -> Result<Guid, WsmanError> {
    text.trim().parse().map_err(|_| WsmanError::Schema("an identifier is no GUID"))
}

/// An identifier as the product writes it.
pub(super) fn guid_text(guid: Guid) -> String {
    guid.to_string().to_uppercase()
}
