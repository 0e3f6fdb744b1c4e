//! Management role entries: one cmdlet of one role, and the parameters of it that the role allows.

use std::sync::Arc;

use directory::{
    Edit, Object, Scope, Value as Stored, View, filter::wildcard_matches, schema::MANAGEMENT_ROLE,
};
use powershell::{Value, value::PsObject};
use trust::access::{Parameters, Role, read_entry, write_entry};

use super::{
    management_role::{NOUN, cmdlets, kept_entries, role_name},
    may_assign, role_of,
};
use crate::{Cmdlet, Failure, Outcome, call::Call};

/// `Get-ManagementRoleEntry`
pub static GET: Cmdlet = Cmdlet::run("Get-ManagementRoleEntry", get, &["Parameters", "PSSnapinName", "Type"]);
/// `Add-ManagementRoleEntry`
pub static ADD: Cmdlet = Cmdlet::run(
    "Add-ManagementRoleEntry",
    add,
    &["ParentRoleEntry", "Role", "Parameters", "Overwrite", "PSSnapinName", "Type"],
);
/// `Set-ManagementRoleEntry`
pub static SET: Cmdlet =
    Cmdlet::run("Set-ManagementRoleEntry", set, &["Parameters", "AddParameter", "RemoveParameter"]);
/// `Remove-ManagementRoleEntry`
pub static REMOVE: Cmdlet = Cmdlet::run("Remove-ManagementRoleEntry", remove, &[]).asking();

/// The snap-in that the product's cmdlets say they come from.
const SNAPIN: &str = "Microsoft.Exchange.Management.PowerShell.E2010";

/// An identity `Role\Cmdlet` taken apart.
fn parts(call: &Call<'_>, parameter: &str) -> Outcome<(String, String)> {
    let identity = call.identity(parameter).ok_or_else(|| Failure::missing(parameter))?;
    match identity.rsplit_once('\\') {
        Some((role, cmdlet)) if !role.is_empty() && !cmdlet.is_empty() => {
            Ok((role.to_owned(), cmdlet.to_owned()))
        }
        _ => Err(Failure::invalid(format!(
            "\"{identity}\" isn't the identity of a role entry. Use Role\\Cmdlet, for example \"Mail Recipients\\Set-Mailbox\"."
        ))),
    }
}

/// The names of the parameters of a cmdlet that a role allows.
fn allowed(role: &Role, cmdlet: &str) -> Vec<Arc<str>> {
    let info = crate::find(cmdlet);
    let declared = info.iter().flat_map(|info| &info.parameters).map(|parameter| parameter.name.clone());
    let always =
        info.iter().filter(|info| info.should_process).flat_map(|_| ["Confirm".into(), "WhatIf".into()]);
    let mut names: Vec<Arc<str>> = declared.chain(always).filter(|name| role.allows(cmdlet, name)).collect();
    names.sort();
    names
}

fn get(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let (role, cmdlet) = parts(call, "Identity")?;
    let wanted = call.list("Parameters");
    let is_cmdlet = call.list("Type").iter().all(|kind| kind.eq_ignore_ascii_case("Cmdlet"));
    let is_ours = call.text("PSSnapinName").is_none_or(|name| name.eq_ignore_ascii_case(SNAPIN));
    let roles = view.matching(&role, Scope::Class(&MANAGEMENT_ROLE));
    if roles.is_empty() && !role.contains('*') {
        return Err(view.not_found(&role).into());
    }
    let mut rows = Vec::new();
    for object in roles.iter().filter(|_| is_cmdlet && is_ours) {
        let Some(role) = Role::of(&view, object) else { continue };
        for name in cmdlets(&role).filter(|name| wildcard_matches(&cmdlet, name)) {
            let parameters = allowed(&role, &name);
            let has = |wanted: &Arc<str>| parameters.iter().any(|own| wildcard_matches(wanted, own));
            if wanted.iter().all(has) {
                rows.push(show(object, &name, &parameters));
            }
        }
    }
    if rows.is_empty() && !cmdlet.contains('*') && wanted.is_empty() {
        return Err(view.not_found(&format!("{role}\\{cmdlet}")).into());
    }
    call.write_all(rows);
    Ok(())
}

fn show(role: &Object, cmdlet: &str, parameters: &[Arc<str>]) -> Value {
    let parameters = parameters.iter().map(|name| Value::String(name.clone())).collect();
    PsObject::new(&["Microsoft.Exchange.Management.RbacTasks.ExchangeRoleEntryPresentation"])
        .with("Role", Value::string(&*role.name))
        .with("Type", Value::string("Cmdlet"))
        .with("Name", Value::string(cmdlet))
        .with("PSSnapinName", Value::string(SNAPIN))
        .with("Parameters", Value::multi(parameters))
        .with("Identity", Value::string(format!("{}\\{cmdlet}", role.name)))
        .with("IsValid", Value::Bool(true))
        .with("ObjectState", Value::string("Unchanged"))
        .into()
}

/// A role whose entries are about to change, and what its parent allows.
struct Changing {
    object: Arc<Object>,
    parent: Role,
    entries: Vec<String>,
}

impl Changing {
    fn of(call: &Call<'_>, view: &View, role: &str) -> Outcome<Self> {
        let object = NOUN.resolve(view, role)?;
        call.admit(view, &object, role)?;
        let entries = kept_entries(&object)?;
        may_assign(call, view, &object)?;
        let parent =
            object.link("Parent").and_then(|guid| view.get(guid)).ok_or_else(|| view.not_found(role))?;
        Ok(Changing { parent: role_of(view, parent)?, object, entries })
    }

    fn position(&self, cmdlet: &str) -> Option<usize> {
        self.entries.iter().position(|entry| read_entry(entry).0.eq_ignore_ascii_case(cmdlet))
    }

    /// The cmdlet as it is spelt, if the parent holds it; and these of its parameters, if the parent allows them.
    fn within(&self, cmdlet: &str, parameters: &[Arc<str>]) -> Outcome<(Arc<str>, Vec<Box<str>>)> {
        let info = crate::find(cmdlet).filter(|info| self.parent.holds(&info.name)).ok_or_else(|| {
            Failure::invalid(format!(
                "The role \"{}\" can't hold {cmdlet}: the role it was made from doesn't.",
                self.object.name
            ))
        })?;
        let mut names = Vec::new();
        for wanted in parameters {
            let known = info.parameter(wanted).map(|parameter| &*parameter.name);
            let known =
                known.or_else(|| ["Confirm", "WhatIf"].into_iter().find(|n| n.eq_ignore_ascii_case(wanted)));
            let known = known.filter(|name| self.parent.allows(&info.name, name)).ok_or_else(|| {
                Failure::invalid(format!(
                    "The role \"{}\" can't allow -{wanted} of {}: the role it was made from doesn't.",
                    self.object.name, info.name
                ))
            })?;
            names.push(known.into());
        }
        Ok((info.name.clone(), names))
    }

    fn store(self, call: &mut Call<'_>, action: &str) -> Outcome {
        if call.should_process(action)? {
            let guid = self.object.guid;
            let entries = self.entries.into_iter().map(Stored::from).collect();
            call.commit(move |draft| {
                draft.modify_system(guid, vec![("RoleEntries", Edit::Replace(entries))])
            })?;
        }
        Ok(())
    }
}

fn add(call: &mut Call<'_>) -> Outcome {
    if call.text("Type").is_some_and(|kind| !kind.eq_ignore_ascii_case("Cmdlet")) {
        return Err(Failure::not_implemented("Add-ManagementRoleEntry", "Type Script"));
    }
    let view = call.cx.directory.snapshot();
    let (role, cmdlet) = match call.get("Role") {
        Some(role) => (role_name(role).to_string(), parts(call, "ParentRoleEntry")?.1),
        None => parts(call, "Identity")?,
    };
    let mut changing = Changing::of(call, &view, &role)?;
    let given = call.list("Parameters");
    let (name, parameters) = changing.within(&cmdlet, &given)?;
    let entry = write_entry(&name, (!given.is_empty()).then_some(&parameters[..]));
    match changing.position(&cmdlet) {
        Some(at) if call.switch("Overwrite") => changing.entries[at] = entry,
        Some(_) => {
            let text = format!(
                "The role \"{}\" holds {name} already. Use Overwrite to replace it.",
                changing.object.name
            );
            return Err(base::Fault::new(
                base::FaultKind::AlreadyExists,
                "ADObjectAlreadyExistsException",
                text,
            )
            .into());
        }
        None => changing.entries.push(entry),
    }
    let action = format!("Adding {name} to management role \"{}\"", changing.object.name);
    changing.store(call, &action)
}

fn set(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let (role, cmdlet) = parts(call, "Identity")?;
    let mut changing = Changing::of(call, &view, &role)?;
    let at = changing.position(&cmdlet).ok_or_else(|| view.not_found(&format!("{role}\\{cmdlet}")))?;
    let (name, given) = changing.within(&cmdlet, &call.list("Parameters"))?;
    let present: Vec<Box<str>> = match read_entry(&changing.entries[at]).1 {
        Parameters::Only(names) => names,
        Parameters::All | Parameters::Except(_) => {
            allowed(&changing.parent, &name).iter().map(|name| (**name).into()).collect()
        }
    };
    let is_given = |own: &str| given.iter().any(|name| name.eq_ignore_ascii_case(own));
    let parameters: Vec<Box<str>> = match (call.switch("AddParameter"), call.switch("RemoveParameter")) {
        (true, true) => return Err(Failure::invalid("Use either AddParameter or RemoveParameter.")),
        (true, false) => {
            present.into_iter().filter(|own| !is_given(own)).chain(given.iter().cloned()).collect()
        }
        (false, true) => present.into_iter().filter(|own| !is_given(own)).collect(),
        (false, false) => given,
    };
    changing.entries[at] = write_entry(&name, Some(&parameters));
    let action = format!("Setting the parameters of {name} in management role \"{}\"", changing.object.name);
    changing.store(call, &action)
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let view = call.cx.directory.snapshot();
    let (role, cmdlet) = parts(call, "Identity")?;
    let mut changing = Changing::of(call, &view, &role)?;
    let at = changing.position(&cmdlet).ok_or_else(|| view.not_found(&format!("{role}\\{cmdlet}")))?;
    changing.entries.remove(at);
    let action = format!("Removing {cmdlet} from management role \"{}\"", changing.object.name);
    changing.store(call, &action)
}
