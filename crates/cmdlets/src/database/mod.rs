//! Mailbox databases and what is in them.
