//! The organisation's own settings: domains, servers, configuration.

pub mod accepted_domain;
pub mod ad_site;
pub mod ad_site_link;
pub mod email_address_policy;
pub mod exchange_server;
pub mod mailbox_server;
pub mod organization_config;
pub mod remote_domain;
pub mod server_join_key;
pub mod server_link;
pub mod transport_config;
