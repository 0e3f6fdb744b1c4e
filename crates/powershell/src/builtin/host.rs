//! `Get-Host`, `Clear-Host`, `Read-Host`.

use super::{Args, Builtin, p, stages::once, switch};
use crate::{
    ast::Variable,
    cmdlet::Prompt,
    eval::{Interp, Run, invalid},
    pipeline::Stage,
    value::{Secret, Value},
};

pub(crate) const GET_HOST: Builtin = Builtin {
    name: "Get-Host",
    aliases: &[],
    synopsis: "Gets an object that represents the current host program.",
    parameters: &[],
    should_process: false,
    make: |_, _| {
        Ok(once(|cx, out| {
            let host = cx.variable(&Variable { scope: "".into(), name: "Host".into() });
            out.put(cx, host)
        }))
    },
};

pub(crate) const CLEAR_HOST: Builtin = Builtin {
    name: "Clear-Host",
    aliases: &["cls", "clear"],
    synopsis: "Clears the display in the host program.",
    parameters: &[],
    should_process: false,
    make: |_, _| {
        Ok(once(|cx, _| {
            cx.write_information("\u{1b}[2J\u{1b}[H".into(), true);
            Ok(())
        }))
    },
};

pub(crate) const READ_HOST: Builtin = Builtin {
    name: "Read-Host",
    aliases: &[],
    synopsis: "Reads a line of input from the console.",
    parameters: &[p("Prompt", "Object").at(0), switch("AsSecureString")],
    should_process: false,
    make: read,
};

fn read(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let secret = args.on("AsSecureString");
    let caption = args.text("Prompt").unwrap_or_default();
    Ok(once(move |cx, out| {
        let prompt = Prompt { message: caption.clone(), secret, ..Prompt::default() };
        match cx.ask(&prompt)? {
            Some(answer) if secret => out.put(cx, Value::Secret(Secret::new(&answer.to_string()))),
            Some(answer) => out.put(cx, answer.to_string().into()),
            None => Err(invalid("Read-Host needs a person at the console; this session has none.")),
        }
    }))
}
