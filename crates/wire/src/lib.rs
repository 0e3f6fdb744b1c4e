//! Bytes into types and back. No I/O, no async, no clock; a limit on everything a peer can send.

pub mod channel;
pub mod clixml;
pub mod der;
pub mod imap;
pub mod kerberos;
pub mod mime;
pub mod pop3;
pub mod psrp;
pub mod secret;
pub mod session_key;
pub mod smtp;
pub mod spnego;
pub mod wsman;
pub mod xml;
pub mod xpress;
