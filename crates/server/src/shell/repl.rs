//! The prompt: line editing, history in the user's own folder, completion.

use std::path::PathBuf;

use powershell::{Outcome, Runspace, runspace::is_complete};
use reedline::{
    ColumnarMenu, DefaultHinter, Emacs, FileBackedHistory, KeyCode, KeyModifiers, MenuBuilder, Prompt,
    PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu, Signal, ValidationResult,
    Validator, default_emacs_keybindings,
};

use super::{completion::PowerShellCompleter, console::Console, interrupt::Interrupt, terminal_width};
use crate::error::ServerError;

/// Lines of history kept.
const HISTORY: usize = 10_000;
const MENU: &str = "completions";

/// Reads and runs lines until `exit`, Ctrl+D, or the terminal goes.
pub(super) fn run(
    runspace: &mut Runspace,
    server: &str,
    interrupt: &Interrupt,
) -> Result<Outcome, ServerError> {
    let mut editor = editor(PowerShellCompleter::new(runspace));
    loop {
        let prompt = ServerPrompt::of(runspace, server);
        match editor.read_line(&prompt) {
            Ok(Signal::Success(line)) => {
                runspace.set_width(terminal_width());
                interrupt.clear();
                let mut console = Console::new(runspace.printer(), interrupt);
                let outcome = runspace.run(&line, &mut console);
                console.finish();
                if let Outcome::Exit(_) = outcome {
                    return Ok(outcome);
                }
            }
            Ok(Signal::CtrlC) => {}
            Ok(_) => return Ok(Outcome::Done { success: true }),
            Err(error) => return Err(ServerError::io("the terminal", error)),
        }
    }
}

fn editor(completer: PowerShellCompleter) -> Reedline {
    let mut keys = default_emacs_keybindings();
    let complete = ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.into()), ReedlineEvent::MenuNext]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, complete);
    let editor = Reedline::create()
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_validator(Box::new(WholeStatements))
        .with_hinter(Box::new(DefaultHinter::default()))
        .with_completer(Box::new(completer))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(ColumnarMenu::default().with_name(MENU))));
    match history_file().and_then(|path| FileBackedHistory::with_file(HISTORY, path).ok()) {
        Some(history) => editor.with_history(Box::new(history)),
        None => editor,
    }
}

/// `~/.local/state/rialto/history`, for this user alone.
fn history_file() -> Option<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let dir =
        state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?.join("rialto");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).ok()?;
    Some(dir.join("history"))
}

/// Enter ends a line only when the statement is whole.
struct WholeStatements;

impl Validator for WholeStatements {
    fn validate(&self, line: &str) -> ValidationResult {
        if is_complete(line) { ValidationResult::Complete } else { ValidationResult::Incomplete }
    }
}

/// `[PS] mail.contoso.com>`, and `[other.contoso.com]: PS>` in a session that was entered.
struct ServerPrompt(String);

impl ServerPrompt {
    fn of(runspace: &Runspace, server: &str) -> Self {
        Self(runspace.entered().map_or_else(|| format!("[PS] {server}"), |host| format!("[{host}]: PS")))
    }
}

impl Prompt for ServerPrompt {
    fn render_prompt_left(&self) -> std::borrow::Cow<'_, str> {
        (&*self.0).into()
    }
    fn render_prompt_right(&self) -> std::borrow::Cow<'_, str> {
        "".into()
    }
    fn render_prompt_indicator(&self, _: PromptEditMode) -> std::borrow::Cow<'_, str> {
        "> ".into()
    }
    fn render_prompt_multiline_indicator(&self) -> std::borrow::Cow<'_, str> {
        ">> ".into()
    }
    fn render_prompt_history_search_indicator(
        &self,
        search: PromptHistorySearch,
    ) -> std::borrow::Cow<'_, str> {
        format!("(search: {}) ", search.term).into()
    }
}
