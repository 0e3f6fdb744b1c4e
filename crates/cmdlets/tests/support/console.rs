//! A prompt to type at, and what its screen shows.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use base::rng::SeededRng;
use cmdlets::Cmdlets;
use parking_lot::Mutex;
use powershell::{
    CommandSource, ErrorRecord, Files, Flow, Limits, Outcome, Runspace, Streams, Value,
    cmdlet::{Progress, Prompt},
    format::{Printer, error_text, message_text},
};

use super::world::World;

/// A fresh prompt of whoever these cmdlets are for.
fn runspace(world: &World, cmdlets: Cmdlets) -> Runspace {
    let rng = Arc::new(SeededRng::new(2));
    let mut runspace = Runspace::with(Arc::new(cmdlets), world.clock.clone(), rng, Limits::SHELL);
    runspace = runspace.with_views(Arc::new(cmdlets::views())).with_files(Arc::new(Memory::default()));
    runspace.set_width(WIDTH);
    runspace
}

/// Files that are gone with the prompt.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, Vec<u8>>>);

impl Files for Memory {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.0.lock().get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
    fn write(&self, path: &str, bytes: &[u8], append: bool) -> io::Result<()> {
        let mut files = self.0.lock();
        let file = files.entry(path.to_owned()).or_default();
        file.truncate(if append { usize::MAX } else { 0 });
        file.extend_from_slice(bytes);
        Ok(())
    }
    fn exists(&self, path: &str) -> bool {
        self.0.lock().contains_key(path)
    }
}

/// How long a line runs that is interrupted.
const INTERRUPT: Duration = Duration::from_millis(300);

/// Columns of the screen.
const WIDTH: usize = 120;

/// A session at a prompt over a world of its own.
pub(crate) struct Console {
    runspace: Runspace,
    world: World,
    answers: VecDeque<String>,
    /// The next line is interrupted while it runs.
    interrupts: bool,
}

impl Console {
    pub(crate) fn new() -> Self {
        let world = World::new();
        Self {
            runspace: runspace(&world, world.cmdlets.clone()),
            world,
            answers: VecDeque::new(),
            interrupts: false,
        }
    }

    /// `@ answer Y` keeps an answer for the next question, `@ interrupt` presses Ctrl+C while the next line runs, `@ complete Get-Mailbox Identity nu => Nuno Mota`
    /// says what is offered for an argument, `@ as ana` goes on as somebody who logged on from elsewhere; the
    /// rest is the world's.
    pub(crate) fn direct(&mut self, line: &str) {
        match line.split_once(' ') {
            None if line == "interrupt" => self.interrupts = true,
            Some(("answer", answer)) => self.answers.push_back(answer.to_owned()),
            Some(("complete", rest)) => {
                let (asked, offered) = rest.split_once("=>").expect("what is offered");
                let mut asked = asked.split_whitespace();
                let command = asked.next().and_then(cmdlets::find).expect("a command");
                let parameter = asked.next().and_then(|name| command.parameter(name)).expect("a parameter");
                let prefix = asked.next().unwrap_or_default();
                let found = self.world.cmdlets.complete(&command, parameter, prefix);
                assert_eq!(found.join(", "), offered.trim(), "{line}");
            }
            Some(("as", alias)) => match self.world.cmdlets_of(alias) {
                Ok(cmdlets) => {
                    self.world.cmdlets = cmdlets.clone();
                    self.runspace = runspace(&self.world, cmdlets);
                }
                Err(fault) => panic!("{line}: {fault}"),
            },
            Some(("refused", alias)) => {
                let fault = self.world.cmdlets_of(alias).err().expect("nobody who may do anything");
                assert_eq!(fault.code, "CmdletAccessDeniedException", "{line}");
            }
            _ => self.world.direct(line),
        }
    }

    /// Types a line and reads the screen.
    pub(crate) fn type_line(&mut self, text: &str) -> String {
        let printer = Printer::new(self.runspace.views().clone(), WIDTH);
        let interrupt = std::mem::take(&mut self.interrupts).then(|| Instant::now() + INTERRUPT);
        let mut screen = Screen { printer, text: String::new(), answers: &mut self.answers, interrupt };
        let outcome = self.runspace.run(text, &mut screen);
        let rest = screen.printer.finish();
        let mut text = screen.text + &rest;
        match outcome {
            Outcome::Done { .. } => {}
            Outcome::Incomplete => text.push_str(">>\n"),
            Outcome::Exit(code) => text.push_str(&format!("(exit {code})\n")),
        }
        text
    }
}

struct Screen<'a> {
    printer: Printer,
    text: String,
    answers: &'a mut VecDeque<String>,
    /// When Ctrl+C is pressed.
    interrupt: Option<Instant>,
}

impl Screen<'_> {
    /// Messages come behind the objects before them.
    fn say(&mut self, text: &str) {
        let before = self.printer.finish();
        self.text.push_str(&before);
        self.text.push_str(text);
    }
}

impl Streams for Screen<'_> {
    fn output(&mut self, value: Value) -> Flow {
        self.text.push_str(&self.printer.push(&value));
        Flow::Continue
    }
    /// Without the position: what was typed stands above.
    fn error(&mut self, record: ErrorRecord) -> Flow {
        let text = error_text(&record);
        let kept = text.lines().filter(|l| !l.starts_with("At line:") && !l.starts_with("+ "));
        let kept: Vec<&str> = kept.collect();
        self.say(&format!("{}\n", kept.join("\n")));
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
    fn progress(&mut self, _: &Progress) {}
    fn information(&mut self, value: Value) {
        self.say(&format!("{value}\n"));
    }
    fn stopping(&self) -> bool {
        self.interrupt.is_some_and(|at| Instant::now() > at)
    }
    fn prompt(&mut self, prompt: &Prompt) -> Option<Value> {
        let answer = self.answers.pop_front()?;
        self.say(&format!("{}\n{}\n? {answer}\n", prompt.caption, prompt.message));
        let key = answer.to_uppercase();
        let chosen = prompt.choices.iter().position(|choice| {
            choice.split_once('&').is_some_and(|(_, rest)| rest.to_uppercase().starts_with(&key))
        });
        let chosen = chosen.unwrap_or(prompt.default);
        Some(if prompt.choices.is_empty() { Value::string(answer) } else { Value::from(chosen) })
    }
}
