//! The administrator's verb-nouns: one file per noun, one list.
//!
//! Adding a cmdlet is a `static` in its noun's file and a line in [`ALL`]. Its parameters are known already:
//! they come from the documented facts.

mod audit;
mod call;
mod cmdlet;
mod complete;
mod context;
mod convert;
pub mod database;
mod failure;
mod get;
pub mod health;
mod help;
mod noun;
pub mod org;
mod parity;
pub mod recipient;
mod rows;
mod source;
pub mod transport;
mod views;

pub use audit::TARGET as AUDIT_TARGET;
pub use cmdlet::{Action, Cmdlet, Impact};
pub use context::Context;
pub use failure::{Failure, Outcome};
pub use help::examples;
pub use noun::{Change, Condition, Create, Edits, Make, Noun, Removing, Shows, Special};
pub use parity::{Parity, counts, parity, refused, table};
pub use source::{Cmdlets, Declarations, MODULE, accepts, built, find, is_built, names};
pub use views::views;

/// Every cmdlet that is built, sorted by name.
pub static ALL: &[&Cmdlet] = &[
    &recipient::distribution_group_member::ADD,
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
    &org::accepted_domain::GET,
    &recipient::cas_mailbox::GET,
    &recipient::contact::GET,
    &recipient::distribution_group::GET,
    &recipient::distribution_group_member::GET,
    &recipient::dynamic_distribution_group::GET,
    &org::email_address_policy::GET,
    &org::exchange_server::GET,
    &recipient::group::GET,
    &recipient::mail_contact::GET,
    &recipient::mail_user::GET,
    &recipient::mailbox::GET,
    &database::mailbox_database::GET,
    &database::mailbox_folder_statistics::GET,
    &database::mailbox_statistics::GET,
    &transport::message::GET,
    &transport::message_tracking_log::GET,
    &org::organization_config::GET,
    &transport::queue::GET,
    &transport::receive_connector::GET,
    &recipient::recipient::GET,
    &org::remote_domain::GET,
    &transport::send_connector::GET,
    &org::transport_config::GET,
    &transport::transport_service::GET,
    &recipient::user::GET,
    &health::win_event::GET,
    &database::mailbox_database::MOUNT,
    &org::accepted_domain::NEW,
    &recipient::distribution_group::NEW,
    &recipient::dynamic_distribution_group::NEW,
    &org::email_address_policy::NEW,
    &recipient::mail_contact::NEW,
    &recipient::mail_user::NEW,
    &recipient::mailbox::NEW,
    &database::mailbox_database::NEW,
    &transport::receive_connector::NEW,
    &org::remote_domain::NEW,
    &transport::send_connector::NEW,
    &org::accepted_domain::REMOVE,
    &recipient::distribution_group::REMOVE,
    &recipient::distribution_group_member::REMOVE,
    &recipient::dynamic_distribution_group::REMOVE,
    &org::email_address_policy::REMOVE,
    &recipient::mail_contact::REMOVE,
    &recipient::mail_user::REMOVE,
    &recipient::mailbox_content::REMOVE,
    &database::mailbox_database::REMOVE,
    &transport::message::REMOVE,
    &transport::receive_connector::REMOVE,
    &org::remote_domain::REMOVE,
    &transport::send_connector::REMOVE,
    &database::store_mailbox::REMOVE,
    &transport::message::RESUME,
    &transport::queue::RESUME,
    &transport::queue::RETRY,
    &org::accepted_domain::SET,
    &recipient::cas_mailbox::SET,
    &recipient::contact::SET,
    &recipient::distribution_group::SET,
    &recipient::dynamic_distribution_group::SET,
    &org::email_address_policy::SET,
    &org::exchange_server::SET,
    &recipient::group::SET,
    &recipient::mail_contact::SET,
    &recipient::mail_user::SET,
    &recipient::mailbox::SET,
    &database::mailbox_database::SET,
    &org::organization_config::SET,
    &transport::receive_connector::SET,
    &org::remote_domain::SET,
    &transport::send_connector::SET,
    &org::transport_config::SET,
    &transport::transport_service::SET,
    &recipient::user::SET,
    &transport::message::SUSPEND,
    &transport::queue::SUSPEND,
    &recipient::distribution_group_member::UPDATE,
    &database::store_mailbox::UPDATE,
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
