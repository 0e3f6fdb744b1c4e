//! Prints whatever a pipeline yields, object by object: what the console does at the end of every line.

use std::{sync::Arc, time::Duration};

use base::clock::SharedClock;

use super::{
    Alignment, Column, ColumnLayout, Layout, ListWriter, TableWriter, Views, as_formatted, cell, error_text,
};
use crate::{
    eval::value_to_record,
    members,
    value::{PsObject, Value, long_date},
};

/// How many properties make a list rather than a table.
const TABLE_MAX: usize = 4;

/// How long rows wait for others to see how wide they are, at a screen somebody looks at.
const PATIENCE: Duration = Duration::from_millis(300);

/// Turns objects into text; tables and lists go on over objects of one type.
pub struct Printer {
    views: Arc<Views>,
    width: usize,
    limit: usize,
    group: Option<Group>,
    /// Rows do not wait longer than [`PATIENCE`] by this clock.
    clock: Option<SharedClock>,
    /// Messages of other streams are shown as the console shows them.
    screen: bool,
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Printer").field("width", &self.width).finish_non_exhaustive()
    }
}

/// The table or list that is open.
#[derive(Debug)]
struct Group {
    type_name: Arc<str>,
    properties: Vec<Arc<str>>,
    writer: Writer,
    /// The property a new value of begins a new table, and the value.
    by: Option<(Arc<str>, String)>,
    since: Duration,
}

#[derive(Debug)]
enum Writer {
    Table(TableWriter),
    List(ListWriter),
}

impl Printer {
    /// For a screen of `width` columns.
    pub fn new(views: Arc<Views>, width: usize) -> Self {
        Printer { views, width, limit: 4, group: None, clock: None, screen: true }
    }

    /// Rows of a table wait no longer than a moment for others: for a screen somebody looks at.
    #[must_use]
    pub fn with_clock(mut self, clock: SharedClock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Messages of other streams are plain text: for files and strings.
    pub(crate) fn for_text(mut self) -> Self {
        self.screen = false;
        self
    }

    /// Lists show up to `limit` elements (`$FormatEnumerationLimit`).
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The text one object adds.
    pub fn push(&mut self, value: &Value) -> String {
        if let Some(text) = as_formatted(value) {
            return self.finish() + &text;
        }
        match value {
            Value::Nothing | Value::Null => String::new(),
            Value::Object(object) => {
                if let Some(record) = value_to_record(value) {
                    return self.finish() + &error_text(&record);
                }
                let object = object.to_object();
                if is_message(&object) {
                    let label = if self.screen { stream_label(&object) } else { "" };
                    return self.finish() + label + &value.to_string() + "\n";
                }
                self.object(&object)
            }
            Value::Hashtable(table) => {
                let entries = members::entries(table);
                entries.iter().map(|entry| self.push(entry)).collect()
            }
            Value::Array(list) => list.to_vec().iter().map(|item| self.nested(item)).collect(),
            Value::DateTime(at) => format!("{}\n{}\n\n", self.finish(), long_date(*at)),
            Value::TimeSpan(_) | Value::Guid(_) | Value::Version(_) => self.object(&expanded(value)),
            Value::Bytes(bytes) => {
                self.finish() + &bytes.iter().map(|b| format!("{b}\n")).collect::<String>()
            }
            scalar => self.finish() + &scalar.to_string() + "\n",
        }
    }

    /// An array inside an array is printed element by element, no deeper.
    fn nested(&mut self, value: &Value) -> String {
        match value {
            Value::Array(_) => self.finish() + &value.to_string() + "\n",
            other => self.push(other),
        }
    }

    /// Closes what is open: the end of the output, or of a line typed.
    pub fn finish(&mut self) -> String {
        match self.group.take().map(|g| g.writer) {
            Some(Writer::Table(mut table)) => table.close(),
            Some(Writer::List(list)) => list.close(),
            None => String::new(),
        }
    }

    fn object(&mut self, object: &PsObject) -> String {
        let type_name = object.type_name();
        let mut text = String::new();
        if !self.group.as_ref().is_some_and(|g| g.takes(&type_name, object)) {
            text.push_str(&self.finish());
            let group = self.open(type_name, object);
            if let Some((label, value)) = &group.by {
                text.push_str(&group_heading(label, value));
            }
            self.group = Some(group);
        }
        let (limit, now) = (self.limit, self.clock.as_ref().map(|clock| clock.monotonic()));
        let Some(group) = &mut self.group else { return text };
        let value = |name: &str| object.get(name).map(|v| cell(v, limit)).unwrap_or_default();
        match &mut group.writer {
            Writer::Table(table) => {
                text.push_str(&table.row(group.properties.iter().map(|p| value(p)).collect()));
                if now.is_some_and(|now| now.saturating_sub(group.since) > PATIENCE) {
                    text.push_str(&table.flush());
                }
            }
            Writer::List(list) => {
                let names: Vec<Arc<str>> = if group.properties.is_empty() {
                    object.iter().map(|(name, _)| name.clone()).collect()
                } else {
                    group.properties.clone()
                };
                let fields: Vec<(String, String)> = names.iter().map(|n| (n.to_string(), value(n))).collect();
                if !fields.is_empty() {
                    text.push_str(&list.object(&fields));
                }
            }
        }
        text
    }

    fn open(&self, type_name: Arc<str>, object: &PsObject) -> Group {
        let layout = match self.views.find(object) {
            Some(layout) => layout.clone(),
            None if object.len() <= TABLE_MAX && !object.is_empty() && !is_list(object) => {
                Layout::Table(object.iter().map(|(name, _)| Column::new(name)).collect())
            }
            None => Layout::List(Vec::new()),
        };
        let by = self.views.group_by(object).map(|name| (name.clone(), grouped_by(object, name)));
        let since = self.clock.as_ref().map(|clock| clock.monotonic()).unwrap_or_default();
        let (properties, writer) = match layout {
            Layout::List(properties) => (properties, Writer::List(ListWriter::new(self.width))),
            Layout::Table(columns) => {
                let layout = columns.iter().map(|c| column(c, object)).collect();
                let properties = columns.into_iter().map(|c| c.property).collect();
                (properties, Writer::Table(TableWriter::new(layout, self.width)))
            }
        };
        Group { type_name, properties, writer, by, since }
    }
}

impl Group {
    /// Whether an object goes on where the last one ended.
    fn takes(&self, type_name: &Arc<str>, object: &PsObject) -> bool {
        self.type_name == *type_name
            && self.by.as_ref().is_none_or(|(name, value)| grouped_by(object, name) == *value)
    }
}

fn grouped_by(object: &PsObject, name: &str) -> String {
    object.get(name).map(Value::to_string).unwrap_or_default()
}

/// The line above a group.
pub(crate) fn group_heading(label: &str, value: &str) -> String {
    format!("\n   {label}: {value}\n")
}

/// What the console writes before a message of another stream.
fn stream_label(object: &PsObject) -> &'static str {
    const LABELS: [(&str, &str); 3] =
        [("WarningRecord", "WARNING: "), ("VerboseRecord", "VERBOSE: "), ("DebugRecord", "DEBUG: ")];
    LABELS.iter().find(|(kind, _)| object.is(kind)).map_or("", |(_, label)| label)
}

fn column(column: &Column, object: &PsObject) -> ColumnLayout {
    let label = if column.label.is_empty() {
        object.spelled(&column.property).unwrap_or(&column.property)
    } else {
        &column.label
    };
    let alignment = column.alignment.unwrap_or_else(|| side(object.get(&column.property)));
    ColumnLayout { label: label.to_string(), width: column.width, alignment }
}

/// Numbers go right.
pub(crate) fn side(value: Option<&Value>) -> Alignment {
    match value {
        Some(Value::Int(_) | Value::Long(_) | Value::Double(_)) => Alignment::Right,
        _ => Alignment::Left,
    }
}

/// Warnings, verbose and debug messages as objects print as their text.
fn is_message(object: &PsObject) -> bool {
    let name = object.type_name();
    name.starts_with("System.Management.Automation.") && name.ends_with("Record")
        || *name == *"System.Text.RegularExpressions.Regex"
        || *name == *"System.Text.Encoding"
}

/// Types .NET shows as lists however few properties there are.
fn is_list(object: &PsObject) -> bool {
    *object.type_name() == *"System.TimeSpan"
}

/// A structured scalar as an object of its properties.
fn expanded(value: &Value) -> PsObject {
    if !matches!(value, Value::TimeSpan(_) | Value::Version(_)) {
        return PsObject::new(&["System.Guid"]).with("Guid", value.to_string());
    }
    let mut object = PsObject::new(&[&value.type_name()]);
    for name in members::fixed(value) {
        object.set(name, members::property(value, name));
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(values: &[Value]) -> String {
        let mut printer = Printer::new(Arc::default(), 40);
        let text: String = values.iter().map(|v| printer.push(v)).collect();
        text + &printer.finish()
    }

    #[test]
    fn small_objects_are_tables_and_large_ones_lists() {
        let small = PsObject::custom().with("Name", "Nuno").with("Items", 5);
        assert_eq!(
            printed(&[small.clone().into(), small.into()]),
            "\nName Items\n---- -----\nNuno     5\nNuno     5\n\n\n"
        );
        let mut large = PsObject::custom();
        for name in ["A", "Bb", "C", "D", "E"] {
            large.set(name, Value::from(vec![1, 2]));
        }
        assert_eq!(
            printed(&[large.into()]),
            "\n\nA  : {1, 2}\nBb : {1, 2}\nC  : {1, 2}\nD  : {1, 2}\nE  : {1, 2}\n\n\n\n"
        );
    }

    #[test]
    fn scalars_are_lines() {
        assert_eq!(printed(&["a".into(), 5.into(), true.into(), Value::Null]), "a\n5\nTrue\n");
        assert_eq!(printed(&[base::Guid::EMPTY.into()]).lines().nth(1), Some("Guid"));
    }
}
