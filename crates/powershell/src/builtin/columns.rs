//! `-Property` lists: names, wildcards, script blocks and calculated properties.

use std::sync::Arc;

use crate::{
    ast::ScriptBlock,
    cmdlet::{ErrorCategory, ErrorRecord},
    eval::{Interp, Run, Unwind, Wildcard},
    format::Alignment,
    members,
    value::{Hashtable, Value},
};

/// One wanted property.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    pub(super) label: Arc<str>,
    pub(super) source: Source,
    pub(super) width: Option<usize>,
    pub(super) alignment: Option<Alignment>,
    pub(super) format: Option<String>,
    pub(super) descending: Option<bool>,
}

#[derive(Clone, Debug)]
pub(super) enum Source {
    Property(Arc<str>),
    Block(Arc<ScriptBlock>),
}

/// The keys of a calculated property; a prefix is enough.
const KEYS: &[&str] = &[
    "name",
    "label",
    "expression",
    "width",
    "alignment",
    "formatstring",
    "ascending",
    "descending",
    "depth",
];

impl Spec {
    pub(super) fn property(name: &str) -> Self {
        let name: Arc<str> = name.into();
        Spec {
            label: name.clone(),
            source: Source::Property(name),
            width: None,
            alignment: None,
            format: None,
            descending: None,
        }
    }

    fn block(block: &Arc<ScriptBlock>) -> Self {
        Spec { label: block.text().into(), source: Source::Block(block.clone()), ..Spec::property("") }
    }

    fn calculated(table: &Hashtable) -> Run<Self> {
        let mut spec = Spec::property("");
        let mut label: Option<Arc<str>> = None;
        for (key, value) in table.to_vec() {
            let key = key.to_string().to_lowercase();
            let Some(known) = KEYS.iter().find(|k| k.starts_with(&*key) && !key.is_empty()) else {
                let text = format!("The {key} key is not valid.");
                return Err(invalid(&text, "DictionaryKeyIllegal"));
            };
            match *known {
                "name" | "label" => label = Some(value.to_string().into()),
                "expression" => match &value {
                    Value::ScriptBlock(block) => spec.source = Source::Block(block.clone()),
                    name => spec.source = Source::Property(name.to_string().into()),
                },
                "width" => spec.width = value.to_string().parse().ok(),
                "alignment" => {
                    spec.alignment = Some(match &*value.to_string().to_lowercase() {
                        "right" => Alignment::Right,
                        "center" => Alignment::Center,
                        _ => Alignment::Left,
                    });
                }
                "formatstring" => spec.format = Some(value.to_string()),
                "ascending" => spec.descending = Some(!value.truth()),
                "descending" => spec.descending = Some(value.truth()),
                _ => {}
            }
        }
        spec.label = label.unwrap_or_else(|| match &spec.source {
            Source::Property(name) => name.clone(),
            Source::Block(block) => block.text().into(),
        });
        Ok(spec)
    }

    /// The property's value for an object; an error inside a script block yields null.
    pub(super) fn value(&self, cx: &mut Interp<'_>, item: &Value) -> Run<Value> {
        match &self.source {
            Source::Property(name) => Ok(members::property(item, name)),
            Source::Block(block) => {
                let mut at = cx.at.clone();
                at.in_try = true;
                match cx.within(at, |cx| cx.run_inline(block, item.clone())) {
                    Ok(items) => Ok(Value::from_items(items).or_null()),
                    Err(Unwind::Error { .. }) => Ok(Value::Null),
                    Err(other) => Err(other),
                }
            }
        }
    }

    /// True where the name is a pattern.
    fn is_pattern(&self) -> bool {
        matches!(&self.source, Source::Property(name) if Wildcard::is_pattern(name))
    }

    /// The property's name, where it is one.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.source {
            Source::Property(name) => Some(name),
            Source::Block(_) => None,
        }
    }
}

fn invalid(text: &str, id: &str) -> Unwind {
    ErrorRecord::new("System.NotSupportedException", id, ErrorCategory::InvalidArgument, text).into()
}

/// Reads a `-Property` argument.
pub(super) fn specs(items: Vec<Value>) -> Run<Vec<Spec>> {
    items
        .iter()
        .map(|item| match item {
            Value::ScriptBlock(block) => Ok(Spec::block(block)),
            Value::Hashtable(table) => Spec::calculated(table),
            name => Ok(Spec::property(&name.to_string())),
        })
        .collect()
}

/// The names of an object's properties.
pub(super) fn names(item: &Value) -> Vec<Arc<str>> {
    match item {
        Value::Object(object) => object.with(|o| o.iter().map(|(name, _)| name.clone()).collect()),
        _ => members::fixed(item).iter().map(|name| Arc::from(*name)).collect(),
    }
}

/// Replaces patterns by the properties of an object they fit; known names are spelled as the object does.
pub(super) fn expand(specs: &[Spec], item: &Value) -> Vec<Spec> {
    let mut all: Vec<Spec> = Vec::with_capacity(specs.len());
    for spec in specs {
        if !spec.is_pattern() {
            let mut spec = spec.clone();
            if let (Some(name), Value::Object(object)) = (spec.name(), item)
                && *name == *spec.label
                && let Some(spelled) = object.with(|o| o.spelled(name).cloned())
            {
                spec.label = spelled;
            }
            all.push(spec);
            continue;
        }
        let pattern = Wildcard::new(spec.name().unwrap_or_default(), false);
        for name in names(item) {
            if pattern.matches(&name) && !all.iter().any(|s| *s.label == *name) {
                all.push(Spec::property(&name));
            }
        }
    }
    all
}
