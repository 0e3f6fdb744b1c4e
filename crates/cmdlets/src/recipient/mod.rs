//! Recipients: mailboxes, contacts, mail users, groups.
