//! Comma-separated values (RFC 4180), quoted as Windows PowerShell quotes: every field.

use std::sync::Arc;

use super::{Args, Builtin, INPUT, P, columns, p, stages::gather, stages::once, switch};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord},
    eval::{Interp, Run, STRING_MAX},
    members,
    pipeline::{Sink, Stage},
    value::{ListKind, ObjectShape, Value, display_date},
};

const DELIMITER: P = p("Delimiter", "String");
const NO_TYPE: P = switch("NoTypeInformation").alias(&["NTI"]);

pub(crate) const EXPORT_CSV: Builtin = Builtin {
    name: "Export-Csv",
    aliases: &["epcsv"],
    synopsis: "Converts objects into a series of comma-separated value (CSV) strings and saves the strings to a file.",
    parameters: &[
        p("Path", "String").at(0).needed().alias(&["LiteralPath", "PSPath"]),
        DELIMITER.at(1),
        NO_TYPE,
        switch("Append"),
        switch("Force"),
        switch("NoClobber").alias(&["NoOverwrite"]),
        switch("UseCulture"),
        p("Encoding", "String"),
        INPUT,
    ],
    should_process: true,
    make: export,
};

pub(crate) const CONVERT_TO_CSV: Builtin = Builtin {
    name: "ConvertTo-Csv",
    aliases: &[],
    synopsis: "Converts objects into a series of comma-separated value (CSV) strings.",
    parameters: &[INPUT, DELIMITER.at(0), NO_TYPE, switch("UseCulture")],
    should_process: false,
    make: convert_to,
};

pub(crate) const IMPORT_CSV: Builtin = Builtin {
    name: "Import-Csv",
    aliases: &["ipcsv"],
    synopsis: "Creates table-like custom objects from the items in a comma-separated value (CSV) file.",
    parameters: &[
        p("Path", "String[]").at(0).alias(&["LiteralPath", "PSPath"]),
        DELIMITER.at(1),
        p("Header", "String[]"),
        switch("UseCulture"),
        p("Encoding", "String"),
    ],
    should_process: false,
    make: import,
};

pub(crate) const CONVERT_FROM_CSV: Builtin = Builtin {
    name: "ConvertFrom-Csv",
    aliases: &[],
    synopsis: "Converts object properties in comma-separated value (CSV) format into custom objects.",
    parameters: &[
        P { required: false, ..INPUT }.at(0),
        DELIMITER.at(1),
        p("Header", "String[]"),
        switch("UseCulture"),
    ],
    should_process: false,
    make: convert_from,
};

fn delimiter(args: &Args) -> char {
    match args.text("Delimiter").as_deref() {
        Some("`t") => '\t',
        Some(text) => text.chars().next().unwrap_or(','),
        None => ',',
    }
}

/// Makes lines of objects: the first decides the columns.
struct Rows {
    delimiter: char,
    type_line: bool,
    header: bool,
    columns: Option<Vec<Arc<str>>>,
}

impl Rows {
    fn new(args: &Args) -> Self {
        Rows {
            delimiter: delimiter(args),
            type_line: !args.on("NoTypeInformation"),
            header: true,
            columns: None,
        }
    }

    /// The lines an object adds, counted.
    fn lines(&mut self, cx: &mut Interp<'_>, item: &Value) -> Run<Vec<String>> {
        let mut lines = Vec::new();
        let names = match &self.columns {
            Some(names) => names.clone(),
            None => {
                let names = columns::names(item);
                if self.header {
                    if self.type_line {
                        lines.push(format!("#TYPE {}", item.type_name()));
                    }
                    lines.push(self.header(&names));
                }
                self.columns = Some(names.clone());
                names
            }
        };
        let mut line = String::new();
        for (at, name) in names.iter().enumerate() {
            if at > 0 {
                line.push(self.delimiter);
            }
            match members::property(item, name) {
                Value::Null | Value::Nothing => {}
                Value::String(text) => quote(&text, &mut line),
                value => quote(&field(&value), &mut line),
            }
            if line.len() > STRING_MAX {
                break;
            }
        }
        cx.charge(line.len())?;
        lines.push(line);
        Ok(lines)
    }

    fn header(&self, names: &[Arc<str>]) -> String {
        let mut line = String::new();
        for (at, name) in names.iter().enumerate() {
            if at > 0 {
                line.push(self.delimiter);
            }
            quote(name, &mut line);
        }
        line
    }
}

/// Adds a field between quotes, those inside it doubled.
fn quote(field: &str, line: &mut String) {
    line.push('"');
    for (at, piece) in field.split('"').enumerate() {
        if at > 0 {
            line.push_str("\"\"");
        }
        line.push_str(piece);
    }
    line.push('"');
}

/// A value in a field; only the product's collections show their elements.
fn field(value: &Value) -> String {
    match value {
        Value::DateTime(at) => display_date(*at),
        Value::Array(list) if list.kind() != ListKind::MultiValued => list.kind().type_name().to_owned(),
        other => other.to_string(),
    }
}

fn convert_to(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let mut rows = Rows::new(&args);
    Ok(args.feed(super::stages::each(move |cx, item, out| {
        rows.lines(cx, &item)?.into_iter().try_for_each(|line| out.put(cx, line.into()))
    })))
}

/// How many bytes what is read takes for each byte of the file, at most about.
const READ_COST: usize = 32;

/// How much text is gathered before it is written, bytes.
const CHUNK: usize = 64 << 10;

struct Export {
    rows: Rows,
    path: String,
    text: String,
    append: bool,
    skip: bool,
}

fn export(cx: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let path = args.text("Path").unwrap_or_default();
    let exists = cx.state.files.as_ref().is_some_and(|f| f.exists(&path));
    if args.on("NoClobber") && exists {
        return Err(super::out::exists(&path));
    }
    let append = args.on("Append");
    let rows = Rows { header: !(append && exists), ..Rows::new(&args) };
    Ok(args.feed(Box::new(Export { rows, path, text: String::new(), append, skip: false })))
}

impl Export {
    fn write(&mut self, cx: &mut Interp<'_>) -> Run<()> {
        let text = std::mem::take(&mut self.text);
        cx.write_file(&self.path, text.as_bytes(), self.append)?;
        self.append = true;
        Ok(())
    }
}

impl Stage for Export {
    fn begin(&mut self, cx: &mut Interp<'_>, _: &mut dyn Sink) -> Run<()> {
        self.skip = !cx.should_process(&self.path, "Export-Csv")?;
        Ok(())
    }
    fn process(&mut self, cx: &mut Interp<'_>, input: Value, _: &mut dyn Sink) -> Run<()> {
        for line in self.rows.lines(cx, &input)? {
            self.text.push_str(&line);
            self.text.push_str("\r\n");
        }
        if self.text.len() < CHUNK || self.skip { Ok(()) } else { self.write(cx) }
    }
    fn end(&mut self, cx: &mut Interp<'_>, _: &mut dyn Sink) -> Run<()> {
        if self.skip { Ok(()) } else { self.write(cx) }
    }
}

fn import(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let (delimiter, header, paths) = (delimiter(&args), args.list("Header"), args.list("Path"));
    Ok(once(move |cx, out| {
        for path in paths {
            let Some(bytes) = cx.read_or_report(&path.to_string(), "Import-Csv")? else { continue };
            emit(cx, &String::from_utf8_lossy(&bytes), delimiter, &header, out)?;
        }
        Ok(())
    }))
}

fn convert_from(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let (delimiter, header) = (delimiter(&args), args.list("Header"));
    Ok(args.feed(gather(move |cx, items, out| {
        let text = cx.joined(&items, "\n")?.to_string();
        emit(cx, &text, delimiter, &header, out)
    })))
}

fn emit(cx: &mut Interp<'_>, text: &str, delimiter: char, header: &[Value], out: &mut dyn Sink) -> Run<()> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // What is read is larger than its text.
    cx.charge(text.len() * READ_COST)?;
    let mut records = parse(text, delimiter).into_iter();
    let names: Vec<String> = match header {
        [] => records.next().unwrap_or_default(),
        names => names.iter().map(Value::to_string).collect(),
    };
    if names.iter().enumerate().any(|(at, n)| names[..at].iter().any(|m| m.eq_ignore_ascii_case(n))) {
        let error = ErrorRecord::new(
            "System.InvalidOperationException",
            "AlreadyPresentPSMemberInfoInternalCollectionAdd",
            ErrorCategory::InvalidOperation,
            "A member with that name is already present.",
        );
        return Err(error.into());
    }
    let types = ["System.Management.Automation.PSCustomObject", "System.Object"];
    let shape = ObjectShape::new(&types, names.iter().map(String::as_str));
    for mut record in records {
        cx.step()?;
        record.truncate(names.len());
        let object = shape.object(record.into_iter().map(Value::from).collect());
        out.put(cx, object.into())?;
    }
    Ok(())
}

/// Records of fields; `#TYPE` and other comment lines at the start and blank lines are left out.
fn parse(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let (mut record, mut field) = (Vec::new(), String::new());
    let mut quoted = false;
    let mut touched = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.trim().is_empty() => {
                field.clear();
                quoted = true;
                touched = true;
            }
            _ if quoted => field.push(c),
            '\r' => {}
            '\n' => {
                finish(&mut records, &mut record, &mut field, touched);
                touched = false;
            }
            '#' if records.is_empty() && record.is_empty() && field.is_empty() && !touched => {
                for skipped in chars.by_ref() {
                    if skipped == '\n' {
                        break;
                    }
                }
            }
            c if c == delimiter => {
                record.push(std::mem::take(&mut field));
                touched = true;
            }
            c => field.push(c),
        }
    }
    finish(&mut records, &mut record, &mut field, touched);
    records
}

fn finish(records: &mut Vec<Vec<String>>, record: &mut Vec<String>, field: &mut String, touched: bool) {
    if record.is_empty() && field.is_empty() && !touched {
        return;
    }
    record.push(std::mem::take(field));
    records.push(std::mem::take(record));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let text = "#TYPE x\r\nName,\"Full, Name\"\r\n\r\nnuno,\"a \"\"b\"\"\nc\"\r\nana,\r\n";
        assert_eq!(
            parse(text, ','),
            [vec!["Name", "Full, Name"], vec!["nuno", "a \"b\"\nc"], vec!["ana", ""]].map(|r| r.map_to())
        );
    }

    trait MapTo {
        fn map_to(self) -> Vec<String>;
    }
    impl MapTo for Vec<&str> {
        fn map_to(self) -> Vec<String> {
            self.into_iter().map(str::to_owned).collect()
        }
    }
}
