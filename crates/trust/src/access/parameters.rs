//! Which parameters of a cmdlet a role allows, and how a role made from another writes its entries down.

use std::collections::HashMap;

/// Parameters without which a cmdlet could not be used: whoever has the cmdlet has them.
const ALWAYS: &[&str] = &["Confirm", "ErrorAction", "Identity", "WhatIf"];

/// The parameters of one cmdlet that a role allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// Every one.
    All,
    /// These.
    Only(Vec<Box<str>>),
    /// All but these.
    Except(Vec<Box<str>>),
}

impl Parameters {
    /// Whether a parameter, named exactly as declared (case aside), is among them.
    pub fn allow(&self, parameter: &str) -> bool {
        let named = |names: &[Box<str>]| names.iter().any(|name| name.eq_ignore_ascii_case(parameter));
        ALWAYS.iter().any(|name| name.eq_ignore_ascii_case(parameter))
            || match self {
                Parameters::All => true,
                Parameters::Only(names) => named(names),
                Parameters::Except(names) => !named(names),
            }
    }

    /// Reads what stands in the brackets of the table: `A,B` or `!A,!B`.
    pub(super) fn parse(text: &str) -> Self {
        let names = || text.split(',').map(|name| name.trim_start_matches('!').into()).collect();
        if text.starts_with('!') { Parameters::Except(names()) } else { Parameters::Only(names()) }
    }
}

/// An entry as a role's object keeps it: `Get-Mailbox`, or `Set-Mailbox,Alias,Office`.
pub fn write_entry(cmdlet: &str, parameters: Option<&[Box<str>]>) -> String {
    match parameters {
        None => cmdlet.to_owned(),
        Some(names) => {
            // A trailing comma tells "none of them" from "all of them".
            let mut text = format!("{cmdlet},");
            text.push_str(&names.join(","));
            text
        }
    }
}

/// The cmdlet and parameters of a kept entry.
pub fn read_entry(text: &str) -> (&str, Parameters) {
    match text.split_once(',') {
        None => (text, Parameters::All),
        Some((cmdlet, names)) => {
            let names = names.split(',').filter(|name| !name.is_empty());
            (cmdlet, Parameters::Only(names.map(Into::into).collect()))
        }
    }
}

/// Kept entries by the cmdlet's name in lower case.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries(HashMap<String, Parameters>);

impl Entries {
    pub(super) fn get(&self, cmdlet: &str) -> Option<&Parameters> {
        self.0.get(&cmdlet.to_ascii_lowercase())
    }
}

impl<'a> FromIterator<&'a str> for Entries {
    fn from_iter<I: IntoIterator<Item = &'a str>>(entries: I) -> Self {
        let keyed = entries.into_iter().map(read_entry);
        Entries(keyed.map(|(cmdlet, parameters)| (cmdlet.to_ascii_lowercase(), parameters)).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn brackets_and_what_always_goes() {
        let only = Parameters::parse("Alias,Office");
        assert!(only.allow("alias") && only.allow("Identity") && only.allow("whatif") && !only.allow("City"));
        let except = Parameters::parse("!Password,!NewPassword");
        assert!(except.allow("Alias") && !except.allow("password") && !except.allow("NEWPASSWORD"));
        assert!(Parameters::All.allow("x"));
    }

    proptest! {
        #[test]
        fn entries_read_back(cmdlet in "[A-Z][a-z]{1,6}-[A-Z][a-zA-Z]{1,9}",
                             names in prop::option::of(prop::collection::vec("[A-Z][a-zA-Z]{0,9}", 0..5))) {
            let names: Option<Vec<Box<str>>> = names.map(|n| n.into_iter().map(Into::into).collect());
            let text = write_entry(&cmdlet, names.as_deref());
            let (read, parameters) = read_entry(&text);
            prop_assert_eq!(read, &cmdlet);
            prop_assert_eq!(parameters, names.map_or(Parameters::All, Parameters::Only));
        }
    }
}
