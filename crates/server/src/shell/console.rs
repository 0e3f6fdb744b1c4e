//! Streams that end on the screen: objects formatted on standard output, everything else on standard error.

use std::io::{self, IsTerminal, Write};

use powershell::{
    ErrorRecord, Flow, Streams, Value,
    cmdlet::{Progress, Prompt},
    format::{Printer, error_text, message_text},
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::interrupt::Interrupt;

/// The screen.
pub(super) struct Console {
    printer: Printer,
    progress_shown: bool,
    interrupt: Interrupt,
}

impl Console {
    /// A screen for what this prints.
    pub(super) fn new(printer: Printer, interrupt: &Interrupt) -> Self {
        Self { printer, progress_shown: false, interrupt: interrupt.clone() }
    }

    /// Prints what is still open (the last table).
    pub(super) fn finish(&mut self) {
        let rest = self.printer.finish();
        let _ = print(&rest);
    }

    /// Messages come after what was printed before them.
    fn say(&mut self, text: &str) {
        self.finish();
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// False when nobody reads any more.
fn print(text: &str) -> bool {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

impl Streams for Console {
    fn output(&mut self, value: Value) -> Flow {
        let text = self.printer.push(&value);
        if print(&text) { Flow::Continue } else { Flow::Stop }
    }
    fn error(&mut self, record: ErrorRecord) -> Flow {
        // Who pressed Ctrl+C knows why it stopped.
        if !(self.stopping() && &*record.error_id == "PipelineStopped") {
            self.say(&error_text(&record));
        }
        Flow::Continue
    }
    fn warning(&mut self, text: &str) {
        self.say(&message_text("WARNING", text));
    }
    fn verbose(&mut self, text: &str) {
        self.say(&message_text("VERBOSE", text));
    }
    fn debug(&mut self, text: &str) {
        self.say(&message_text("DEBUG", text));
    }
    fn progress(&mut self, progress: &Progress) {
        if !io::stderr().is_terminal() {
            return;
        }
        let Progress { activity, status, percent, completed } = progress;
        let text = match (completed, percent) {
            (true, _) if !self.progress_shown => return,
            (true, _) => "\r\u{1b}[K".to_owned(),
            (false, 0..) => format!("\r\u{1b}[K{activity}: {status} {percent} %"),
            (false, _) => format!("\r\u{1b}[K{activity}: {status}"),
        };
        self.progress_shown = !completed;
        let _ = io::stderr().write_all(text.as_bytes());
    }
    fn information(&mut self, value: Value) {
        self.finish();
        let _ = print(&format!("{value}\n"));
    }
    fn prompt(&mut self, prompt: &Prompt) -> Option<Value> {
        if !io::stdin().is_terminal() {
            return None;
        }
        self.finish();
        ask(prompt, &self.interrupt).ok().flatten()
    }
    fn stopping(&self) -> bool {
        self.interrupt.came()
    }
}

/// Puts a question; an error where no answer comes any more, be it for Ctrl+C.
fn ask(prompt: &Prompt, interrupt: &Interrupt) -> io::Result<Option<Value>> {
    let mut out = io::stderr().lock();
    if !prompt.caption.is_empty() {
        writeln!(out, "\n{}", prompt.caption)?;
    }
    if prompt.choices.is_empty() {
        let question = format!("{}: ", prompt.message);
        drop(out);
        let _hidden = if prompt.secret { Some(Hidden::begin()?) } else { None };
        let answer = line(&question, interrupt)?;
        return Ok(Some(Value::string(answer)));
    }
    writeln!(out, "{}", prompt.message)?;
    drop(out);
    let labels: Vec<String> = prompt.choices.iter().map(|choice| label(choice)).collect();
    let default = prompt.choices.get(prompt.default).map_or(String::new(), |choice| key(choice));
    loop {
        let answer = line(&format!("{} (default is \"{default}\"): ", labels.join("  ")), interrupt)?;
        let answer = if answer.trim().is_empty() { default.clone() } else { answer.trim().to_uppercase() };
        let fits =
            |choice: &String| key(choice) == answer || choice.replace('&', "").to_uppercase() == answer;
        if let Some(index) = prompt.choices.iter().position(fits) {
            return Ok(i32::try_from(index).ok().map(Value::Int));
        }
    }
}

/// `Yes to &All` is chosen with `A`.
fn key(choice: &str) -> String {
    let marked = choice.split_once('&').and_then(|(_, rest)| rest.chars().next());
    marked.or_else(|| choice.chars().next()).map_or(String::new(), |c| c.to_uppercase().collect())
}

fn label(choice: &str) -> String {
    format!("[{}] {}", key(choice), choice.replace('&', ""))
}

fn line(question: &str, interrupt: &Interrupt) -> io::Result<String> {
    let mut out = io::stderr().lock();
    out.write_all(question.as_bytes())?;
    out.flush()?;
    if interrupt.comes_first(&io::stdin()) {
        writeln!(out)?;
        return Err(io::ErrorKind::Interrupted.into());
    }
    let mut answer = String::new();
    if io::stdin().read_line(&mut answer)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer.trim_end_matches(['\r', '\n']).to_owned())
}

/// What is typed is not shown while this lives.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // The end of the line is.
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_have_keys() {
        assert_eq!(["&Yes", "Yes to &All", "No"].map(key), ["Y", "A", "N"]);
        assert_eq!(label("No to A&ll"), "[L] No to All");
    }
}
