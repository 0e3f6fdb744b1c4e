//! What Get, Set, New and Remove have in common: a noun names its directory class, and its verbs follow from
//! the class's attributes and the documented parameters.

use std::sync::Arc;

use base::{Fault, Guid};
use directory::{
    Draft, Edit, NewObject, Object, Scope, View,
    schema::{Attribute, Class, Kind},
};
use powershell::{Value, cmdlet::Bound, value::PsObject};

use crate::{Context, Failure, Outcome, call::Call, cmdlet::text_of, convert};

/// Parameters that say how to run, not what to change. Pictures and spoken names are not kept here: there is
/// nothing to remove.
pub(crate) const HANDLING: [&str; 13] = [
    "Identity",
    "DomainController",
    "Force",
    "ForceUpgrade",
    "IgnoreDefaultScope",
    "BypassSecurityGroupManagerCheck",
    "OverrideRecipientQuotas",
    "Name",
    "Organization",
    "SkipMailboxProvisioningConstraintValidation",
    "ApplyMandatoryProperties",
    "RemovePicture",
    "RemoveSpokenName",
];

/// A noun whose objects live in the directory.
pub struct Noun {
    /// `RemoteDomain`.
    pub name: &'static str,
    /// The class of new ones, and of those found.
    pub class: &'static Class,
    /// Which objects the noun means.
    pub scope: Scope<'static>,
    /// The shell's type names, the most derived first.
    pub types: &'static [&'static str],
    /// Which attributes `Get-` shows beside those of `order`.
    pub shows: Shows,
    /// The properties that come first, in the product's order; attributes and computed ones.
    pub order: &'static [&'static [&'static str]],
    /// Sets the computed properties.
    pub extend: Option<fn(&Context, &View, &Object, &mut PsObject)>,
    /// Further conditions of `Get-`: parameter name, and whether an object meets its value.
    pub conditions: &'static [(&'static str, Condition)],
    /// Parameters of `Set-` (and `New-`) that are not attributes of their name.
    pub special: &'static [(&'static str, Special)],
    /// How edits are applied.
    pub change: Change,
    /// Makes a new object, where it takes more than its name and attributes.
    pub create: Option<Create>,
    /// Parameters of `New-` that [`Noun::create`] reads itself.
    pub takes: &'static [&'static str],
    /// The server that knows the rest of what `Get- -Status` shows of an object.
    pub kept_by: Option<fn(&Object) -> Option<Guid>>,
    /// Checks or does more before an object is removed.
    pub removing: Option<Removing>,
}

/// What else happens when an object is removed, in the same transaction.
pub type Removing = fn(&mut Draft<'_>, &Object) -> Result<(), directory::DirectoryError>;
/// Whether an object meets the value given for a parameter of `Get-`.
pub type Condition = fn(&View, &Object, &str) -> bool;
/// Changes of attributes, by their names.
pub type Edits = Vec<(&'static str, Edit)>;
/// Turns a parameter into edits of other attributes.
pub type Special = fn(&Context, &View, Option<&Object>, &Value) -> Outcome<Edits>;
/// Reads a call's parameters into what makes the object, to be run in the directory's writer.
pub type Create = fn(&Call<'_>, &View) -> Outcome<Make>;
/// Makes the object.
pub type Make = Box<dyn FnOnce(&mut Draft<'_>) -> Result<Arc<Object>, directory::DirectoryError> + Send>;
/// Applies edits to an object; false where everything was so already.
pub type Change = fn(&mut Draft<'_>, Guid, Vec<(&str, Edit)>) -> Result<bool, directory::DirectoryError>;

/// Which attributes `Get-` shows.
#[derive(Clone, Copy)]
pub enum Shows {
    /// All of the class.
    All,
    /// Those that this `Set-` cmdlet can change.
    LikeSet(&'static str),
}

impl Noun {
    /// A noun with nothing special.
    pub const fn new(name: &'static str, class: &'static Class, types: &'static [&'static str]) -> Self {
        Noun {
            name,
            class,
            scope: Scope::Class(class),
            types,
            shows: Shows::All,
            order: &[],
            extend: None,
            conditions: &[],
            special: &[],
            change: |draft, guid, edits| draft.modify(guid, edits),
            create: None,
            takes: &[],
            kept_by: None,
            removing: None,
        }
    }

    /// The one object an identity means.
    pub(crate) fn resolve(&self, view: &View, identity: &str) -> Outcome<Arc<Object>> {
        Ok(view.resolve(identity, self.scope)?)
    }

    /// The one object a call's identity means: one that the caller may see, and change if the call does.
    pub(crate) fn named(&self, call: &Call<'_>, view: &View) -> Outcome<Arc<Object>> {
        let identity = call.identity("Identity").unwrap_or_default();
        let object = self.resolve(view, &identity)?;
        call.admit(view, &object, &identity)?;
        Ok(object)
    }

    /// Asks, changes the directory, and writes the object as it is then.
    pub(crate) fn make(&'static self, call: &mut Call<'_>, action: &str, make: Make) -> Outcome {
        if call.should_process(action)? {
            let made = call.commit(make)?;
            let shown = self.show(call.cx, &call.cx.directory.snapshot(), &made);
            let _ = call.write(shown);
        }
        Ok(())
    }

    /// `Set-`: each parameter given becomes an edit; all are applied at once or not at all.
    pub(crate) fn set(&'static self, call: &mut Call<'_>) -> Outcome {
        let view = call.cx.directory.snapshot();
        let object =
            if call.identity("Identity").is_some() { self.named(call, &view)? } else { self.only(&view)? };
        let mut edits = self.edits(call, &call.invocation.parameters, &view, Some(&object))?;
        if let Some(name) = call.get("Name") {
            edits.push(("Name", Edit::set(&*text_of(name))));
        }
        if !call.should_process(&format!("Setting {} \"{}\"", spaced(self.name), object.identity()))? {
            return Ok(());
        }
        let (guid, change) = (object.guid, self.change);
        let changed = call.commit(move |draft| change(draft, guid, edits))?;
        if !changed {
            call.warn(&format!(
                "The command completed successfully but no settings of '{}' have been modified.",
                object.identity()
            ));
        }
        Ok(())
    }

    /// The single object of nouns that need no identity (`Set-OrganizationConfig`).
    fn only(&self, view: &View) -> Outcome<Arc<Object>> {
        let none = || Fault::not_found(format!("There is no {}.", spaced(self.name)));
        Ok(self.all(view).into_iter().next().ok_or_else(none)?)
    }

    /// The edits that parameters mean. One that means nothing here is an error: nothing is left out quietly.
    pub(crate) fn edits(
        &self,
        call: &Call<'_>,
        parameters: &Bound,
        view: &View,
        object: Option<&Object>,
    ) -> Outcome<Edits> {
        let class = object.map_or(self.class, |object| object.class);
        let mut edits = Vec::new();
        for (name, value) in parameters {
            if let Some((_, special)) = self.special.iter().find(|row| row.0 == &**name) {
                edits.extend(special(call.cx, view, object, value)?);
            } else if HANDLING.contains(&&**name) {
                continue;
            } else if let Some(attribute) = class.attribute(name).filter(settable) {
                edits.push((attribute.name, convert::to_edit(view, attribute, value)?));
            } else {
                return Err(Failure::not_implemented(&call.invocation.command.name, name));
            }
        }
        Ok(edits)
    }

    /// Whether `Set-` and `New-` do something with a parameter.
    pub(crate) fn understands(&self, parameter: &str) -> bool {
        self.special.iter().any(|row| row.0 == parameter)
            || self.takes.contains(&parameter)
            || HANDLING.contains(&parameter)
            || self.class.attribute(parameter).as_ref().is_some_and(settable)
    }

    /// `New-`: the object is made, then the remaining parameters are applied, all in one transaction.
    pub(crate) fn create(&'static self, call: &mut Call<'_>) -> Outcome {
        let view = call.cx.directory.snapshot();
        let given = call.invocation.parameters.iter();
        let rest: Bound = given
            .filter(|(name, _)| !self.takes.contains(&&***name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let edits = self.edits(call, &rest, &view, None)?;
        let make: Make = match self.create {
            Some(create) => create(call, &view)?,
            None => {
                let new = with_required(NewObject::new(self.class, call.needed("Name")?.to_string()), &edits);
                Box::new(move |draft| draft.create(new))
            }
        };
        let change = self.change;
        let name = call.text("Name").unwrap_or_default();
        let whole: Make = Box::new(move |draft| {
            let made = make(draft)?;
            if !edits.is_empty() {
                change(draft, made.guid, edits)?;
            }
            draft.existing(made.guid)
        });
        self.make(call, &format!("Creating {} \"{name}\"", spaced(self.name)), whole)
    }

    /// `Remove-`: asks, then deletes.
    pub(crate) fn remove(&'static self, call: &mut Call<'_>) -> Outcome {
        let view = call.cx.directory.snapshot();
        let object = self.named(call, &view)?;
        let known = |name: &&Arc<str>| HANDLING.contains(&&***name);
        if let Some(other) = call.invocation.parameters.keys().find(|name| !known(name)) {
            return Err(Failure::not_implemented(&call.invocation.command.name, other));
        }
        if call.should_process(&format!("Removing {} \"{}\"", spaced(self.name), object.identity()))? {
            let removing = self.removing;
            call.commit(move |draft| {
                if let Some(removing) = removing {
                    removing(draft, &object)?;
                }
                draft.delete(object.guid)
            })?;
        }
        Ok(())
    }
}

/// Whether a parameter may set an attribute. Secrets are made by code of their own.
fn settable(attribute: &&Attribute) -> bool {
    !attribute.read_only && !matches!(attribute.kind, Kind::Secret(_))
}

/// Attributes without which the object may not exist go in at once; the rest follows as edits.
fn with_required(mut new: NewObject, edits: &[(&'static str, Edit)]) -> NewObject {
    for (name, edit) in edits {
        let required = new.class.attribute(name).is_some_and(|attribute| attribute.required);
        if let (true, Edit::Replace(values)) = (required, edit) {
            let value = match &values[..] {
                [one] => one.clone(),
                several => directory::Value::Multi(several.into()),
            };
            new = new.with(name, value);
        }
    }
    new
}

/// `RemoteDomain` as a person says it: `remote domain`.
pub(crate) fn spaced(noun: &str) -> String {
    let mut out = String::new();
    for c in noun.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push(' ');
        }
        out.extend(c.to_lowercase());
    }
    out
}
