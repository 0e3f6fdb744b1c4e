//! What Tab offers: commands, parameters, values and variables, by what stands before the cursor.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    binder::{COMMON, resolve_parameter},
    builtin,
    cmdlet::{CommandInfo, CommandSource, ParameterInfo},
    eval::ScopeRef,
    lexer::{is_dash, is_double_quote, is_name_char, is_single_quote},
    runspace::Runspace,
};

/// How many candidates are offered.
const CANDIDATES_MAX: usize = 300;

/// What may stand for the word at `start..end` of the line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The first byte of the word.
    pub start: usize,
    /// The cursor.
    pub end: usize,
    /// Replacements, sorted.
    pub candidates: Vec<String>,
}

/// Completes lines of a runspace; sees its variables and functions as they are at the time.
#[derive(Clone)]
pub struct Completer {
    source: Arc<dyn CommandSource>,
    scope: ScopeRef,
    aliases: Vec<(Box<str>, Arc<str>)>,
}

impl std::fmt::Debug for Completer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Completer").finish_non_exhaustive()
    }
}

impl Runspace {
    /// A completer for this session.
    pub fn completer(&self) -> Completer {
        let state = self.state();
        Completer {
            source: state.source.clone(),
            scope: state.global.clone(),
            aliases: state.aliases.iter().map(|(alias, target)| (alias.clone(), target.clone())).collect(),
        }
    }
}

/// The command being typed, as far as the cursor.
#[derive(Debug, Default)]
struct Typed<'t> {
    /// Whole words before the one at the cursor, the command's name first.
    words: Vec<&'t str>,
    /// Where the word at the cursor begins.
    start: usize,
}

/// Splits the text before the cursor: what belongs to the innermost command.
fn typed(text: &str) -> Typed<'_> {
    let mut open: Vec<Typed<'_>> = Vec::new();
    let mut now = Typed::default();
    let mut quote: Option<bool> = None;
    let mut word: Option<usize> = None;
    for (at, c) in text.char_indices() {
        if let Some(single) = quote {
            let closes = if single { is_single_quote(c) } else { is_double_quote(c) };
            if closes {
                quote = None;
            }
            continue;
        }
        let after = at + c.len_utf8();
        match c {
            _ if is_single_quote(c) || is_double_quote(c) => {
                quote = Some(is_single_quote(c));
                word.get_or_insert(at);
            }
            '|' | ';' | '\n' | '&' | '=' => {
                word = None;
                now = Typed::default();
            }
            '(' | '{' => {
                word = None;
                open.push(std::mem::take(&mut now));
            }
            ')' | '}' => {
                word = None;
                now = open.pop().unwrap_or_default();
                now.words.push(&text[at..after]);
            }
            ',' => word = None,
            c if c.is_whitespace() => {
                if let Some(start) = word.take() {
                    now.words.push(&text[start..at]);
                }
            }
            _ => {
                word.get_or_insert(at);
            }
        }
    }
    now.start = word.unwrap_or(text.len());
    now
}

impl Completer {
    /// What may stand at `cursor` (bytes) of `line`.
    pub fn complete(&self, line: &str, cursor: usize) -> Completion {
        let end = line.floor_char_boundary(cursor);
        let before = &line[..end];
        let typed = typed(before);
        let word = &before[typed.start..];
        let mut candidates: Vec<String> = if let Some(at) = word.rfind('$') {
            self.variables(&word[at + 1..]).map(|name| format!("{}${name}", &word[..at])).collect()
        } else if let Some(prefix) = word.strip_prefix(is_dash) {
            self.parameters(&typed.words, prefix)
        } else if typed.words.is_empty() {
            self.commands(word)
        } else {
            self.values(&typed.words, word)
        };
        candidates.truncate(CANDIDATES_MAX);
        Completion { start: typed.start, end, candidates }
    }

    fn variables(&self, prefix: &str) -> impl Iterator<Item = String> {
        let prefix = prefix.to_lowercase();
        let plain = prefix.chars().all(is_name_char);
        let known = self.scope.variables().into_iter().map(|(name, _)| name.to_string());
        let names: BTreeSet<String> =
            known.chain(["true", "false", "null", "error", "args", "env:"].map(String::from)).collect();
        names.into_iter().filter(move |name| plain && name.starts_with(&prefix))
    }

    fn commands(&self, prefix: &str) -> Vec<String> {
        let starts = starts_with(prefix);
        let builtins = builtin::ALL.iter().map(|b| b.name.to_owned());
        let external = self.source.names().into_iter().chain(self.scope.functions()).map(|n| n.to_string());
        let names: BTreeSet<String> = builtins.chain(external).filter(|name| starts(name)).collect();
        names.into_iter().collect()
    }

    fn declaration(&self, name: &str) -> Option<Arc<CommandInfo>> {
        let alias = self.aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
        let name = alias.map_or(name, |(_, target)| target);
        let function = self.scope.function(name).map(|f| f.info.clone());
        function
            .or_else(|| builtin::find(name).map(|b| Arc::new(b.info())))
            .or_else(|| self.source.find(name))
    }

    fn parameters(&self, words: &[&str], prefix: &str) -> Vec<String> {
        let Some(info) = words.first().and_then(|name| self.declaration(name)) else { return Vec::new() };
        let starts = starts_with(prefix);
        let own = info.parameters.iter().map(|p| p.name.to_string()).filter(|name| !name.starts_with('\0'));
        let changes = ["WhatIf", "Confirm"];
        let common = COMMON.iter().filter(|c| info.should_process || !changes.contains(&c.name));
        let given = given(&info, &words[1..]);
        let mut all: Vec<String> = own
            .chain(common.map(|c| c.name.to_owned()))
            .filter(|name| starts(name) && !given.contains(name))
            .map(|n| format!("-{n}"))
            .collect();
        all.dedup();
        all
    }

    /// Values for the parameter before the cursor, or for the next positional one.
    fn values(&self, words: &[&str], word: &str) -> Vec<String> {
        let Some((name, arguments)) = words.split_first() else { return Vec::new() };
        let Some(info) = self.declaration(name) else { return Vec::new() };
        let Some(parameter) = wanted(&info, arguments) else { return Vec::new() };
        let prefix = word.trim_matches(|c| is_single_quote(c) || is_double_quote(c));
        if &*parameter.name == "Name" && matches!(&*info.name, "Get-Help" | "Get-Command") {
            return self.commands(prefix);
        }
        let starts = starts_with(prefix);
        let fixed: Vec<String> = match &*parameter.type_name {
            "Boolean" | "bool" | "Nullable[Boolean]" => vec!["$true".into(), "$false".into()],
            "ActionPreference" => {
                ["Continue", "Ignore", "Inquire", "SilentlyContinue", "Stop"].map(String::from).to_vec()
            }
            _ => parameter.values.iter().map(|v| v.to_string()).collect(),
        };
        if !fixed.is_empty() {
            return fixed.into_iter().filter(|v| prefix.is_empty() || starts(v)).collect();
        }
        self.source.complete(&info, &parameter, prefix).iter().map(|value| quoted(value)).collect()
    }
}

/// The name a word gives a parameter by, if it does: `-Name`, with what follows a colon.
fn dashed<'w>(word: &'w str) -> Option<(&'w str, Option<&'w str>)> {
    let rest = word.strip_prefix(is_dash).filter(|rest| rest.starts_with(char::is_alphabetic))?;
    Some(rest.split_once(':').map_or((rest, None), |(name, value)| (name, Some(value))))
}

/// The parameters given already.
fn given(info: &CommandInfo, words: &[&str]) -> BTreeSet<String> {
    let named = words.iter().filter_map(|word| dashed(word));
    named.filter_map(|(name, _)| resolve_parameter(info, name).ok()).map(|p| p.name.to_string()).collect()
}

/// The parameter a value at the cursor is for.
fn wanted(info: &CommandInfo, arguments: &[&str]) -> Option<ParameterInfo> {
    let mut positional = 0;
    let mut pending: Option<ParameterInfo> = None;
    for argument in arguments {
        match dashed(argument) {
            Some((_, Some(_))) => pending = None,
            Some((name, None)) => pending = resolve_parameter(info, name).ok().filter(|p| !p.is_switch()),
            None if pending.take().is_some() => {}
            None => positional += 1,
        }
    }
    pending.or_else(|| {
        let given = given(info, arguments);
        let open = |p: &&ParameterInfo| p.position.is_some() && !given.contains(&*p.name);
        let mut places: Vec<&ParameterInfo> = info.parameters.iter().filter(open).collect();
        places.sort_by_key(|p| p.position);
        places.get(positional).map(|p| (*p).clone())
    })
}

/// A value as it must be typed.
fn quoted(value: &str) -> String {
    let plain = value.chars().all(|c| is_name_char(c) || "-._@:\\/*".contains(c));
    if plain { value.to_owned() } else { format!("'{}'", value.replace('\'', "''")) }
}

/// Whether a name starts with this, without case.
fn starts_with(prefix: &str) -> impl Fn(&str) -> bool {
    let prefix = prefix.to_lowercase();
    move |name| name.to_lowercase().starts_with(&prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cmdlet::Collected, cmdlet::NoCommands};

    #[test]
    fn offers_what_fits() {
        let mut runspace = Runspace::new(Arc::new(NoCommands));
        let setup = "$mailbox = 1; function Get-Thing([ValidateSet('Red','Green')]$Color, [bool]$On) { }";
        runspace.run(setup, &mut Collected::default());
        let completer = runspace.completer();
        for (line, expected) in [
            ("Where-O", &["Where-Object"][..]),
            ("1 | Sort-O", &["Sort-Object"]),
            ("1 | sort -Desc", &["-Descending"]),
            ("if ($true) { Format-L", &["Format-List"]),
            ("$x = Get-Th", &["Get-Thing"]),
            ("$mailb", &["$mailbox"]),
            ("echo \"$mailb", &["\"$mailbox"]),
            ("Get-Thing -Color ", &["Red", "Green"]),
            ("Get-Thing g", &["Green"]),
            ("Get-Thing -On $t", &["$true"]),
            ("Get-Thing -On ", &["$true", "$false"]),
            ("Get-Thing –Co", &["-Color"]),
            ("'quoted | Sort-O", &[]),
            ("(1 | select -Fir", &["-First"]),
            ("Nothing -x", &[]),
            ("Get-Thing -Color Red -C", &[]),
            ("Get-Thing -Color:Red $t", &["$true"]),
            ("help Where-O", &["Where-Object"]),
            ("Get-Command Sort-Ob", &["Sort-Object"]),
        ] {
            assert_eq!(completer.complete(line, line.len()).candidates, expected, "{line}");
        }
        assert_eq!(completer.complete("Out-N", 2).start, 0);
    }

    #[test]
    fn values_are_quoted_where_needed() {
        assert_eq!(quoted("nuno@rialto.test"), "nuno@rialto.test");
        assert_eq!(quoted("Ana O'Neill"), "'Ana O''Neill'");
    }
}
