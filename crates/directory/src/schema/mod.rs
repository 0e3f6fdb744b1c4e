//! The schema as data: object classes and their attributes. One file per class; `CLASSES` lists them.

mod attribute;
mod parse;

mod accepted_domain;
mod ad_site;
mod admin_audit_log_config;
mod availability_group;
mod contact;
mod container;
mod database_copy;
mod dynamic_group;
mod email_address_policy;
mod group;
mod mail_recipient;
mod mailbox;
mod mailbox_database;
mod management_role;
mod management_scope;
mod migration_batch;
mod move_request;
mod organization;
mod person;
mod receive_connector;
mod remote_domain;
mod restore_request;
mod role_assignment;
mod role_assignment_policy;
mod send_connector;
mod server;
mod server_join_key;
mod server_mailbox;
mod server_transport;
mod transport_config;
mod user;

pub(crate) use parse::parse_time;

pub use accepted_domain::ACCEPTED_DOMAIN;
pub use ad_site::{AD_SITE, AD_SITE_LINK};
pub use admin_audit_log_config::ADMIN_AUDIT_LOG_CONFIG;
pub use attribute::{Attribute, Index, Kind, Preset, Target};
pub use availability_group::{DATABASE_AVAILABILITY_GROUP, DATABASE_AVAILABILITY_GROUP_NETWORK};
pub use contact::CONTACT;
pub use container::CONTAINER;
pub use database_copy::MAILBOX_DATABASE_COPY;
pub use dynamic_group::DYNAMIC_GROUP;
pub use email_address_policy::EMAIL_ADDRESS_POLICY;
pub use group::GROUP;
pub use mailbox_database::MAILBOX_DATABASE;
pub use management_role::MANAGEMENT_ROLE;
pub use management_scope::MANAGEMENT_SCOPE;
pub use migration_batch::MIGRATION_BATCH;
pub use move_request::{MOVE_PRIORITIES, MOVE_REQUEST, MOVE_STATUSES};
pub use organization::ORGANIZATION;
pub use receive_connector::RECEIVE_CONNECTOR;
pub use remote_domain::REMOTE_DOMAIN;
pub use restore_request::MAILBOX_RESTORE_REQUEST;
pub use role_assignment::ROLE_ASSIGNMENT;
pub use role_assignment_policy::ROLE_ASSIGNMENT_POLICY;
pub use send_connector::SEND_CONNECTOR;
pub use server::SERVER;
pub use server_join_key::SERVER_JOIN_KEY;
pub use transport_config::TRANSPORT_CONFIG;
pub use user::USER;

/// Every class. The order is how a view files its objects; names are what is stored.
pub static CLASSES: &[&Class] = &[
    &AD_SITE,
    &AD_SITE_LINK,
    &ACCEPTED_DOMAIN,
    &ADMIN_AUDIT_LOG_CONFIG,
    &CONTACT,
    &CONTAINER,
    &DATABASE_AVAILABILITY_GROUP,
    &DATABASE_AVAILABILITY_GROUP_NETWORK,
    &DYNAMIC_GROUP,
    &EMAIL_ADDRESS_POLICY,
    &GROUP,
    &MAILBOX_DATABASE,
    &MAILBOX_DATABASE_COPY,
    &MAILBOX_RESTORE_REQUEST,
    &MANAGEMENT_ROLE,
    &ROLE_ASSIGNMENT,
    &MANAGEMENT_SCOPE,
    &MIGRATION_BATCH,
    &MOVE_REQUEST,
    &ORGANIZATION,
    &RECEIVE_CONNECTOR,
    &REMOTE_DOMAIN,
    &ROLE_ASSIGNMENT_POLICY,
    &SEND_CONNECTOR,
    &SERVER,
    &SERVER_JOIN_KEY,
    &TRANSPORT_CONFIG,
    &USER,
];

/// Where new objects of a class go, below the organisation's domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A container of the domain itself: `Users`.
    Domain(&'static str),
    /// Below the organisation's configuration; components from the object's container outwards.
    Organization(&'static [&'static str]),
    /// Below the server the object belongs to; likewise.
    Server(&'static [&'static str]),
    /// Below the object that this attribute links to.
    Below(&'static str),
}

/// How an object's identity is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityForm {
    /// `contoso.com/Users/Nuno`.
    Canonical,
    /// The name alone.
    Name,
    /// `SERVER\name`.
    ServerAndName,
    /// The name of what it lies in, then its own: `DB01\MBX1`.
    ContainerAndName,
}

/// A kind of object.
#[derive(Debug)]
pub struct Class {
    /// The noun an administrator uses; what is stored.
    pub name: &'static str,
    /// The LDAP object classes, most general first.
    pub object_class: &'static [&'static str],
    /// Where new ones go.
    pub place: Place,
    /// How identities print.
    pub identity: IdentityForm,
    /// True for what mail can be addressed to.
    pub recipient: bool,
    /// Its attributes, in tables each sorted by name (some are shared between classes).
    pub tables: &'static [&'static [Attribute]],
}

impl Class {
    /// The attribute of that name, without case.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.tables.iter().find_map(|table| {
            let at = table.binary_search_by(|attribute| caseless(attribute.name, name)).ok()?;
            Some(&table[at])
        })
    }
    /// Every attribute.
    pub fn attributes(&self) -> impl Iterator<Item = &'static Attribute> {
        self.tables.iter().flat_map(|table| table.iter())
    }
    /// Where the class stands in [`CLASSES`].
    pub(crate) fn position(&self) -> usize {
        CLASSES.iter().position(|class| class.name == self.name).unwrap_or(usize::MAX)
    }
    /// Whether its objects, or who is in them, say who may do what.
    pub fn governs_access(&self) -> bool {
        [&GROUP, &MANAGEMENT_ROLE, &ROLE_ASSIGNMENT, &MANAGEMENT_SCOPE, &ROLE_ASSIGNMENT_POLICY]
            .iter()
            .any(|class| class.name == self.name)
    }
    /// The class of that name.
    pub fn by_name(name: &str) -> Option<&'static Class> {
        CLASSES.iter().find(|class| class.name == name).copied()
    }
}

impl PartialEq for Class {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for Class {}

fn caseless(a: &str, b: &str) -> std::cmp::Ordering {
    let fold = |b: u8| b.to_ascii_lowercase();
    a.bytes().map(fold).cmp(b.bytes().map(fold))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_names_are_unique() {
        for class in CLASSES {
            for table in class.tables {
                for pair in table.windows(2) {
                    assert!(
                        caseless(pair[0].name, pair[1].name).is_lt(),
                        "{}: {} before {}",
                        class.name,
                        pair[0].name,
                        pair[1].name
                    );
                }
            }
            let mut names: Vec<String> = class.attributes().map(|a| a.name.to_lowercase()).collect();
            names.sort();
            for pair in names.windows(2) {
                assert_ne!(pair[0], pair[1], "{}", class.name);
            }
        }
    }

    #[test]
    fn classes_are_found_and_sorted() {
        assert!(CLASSES.windows(2).all(|pair| pair[0].name < pair[1].name));
        for class in CLASSES {
            assert_eq!(Class::by_name(class.name), Some(*class));
            for attribute in class.attributes() {
                assert_eq!(
                    class.attribute(&attribute.name.to_uppercase()).map(|a| a.name),
                    Some(attribute.name)
                );
            }
        }
    }

    #[test]
    fn every_preset_passes_its_own_check() {
        for class in CLASSES {
            for attribute in class.attributes() {
                if let Some(value) = attribute.preset.value() {
                    assert_eq!(attribute.check(&value), Ok(()), "{}.{}", class.name, attribute.name);
                    let text = value.to_string();
                    assert_eq!(attribute.parse(&text), Ok(value), "{}.{}", class.name, attribute.name);
                }
            }
        }
    }
}
