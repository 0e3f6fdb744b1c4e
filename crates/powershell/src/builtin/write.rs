//! `Write-*`: to each of the streams.

use super::{
    Args, Builtin, P, p,
    stages::{each, once},
    switch,
};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord, Position, Progress},
    eval::{Interp, Run, category_named, value_to_record},
    pipeline::Stage,
    value::Value,
};

const MESSAGE: P = P { piped: true, ..p("Message", "String").at(0).alias(&["Msg"]) };

pub(crate) const WRITE_OUTPUT: Builtin = Builtin {
    name: "Write-Output",
    aliases: &["write", "echo"],
    synopsis: "Sends the specified objects to the next command in the pipeline.",
    parameters: &[P { piped: true, ..p("InputObject", "Object[]").at(0).rest() }, switch("NoEnumerate")],
    should_process: false,
    make: output,
};

pub(crate) const WRITE_HOST: Builtin = Builtin {
    name: "Write-Host",
    aliases: &[],
    synopsis: "Writes customized output to a host.",
    parameters: &[
        P { piped: true, ..p("Object", "Object[]").at(0).rest().alias(&["Msg", "Message"]) },
        switch("NoNewline"),
        p("Separator", "Object"),
        p("ForegroundColor", "String"),
        p("BackgroundColor", "String"),
    ],
    should_process: false,
    make: host,
};

pub(crate) const WRITE_ERROR: Builtin = Builtin {
    name: "Write-Error",
    aliases: &[],
    synopsis: "Writes an object to the error stream.",
    parameters: &[
        MESSAGE,
        p("Exception", "Object"),
        p("ErrorRecord", "Object"),
        p("Category", "String"),
        p("ErrorId", "String"),
        p("TargetObject", "Object"),
        p("RecommendedAction", "String"),
        p("CategoryActivity", "String"),
    ],
    should_process: false,
    make: error,
};

pub(crate) const WRITE_WARNING: Builtin = Builtin {
    name: "Write-Warning",
    aliases: &[],
    synopsis: "Writes a warning message.",
    parameters: &[MESSAGE],
    should_process: false,
    make: |_, args| Ok(message(&args, |cx, text| cx.write_warning(text))),
};

pub(crate) const WRITE_VERBOSE: Builtin = Builtin {
    name: "Write-Verbose",
    aliases: &[],
    synopsis: "Writes text to the verbose message stream.",
    parameters: &[MESSAGE],
    should_process: false,
    make: |_, args| {
        Ok(message(&args, |cx, text| {
            cx.write_verbose(text);
            Ok(())
        }))
    },
};

pub(crate) const WRITE_DEBUG: Builtin = Builtin {
    name: "Write-Debug",
    aliases: &[],
    synopsis: "Writes a debug message to the console.",
    parameters: &[MESSAGE],
    should_process: false,
    make: |_, args| {
        Ok(message(&args, |cx, text| {
            cx.write_debug(text);
            Ok(())
        }))
    },
};

pub(crate) const WRITE_INFORMATION: Builtin = Builtin {
    name: "Write-Information",
    aliases: &[],
    synopsis: "Specifies how information stream data is handled for a command.",
    parameters: &[
        P { piped: true, ..p("MessageData", "Object").at(0).alias(&["Msg"]) },
        p("Tags", "String[]").at(1),
    ],
    should_process: false,
    make: information,
};

pub(crate) const WRITE_PROGRESS: Builtin = Builtin {
    name: "Write-Progress",
    aliases: &[],
    synopsis: "Displays a progress bar within a command window.",
    parameters: &[
        p("Activity", "String").at(0).needed(),
        p("Status", "String").at(1),
        p("Id", "Int32").at(2),
        p("PercentComplete", "Int32"),
        p("SecondsRemaining", "Int32"),
        p("CurrentOperation", "String"),
        p("ParentId", "Int32"),
        switch("Completed"),
        p("SourceId", "Int32"),
    ],
    should_process: false,
    make: progress,
};

fn output(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let no_enumerate = args.on("NoEnumerate");
    if args.has("InputObject") && !args.fed {
        let items = args.list("InputObject");
        return Ok(once(move |cx, out| {
            for item in items {
                match (no_enumerate, item) {
                    (true, item) => out.put(cx, item)?,
                    (false, item) => cx.emit(item, out)?,
                }
            }
            Ok(())
        }));
    }
    Ok(each(move |cx, item, out| out.put(cx, item)))
}

/// A stage that writes a text somewhere, once or for each pipeline object.
fn message(args: &Args, write: impl Fn(&mut Interp<'_>, &str) -> Run<()> + Send + 'static) -> Box<dyn Stage> {
    match args.text("Message") {
        Some(text) => once(move |cx, _| write(cx, &text)),
        None if !args.fed => once(move |cx, _| write(cx, "")),
        None => each(move |cx, item, _| write(cx, &item.to_string())),
    }
}

fn host(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let separator = args.text("Separator").unwrap_or_else(|| " ".into());
    let no_newline = args.on("NoNewline");
    let text = move |items: Vec<Value>| {
        let parts: Vec<String> = items.iter().map(Value::to_string).collect();
        parts.join(&separator)
    };
    let say = move |cx: &mut Interp<'_>, text: String| {
        cx.write_information(host_text(text, no_newline), true);
        Ok(())
    };
    if args.fed && !args.has("Object") {
        return Ok(each(move |cx, item, _| say(cx, text(item.into_items()))));
    }
    let items: Vec<Value> = args.list("Object").into_iter().flat_map(Value::into_list).collect();
    Ok(once(move |cx, _| say(cx, text(items))))
}

/// What `Write-Host` puts into the information stream: prints as its text, without a line end if asked.
fn host_text(text: String, no_newline: bool) -> Value {
    if !no_newline {
        return text.into();
    }
    crate::value::PsObject::new(&["System.Management.Automation.HostInformationMessage"])
        .with("Name", text.clone())
        .with("Message", text)
        .with("NoNewLine", true)
        .into()
}

fn error(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let category = args.text("Category").map_or(ErrorCategory::NotSpecified, |c| category_named(&c));
    let id = args.text("ErrorId");
    let target = args.get("TargetObject").cloned().unwrap_or_default();
    let activity = args.text("CategoryActivity").unwrap_or_else(|| "Write-Error".into());
    let record = move |text: &str| {
        const WRITTEN: &str = "Microsoft.PowerShell.Commands.WriteErrorException";
        let id = id.as_deref().unwrap_or(WRITTEN);
        ErrorRecord::new(WRITTEN, id, category, text).on(target.clone()).from_command(&activity)
    };
    let given = args.get("ErrorRecord").or_else(|| args.get("Exception")).cloned();
    if let Some(value) = given {
        let message = args.text("Message");
        let made = match value_to_record(&value) {
            Some(record) => record,
            None => {
                let text = message.unwrap_or_else(|| crate::members::property(&value, "Message").to_string());
                ErrorRecord { exception_type: value.type_name(), ..record(&text) }
            }
        };
        return Ok(once(move |cx, _| write_signed(cx, made)));
    }
    Ok(message(&args, move |cx, text| write_signed(cx, record(text))))
}

/// An error is the caller's: it points at the call of the function, and at the prompt at nothing.
fn write_signed(cx: &mut Interp<'_>, record: ErrorRecord) -> Run<()> {
    let record = match &cx.at.caller {
        Some(site) => site.sign(record),
        None => {
            let source = cx.at.source.clone();
            let shown = if source.name.is_empty() { source.text.trim_end() } else { &source.name };
            record.invoked_as(shown).at(Position::default())
        }
    };
    cx.write_error(record)
}

fn information(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    match args.get("MessageData").cloned() {
        Some(value) => Ok(once(move |cx, _| {
            cx.write_information(value, false);
            Ok(())
        })),
        None => Ok(each(|cx, item, _| {
            cx.write_information(item, false);
            Ok(())
        })),
    }
}

fn progress(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let percent = args.count("PercentComplete").and_then(|n| i32::try_from(n).ok()).unwrap_or(-1);
    let progress = Progress {
        activity: args.text("Activity").unwrap_or_default(),
        status: args.text("Status").unwrap_or_else(|| "Processing".into()),
        percent,
        completed: args.on("Completed"),
    };
    Ok(once(move |cx, _| {
        cx.write_progress(&progress);
        Ok(())
    }))
}
