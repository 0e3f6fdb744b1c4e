//! `New-Object`: of the types on the allowlist.

use super::{Args, Builtin, p, stages::once};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord},
    eval::{Interp, Run},
    members,
    pipeline::Stage,
    types::Type,
    value::{PsObject, Value},
};

pub(crate) const NEW_OBJECT: Builtin = Builtin {
    name: "New-Object",
    aliases: &[],
    synopsis: "Creates an instance of a Microsoft .NET Framework object.",
    parameters: &[
        p("TypeName", "String").at(0).needed(),
        p("ArgumentList", "Object[]").at(1).alias(&["Args"]),
        p("Property", "Object"),
        p("ComObject", "String"),
    ],
    should_process: false,
    make,
};

fn make(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let name = args.text("TypeName").unwrap_or_default();
    let arguments = args.list("ArgumentList");
    let properties = args.get("Property").cloned();
    Ok(once(move |cx, out| {
        let Some(found) = Type::find(&name) else {
            let text = format!(
                "Cannot find type [{name}]: verify that the assembly containing this type is loaded."
            );
            let error = ErrorRecord::new(
                "System.Management.Automation.PSArgumentException",
                "TypeNotFound",
                ErrorCategory::InvalidType,
                text,
            );
            return Err(error.from_command("New-Object").into());
        };
        let made = match found {
            Type::Any | Type::Custom if arguments.is_empty() => PsObject::custom().into(),
            other => members::construct(cx, &other, &name, arguments)?,
        };
        if let (Value::Object(object), Some(Value::Hashtable(table))) = (&made, properties) {
            for (key, value) in table.to_vec() {
                object.edit(|o| o.set(&key.to_string(), value));
            }
        }
        out.put(cx, made)
    }))
}
