//! Servers of the organisation: join keys, joining, being reached, removal.

use std::sync::Arc;

use base::{EnhancedTimeSpan, Guid, Timestamp};

use crate::{
    draft::{Draft, NewObject},
    edit::Edit,
    error::DirectoryError,
    object::Object,
    schema::{MAILBOX_DATABASE, SERVER_JOIN_KEY},
    seed::{self, Ports},
    value::{Secret, Value},
    verbs::put_into_site,
    view::View,
};

/// How long it is remembered of a join key that it was used or has expired, so that whoever comes with it is told.
const REMEMBERED: EnhancedTimeSpan = EnhancedTimeSpan::from_secs(30 * 86_400);

fn secret(bytes: &[u8]) -> Value {
    Value::Secret(Secret(bytes.into()))
}

fn secret_of(value: &Value) -> Option<&[u8]> {
    match value {
        Value::Secret(Secret(bytes)) => Some(bytes),
        _ => None,
    }
}

/// The bytes of an attribute that is never shown.
fn secret_at<'a>(object: &'a Object, attribute: &str) -> Option<&'a [u8]> {
    object.stored_value(attribute).and_then(secret_of)
}

/// Keeps a join key by its hash (SHA-256), and forgets those that nobody needs to be told about any more.
pub fn new_join_key(
    draft: &mut Draft<'_>,
    hash: &[u8; 32],
    expires: Timestamp,
) -> Result<Arc<Object>, DirectoryError> {
    let now = draft.now();
    let old = |key: &&Arc<Object>| expires_at(key).plus(REMEMBERED) < now;
    let old: Vec<Guid> = draft.of_class(&SERVER_JOIN_KEY).filter(old).map(|key| key.guid).collect();
    old.into_iter().try_for_each(|guid| draft.delete(guid))?;
    let name = draft.new_guid().to_string();
    let key = NewObject::new(&SERVER_JOIN_KEY, name);
    draft.create(key.with("Hash", secret(hash)).with("Expires", Value::Time(expires)))
}

fn expires_at(key: &Object) -> Timestamp {
    match key.stored_value("Expires") {
        Some(Value::Time(time)) => *time,
        _ => Timestamp::default(),
    }
}

/// A server that wants to join.
#[derive(Clone, Debug)]
pub struct Joining {
    /// The hash (SHA-256) of the key it has.
    pub key_hash: [u8; 32],
    /// Its name.
    pub name: String,
    /// Its full host name.
    pub fqdn: String,
    /// Where other servers reach it.
    pub addresses: Vec<String>,
    /// The fingerprint of the key it proves itself with.
    pub link_key: [u8; 32],
    /// Where its default receive connectors listen.
    pub ports: Ports,
    /// The site it is in; the first one where nobody says.
    pub site: Option<String>,
}

/// Lets a server join that has a good key, which is used up by that; returns the server.
pub fn join_server(draft: &mut Draft<'_>, joining: &Joining) -> Result<Guid, DirectoryError> {
    let denied = |text: &str| Err(DirectoryError::Denied(text.into()));
    let is_it = |key: &&Arc<Object>| secret_at(key, "Hash") == Some(&joining.key_hash);
    let Some(key) = draft.of_class(&SERVER_JOIN_KEY).find(is_it).cloned() else {
        return denied("The join key isn't known: it was removed, or made by another organization.");
    };
    if let Some(user) = key.text("UsedBy") {
        return denied(&format!("The join key has been used already, by the server {user}: make a new one."));
    }
    if expires_at(&key) < draft.now() {
        return denied(&format!("The join key has expired at {}: make a new one.", expires_at(&key)));
    }
    let taken = draft.servers().find(|server| {
        let same_fqdn = server.text("Fqdn").is_some_and(|fqdn| fqdn.eq_ignore_ascii_case(&joining.fqdn));
        same_fqdn || server.name.eq_ignore_ascii_case(&joining.name)
    });
    if let Some(other) = taken {
        let fqdn = other.text("Fqdn").unwrap_or_default();
        return Err(DirectoryError::Exists(format!(
            "There is a server {} ({fqdn}) already: choose another host name, or remove it first (Remove-ExchangeServer).",
            other.name
        )));
    }
    let server = seed::add_server(draft, &joining.name, &joining.fqdn, &joining.ports)?;
    set_link(draft, server, &joining.addresses, &joining.link_key)?;
    if let Some(site) = &joining.site {
        put_into_site(draft, server, site)?;
    }
    draft.modify_system(key.guid, vec![("UsedBy", Edit::set(joining.fqdn.as_str()))])?;
    Ok(server)
}

/// Says where others reach a server and by which key they know it; false where it is known.
pub fn set_link(
    draft: &mut Draft<'_>,
    server: Guid,
    addresses: &[String],
    key: &[u8; 32],
) -> Result<bool, DirectoryError> {
    let addresses = addresses.iter().map(|address| Value::text(address.as_str())).collect();
    draft.modify_system(
        server,
        vec![("LinkAddresses", Edit::Replace(addresses)), ("LinkKey", Edit::set(secret(key)))],
    )
}

/// Keeps the certificate (DER) of the organisation's authority.
pub fn set_authority(draft: &mut Draft<'_>, certificate: &[u8]) -> Result<bool, DirectoryError> {
    let Some(organization) = draft.organization().map(|o| o.guid) else { return Ok(false) };
    draft.modify_system(organization, vec![("LinkAuthority", Edit::set(secret(certificate)))])
}

/// The certificate (DER) of the organisation's authority.
pub fn authority(view: &View) -> Option<Vec<u8>> {
    secret_at(view.organization()?, "LinkAuthority").map(<[u8]>::to_vec)
}

/// Where others reach a server, and the fingerprint of its key. One that has never run has neither.
pub fn link_of(server: &Object) -> (Vec<String>, Option<[u8; 32]>) {
    let addresses = server.values("LinkAddresses").iter().filter_map(Value::as_text);
    let key = secret_at(server, "LinkKey").and_then(|key| key.try_into().ok());
    (addresses.map(str::to_owned).collect(), key)
}

/// Removes a server with its connectors and its empty databases; every other server refuses it from then on.
pub fn remove_server(draft: &mut Draft<'_>, server: Guid) -> Result<(), DirectoryError> {
    let own = |other: &&Arc<Object>| other.link("Server") == Some(server);
    let databases = draft.of_class(&MAILBOX_DATABASE).filter(own);
    let connectors = draft.receive_connectors(server);
    let gone: Vec<Guid> = databases.chain(connectors).map(|object| object.guid).collect();
    gone.into_iter().try_for_each(|guid| draft.delete(guid))?;
    draft.delete(server)
}
