//! What a cmdlet does, in one sentence made of its verb and noun, and the examples that show it.

use std::sync::{Arc, OnceLock};

use powershell::cmdlet::Example;

/// What each verb does, and whether it is done to one object or to many.
const VERBS: &[(&str, &str, bool)] = &[
    ("Add", "Adds", true),
    ("Clear", "Clears", true),
    ("Compare", "Compares", false),
    ("Complete", "Completes", true),
    ("Connect", "Connects", true),
    ("Disable", "Disables", true),
    ("Dismount", "Dismounts", true),
    ("Dump", "Writes out", true),
    ("Enable", "Enables", true),
    ("Export", "Exports", true),
    ("Get", "Shows", false),
    ("Import", "Imports", true),
    ("Install", "Installs", true),
    ("Invoke", "Runs", true),
    ("Mount", "Mounts", true),
    ("Move", "Moves", true),
    ("New", "Creates", true),
    ("Redirect", "Redirects", true),
    ("Remove", "Removes", true),
    ("Reset", "Resets", true),
    ("Restore", "Restores", true),
    ("Resume", "Resumes", true),
    ("Retry", "Retries", true),
    ("Search", "Searches", false),
    ("Send", "Sends", true),
    ("Set", "Changes the settings of", true),
    ("Start", "Starts", true),
    ("Stop", "Stops", true),
    ("Suspend", "Suspends", true),
    ("Test", "Tests", true),
    ("Uninstall", "Uninstalls", true),
    ("Update", "Updates", true),
    ("Write", "Writes to", true),
];

/// What ends nouns that are not counted.
const UNCOUNTED: &[&str] =
    &["config", "configuration", "health", "information", "log", "logging", "content", "data"];

/// A sentence of what a cmdlet does.
pub(crate) fn synopsis(name: &str) -> String {
    let Some((verb, noun)) = name.split_once('-') else { return String::new() };
    let noun = words(noun);
    match VERBS.iter().find(|row| row.0 == verb) {
        Some((_, does, true)) => format!("{does} {}.", one(&noun)),
        Some((_, does, false)) => format!("{does} {}.", many(&noun)),
        None => String::new(),
    }
}

/// `UMDialPlan` as a person writes it: `UM dial plan`.
fn words(noun: &str) -> String {
    let letters: Vec<char> = noun.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let begins = letter.is_uppercase()
            && (before.is_some_and(|b| !b.is_uppercase())
                || before.is_some() && letters.get(at + 1).is_some_and(|next| next.is_lowercase()));
        match words.last_mut() {
            Some(word) if !begins => word.push(*letter),
            _ => words.push(letter.to_string()),
        }
    }
    let plain = |word: String| {
        let is_abbreviation = word.len() > 1 && word.chars().all(|c| c.is_uppercase() || c.is_numeric());
        if is_abbreviation { word } else { word.to_lowercase() }
    };
    words.into_iter().map(plain).collect::<Vec<_>>().join(" ")
}

fn is_counted(noun: &str) -> bool {
    let last = noun.rsplit(' ').next().unwrap_or(noun);
    !(last.ends_with('s') && !last.ends_with("ss") || UNCOUNTED.contains(&last))
}

fn one(noun: &str) -> String {
    match (is_counted(noun), noun.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O'])) {
        (false, _) => format!("the {noun}"),
        (true, true) => format!("an {noun}"),
        (true, false) => format!("a {noun}"),
    }
}

fn many(noun: &str) -> String {
    match noun {
        _ if !is_counted(noun) => noun.to_owned(),
        _ if noun.ends_with('x') || noun.ends_with("ss") || noun.ends_with("ch") => format!("{noun}es"),
        _ if noun.ends_with('y') && !noun.ends_with("ay") => format!("{}ies", &noun[..noun.len() - 1]),
        _ => format!("{noun}s"),
    }
}

/// Examples, each found under every cmdlet it uses: a line that says what it is for (`# …`), the command lines,
/// an empty line.
const EXAMPLES: &str = include_str!("../data/examples.txt");

/// The examples in which a cmdlet is used, those that begin with it first.
pub fn examples(name: &str) -> Vec<Example> {
    static ALL: OnceLock<Vec<Example>> = OnceLock::new();
    let all = ALL.get_or_init(|| EXAMPLES.split("\n\n").filter_map(example).collect());
    let mut found: Vec<Example> = all.iter().filter(|example| uses(&example.code, name)).cloned().collect();
    found
        .sort_by_key(|example| !example.code.get(..name.len()).is_some_and(|b| b.eq_ignore_ascii_case(name)));
    found
}

fn example(text: &str) -> Option<Example> {
    let (title, code) = text.trim().strip_prefix("# ")?.split_once('\n')?;
    Some(Example { title: Arc::from(title), code: Arc::from(code) })
}

/// Whether a cmdlet's name stands in the text as a word.
fn uses(code: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '-';
    code.split(|c| !is_part(c)).any(|word| word.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cmdlet_has_a_sentence() {
        assert!(VERBS.is_sorted_by_key(|row| row.0));
        for name in crate::names() {
            assert!(crate::find(&name).is_some_and(|info| info.synopsis.ends_with('.')), "{name}");
        }
        for (name, sentence) in [
            ("Get-MailboxDatabase", "Shows mailbox databases."),
            ("Get-MailboxStatistics", "Shows mailbox statistics."),
            ("New-UMDialPlan", "Creates a UM dial plan."),
            ("Set-IPBlockListProvidersConfig", "Changes the settings of the IP block list providers config."),
            ("Get-RetentionPolicy", "Shows retention policies."),
            ("Get-Mailbox", "Shows mailboxes."),
            ("Remove-AcceptedDomain", "Removes an accepted domain."),
        ] {
            assert_eq!(synopsis(name), sentence);
        }
    }
}
