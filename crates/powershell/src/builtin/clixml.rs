//! `ConvertTo-CliXml`, `Export-Clixml`, `Import-Clixml`.

use super::{
    Args, Builtin, INPUT, P, p,
    stages::{gather, once},
    switch,
};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord},
    eval::{Interp, Run},
    pipeline::Stage,
    text::{from_node, to_node},
    value::Value,
};

const PATH: P = p("Path", "String").at(0).needed().alias(&["LiteralPath", "PSPath"]);
const DEPTH: P = p("Depth", "Int32");

/// The deepest `-Depth`.
const DEPTH_MAX: usize = 16;

pub(crate) const CONVERT_TO_CLIXML: Builtin = Builtin {
    name: "ConvertTo-CliXml",
    aliases: &[],
    synopsis: "Converts objects into an XML-based representation.",
    parameters: &[INPUT, DEPTH],
    should_process: false,
    make: convert,
};

pub(crate) const EXPORT_CLIXML: Builtin = Builtin {
    name: "Export-Clixml",
    aliases: &[],
    synopsis: "Creates an XML-based representation of an object or objects and stores it in a file.",
    parameters: &[PATH, INPUT, DEPTH, switch("Force"), switch("NoClobber"), p("Encoding", "String")],
    should_process: true,
    make: export,
};

pub(crate) const IMPORT_CLIXML: Builtin = Builtin {
    name: "Import-Clixml",
    aliases: &[],
    synopsis: "Imports a CLIXML file and creates corresponding objects in PowerShell.",
    parameters: &[PATH],
    should_process: false,
    make: import,
};

fn document(args: &Args) -> impl Fn(&mut Interp<'_>, &[Value]) -> Run<String> + Send + 'static {
    let depth = args.count("Depth").unwrap_or(2).clamp(1, DEPTH_MAX);
    move |cx, items| {
        for item in items {
            cx.charge_deep(item, depth + 1)?;
        }
        let nodes: Vec<_> = items.iter().map(|item| to_node(item, depth)).collect();
        Ok(wire::clixml::write(&nodes))
    }
}

fn convert(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let document = document(&args);
    Ok(args.feed(gather(move |cx, items, out| {
        let text = document(cx, &items)?;
        let text = cx.new_string(text)?;
        out.put(cx, text)
    })))
}

fn export(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let (document, path) = (document(&args), args.text("Path").unwrap_or_default());
    Ok(args.feed(gather(move |cx, items, _| {
        if cx.should_process(&path, "Export-Clixml")? {
            let text = document(cx, &items)?;
            cx.write_file(&path, text.as_bytes(), false)
        } else {
            Ok(())
        }
    })))
}

fn import(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let path = args.text("Path").unwrap_or_default();
    Ok(once(move |cx, out| {
        let bytes = cx.read_file(&path)?;
        cx.charge(bytes.len() * 4)?;
        let text = String::from_utf8_lossy(&bytes);
        let nodes = wire::clixml::read(&text).map_err(|why| {
            ErrorRecord::new(
                "System.Xml.XmlException",
                "XmlError",
                ErrorCategory::InvalidData,
                why.to_string(),
            )
        })?;
        for node in &nodes {
            let value = from_node(node);
            out.put(cx, value)?;
        }
        Ok(())
    }))
}
