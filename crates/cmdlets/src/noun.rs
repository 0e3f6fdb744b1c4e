//! What Get, Set, New and Remove have in common: a noun names its directory class, and its verbs follow from
//! the class's attributes and the documented parameters.

use std::{collections::BTreeSet, sync::Arc};

use base::{Fault, FaultKind, Guid};
use directory::{
    Draft, Edit, Filter, NewObject, Object, Scope, View,
    schema::{Attribute, Class},
};
use powershell::{Value, cmdlet::Bound, value::PsObject};

use crate::{Context, call::Call, cmdlet::Outcome, convert};

/// Parameters that say how to run, not what to change.
const HANDLING: [&str; 12] = [
    "Identity",
    "DomainController",
    "Force",
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
    /// What `Get-` shows.
    pub shows: Shows,
    /// Properties computed for the shell, added behind the attributes.
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
pub type Special = fn(&Context, &View, Option<&Object>, &Value) -> Result<Edits, Fault>;
/// Reads a call's parameters into what makes the object, to be run in the directory's writer.
pub type Create = fn(&Call<'_>, &View) -> Result<Make, Fault>;
/// Makes the object.
pub type Make = Box<dyn FnOnce(&mut Draft<'_>) -> Result<Arc<Object>, directory::DirectoryError> + Send>;
/// Applies edits to an object; false where everything was so already.
pub type Change = fn(&mut Draft<'_>, Guid, Vec<(&str, Edit)>) -> Result<bool, directory::DirectoryError>;

/// Which attributes `Get-` shows.
#[derive(Clone, Copy)]
pub enum Shows {
    /// All of the class.
    All,
    /// Those that this `Set-` cmdlet can change, and these.
    LikeSet(&'static str, &'static [&'static str]),
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
            extend: None,
            conditions: &[],
            special: &[],
            change: |draft, guid, edits| draft.modify(guid, edits),
            create: None,
            takes: &[],
            removing: None,
        }
    }

    /// `Get-`: by identity (several where it has wildcards), by filter, or all.
    pub(crate) fn get(&'static self, call: &mut Call<'_>) -> Outcome {
        let view = call.cx.directory.snapshot();
        let found = self.select(call, &view)?;
        let shown = self.shown();
        let cx = call.cx;
        call.write_all(found.iter().map(|object| self.object(cx, &view, object, &shown)));
        Ok(())
    }

    /// The objects a `Get-` call asks for, by name.
    pub(crate) fn select(&self, call: &Call<'_>, view: &View) -> Result<Vec<Arc<Object>>, Fault> {
        let mut found = match call.identity("Identity") {
            Some(identity) => {
                let found = view.matching(&identity, self.scope);
                if found.is_empty() && !identity.contains('*') {
                    return Err(view.not_found(&identity).into());
                }
                found
            }
            None => self.all(view),
        };
        if let Some(filter) = call.text("Filter") {
            let filter = Filter::parse(&filter).map_err(Fault::from)?;
            found.retain(|object| filter.matches(view, object));
        }
        if let Some(words) = call.text("Anr") {
            let words = words.to_lowercase();
            let begins = |text: Option<&str>| text.is_some_and(|t| t.to_lowercase().starts_with(&words));
            found.retain(|o| {
                begins(Some(&o.name))
                    || (o.class.recipient && (begins(o.text("DisplayName")) || begins(o.text("Alias"))))
            });
        }
        for (parameter, condition) in self.conditions {
            if let Some(value) = call.identity(parameter) {
                found.retain(|object| condition(view, object, &value));
            }
        }
        Ok(found)
    }

    fn all(&self, view: &View) -> Vec<Arc<Object>> {
        directory::schema::CLASSES
            .iter()
            .flat_map(|class| view.of_class(class))
            .filter(|object| self.scope.admits(object))
            .cloned()
            .collect()
    }

    /// One object as the shell shows it.
    pub(crate) fn show(&'static self, cx: &Context, view: &View, object: &Object) -> Value {
        self.object(cx, view, object, &self.shown())
    }

    fn object(&self, cx: &Context, view: &View, object: &Object, shown: &BTreeSet<&str>) -> Value {
        let mut out = PsObject::new(self.types);
        for attribute in object.class.attributes().filter(|attribute| shown.contains(attribute.name)) {
            convert::add_property(&mut out, view, object, attribute);
        }
        out.set("Name", Value::string(&*object.name));
        out.set("DistinguishedName", Value::string(object.dn().to_string()));
        out.set("Identity", convert::identity(object));
        out.set("Guid", Value::Guid(object.guid));
        let classes = object.class.object_class.iter().map(|class| Value::string(*class)).collect();
        out.set("ObjectClass", Value::multi(classes));
        out.set("WhenChanged", Value::DateTime(object.when_changed));
        out.set("WhenCreated", Value::DateTime(object.when_created));
        out.set("WhenChangedUTC", Value::DateTime(object.when_changed));
        out.set("WhenCreatedUTC", Value::DateTime(object.when_created));
        out.set("OriginatingServer", Value::string(cx.server_name.as_str()));
        out.set("IsValid", Value::Bool(true));
        if let Some(extend) = self.extend {
            extend(cx, view, object, &mut out);
        }
        out.into()
    }

    fn shown(&self) -> BTreeSet<&'static str> {
        let attributes = directory::schema::CLASSES.iter().flat_map(|class| class.attributes());
        match self.shows {
            Shows::All => self.class.attributes().map(|attribute| attribute.name).collect(),
            Shows::LikeSet(cmdlet, also) => {
                let declared = crate::find(cmdlet);
                let settable =
                    |a: &&Attribute| declared.as_ref().is_some_and(|info| info.parameter(a.name).is_some());
                attributes.filter(settable).map(|a| a.name).chain(also.iter().copied()).collect()
            }
        }
    }

    /// The one object an identity means.
    pub(crate) fn resolve(&self, view: &View, identity: &str) -> Result<Arc<Object>, Fault> {
        view.resolve(identity, self.scope).map_err(Fault::from)
    }

    /// `Set-`: each parameter given becomes an edit; all are applied at once or not at all.
    pub(crate) fn set(&'static self, call: &mut Call<'_>) -> Outcome {
        let view = call.cx.directory.snapshot();
        let identity = call.identity("Identity").unwrap_or_default();
        let object = if identity.is_empty() { self.only(&view)? } else { self.resolve(&view, &identity)? };
        let mut edits = self.edits(call, &view, Some(&object))?;
        if let Some(name) = call.get("Name").filter(|_| call.get("Identity").is_some()) {
            edits.push(("Name", Edit::set(&*crate::cmdlet::text_of(name))));
        }
        if !call.should_process(&format!("Setting {} \"{}\"", spaced(self.name), object.identity()))? {
            return Ok(());
        }
        let (guid, change) = (object.guid, self.change);
        let changed = call.cx.commit(move |draft| change(draft, guid, edits))?;
        if !changed {
            call.warn(&format!(
                "The command completed successfully but no settings of '{}' have been modified.",
                object.identity()
            ));
        }
        Ok(())
    }

    /// The single object of nouns that need no identity (`Set-OrganizationConfig`).
    fn only(&self, view: &View) -> Result<Arc<Object>, Fault> {
        self.all(view)
            .into_iter()
            .next()
            .ok_or_else(|| Fault::not_found(format!("There is no {}.", spaced(self.name))))
    }

    /// The edits that the call's parameters mean.
    pub(crate) fn edits(
        &self,
        call: &Call<'_>,
        view: &View,
        object: Option<&Object>,
    ) -> Result<Edits, Fault> {
        self.edits_of(call.cx, &call.invocation.parameters, view, object)
    }

    fn edits_of(
        &self,
        cx: &Context,
        parameters: &Bound,
        view: &View,
        object: Option<&Object>,
    ) -> Result<Edits, Fault> {
        let class = object.map_or(self.class, |object| object.class);
        let mut edits = Vec::new();
        for (name, value) in parameters {
            if let Some((_, special)) =
                self.special.iter().find(|(special, _)| special.eq_ignore_ascii_case(name))
            {
                edits.extend(special(cx, view, object, value)?);
            } else if HANDLING.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                continue;
            } else if let Some(attribute) = class.attribute(name).filter(|attribute| !attribute.read_only) {
                edits.push((attribute.name, convert::to_edit(view, attribute, value)?));
            } else {
                return Err(not_implemented(self.name, name));
            }
        }
        Ok(edits)
    }

    /// `New-`: the object is made, then the remaining parameters are applied, all in one transaction.
    pub(crate) fn create(&'static self, call: &mut Call<'_>) -> Outcome {
        let view = call.cx.directory.snapshot();
        let takes = |name: &str| self.takes.iter().any(|taken| taken.eq_ignore_ascii_case(name));
        let given = &call.invocation.parameters;
        let rest: Bound =
            given.iter().filter(|(name, _)| !takes(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
        let edits = self.edits_of(call.cx, &rest, &view, None)?;
        let make: Make = match self.create {
            Some(create) => create(call, &view)?,
            None => {
                let new = with_required(NewObject::new(self.class, call.needed("Name")?.to_string()), &edits);
                Box::new(move |draft| draft.create(new))
            }
        };
        if !call.should_process(&format!(
            "Creating {} \"{}\"",
            spaced(self.name),
            call.text("Name").unwrap_or_default()
        ))? {
            return Ok(());
        }
        let change = self.change;
        let made = call.cx.commit(move |draft| {
            let made = make(draft)?;
            if !edits.is_empty() {
                change(draft, made.guid, edits)?;
            }
            draft.existing(made.guid)
        })?;
        let view = call.cx.directory.snapshot();
        let value = self.show(call.cx, &view, &made);
        let _ = call.write(value);
        Ok(())
    }

    /// `Remove-`: asks, then deletes.
    pub(crate) fn remove(&'static self, call: &mut Call<'_>) -> Outcome {
        let view = call.cx.directory.snapshot();
        let object = self.resolve(&view, &call.identity("Identity").unwrap_or_default())?;
        if !call.should_process(&format!("Removing {} \"{}\"", spaced(self.name), object.identity()))? {
            return Ok(());
        }
        let removing = self.removing;
        call.cx.commit(move |draft| {
            if let Some(removing) = removing {
                removing(draft, &object)?;
            }
            draft.delete(object.guid)
        })
    }

    /// Names of objects that begin like this, for completion.
    pub(crate) fn complete(&self, cx: &Context, prefix: &str) -> Vec<String> {
        let view = cx.directory.snapshot();
        let prefix = prefix.to_lowercase();
        let names = self.all(&view).into_iter().map(|object| object.name.to_string());
        names.filter(|name| name.to_lowercase().starts_with(&prefix)).take(100).collect()
    }
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

/// A parameter that binds but does nothing here yet must say so: a change silently not made is worse.
fn not_implemented(noun: &str, parameter: &str) -> Fault {
    Fault::new(
        FaultKind::NotImplemented,
        "NotImplemented",
        format!(
            "The parameter {parameter} of {noun} is known but not implemented in this version; nothing was changed."
        ),
    )
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
