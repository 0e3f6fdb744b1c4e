//! The directory at one moment, in memory: immutable, cheap to clone, shared between versions.

mod availability;
mod domains;
mod groups;
mod index;
mod key;
mod resolve;

use std::sync::Arc;

use base::{Guid, SmtpAddress};

use crate::{
    dn::Dn,
    object::Object,
    recipient::Recipient,
    schema::{
        ACCEPTED_DOMAIN, ADMIN_AUDIT_LOG_CONFIG, CLASSES, Class, MAILBOX_DATABASE, ORGANIZATION,
        RECEIVE_CONNECTOR, REMOTE_DOMAIN, ROLE_ASSIGNMENT_POLICY, SEND_CONNECTOR, SERVER, TRANSPORT_CONFIG,
    },
    value::ProxyAddress,
};

pub use domains::DomainTable;
pub use groups::{EXPANSION_MAX, Expansion};
pub(crate) use index::claims;
pub(crate) use key::Key;
pub use resolve::Scope;

use index::Filed;

/// Every object of the directory as of one change number.
#[derive(Clone)]
pub struct View {
    change: u64,
    /// Counts the changes to who may do what.
    access_changes: u64,
    objects: imbl::OrdMap<Guid, Arc<Object>>,
    /// Per class, in the order of [`CLASSES`]: objects by name.
    filed: Box<[imbl::OrdSet<Filed>]>,
    /// Keys that only one object may have.
    unique: imbl::OrdMap<Key, Guid>,
    /// Names several objects may share.
    shared: imbl::OrdSet<(Key, Guid)>,
    /// (target, source) of every link attribute.
    backlinks: imbl::OrdSet<(Guid, Guid)>,
    /// (group, member).
    members: imbl::OrdSet<(Guid, Guid)>,
    /// (member, group).
    member_of: imbl::OrdSet<(Guid, Guid)>,
    accepted: Arc<DomainTable>,
    remote: Arc<DomainTable>,
}

impl Default for View {
    fn default() -> Self {
        View {
            change: 0,
            access_changes: 0,
            objects: imbl::OrdMap::new(),
            filed: CLASSES.iter().map(|_| imbl::OrdSet::new()).collect(),
            unique: imbl::OrdMap::new(),
            shared: imbl::OrdSet::new(),
            backlinks: imbl::OrdSet::new(),
            members: imbl::OrdSet::new(),
            member_of: imbl::OrdSet::new(),
            accepted: Arc::default(),
            remote: Arc::default(),
        }
    }
}

impl View {
    /// The change number of the newest change in this view.
    pub fn change(&self) -> u64 {
        self.change
    }
    /// Counts the changes to roles, their assignments, scopes and policies, to groups and who is in them: as
    /// long as it is the same, so is what anybody may do.
    pub fn access_changes(&self) -> u64 {
        self.access_changes
    }
    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }
    /// True before anything was created.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The object of that GUID.
    pub fn get(&self, guid: Guid) -> Option<&Arc<Object>> {
        self.objects.get(&guid)
    }
    /// The object at that distinguished name.
    pub fn by_dn(&self, dn: &Dn) -> Option<&Arc<Object>> {
        self.unique(Key::new('c', dn.as_str()))
    }
    /// All objects of a class, by name.
    pub fn of_class(&self, class: &'static Class) -> impl DoubleEndedIterator<Item = &Arc<Object>> {
        self.filed.get(class.position()).into_iter().flatten().map(|filed| &filed.object)
    }
    /// All recipients of every class: class by class, by name within each.
    pub fn recipients(&self) -> impl Iterator<Item = Recipient> {
        CLASSES
            .iter()
            .filter(|class| class.recipient)
            .flat_map(|class| self.of_class(class))
            .filter_map(|object| Recipient::new(object.clone()))
    }
    /// The recipient of that GUID.
    pub fn recipient(&self, guid: Guid) -> Option<Recipient> {
        self.get(guid).cloned().and_then(Recipient::new)
    }
    /// The recipient that answers to an SMTP address, primary or secondary, without case.
    pub fn recipient_by_address(&self, address: &SmtpAddress) -> Option<Recipient> {
        self.unique(Key::of_parts('a', &["smtp:", address.as_str()])).cloned().and_then(Recipient::new)
    }
    /// The recipient that has this proxy address of any type (`X500:` too, where it is a legacyExchangeDN).
    pub fn recipient_by_proxy(&self, proxy: &ProxyAddress) -> Option<Recipient> {
        self.unique(Key::new('a', proxy.as_str())).cloned().and_then(Recipient::new)
    }
    /// The user with that user principal name.
    pub fn user_by_upn(&self, upn: &str) -> Option<Recipient> {
        self.unique(Key::new('u', upn)).cloned().and_then(Recipient::new)
    }
    /// The user or group with that account name (without domain).
    pub fn by_account(&self, account: &str) -> Option<Recipient> {
        self.unique(Key::new('s', account)).cloned().and_then(Recipient::new)
    }
    /// The recipient with that alias.
    pub fn by_alias(&self, alias: &str) -> Option<Recipient> {
        self.unique(Key::new('l', alias)).cloned().and_then(Recipient::new)
    }
    /// The user whose mailbox has this GUID (`ExchangeGuid`).
    pub fn by_mailbox_guid(&self, guid: Guid) -> Option<Recipient> {
        self.unique(Key::new('g', &guid.to_string())).cloned().and_then(Recipient::new)
    }
    /// The objects that link to this one.
    pub fn linking_to(&self, target: Guid) -> impl Iterator<Item = &Arc<Object>> {
        let first = (target, Guid::EMPTY);
        self.backlinks
            .range(first..)
            .take_while(move |(to, _)| *to == target)
            .filter_map(|(_, source)| self.get(*source))
    }

    /// The organisation; `None` in an empty directory.
    pub fn organization(&self) -> Option<&Arc<Object>> {
        self.of_class(&ORGANIZATION).next()
    }
    /// The DNS domain of the organisation, lower case; empty in an empty directory.
    pub fn domain_name(&self) -> &str {
        self.organization().and_then(|o| o.text("DomainName")).unwrap_or("")
    }
    /// The organisation's transport settings.
    pub fn transport_config(&self) -> Option<&Arc<Object>> {
        self.of_class(&TRANSPORT_CONFIG).next()
    }
    /// All servers.
    pub fn servers(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.of_class(&SERVER)
    }
    /// All mailbox databases.
    pub fn databases(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.of_class(&MAILBOX_DATABASE)
    }
    /// All send connectors.
    pub fn send_connectors(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.of_class(&SEND_CONNECTOR)
    }
    /// The receive connectors of a server.
    pub fn receive_connectors(&self, server: Guid) -> impl Iterator<Item = &Arc<Object>> {
        self.of_class(&RECEIVE_CONNECTOR).filter(move |c| c.link("Server") == Some(server))
    }
    /// The accepted domain that covers a domain, most specific first.
    pub fn accepted_domain_for(&self, domain: &str) -> Option<&Arc<Object>> {
        self.accepted.find(domain)
    }
    /// The default accepted domain.
    pub fn default_domain(&self) -> Option<&Arc<Object>> {
        self.of_class(&ACCEPTED_DOMAIN).find(|d| d.flag("Default"))
    }
    /// The role assignment policy of new mailboxes.
    pub fn default_role_assignment_policy(&self) -> Option<&Arc<Object>> {
        self.of_class(&ROLE_ASSIGNMENT_POLICY).find(|policy| policy.flag("IsDefault"))
    }
    /// What the administrator audit log keeps.
    pub fn admin_audit_log_config(&self) -> Option<&Arc<Object>> {
        self.of_class(&ADMIN_AUDIT_LOG_CONFIG).next()
    }
    /// The remote domain that governs mail to a domain: the exact one before `*.parent` before `*`.
    pub fn remote_domain_for(&self, domain: &str) -> Option<&Arc<Object>> {
        self.remote.find(domain)
    }

    fn unique(&self, key: Key) -> Option<&Arc<Object>> {
        self.unique.get(&key).and_then(|guid| self.get(*guid))
    }
    /// Who holds a unique key.
    pub(crate) fn holder(&self, key: Key) -> Option<&Arc<Object>> {
        self.unique(key)
    }

    pub(crate) fn set_change(&mut self, change: u64) {
        self.change = change;
    }

    /// Rebuilds what is derived from whole classes, after the objects of `class` changed.
    pub(crate) fn refresh(&mut self, class: &'static Class) {
        if class.governs_access() {
            self.access_changes += 1;
        }
        if *class == ACCEPTED_DOMAIN {
            self.accepted = Arc::new(self.of_class(&ACCEPTED_DOMAIN).cloned().collect());
        } else if *class == REMOTE_DOMAIN {
            self.remote = Arc::new(self.of_class(&REMOTE_DOMAIN).cloned().collect());
        }
    }
}
