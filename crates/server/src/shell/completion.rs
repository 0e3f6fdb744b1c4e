//! What Tab offers: cmdlets and built-ins by name, parameters of the cmdlet being typed, values for them.

use std::sync::Arc;

use powershell::{CommandSource, Runspace};
use reedline::{Completer, CompletionResult, Span, Suggestion};

/// Suggestions offered at once.
const MAX: usize = 200;

/// Completes from the source of commands.
pub(super) struct PowerShellCompleter {
    source: Arc<dyn CommandSource>,
}

impl PowerShellCompleter {
    /// Over a runspace's commands.
    pub(super) fn new(runspace: &Runspace) -> Self {
        Self { source: runspace.source().clone() }
    }

    /// The texts that may stand for the word at `start..`, given what stands before it in its pipeline stage.
    fn candidates(&self, before: &str, word: &str) -> Vec<String> {
        let stage = before.rsplit(['|', ';', '{', '(', '=']).next().unwrap_or("").trim_start();
        let begins = |name: &str| name.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        let Some(command) = stage.split_whitespace().next() else {
            return self
                .source
                .names()
                .iter()
                .filter(|name| begins(name))
                .map(|name| name.to_string())
                .collect();
        };
        let Some(info) = self.source.find(command) else { return Vec::new() };
        if let Some(prefix) = word.strip_prefix(['-', '–', '—']) {
            let begins =
                |name: &str| name.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
            return info
                .parameters
                .iter()
                .filter(|p| begins(&p.name))
                .map(|p| format!("-{}", p.name))
                .collect();
        }
        let last = stage.split_whitespace().last().and_then(|text| text.strip_prefix(['-', '–', '—']));
        let named = last.and_then(|name| info.parameter(name));
        let parameter = named.or_else(|| info.parameters.iter().find(|p| p.position == Some(1)));
        let Some(parameter) = parameter else { return Vec::new() };
        if !parameter.values.is_empty() {
            return parameter.values.iter().filter(|v| begins(v)).map(|v| v.to_string()).collect();
        }
        let values = self.source.complete(&info, parameter, word.trim_matches(['"', '\'']));
        values
            .into_iter()
            .map(|value| if value.contains(' ') { format!("\"{value}\"") } else { value })
            .collect()
    }
}

impl Completer for PowerShellCompleter {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let before = &line[..line.floor_char_boundary(position)];
        let start = before.rfind([' ', '|', ';', '(', '{', '=']).map_or(0, |at| at + 1);
        let candidates = self.candidates(&before[..start], &before[start..]);
        let suggestion = |value: String| Suggestion {
            value,
            span: Span::new(start, before.len()),
            append_whitespace: true,
            ..Suggestion::default()
        };
        CompletionResult::fresh(candidates.into_iter().take(MAX).map(suggestion).collect::<Vec<_>>())
    }
}
