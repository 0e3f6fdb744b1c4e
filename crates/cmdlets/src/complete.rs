//! What can stand for an argument: identities of objects, and the words a parameter knows.

use directory::schema::Kind;
use powershell::cmdlet::ParameterInfo;

use crate::{
    Cmdlet, Noun,
    access::{
        management_role, management_role_assignment, management_scope, role_assignment_policy, role_group,
    },
    call::Reader,
    database::mailbox_database,
    org::{ad_site, exchange_server},
    recipient::{distribution_group, mailbox, recipient},
};

/// Most values offered at once.
const VALUES_MAX: usize = 100;

/// The nouns that identity parameters of other cmdlets name, by the beginning of the parameter's type; the
/// last one is any recipient.
const NOUNS: &[(&str, &Noun)] = &[
    ("AdSite", &ad_site::NOUN),
    ("Database", &mailbox_database::NOUN),
    ("DistributionGroup", &distribution_group::NOUN),
    ("MailboxPolicy", &role_assignment_policy::NOUN),
    ("Mailbox", &mailbox::NOUN),
    ("ManagementScope", &management_scope::NOUN),
    ("RoleAssignee", &recipient::NOUN),
    ("RoleAssignment", &management_role_assignment::NOUN),
    ("RoleGroup", &role_group::NOUN),
    ("Role", &management_role::NOUN),
    ("Server", &exchange_server::NOUN),
    ("", &recipient::NOUN),
];

/// Values for an argument that begin like this.
pub(crate) fn values(
    reader: &Reader<'_>,
    cmdlet: Option<&Cmdlet>,
    parameter: &ParameterInfo,
    prefix: &str,
) -> Vec<String> {
    let noun = cmdlet.and_then(Cmdlet::noun);
    if let Some(words) = noun.and_then(|noun| words(noun, &parameter.name)) {
        return beginning(words.iter().map(|word| (*word).to_owned()), prefix);
    }
    match (noun, parameter.type_name.trim_end_matches("[]")) {
        (Some(noun), _) if &*parameter.name == "Identity" => noun.complete(reader, prefix),
        (_, "QueueIdentity") => {
            let queues = reader.cx.transport.queues().into_iter();
            beginning(
                queues.map(|queue| format!("{}\\{}", reader.cx.server_name, queue.info.identity)),
                prefix,
            )
        }
        (_, kind) => match kind.strip_suffix("IdParameter") {
            Some(stem) => {
                let noun = NOUNS.iter().find(|(begin, _)| stem.starts_with(begin));
                noun.map_or_else(Vec::new, |(_, noun)| noun.complete(reader, prefix))
            }
            None => Vec::new(),
        },
    }
}

/// The words an attribute takes.
fn words(noun: &Noun, parameter: &str) -> Option<&'static [&'static str]> {
    match noun.class.attribute(parameter)?.kind {
        Kind::Choice(words) | Kind::Flags(words) => Some(words),
        Kind::Bool => Some(&["$true", "$false"]),
        _ => None,
    }
}

fn beginning(values: impl Iterator<Item = String>, prefix: &str) -> Vec<String> {
    let prefix = prefix.to_lowercase();
    values.filter(|value| value.to_lowercase().starts_with(&prefix)).take(VALUES_MAX).collect()
}
