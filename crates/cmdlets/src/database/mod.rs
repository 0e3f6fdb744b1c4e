//! Mailbox databases and what is in them.

pub mod associated_item;
pub mod logon_statistics;
pub mod mailbox_database;
pub mod mailbox_folder_statistics;
pub mod mailbox_statistics;
pub mod migration_batch;
pub mod migration_statistics;
pub mod migration_user;
pub mod move_request;
pub mod move_request_statistics;
pub mod repair_request;
pub mod restore_request;
pub mod restore_request_statistics;
pub mod store_mailbox;
