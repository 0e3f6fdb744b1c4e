//! `Get-Content`, `Set-Content`, `Add-Content`: files of the shell's side, as UTF-8.

use super::{
    Args, Builtin, INPUT, P, p,
    stages::{gather, once},
    switch,
};
use crate::{
    eval::{Interp, Run},
    pipeline::Stage,
    value::Value,
};

const PATH: P = p("Path", "String[]").at(0).needed().alias(&["LiteralPath", "PSPath"]);

pub(crate) const GET_CONTENT: Builtin = Builtin {
    name: "Get-Content",
    aliases: &["gc", "cat", "type"],
    synopsis: "Gets the content of the item at the specified location.",
    parameters: &[
        PATH,
        switch("Raw"),
        p("TotalCount", "Int32").alias(&["First", "Head"]),
        p("Tail", "Int32").alias(&["Last"]),
        p("ReadCount", "Int32"),
        p("Encoding", "String"),
    ],
    should_process: false,
    make: get,
};

pub(crate) const SET_CONTENT: Builtin = Builtin {
    name: "Set-Content",
    aliases: &["sc"],
    synopsis: "Writes or replaces the content in an item with new content.",
    parameters: &[
        PATH,
        P { name: "Value", ..INPUT }.at(1),
        p("Encoding", "String"),
        switch("Force"),
        switch("NoNewline"),
    ],
    should_process: true,
    make: |_, args| Ok(write(args, false)),
};

pub(crate) const ADD_CONTENT: Builtin = Builtin {
    name: "Add-Content",
    aliases: &["ac"],
    synopsis: "Adds content to the specified items, such as adding words to a file.",
    parameters: &[
        PATH,
        P { name: "Value", ..INPUT }.at(1),
        p("Encoding", "String"),
        switch("Force"),
        switch("NoNewline"),
    ],
    should_process: true,
    make: |_, args| Ok(write(args, true)),
};

fn get(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let paths = args.list("Path");
    let (raw, head, tail) = (args.on("Raw"), args.count("TotalCount"), args.count("Tail"));
    let bytes_wanted = args.text("Encoding").is_some_and(|e| e.eq_ignore_ascii_case("Byte"));
    Ok(once(move |cx, out| {
        for path in paths {
            let Some(bytes) = cx.read_or_report(&path.to_string(), "Get-Content")? else { continue };
            if bytes_wanted {
                out.put(cx, Value::Bytes(bytes.into()))?;
                continue;
            }
            let text = String::from_utf8_lossy(&bytes);
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            if raw {
                out.put(cx, text.into())?;
                continue;
            }
            let count = text.lines().count();
            let skip = tail.map_or(0, |tail| count.saturating_sub(tail));
            for line in text.lines().skip(skip).take(head.unwrap_or(usize::MAX)) {
                cx.charge(line.len())?;
                cx.step()?;
                out.put(cx, line.into())?;
            }
        }
        Ok(())
    }))
}

fn write(args: Args, append: bool) -> Box<dyn Stage> {
    let paths = args.list("Path");
    let given = args.has("Value").then(|| args.list("Value"));
    let end = if args.on("NoNewline") { "" } else { "\r\n" };
    gather(move |cx, items, _| {
        let items = given.unwrap_or(items);
        let mut text = String::new();
        for item in &items {
            cx.append(&mut text, &item.to_string())?;
            cx.append(&mut text, end)?;
        }
        for path in paths {
            let path = path.to_string();
            let action = if append { "Add Content" } else { "Set Content" };
            if cx.should_process(&path, action)? {
                cx.write_file(&path, text.as_bytes(), append)?;
            }
        }
        Ok(())
    })
}
