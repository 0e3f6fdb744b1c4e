//! What must hold between objects: unique keys, connectors that do not collide, domains named once.

mod availability;

use std::sync::Arc;

use crate::{
    error::DirectoryError,
    filter::Filter,
    object::Object,
    policy::Template,
    recipient::recipient_type,
    schema::{
        ACCEPTED_DOMAIN, ADMIN_AUDIT_LOG_CONFIG, Class, DATABASE_AVAILABILITY_GROUP, DYNAMIC_GROUP,
        EMAIL_ADDRESS_POLICY, GROUP, MAILBOX_DATABASE, MAILBOX_DATABASE_COPY, MAILBOX_RESTORE_REQUEST,
        MANAGEMENT_ROLE, MANAGEMENT_SCOPE, MOVE_REQUEST, ORGANIZATION, RECEIVE_CONNECTOR, REMOTE_DOMAIN,
        ROLE_ASSIGNMENT, ROLE_ASSIGNMENT_POLICY, SEND_CONNECTOR, SERVER, TRANSPORT_CONFIG,
    },
    value::{DomainPattern, IpRange, Value},
    verbs::is_over,
    view::{View, claims},
};

/// Rules of one class over an object as it is about to be.
pub(crate) fn check(view: &View, object: &Object) -> Result<(), DirectoryError> {
    match object.class {
        class if *class == ACCEPTED_DOMAIN || *class == REMOTE_DOMAIN => check_domain(view, object),
        class if *class == RECEIVE_CONNECTOR => check_receive_connector(view, object),
        class if *class == SEND_CONNECTOR => check_send_connector(object),
        class if SINGLE.contains(&class) => check_single(view, object),
        class if *class == MANAGEMENT_SCOPE => check_scope(object),
        class if *class == GROUP => check_role_group(object),
        class if *class == EMAIL_ADDRESS_POLICY => check_templates(view, object).and(check_filter(object)),
        class if *class == DYNAMIC_GROUP => check_filter(object),
        class if *class == DATABASE_AVAILABILITY_GROUP => availability::check_group(view, object),
        class if *class == SERVER => availability::check_member(view, object),
        class if *class == MAILBOX_DATABASE_COPY => availability::check_copy(view, object),
        _ => Ok(()),
    }
}

/// Classes of which there is one object.
static SINGLE: [&Class; 3] = [&ADMIN_AUDIT_LOG_CONFIG, &ORGANIZATION, &TRANSPORT_CONFIG];

/// No other object may hold a key of this one.
pub(crate) fn check_unique(view: &View, object: &Object) -> Result<(), DirectoryError> {
    for claim in claims(object) {
        let Some(other) = view.holder(claim.key).filter(|other| other.guid != object.guid) else { continue };
        let other = other.identity();
        return Err(DirectoryError::Exists(
            match claim.source.map(|(attribute, value)| (attribute.name, value)) {
                None => format!("The name \"{}\" is already being used by \"{other}\".", object.name),
                Some(("EmailAddresses" | "LegacyExchangeDN", value)) => format!(
                    "The proxy address \"{value}\" is already being used by the proxy addresses or \
                 LegacyExchangeDN of \"{other}\". Please choose another proxy address."
                ),
                Some((name, value)) => {
                    format!("The {name} \"{value}\" is already being used by \"{other}\".")
                }
            },
        ));
    }
    Ok(())
}

fn others<'a>(
    view: &'a View,
    object: &'a Object,
    class: &'static Class,
) -> impl Iterator<Item = &'a Arc<Object>> {
    view.of_class(class).filter(move |other| other.guid != object.guid)
}

fn check_single(view: &View, object: &Object) -> Result<(), DirectoryError> {
    match others(view, object, object.class).next() {
        Some(other) => Err(DirectoryError::Exists(format!("\"{}\" exists already.", other.name))),
        None => Ok(()),
    }
}

fn check_domain(view: &View, object: &Object) -> Result<(), DirectoryError> {
    let pattern = object.stored_value("DomainName");
    let taken = others(view, object, object.class).find(|other| other.stored_value("DomainName") == pattern);
    if let (Some(other), Some(pattern)) = (taken, pattern) {
        return Err(DirectoryError::Exists(format!(
            "The domain name \"{pattern}\" is already being used by \"{}\".",
            other.name
        )));
    }
    let accepted = *object.class == ACCEPTED_DOMAIN;
    if accepted && object.flag("Default") && !matches!(pattern, Some(Value::Pattern(DomainPattern::Exact(_))))
    {
        return Err(DirectoryError::Invalid(
            "The default accepted domain must be a domain without wildcard characters.".into(),
        ));
    }
    Ok(())
}

/// The same binding only with different remote ranges, never across roles.
fn check_receive_connector(view: &View, object: &Object) -> Result<(), DirectoryError> {
    let bindings = |c: &Object| -> Vec<_> { c.values("Bindings").iter().filter_map(as_binding).collect() };
    let ranges =
        |c: &Object| -> Vec<IpRange> { c.values("RemoteIPRanges").iter().filter_map(as_range).collect() };
    let (own_bindings, own_ranges) = (bindings(object), ranges(object));
    let same_server = |c: &&Arc<Object>| c.link("Server") == object.link("Server");
    for other in others(view, object, &RECEIVE_CONNECTOR).filter(same_server) {
        if !bindings(other).iter().any(|b| own_bindings.iter().any(|own| own.overlaps(b))) {
            continue;
        }
        let conflict = format!(
            "The values that you specified for the Bindings and RemoteIPRanges parameters conflict with the \
             settings on Receive connector \"{}\".",
            other.identity()
        );
        if other.text("TransportRole") != object.text("TransportRole") {
            return Err(DirectoryError::Invalid(format!(
                "{conflict} Receive connectors assigned to different Transport roles on a single server must \
                 listen on unique local IP address & port bindings."
            )));
        }
        if ranges(other).iter().any(|range| own_ranges.contains(range)) {
            return Err(DirectoryError::Invalid(format!(
                "{conflict} Receive connectors must have unique combinations of a local IP address & port \
                 binding and a remote IP address range."
            )));
        }
    }
    Ok(())
}

fn as_binding(value: &Value) -> Option<crate::value::Binding> {
    match value {
        Value::Binding(binding) => Some(**binding),
        _ => None,
    }
}

fn as_range(value: &Value) -> Option<IpRange> {
    match value {
        Value::Range(range) => Some(**range),
        _ => None,
    }
}

fn check_send_connector(object: &Object) -> Result<(), DirectoryError> {
    let smart_hosts = !object.values("SmartHosts").is_empty();
    match (smart_hosts, object.flag("DNSRoutingEnabled")) {
        (true, true) => Err(DirectoryError::Invalid(
            "If you specify a SmartHosts parameter, the DNSRoutingEnabled parameter must be $false.".into(),
        )),
        (false, false) => Err(DirectoryError::Invalid(
            "If the DNSRoutingEnabled parameter is $false, you must specify the SmartHosts parameter.".into(),
        )),
        _ => Ok(()),
    }
}

/// Templates parse, exactly one of them gives the reply address, their domains are accepted.
fn check_templates(view: &View, object: &Object) -> Result<(), DirectoryError> {
    let texts = object.values("EnabledEmailAddressTemplates").iter().filter_map(Value::as_text);
    let templates: Vec<Template> = texts.map(str::parse).collect::<Result<_, _>>()?;
    if templates.iter().filter(|template| template.primary).count() != 1 {
        return Err(DirectoryError::Invalid(
            "An e-mail address policy needs exactly one primary SMTP address template.".into(),
        ));
    }
    match templates.iter().find(|template| view.accepted_domain_for(template.domain.as_str()).is_none()) {
        Some(template) => Err(DirectoryError::Invalid(format!(
            "The domain \"{}\" of the e-mail address template isn't an accepted domain.",
            template.domain
        ))),
        None => Ok(()),
    }
}

fn check_filter(object: &Object) -> Result<(), DirectoryError> {
    object.text("RecipientFilter").map_or(Ok(()), |text| Filter::parse(text).map(|_| ()))
}

/// A scope's filters parse.
fn check_scope(object: &Object) -> Result<(), DirectoryError> {
    let filters = ["RecipientFilter", "ServerFilter", "DatabaseFilter"].into_iter();
    filters.filter_map(|name| object.text(name)).try_for_each(|text| Filter::parse(text).map(|_| ()))
}

/// Mail is not addressed to role groups: who manages distribution groups does not manage rights.
fn check_role_group(object: &Object) -> Result<(), DirectoryError> {
    if object.text("RoleGroupType").is_some() && object.stored_value("Alias").is_some() {
        let text = format!("The role group \"{}\" can't be mail-enabled.", object.name);
        return Err(DirectoryError::Invalid(text));
    }
    Ok(())
}

/// Whether an object goes when what it links to goes: an assignment without its assignee is none, nor is a
/// move or a restore without its mailbox.
pub(crate) fn goes_with(object: &Object, target: base::Guid) -> bool {
    let is = |class: &Class, link| *object.class == *class && object.link(link) == Some(target);
    is(&ROLE_ASSIGNMENT, "User")
        || is(&MOVE_REQUEST, "User")
        || is(&MAILBOX_RESTORE_REQUEST, "TargetMailbox")
        || is(&MAILBOX_RESTORE_REQUEST, "SourceDatabase")
        || availability::goes_with(object, target)
}

/// A policy one of whose templates needs this accepted domain.
fn policy_with_domain<'a>(view: &'a View, domain: &Object) -> Option<&'a Arc<Object>> {
    let needs = |policy: &&Arc<Object>| {
        let texts = policy.values("EnabledEmailAddressTemplates").iter().filter_map(Value::as_text);
        let mut domains =
            texts.filter_map(|text| text.parse::<Template>().ok()).map(|template| template.domain);
        domains.any(|d| view.accepted_domain_for(d.as_str()).is_some_and(|found| found.guid == domain.guid))
    };
    view.of_class(&EMAIL_ADDRESS_POLICY).find(needs)
}

/// What may not be deleted while something needs it.
pub(crate) fn check_delete(view: &View, object: &Object) -> Result<(), DirectoryError> {
    let refuse = |text: String| Err(DirectoryError::Invalid(text));
    match object.class {
        class if *class == ACCEPTED_DOMAIN && object.flag("Default") => {
            refuse(format!("The accepted domain \"{}\" is the default and can't be removed.", object.name))
        }
        class if *class == ACCEPTED_DOMAIN => match policy_with_domain(view, object) {
            Some(policy) => refuse(format!(
                "The accepted domain \"{}\" is used by the e-mail address policy \"{}\" and can't be removed.",
                object.name, policy.name
            )),
            None => Ok(()),
        },
        class if *class == REMOTE_DOMAIN && object.name.as_ref() == "Default" => {
            refuse("The default remote domain can't be removed.".into())
        }
        class if *class == MAILBOX_DATABASE => {
            availability::check_delete_database(view, object)?;
            let mailboxes = view.linking_to(object.guid).filter(|o| recipient_type(o).is_some()).count();
            let moves = view.linking_to(object.guid).filter(|o| *o.class == MOVE_REQUEST);
            if let Some(request) = moves.into_iter().find(|request| !is_over(request)) {
                return refuse(format!(
                    "The mailbox database \"{}\" is in use by the move request \"{}\" and can't be removed.",
                    object.name, request.name
                ));
            }
            if mailboxes == 0 {
                return Ok(());
            }
            refuse(format!(
                "This mailbox database contains one or more mailboxes, mailbox plans, archive mailboxes, or \
                 arbitration mailboxes ({mailboxes} in all): \"{}\" can't be removed.",
                object.name
            ))
        }
        class if [&MANAGEMENT_ROLE, &MANAGEMENT_SCOPE].contains(&class) => {
            match view.linking_to(object.guid).next() {
                Some(user) => {
                    refuse(format!("\"{}\" is used by \"{}\" and can't be removed.", object.name, user.name))
                }
                None => Ok(()),
            }
        }
        class if *class == ROLE_ASSIGNMENT_POLICY && object.flag("IsDefault") => refuse(format!(
            "The role assignment policy \"{}\" is the default and can't be removed.",
            object.name
        )),
        class if *class == ROLE_ASSIGNMENT_POLICY => {
            let mailboxes = view.linking_to(object.guid).filter(|o| recipient_type(o).is_some()).count();
            match mailboxes {
                0 => Ok(()),
                n => refuse(format!(
                    "The role assignment policy \"{}\" is assigned to {n} mailboxes and can't be removed.",
                    object.name
                )),
            }
        }
        class if *class == DATABASE_AVAILABILITY_GROUP => availability::check_delete_group(view, object),
        class if *class == SERVER => match view.servers().count() {
            1 => refuse(format!(
                "\"{}\" is the only server of the organization and can't be removed.",
                object.name
            )),
            _ => Ok(()),
        },
        class if SINGLE.contains(&class) => refuse(format!("\"{}\" can't be removed.", object.name)),
        _ => Ok(()),
    }
}
