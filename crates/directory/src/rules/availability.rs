//! What must hold of database availability groups, their members and the copies of databases.

use std::sync::Arc;

use base::Guid;

use crate::{
    error::DirectoryError,
    object::Object,
    schema::{DATABASE_AVAILABILITY_GROUP, DATABASE_AVAILABILITY_GROUP_NETWORK, MAILBOX_DATABASE_COPY},
    view::View,
};

/// The most servers of a group.
pub(crate) const MEMBERS_MAX: usize = 16;
/// A group is named like a computer.
const NAME_MAX: usize = 15;

fn refuse<T>(text: String) -> Result<T, DirectoryError> {
    Err(DirectoryError::Invalid(text))
}

/// Whether a text, a host name with or without its domain, means this server.
pub(crate) fn means(server: &Object, text: &str) -> bool {
    let fqdn = server.text("Fqdn").unwrap_or(&server.name);
    server.name.eq_ignore_ascii_case(text) || fqdn.eq_ignore_ascii_case(text)
}

/// The witnesses that a group names, each with its folder.
fn witnesses(group: &Object) -> impl Iterator<Item = (&str, Option<&str>)> {
    [("WitnessServer", "WitnessDirectory"), ("AlternateWitnessServer", "AlternateWitnessDirectory")]
        .into_iter()
        .filter_map(|(server, folder)| Some((group.text(server)?, group.text(folder))))
}

/// A group is named like a computer, and like none that exists; its witnesses are not its members and share no
/// folder with another group's.
pub(super) fn check_group(view: &View, group: &Object) -> Result<(), DirectoryError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let name = &*group.name;
    if name.len() > NAME_MAX || !name.chars().all(fits) || name.chars().all(|c| c.is_ascii_digit()) {
        return refuse(format!(
            "The name \"{name}\" of the database availability group isn't valid: it must be a computer name of at \
             most {NAME_MAX} letters, digits and dashes."
        ));
    }
    if let Some(server) = view.servers().find(|server| server.name.eq_ignore_ascii_case(name)) {
        return refuse(format!("The name \"{name}\" is the name of the server \"{}\".", server.name));
    }
    let members = view.members_of_availability_group(group.guid);
    for (witness, folder) in witnesses(group) {
        if let Some(member) = members.iter().find(|member| means(member, witness)) {
            return refuse(format!(
                "The server \"{}\" is a member of the database availability group \"{name}\" and can't be its witness.",
                member.name
            ));
        }
        let shares = |other: &&Arc<Object>| {
            let mut theirs = witnesses(other);
            other.guid != group.guid
                && theirs.any(|(server, at)| {
                    folder.is_some() && server.eq_ignore_ascii_case(witness) && at == folder
                })
        };
        if let Some(other) = view.of_class(&DATABASE_AVAILABILITY_GROUP).find(shares) {
            return refuse(format!(
                "The witness directory is used by the database availability group \"{}\" already.",
                other.name
            ));
        }
    }
    Ok(())
}

/// A group has at most sixteen members, none of them its witness.
pub(super) fn check_member(view: &View, server: &Object) -> Result<(), DirectoryError> {
    let Some(group) = server.link("DatabaseAvailabilityGroup").and_then(|guid| view.get(guid)) else {
        return Ok(());
    };
    let members = view.members_of_availability_group(group.guid);
    let others = members.iter().filter(|member| member.guid != server.guid).count();
    if others >= MEMBERS_MAX {
        return refuse(format!(
            "The database availability group \"{}\" has {MEMBERS_MAX} members, which is the maximum.",
            group.name
        ));
    }
    if let Some((witness, _)) = witnesses(group).find(|(witness, _)| means(server, witness)) {
        return refuse(format!(
            "The server \"{witness}\" is the witness of the database availability group \"{}\" and can't be its \
             member.",
            group.name
        ));
    }
    Ok(())
}

/// A server holds one copy of a database.
pub(super) fn check_copy(view: &View, copy: &Object) -> Result<(), DirectoryError> {
    let (Some(database), Some(server)) = (copy.link("Database"), copy.link("Server")) else { return Ok(()) };
    match view.copy_on(database, server).filter(|other| other.guid != copy.guid) {
        Some(other) => {
            Err(DirectoryError::Exists(format!("The database copy \"{}\" exists already.", other.identity())))
        }
        None => Ok(()),
    }
}

/// A group with members stays.
pub(super) fn check_delete_group(view: &View, group: &Object) -> Result<(), DirectoryError> {
    match view.members_of_availability_group(group.guid).first() {
        Some(member) => refuse(format!(
            "The database availability group \"{}\" has members (\"{}\") and can't be removed. Remove them first.",
            group.name, member.name
        )),
        None => Ok(()),
    }
}

/// A database with passive copies stays.
pub(super) fn check_delete_database(view: &View, database: &Object) -> Result<(), DirectoryError> {
    let passive = |copy: &&&Arc<Object>| copy.link("Server") != database.link("Server");
    match view.copies_of(database.guid).iter().find(passive) {
        Some(copy) => refuse(format!(
            "The mailbox database \"{}\" has the passive copy \"{}\" and can't be removed. Remove its passive copies \
             first.",
            database.name,
            copy.identity()
        )),
        None => Ok(()),
    }
}

/// Networks go with their group, copies with their database and their server.
pub(super) fn goes_with(object: &Object, target: Guid) -> bool {
    let links: &[&str] = match object.class {
        class if *class == DATABASE_AVAILABILITY_GROUP_NETWORK => &["DatabaseAvailabilityGroup"],
        class if *class == MAILBOX_DATABASE_COPY => &["Database", "Server"],
        _ => &[],
    };
    links.iter().any(|link| object.link(link) == Some(target))
}
