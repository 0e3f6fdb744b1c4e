//! `Out-String`, `Out-File`, `Out-Null`, `Out-Host`, `Out-Default`. Files are written as UTF-8, whatever
//! `-Encoding` says.

use super::{
    Args, Builtin, INPUT, p,
    stages::{each, gather},
    switch,
};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord},
    eval::{Interp, Run, Unwind},
    format::print_all,
    pipeline::{Sink, Stage, ToHost},
    value::Value,
};

pub(crate) const OUT_STRING: Builtin = Builtin {
    name: "Out-String",
    aliases: &["oss"],
    synopsis: "Outputs input objects as a string.",
    parameters: &[switch("Stream"), p("Width", "Int32"), INPUT],
    should_process: false,
    make: out_string,
};

pub(crate) const OUT_FILE: Builtin = Builtin {
    name: "Out-File",
    aliases: &[],
    synopsis: "Sends output to a file.",
    parameters: &[
        p("FilePath", "String").at(0).needed().alias(&["Path", "LiteralPath", "PSPath"]),
        p("Encoding", "String").at(1),
        switch("Append"),
        switch("Force"),
        switch("NoClobber").alias(&["NoOverwrite"]),
        switch("NoNewline"),
        p("Width", "Int32"),
        INPUT,
    ],
    should_process: true,
    make: out_file,
};

pub(crate) const OUT_NULL: Builtin = Builtin {
    name: "Out-Null",
    aliases: &[],
    synopsis: "Hides the output instead of sending it down the pipeline or displaying it.",
    parameters: &[INPUT],
    should_process: false,
    make: |_, args| Ok(args.feed(each(|_, _, _| Ok(())))),
};

pub(crate) const OUT_HOST: Builtin = Builtin {
    name: "Out-Host",
    aliases: &["oh"],
    synopsis: "Sends output to the command line.",
    parameters: &[switch("Paging"), INPUT],
    should_process: false,
    make: to_host,
};

pub(crate) const OUT_DEFAULT: Builtin = Builtin {
    name: "Out-Default",
    aliases: &[],
    synopsis: "Sends the output to the default formatter and to the default output cmdlet.",
    parameters: &[switch("Transcript"), INPUT],
    should_process: false,
    make: to_host,
};

/// `-NoClobber` found a file.
pub(super) fn exists(path: &str) -> Unwind {
    let text = format!("The file '{path}' already exists.");
    ErrorRecord::new("System.IO.IOException", "NoClobber", ErrorCategory::ResourceExists, text)
        .on(path)
        .into()
}

fn to_host(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    Ok(args.feed(each(|cx, item, _| ToHost.put(cx, item))))
}

/// Prints items at another width.
fn printed(cx: &mut Interp<'_>, items: Vec<Value>, width: Option<usize>) -> Run<String> {
    let before = cx.state.width;
    cx.state.width = width.map_or(before, |w| w.clamp(2, 1 << 20));
    let text = print_all(cx, items);
    cx.state.width = before;
    text
}

fn out_string(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let (stream, width) = (args.on("Stream"), args.count("Width"));
    Ok(args.feed(gather(move |cx, items, out| {
        let text = printed(cx, items, width)?;
        if stream {
            return text.lines().try_for_each(|line| out.put(cx, line.into()));
        }
        let text = cx.new_string(text)?;
        out.put(cx, text)
    })))
}

fn out_file(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let path = args.text("FilePath").unwrap_or_default();
    let (append, keep, width) = (args.on("Append"), args.on("NoClobber"), args.count("Width"));
    Ok(args.feed(gather(move |cx, items, _| {
        let text = printed(cx, items, width)?;
        if keep && cx.state.files.as_ref().is_some_and(|f| f.exists(&path)) {
            return Err(exists(&path));
        }
        if cx.should_process(&path, "Output to File")? {
            cx.write_file(&path, text.as_bytes(), append)
        } else {
            Ok(())
        }
    })))
}
