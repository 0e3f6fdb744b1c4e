//! Management roles: which cmdlets, and which of their parameters, whoever has the role may use.

use std::sync::Arc;

use directory::{NewObject, Object, Scope, Value as Stored, View, schema::MANAGEMENT_ROLE};
use powershell::Value;
use trust::access::{self, DEPTH_MAX, Role, built_in};

use super::{may_assign, role_of};
use crate::{Cmdlet, Failure, Noun, Outcome, call::Call, cmdlet::text_of};

/// The noun, also for those who look a role up.
pub(crate) static NOUN: Noun = Noun {
    order: &[&[
        "RoleEntries",
        "RoleType",
        "ImplicitRecipientReadScope",
        "ImplicitRecipientWriteScope",
        "ImplicitConfigReadScope",
        "ImplicitConfigWriteScope",
        "IsRootRole",
        "IsEndUserRole",
        "IsDeprecated",
        "Description",
        "Parent",
    ]],
    extend: Some(|_, view, object, out| {
        let Some(role) = Role::of(view, object) else { return };
        let (root, scopes) = (role.root(), role.root().scopes);
        let entries = cmdlets(&role).map(Value::String).collect();
        for (name, value) in [
            ("RoleEntries", Value::multi(entries)),
            ("ImplicitRecipientReadScope", Value::string(scopes.recipient_read.name())),
            ("ImplicitRecipientWriteScope", Value::string(scopes.recipient_write.name())),
            ("ImplicitConfigReadScope", Value::string(scopes.config_read.name())),
            ("ImplicitConfigWriteScope", Value::string(scopes.config_write.name())),
            ("IsRootRole", Value::Bool(object.link("Parent").is_none())),
            ("IsEndUserRole", Value::Bool(root.is_end_user())),
            ("IsDeprecated", Value::Bool(false)),
        ] {
            out.set(name, value);
        }
    }),
    conditions: &[
        ("RoleType", |_, object, value| {
            object.text("RoleType").is_some_and(|kind| kind.eq_ignore_ascii_case(value))
        }),
        ("Cmdlet", |view, object, value| Role::of(view, object).is_some_and(|role| role.holds(value))),
    ],
    ..Noun::new(
        "ManagementRole",
        &MANAGEMENT_ROLE,
        &["Microsoft.Exchange.Data.Directory.SystemConfiguration.ExchangeRole"],
    )
};

/// `Get-ManagementRole`
pub static GET: Cmdlet = Cmdlet::run(
    "Get-ManagementRole",
    get,
    &["Cmdlet", "CmdletParameters", "GetChildren", "Recurse", "RoleType"],
);
/// `New-ManagementRole`
pub static NEW: Cmdlet = Cmdlet::run("New-ManagementRole", new, &["Parent", "Description", "EnabledCmdlets"]);
/// `Remove-ManagementRole`
pub static REMOVE: Cmdlet = Cmdlet::run("Remove-ManagementRole", remove, &["Recurse"]).asking();

/// The cmdlets a role holds, of all that are known.
pub(super) fn cmdlets(role: &Role) -> impl Iterator<Item = Arc<str>> {
    crate::names().into_iter().filter(|name| role.holds(name))
}

fn get(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let mut found = NOUN.select(call, &view)?;
    if call.switch("GetChildren") {
        found = found.iter().flat_map(|role| children(&view, role)).collect();
    } else if call.switch("Recurse") {
        found = found.iter().flat_map(|role| family(&view, role)).collect();
    }
    let parameters = call.list("CmdletParameters");
    if !parameters.is_empty() {
        let cmdlet = call.text("Cmdlet");
        found.retain(|role| Role::of(&view, role).is_some_and(|r| has(&r, cmdlet.as_deref(), &parameters)));
    }
    let show = NOUN.shower(call.cx, &view);
    call.write_all(found.iter().map(|role| show(role)));
    Ok(())
}

/// Whether one cmdlet of a role (that one, or any) has all these parameters.
fn has(role: &Role, cmdlet: Option<&str>, parameters: &[Arc<str>]) -> bool {
    let with_all = |name: Arc<str>| {
        let info = crate::find(&name);
        info.is_some_and(|info| {
            parameters.iter().all(|own| info.parameter(own).is_some() && role.allows(&info.name, own))
        })
    };
    match cmdlet {
        Some(name) => role.holds(name) && with_all(name.into()),
        None => cmdlets(role).any(with_all),
    }
}

/// The roles made from one.
fn children(view: &View, role: &Object) -> Vec<Arc<Object>> {
    let parent = Some(role.guid);
    view.of_class(&MANAGEMENT_ROLE).filter(|other| other.link("Parent") == parent).cloned().collect()
}

/// A role, the roles made from it, and those made from them.
fn family(view: &View, role: &Arc<Object>) -> Vec<Arc<Object>> {
    let mut all = vec![role.clone()];
    let mut at = 0;
    while let Some(next) = all.get(at).cloned() {
        all.extend(children(view, &next));
        at += 1;
    }
    all
}

/// A new role holds what its parent holds, or what `-EnabledCmdlets` leaves of it.
fn new(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let parent = call.identity("Parent").ok_or_else(|| Failure::missing("Parent"))?;
    let parent = view.resolve(&parent, Scope::Class(&MANAGEMENT_ROLE))?;
    may_assign(call, &view, &parent)?;
    let role = role_of(&view, &parent)?;
    if depth(&view, &parent) >= DEPTH_MAX {
        return Err(Failure::invalid(format!("Roles may descend from at most {DEPTH_MAX} others.")));
    }
    let wanted = call.list("EnabledCmdlets");
    if let Some(stranger) = wanted.iter().find(|name| !role.holds(name)) {
        return Err(Failure::invalid(format!("The role \"{}\" doesn't hold {stranger}.", parent.name)));
    }
    let kept = cmdlets(&role)
        .filter(|name| wanted.is_empty() || wanted.iter().any(|own| own.eq_ignore_ascii_case(name)));
    let entries: Box<[Stored]> = kept.map(|name| Stored::text(&*name)).collect();
    let name = call.needed("Name")?;
    let new = NewObject::new(&MANAGEMENT_ROLE, &*name)
        .with("Parent", Stored::Link(parent.guid))
        .with("RoleType", parent.text("RoleType").unwrap_or_default())
        .with_some("Description", call.text("Description").map(|text| Stored::text(&*text)))
        .with("RoleEntries", Stored::Multi(entries));
    NOUN.make(call, &format!("Creating management role \"{name}\""), Box::new(move |draft| draft.create(new)))
}

fn depth(view: &View, role: &Arc<Object>) -> usize {
    let above = |role: &Arc<Object>| role.link("Parent").and_then(|guid| view.get(guid)).cloned();
    std::iter::successors(Some(role.clone()), above).take(DEPTH_MAX + 1).count()
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let role = NOUN.named(call, &view)?;
    let mut gone = if call.switch("Recurse") { family(&view, &role) } else { vec![role.clone()] };
    if let Some(own) = gone.iter().find(|role| built_in(&role.name).is_some()) {
        return Err(Failure::invalid(format!("The built-in role \"{}\" can't be removed.", own.name)));
    }
    for role in &gone {
        may_assign(call, &view, role)?;
    }
    if !call.should_process(&format!("Removing management role \"{}\"", role.name))? {
        return Ok(());
    }
    // Children first: a role that others are made from stays.
    gone.reverse();
    Ok(call.commit(move |draft| gone.iter().try_for_each(|role| draft.delete(role.guid)))?)
}

/// The entries of a role as its object keeps them: only a role made from another has its own.
pub(super) fn kept_entries(role: &Object) -> Outcome<Vec<String>> {
    if built_in(&role.name).is_some() {
        return Err(Failure::invalid(format!(
            "The entries of the built-in role \"{}\" can't be changed. Make a role from it and change that.",
            role.name
        )));
    }
    Ok(access::entries(role).map(str::to_owned).collect())
}

/// The text of a value that names a role.
pub(super) fn role_name(value: &Value) -> Arc<str> {
    value
        .property("Name")
        .filter(|name| !name.is_null())
        .map_or_else(|| text_of(value), |name| text_of(&name))
}
