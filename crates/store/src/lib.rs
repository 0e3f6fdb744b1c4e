//! What is inside a mailbox.
