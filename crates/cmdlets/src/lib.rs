//! The administrator's verb-nouns: one file per noun, one list.
//!
//! Adding a cmdlet is a `static` in its noun's file and a line in [`ALL`]. Its parameters are known already:
//! they come from the documented facts.

mod call;
mod cmdlet;
mod context;
mod convert;
pub mod database;
pub mod health;
mod noun;
pub mod org;
pub mod recipient;
mod source;
pub mod transport;

pub use cmdlet::{Action, Cmdlet, Impact, Outcome};
pub use context::Context;
pub use noun::{Condition, Create, Noun, Removing, Shows, Special};
pub use source::{Cmdlets, MODULE, accepts, built, find, names};

/// Every cmdlet that is built, sorted by name.
pub static ALL: &[&Cmdlet] = &[
    &org::accepted_domain::GET,
    &database::mailbox_database::DISMOUNT,
    &database::mailbox_database::GET,
    &database::mailbox_folder_statistics::GET,
    &database::mailbox_statistics::GET,
    &transport::message_tracking_log::GET,
    &database::mailbox_database::MOUNT,
    &database::mailbox_database::SET,
    &org::exchange_server::GET,
    &org::organization_config::GET,
    &transport::receive_connector::GET,
    &org::remote_domain::GET,
    &transport::send_connector::GET,
    &org::transport_config::GET,
    &health::win_event::GET,
    &org::accepted_domain::NEW,
    &transport::receive_connector::NEW,
    &org::remote_domain::NEW,
    &transport::send_connector::NEW,
    &org::accepted_domain::REMOVE,
    &transport::receive_connector::REMOVE,
    &org::remote_domain::REMOVE,
    &transport::send_connector::REMOVE,
    &org::accepted_domain::SET,
    &org::organization_config::SET,
    &transport::receive_connector::SET,
    &org::remote_domain::SET,
    &transport::send_connector::SET,
    &org::transport_config::SET,
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
