//! What Tab offers: the language's own completion, in the line editor's terms.

use powershell::{Runspace, complete::Completer as Words};
use reedline::{Completer, CompletionResult, Span, Suggestion};

/// Completes from a runspace.
pub(super) struct PowerShellCompleter(Words);

impl PowerShellCompleter {
    /// Over a runspace's commands, variables and functions.
    pub(super) fn new(runspace: &Runspace) -> Self {
        Self(runspace.completer())
    }
}

impl Completer for PowerShellCompleter {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let found = self.0.complete(line, position);
        let suggestion = |value: String| Suggestion {
            value,
            span: Span::new(found.start, found.end),
            append_whitespace: true,
            ..Suggestion::default()
        };
        CompletionResult::fresh(found.candidates.into_iter().map(suggestion).collect::<Vec<_>>())
    }
}
