//! `Get-Credential`, `ConvertTo-SecureString`, `ConvertFrom-SecureString`.

use super::{
    Args, Builtin, INPUT, P, p,
    stages::{gather, once},
    switch,
};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord, Prompt},
    eval::{Interp, Run, Unwind, invalid},
    members,
    pipeline::Stage,
    types::Type,
    value::{Secret, Value},
};

pub(crate) const GET_CREDENTIAL: Builtin = Builtin {
    name: "Get-Credential",
    aliases: &[],
    synopsis: "Gets a credential object based on a user name and password.",
    parameters: &[p("Credential", "Object").at(0).alias(&["UserName"]), p("Message", "String")],
    should_process: false,
    make: get,
};

pub(crate) const CONVERT_TO_SECURE_STRING: Builtin = Builtin {
    name: "ConvertTo-SecureString",
    aliases: &[],
    synopsis: "Converts plain text to secure strings.",
    parameters: &[
        P { piped: true, ..p("String", "String").at(0) },
        switch("AsPlainText"),
        switch("Force"),
        p("Key", "Byte[]"),
    ],
    should_process: false,
    make: to_secure,
};

pub(crate) const CONVERT_FROM_SECURE_STRING: Builtin = Builtin {
    name: "ConvertFrom-SecureString",
    aliases: &[],
    synopsis: "Refuses to convert a secure string: only its owner's machine could read it back.",
    parameters: &[P { name: "SecureString", ..INPUT }.at(0), p("Key", "Byte[]")],
    should_process: false,
    make: |_, _| Err(invalid("Secure strings can't be exported here.")),
};

const CAPTION: &str = "PowerShell credential request";

fn get(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let given = args.get("Credential").cloned().unwrap_or_default();
    let message = args.text("Message").unwrap_or_else(|| "Enter your credentials.".into());
    Ok(once(move |cx, out| {
        if matches!(&given, Value::Object(_)) {
            return out.put(cx, given);
        }
        let ask = |cx: &mut Interp<'_>, first: bool, field: &str, secret: bool| {
            let caption = if first { format!("{CAPTION}\n{message}") } else { String::new() };
            let prompt = Prompt { caption, message: field.into(), secret, ..Prompt::default() };
            Ok::<Option<String>, Unwind>(cx.ask(&prompt)?.map(|answer| answer.to_string()))
        };
        let known = !given.is_null();
        let user = if known { Some(given.to_string()) } else { ask(cx, true, "User", false)? };
        let password = match &user {
            Some(user) => ask(cx, known, &format!("Password for user {user}"), true)?,
            None => None,
        };
        match (user, password) {
            (Some(user), Some(password)) => {
                let made = members::construct(
                    cx,
                    &Type::Credential,
                    "PSCredential",
                    vec![user.into(), Value::Secret(Secret::new(&password))],
                )?;
                out.put(cx, made)
            }
            _ => Err(ErrorRecord::new(
                "System.Management.Automation.ParameterBindingException",
                "MissingMandatoryParameter",
                ErrorCategory::InvalidArgument,
                "Cannot process command because of one or more missing mandatory parameters: Credential.",
            )
            .into()),
        }
    }))
}

fn to_secure(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    if !args.on("AsPlainText") {
        return Err(invalid(
            "Only plain text can be converted to a secure string here. Use -AsPlainText -Force.",
        ));
    }
    let given = args.text("String");
    Ok(gather(move |cx, items, out| {
        let texts = match given {
            Some(text) => vec![text],
            None => items.iter().map(Value::to_string).collect(),
        };
        texts.iter().try_for_each(|text| out.put(cx, Value::Secret(Secret::new(text))))
    }))
}
