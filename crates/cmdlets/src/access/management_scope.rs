//! Management scopes: the recipients, servers or databases that an assignment of a role is limited to.

use directory::{
    Edit, NewObject, Object, Scope, Value as Stored, View,
    schema::{CONTAINER, Class, MAILBOX_DATABASE, MANAGEMENT_SCOPE, SERVER},
};
use powershell::Value;

use crate::{
    Cmdlet, Context, Edits, Failure, Make, Noun, Outcome,
    call::{Call, identity_text},
    cmdlet::text_of,
};

/// The noun, also for those who look a scope up.
pub(crate) static NOUN: Noun = Noun {
    order: &[&[
        "RecipientRoot",
        "RecipientFilter",
        "ServerFilter",
        "DatabaseFilter",
        "TenantOrganizationFilter",
        "ScopeRestrictionType",
        "Exclusive",
    ]],
    conditions: &[
        ("Exclusive", |_, object, value| object.flag("Exclusive") == value.eq_ignore_ascii_case("true")),
        ("Orphan", |view, object, _| view.linking_to(object.guid).next().is_none()),
    ],
    special: &[
        ("RecipientRestrictionFilter", |_, _, object, given| {
            filter(object, "RecipientFilter", &text_of(given))
        }),
        ("ServerRestrictionFilter", |_, _, object, given| filter(object, "ServerFilter", &text_of(given))),
        ("DatabaseRestrictionFilter", |_, _, object, given| {
            filter(object, "DatabaseFilter", &text_of(given))
        }),
        ("ServerList", |_, view, object, given| {
            filter(object, "ServerFilter", &listed(view, &SERVER, given)?)
        }),
        ("DatabaseList", |_, view, object, given| {
            filter(object, "DatabaseFilter", &listed(view, &MAILBOX_DATABASE, given)?)
        }),
        ("RecipientRoot", root),
    ],
    change: |draft, guid, edits| draft.modify_system(guid, edits),
    create: Some(create),
    takes: &["Name", "Exclusive"],
    ..Noun::new(
        "ManagementScope",
        &MANAGEMENT_SCOPE,
        &["Microsoft.Exchange.Data.Directory.SystemConfiguration.ManagementScope"],
    )
};

/// `Get-ManagementScope`
pub static GET: Cmdlet = Cmdlet::get("Get-ManagementScope", &NOUN);
/// `New-ManagementScope`
pub static NEW: Cmdlet = Cmdlet::new("New-ManagementScope", &NOUN);
/// `Set-ManagementScope`
pub static SET: Cmdlet = Cmdlet::set("Set-ManagementScope", &NOUN);
/// `Remove-ManagementScope`
pub static REMOVE: Cmdlet = Cmdlet::remove("Remove-ManagementScope", &NOUN);

/// The filter of each kind of scope.
const KINDS: [(&str, &str); 3] = [
    ("RecipientFilter", "RecipientScope"),
    ("ServerFilter", "ServerScope"),
    ("DatabaseFilter", "DatabaseScope"),
];

/// A scope keeps its kind: a filter of another is refused.
fn filter(scope: Option<&Object>, name: &'static str, text: &str) -> Outcome<Edits> {
    let kind = KINDS.iter().find(|(filter, _)| *filter == name).map_or("", |(_, kind)| *kind);
    if let Some(scope) = scope.filter(|scope| scope.text("ScopeRestrictionType") != Some(kind)) {
        return Err(Failure::invalid(format!("The scope \"{}\" isn't a {kind}.", scope.name)));
    }
    let filter = directory::Filter::parse(text)?;
    Ok(vec![(name, Edit::set(filter.to_string())), ("ScopeRestrictionType", Edit::set(kind))])
}

/// A filter for exactly the objects of a list.
fn listed(view: &View, class: &'static Class, given: &Value) -> Outcome<String> {
    let one = |item: &Value| {
        let object = view.resolve(&identity_text(item), Scope::Class(class))?;
        Ok(format!("(DistinguishedName -eq '{}')", object.dn().as_str().replace('\'', "''")))
    };
    let each: Outcome<Vec<String>> = given.clone().into_items().iter().map(one).collect();
    Ok(each?.join(" -or "))
}

fn root(_: &Context, view: &View, _: Option<&Object>, given: &Value) -> Outcome<Edits> {
    if given.is_null() {
        return Ok(vec![("RecipientRoot", Edit::clear())]);
    }
    Ok(vec![("RecipientRoot", Edit::set(Stored::Link(unit(view, &identity_text(given))?.guid)))])
}

/// The organisational unit that a name means.
pub(super) fn unit(view: &View, name: &str) -> Outcome<std::sync::Arc<Object>> {
    Ok(view.resolve(name, Scope::Class(&CONTAINER))?)
}

fn create(call: &Call<'_>, _: &View) -> Outcome<Make> {
    let exclusive = call.switch("Exclusive");
    let new =
        NewObject::new(&MANAGEMENT_SCOPE, call.needed("Name")?.to_string()).with("Exclusive", exclusive);
    Ok(Box::new(move |draft| draft.create(new)))
}
