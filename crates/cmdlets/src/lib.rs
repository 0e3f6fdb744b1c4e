//! The administrator's verb-nouns: one file per noun, one list.
//!
//! Adding a cmdlet is a `static` in its noun's file and a line in [`ALL`]. Its parameters are known already:
//! they come from the documented facts.

pub mod access;
mod audit;
pub mod availability;
mod call;
mod changes;
mod cmdlet;
mod complete;
pub mod compliance;
mod context;
mod convert;
pub mod copies;
mod corrections;
pub mod database;
mod failure;
mod get;
pub mod health;
mod help;
mod noun;
pub mod org;
mod parity;
mod person;
mod place;
pub mod recipient;
mod relay;
mod rows;
mod runner;
mod source;
pub mod transport;
mod views;

pub use audit::{Deed, TARGET as AUDIT_TARGET, note};
pub use cmdlet::{Action, Cmdlet, Impact};
pub use context::Context;
pub use corrections::CORRECTIONS;
pub use failure::{Failure, Outcome};
pub use help::examples;
pub use noun::{Change, Condition, Create, Edits, Make, Noun, Removing, Shows, Special};
pub use parity::{Parity, counts, parity, refused, table};
pub use place::{Finder, Whereabouts};
pub use relay::Answers;
pub use source::{Cmdlets, Declarations, MODULE, built, find, names};
pub use views::views;

/// Every cmdlet that is built, sorted by name.
pub static ALL: &[&Cmdlet] = &[
    &availability::availability_group_server::ADD,
    &recipient::distribution_group_member::ADD,
    &availability::database_copy::ADD,
    &access::management_role_entry::ADD,
    &access::role_group_member::ADD,
    &database::migration_batch::COMPLETE,
    &recipient::mailbox_content::CONNECT,
    &recipient::distribution_group::DISABLE,
    &recipient::mail_contact::DISABLE,
    &recipient::mail_user::DISABLE,
    &recipient::mailbox_content::DISABLE,
    &database::mailbox_database::DISMOUNT,
    &recipient::distribution_group::ENABLE,
    &recipient::mail_contact::ENABLE,
    &recipient::mail_user::ENABLE,
    &recipient::mailbox::ENABLE,
    &org::ad_site::GET,
    &org::ad_site_link::GET,
    &org::accepted_domain::GET,
    &compliance::admin_audit_log_config::GET,
    &recipient::cas_mailbox::GET,
    &recipient::contact::GET,
    &availability::availability_group::GET,
    &availability::availability_group_network::GET,
    &recipient::distribution_group::GET,
    &recipient::distribution_group_member::GET,
    &recipient::dynamic_distribution_group::GET,
    &org::email_address_policy::GET,
    &org::exchange_server::GET,
    &recipient::group::GET,
    &database::logon_statistics::GET,
    &recipient::mail_contact::GET,
    &recipient::mail_user::GET,
    &recipient::mailbox::GET,
    &database::associated_item::GET,
    &database::mailbox_database::GET,
    &availability::database_copy_status::GET,
    &database::mailbox_folder_statistics::GET,
    &database::repair_request::GET,
    &database::restore_request::GET,
    &database::restore_request_statistics::GET,
    &org::mailbox_server::GET,
    &database::mailbox_statistics::GET,
    &access::management_role::GET,
    &access::management_role_assignment::GET,
    &access::management_role_entry::GET,
    &access::management_scope::GET,
    &transport::message::GET,
    &transport::message_tracking_log::GET,
    &database::migration_batch::GET,
    &database::migration_statistics::GET,
    &database::migration_user::GET,
    &database::migration_user::STATISTICS,
    &database::move_request::GET,
    &database::move_request_statistics::GET,
    &org::organization_config::GET,
    &transport::queue::GET,
    &transport::receive_connector::GET,
    &recipient::recipient::GET,
    &org::remote_domain::GET,
    &access::role_assignment_policy::GET,
    &access::role_group::GET,
    &access::role_group_member::GET,
    &transport::send_connector::GET,
    &health::server_component_state::GET,
    &org::server_join_key::GET,
    &org::server_link::GET,
    &org::transport_config::GET,
    &transport::transport_service::GET,
    &recipient::user::GET,
    &health::win_event::GET,
    &database::mailbox_database::MOUNT,
    &availability::active_mailbox_database::MOVE,
    &org::ad_site::NEW,
    &org::accepted_domain::NEW,
    &compliance::admin_audit_log_search::NEW,
    &availability::availability_group::NEW,
    &availability::availability_group_network::NEW,
    &recipient::distribution_group::NEW,
    &recipient::dynamic_distribution_group::NEW,
    &org::email_address_policy::NEW,
    &recipient::mail_contact::NEW,
    &recipient::mail_user::NEW,
    &recipient::mailbox::NEW,
    &database::mailbox_database::NEW,
    &database::repair_request::NEW,
    &database::restore_request::NEW,
    &access::management_role::NEW,
    &access::management_role_assignment::NEW,
    &access::management_scope::NEW,
    &database::migration_batch::NEW,
    &database::move_request::NEW,
    &transport::receive_connector::NEW,
    &org::remote_domain::NEW,
    &access::role_assignment_policy::NEW,
    &access::role_group::NEW,
    &transport::send_connector::NEW,
    &org::server_join_key::NEW,
    &availability::redistribution::OPTIMIZE,
    &org::ad_site::REMOVE,
    &org::accepted_domain::REMOVE,
    &availability::availability_group::REMOVE,
    &availability::availability_group_network::REMOVE,
    &availability::availability_group_server::REMOVE,
    &recipient::distribution_group::REMOVE,
    &recipient::distribution_group_member::REMOVE,
    &recipient::dynamic_distribution_group::REMOVE,
    &org::email_address_policy::REMOVE,
    &org::exchange_server::REMOVE,
    &recipient::mail_contact::REMOVE,
    &recipient::mail_user::REMOVE,
    &recipient::mailbox_content::REMOVE,
    &database::mailbox_database::REMOVE,
    &availability::database_copy::REMOVE,
    &database::repair_request::REMOVE,
    &database::restore_request::REMOVE,
    &access::management_role::REMOVE,
    &access::management_role_assignment::REMOVE,
    &access::management_role_entry::REMOVE,
    &access::management_scope::REMOVE,
    &transport::message::REMOVE,
    &database::migration_batch::REMOVE,
    &database::move_request::REMOVE,
    &transport::receive_connector::REMOVE,
    &org::remote_domain::REMOVE,
    &access::role_assignment_policy::REMOVE,
    &access::role_group::REMOVE,
    &access::role_group_member::REMOVE,
    &transport::send_connector::REMOVE,
    &org::server_join_key::REMOVE,
    &database::store_mailbox::REMOVE,
    &availability::availability_group::RESTORE,
    &availability::database_copy::RESUME,
    &database::restore_request::RESUME,
    &transport::message::RESUME,
    &database::move_request::RESUME,
    &transport::queue::RESUME,
    &transport::queue::RETRY,
    &compliance::admin_audit_log::SEARCH,
    &org::ad_site::SET,
    &org::ad_site_link::SET,
    &org::accepted_domain::SET,
    &compliance::admin_audit_log_config::SET,
    &recipient::cas_mailbox::SET,
    &recipient::contact::SET,
    &availability::availability_group::SET,
    &availability::availability_group_network::SET,
    &recipient::distribution_group::SET,
    &recipient::dynamic_distribution_group::SET,
    &org::email_address_policy::SET,
    &org::exchange_server::SET,
    &recipient::group::SET,
    &recipient::mail_contact::SET,
    &recipient::mail_user::SET,
    &recipient::mailbox::SET,
    &database::mailbox_database::SET,
    &availability::database_copy::SET,
    &database::restore_request::SET,
    &org::mailbox_server::SET,
    &access::management_role_assignment::SET,
    &access::management_role_entry::SET,
    &access::management_scope::SET,
    &database::migration_batch::SET,
    &database::move_request::SET,
    &org::organization_config::SET,
    &transport::receive_connector::SET,
    &org::remote_domain::SET,
    &access::role_assignment_policy::SET,
    &access::role_group::SET,
    &transport::send_connector::SET,
    &health::server_component_state::SET,
    &org::transport_config::SET,
    &transport::transport_service::SET,
    &recipient::user::SET,
    &availability::availability_group::START,
    &database::migration_batch::START,
    &availability::availability_group::STOP,
    &database::migration_batch::STOP,
    &availability::database_copy::SUSPEND,
    &database::restore_request::SUSPEND,
    &transport::message::SUSPEND,
    &database::move_request::SUSPEND,
    &transport::queue::SUSPEND,
    &compliance::admin_audit_log::TEST,
    &availability::replication_health::TEST,
    &recipient::distribution_group_member::UPDATE,
    &availability::database_copy::UPDATE,
    &access::role_group_member::UPDATE,
    &database::store_mailbox::UPDATE,
    &compliance::admin_audit_log::WRITE,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_without_doubles_and_declared() {
        for pair in ALL.windows(2) {
            assert!(pair[0].name < pair[1].name, "{} stands before {}", pair[0].name, pair[1].name);
        }
        for cmdlet in ALL {
            let info = find(cmdlet.name).unwrap_or_else(|| panic!("{} is not declared", cmdlet.name));
            assert_eq!(&*info.name, cmdlet.name);
        }
    }
}
