//! How much of what is documented is built: by noun, and by parameter.

use std::{collections::BTreeMap, sync::Arc};

use crate::{ALL, Cmdlet, find, names};

/// One noun's cmdlets.
#[derive(Debug, Default)]
pub struct Parity {
    /// Verbs that are built, sorted.
    pub built: Vec<Arc<str>>,
    /// Verbs that are documented and not built, sorted.
    pub missing: Vec<Arc<str>>,
}

/// Every noun that is documented or built, with its verbs.
pub fn parity() -> BTreeMap<Arc<str>, Parity> {
    let mut nouns: BTreeMap<Arc<str>, Parity> = BTreeMap::new();
    for name in names() {
        let Some((verb, noun)) = name.split_once('-') else { continue };
        let parity = nouns.entry(noun.into()).or_default();
        let verbs = if crate::built(&name).is_some() { &mut parity.built } else { &mut parity.missing };
        verbs.push(verb.into());
    }
    nouns
}

/// A table of all nouns, as Markdown: what is built, and what is documented and not built.
pub fn table() -> String {
    let list = |verbs: &[Arc<str>]| verbs.iter().map(|verb| &**verb).collect::<Vec<_>>().join(" ");
    let mut out =
        "| noun | built | known | verbs built | verbs not built |\n|---|--:|--:|---|---|\n".to_owned();
    for (noun, Parity { built, missing }) in parity() {
        let known = built.len() + missing.len();
        let row = format!("| {noun} | {} | {known} | {} | {} |\n", built.len(), list(&built), list(&missing));
        out.push_str(&row.replace("|  |", "| |"));
    }
    out
}

/// The documented parameters of a built cmdlet that are refused when they are given.
pub fn refused(cmdlet: &Cmdlet) -> Vec<Arc<str>> {
    let parameters = find(cmdlet.name).map(|info| info.parameters.clone()).unwrap_or_default();
    parameters.into_iter().map(|parameter| parameter.name).filter(|name| !cmdlet.understands(name)).collect()
}

/// How many documented cmdlets are built, of how many.
pub fn counts() -> (usize, usize) {
    let own = ALL.iter().filter(|cmdlet| cmdlet.extra.is_some()).count();
    (ALL.len() - own, names().len() - own)
}
