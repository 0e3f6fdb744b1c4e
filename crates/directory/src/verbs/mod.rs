//! What cmdlets offer, as functions over a draft with plain parameters: one file per noun.

pub mod availability;
pub mod configuration;
pub mod contact;
pub mod group;
pub mod mailbox;
pub mod move_request;
pub mod recipient;
pub mod restore_request;
pub mod server;
pub mod site;

pub use availability::{
    NewDatabaseCopy, activate_copy, add_group_member, check_new_copy, complete_copies, new_database_copy,
    prefer_copy, remove_database_copy, remove_group_member, stop_members,
};
pub use configuration::{
    NewReceiveConnector, NewSendConnector, RECEIVE_USAGES, make_default_domain, new_accepted_domain,
    new_mailbox_database, new_receive_connector, new_remote_domain, new_send_connector, new_server,
};
pub use contact::{
    NewContact, NewMailUser, disable_mail_contact, disable_mail_user, enable_mail_contact, enable_mail_user,
    new_mail_contact, new_mail_user, remove_contact, remove_mail_user,
};
pub use group::{
    NewDynamicGroup, NewGroup, disable_group, enable_group, new_dynamic_group, new_group, remove_group,
    set_filter,
};
pub use mailbox::{
    Disconnected, EnableMailbox, NewMailbox, NewUser, choose_database, convert_mailbox, disable_mailbox,
    enable_mailbox, new_mailbox, new_user, remove_mailbox, set_password,
};
pub use move_request::{
    MOVE_PARTS, MovePart, NewMove, check_new_move, is_over, move_request_of, new_move_request, note_move,
    switch_databases,
};
pub use recipient::{MailIdentity, set_recipient};
pub use restore_request::{NewRestore, new_restore_request, restore_requests_of};
pub use site::{complete_sites, forget_site, new_site, put_into_site};
