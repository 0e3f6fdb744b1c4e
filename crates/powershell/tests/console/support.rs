//! A console over sample commands, in memory, with the clock standing still.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use base::{
    ByteQuantifiedSize, Timestamp, Unlimited,
    clock::{Clock, ManualClock, SharedClock},
    rng::SeededRng,
};
use powershell::{
    CommandInfo, CommandSource, ErrorCategory, ErrorRecord, Files, Flow, Invocation, Limits, Runspace,
    Streams,
    cmdlet::{Progress, Prompt},
    facts::Facts,
    format::{Printer, chosen, error_text, message_text, question},
    value::{EnumValue, ObjectShape, Value},
};

static FACTS: Facts = Facts::new("Example", include_str!("../../../cmdlets/data/cmdlets.jsonl"));

/// Sample commands: three mailboxes that can be listed and set.
pub(crate) struct Sample {
    mailbox: ObjectShape,
    /// What `Set-Mailbox` was called with.
    calls: Mutex<Vec<String>>,
}

impl Sample {
    fn new() -> Self {
        let names = [
            "Name",
            "Alias",
            "ServerName",
            "ProhibitSendQuota",
            "EmailAddresses",
            "WhenCreated",
            "RecipientType",
        ];
        let types = ["Microsoft.Exchange.Data.Directory.Management.Mailbox", "System.Object"];
        Sample { mailbox: ObjectShape::new(&types, names), calls: Mutex::default() }
    }

    fn mailboxes(&self) -> Vec<Value> {
        let row = |name: &str, alias: &str, quota: Option<u64>| {
            let quota =
                quota.map_or(Unlimited::Unlimited, |gb| Unlimited::Limited(ByteQuantifiedSize::from_gb(gb)));
            let kind = EnumValue {
                type_name: "Example.RecipientType".into(),
                name: "UserMailbox".into(),
                number: 1,
            };
            let addresses = [format!("SMTP:{alias}@rialto.test"), format!("smtp:{alias}@example.org")];
            self.mailbox
                .object(vec![
                    name.into(),
                    alias.into(),
                    "EX1".into(),
                    quota.into(),
                    Value::multi(addresses.into_iter().map(Value::from).collect()),
                    Timestamp::from_secs(1_700_000_000).into(),
                    Value::Enum(Arc::new(kind)),
                ])
                .into()
        };
        vec![
            row("Ana Costa", "ana", Some(2)),
            row("Nuno Mota", "nuno", None),
            row("Rui Dias", "rui", Some(5)),
        ]
    }
}

impl CommandSource for Sample {
    fn find(&self, name: &str) -> Option<Arc<CommandInfo>> {
        FACTS.find(name).map(Arc::new)
    }
    fn names(&self) -> Vec<Arc<str>> {
        FACTS.names().map(Arc::from).collect()
    }
    fn modules(&self) -> Vec<Arc<str>> {
        vec!["Example".into()]
    }
    fn invoke(&self, call: &Invocation, out: &mut dyn Streams) -> Result<(), ErrorRecord> {
        let identity = call.get("Identity").map(Value::to_string);
        match &*call.command.name {
            "Get-Mailbox" => {
                out.verbose("Looking for mailboxes.");
                let fits = |m: &Value| {
                    identity.as_ref().is_none_or(|id| {
                        ["Alias", "Name"]
                            .iter()
                            .any(|p| m.property(p).is_some_and(|v| v.to_string().eq_ignore_ascii_case(id)))
                    })
                };
                let found: Vec<Value> = self.mailboxes().into_iter().filter(fits).collect();
                if let (Some(id), true) = (&identity, found.is_empty()) {
                    let text = format!(
                        "The operation couldn't be performed because object '{id}' couldn't be found on 'DC1'."
                    );
                    return Err(ErrorRecord::new(
                        "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
                        "ManagementObjectNotFound",
                        ErrorCategory::NotSpecified,
                        text,
                    ));
                }
                for mailbox in found {
                    if out.output(mailbox) == Flow::Stop {
                        break;
                    }
                }
                Ok(())
            }
            name @ "Set-Mailbox" => {
                let shown: Vec<String> = call.parameters.iter().map(|(n, v)| format!("{n}={v}")).collect();
                let mode = if call.preferences.what_if { " (what if)" } else { "" };
                self.calls.lock().expect("the calls").push(format!("{name} {}{mode}", shown.join(" ")));
                if identity.as_deref() == Some("rui") {
                    out.warning(
                        "The command completed successfully but no settings of 'rui' have been modified.",
                    );
                }
                Ok(())
            }
            "Get-OrganizationConfig" => {
                // The calls so far: how a session looks at what Set-Mailbox got.
                let calls = std::mem::take(&mut *self.calls.lock().expect("the calls"));
                for line in calls {
                    let _ = out.output(line.into());
                }
                Ok(())
            }
            other => Err(ErrorRecord::not_implemented(other)),
        }
    }
}

/// The name without a leading `./`.
fn bare(path: &str) -> String {
    path.trim_start_matches(['.', '/', '\\']).replace('\\', "/")
}

/// Files in memory.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, Vec<u8>>>);

impl Files for Memory {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.0.lock().expect("files").get(&bare(path)).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
    fn write(&self, path: &str, bytes: &[u8], append: bool) -> io::Result<()> {
        let mut files = self.0.lock().expect("files");
        let file = files.entry(bare(path)).or_default();
        if !append {
            file.clear();
        }
        file.extend_from_slice(bytes);
        Ok(())
    }
    fn exists(&self, path: &str) -> bool {
        self.0.lock().expect("files").contains_key(&bare(path))
    }
}

/// What the console shows.
struct Screen<'a> {
    printer: Printer,
    text: String,
    answers: &'a mut VecDeque<String>,
    /// When whoever reads asks to stop.
    until: Option<Instant>,
}

impl Screen<'_> {
    fn message(&mut self, stream: &str, text: &str) {
        self.text.push_str(&self.printer.finish());
        self.text.push_str(&message_text(stream, text));
    }
}

impl Streams for Screen<'_> {
    fn output(&mut self, value: Value) -> Flow {
        self.text.push_str(&self.printer.push(&value));
        Flow::Continue
    }
    fn error(&mut self, record: ErrorRecord) -> Flow {
        self.text.push_str(&self.printer.finish());
        self.text.push_str(&error_text(&record));
        Flow::Continue
    }
    fn warning(&mut self, text: &str) {
        self.message("WARNING", text);
    }
    fn verbose(&mut self, text: &str) {
        self.message("VERBOSE", text);
    }
    fn debug(&mut self, text: &str) {
        self.message("DEBUG", text);
    }
    fn progress(&mut self, progress: &Progress) {
        let Progress { activity, status, percent, completed } = progress;
        self.text.push_str(&format!("({activity}: {status} {percent} % {completed})\n"));
    }
    fn information(&mut self, value: Value) {
        self.text.push_str(&self.printer.finish());
        self.text.push_str(&format!("{value}\n"));
    }
    fn stopping(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() > until)
    }
    fn prompt(&mut self, prompt: &Prompt) -> Option<Value> {
        let answer = self.answers.pop_front()?;
        self.text.push_str(&self.printer.finish());
        self.text.push_str(&format!("{}{}\n", question(prompt), if prompt.secret { "***" } else { &answer }));
        if prompt.choices.is_empty() {
            return Some(answer.into());
        }
        chosen(prompt, &answer).and_then(|at| i32::try_from(at).ok()).map(Value::Int)
    }
}

/// A clock that moves a millisecond each time it is read.
#[derive(Default)]
pub(crate) struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// A prompt to type at.
pub(crate) struct Console {
    /// The session.
    pub(crate) runspace: Runspace,
    answers: VecDeque<String>,
    stop_after: Option<Duration>,
}

impl Console {
    /// A fresh session.
    pub(crate) fn new() -> Self {
        Self::bounded(Limits::SHELL)
    }

    /// A fresh session with these bounds.
    pub(crate) fn bounded(limits: Limits) -> Self {
        Self::with_clock(limits, Arc::new(ManualClock::new(Timestamp::from_secs(1_795_412_281))))
    }

    /// A fresh session with these bounds and this clock.
    pub(crate) fn with_clock(limits: Limits, clock: SharedClock) -> Self {
        let mut runspace =
            Runspace::with(Arc::new(Sample::new()), clock, Arc::new(SeededRng::new(1)), limits)
                .with_files(Arc::new(Memory::default()))
                .with_environment([("COMPUTERNAME".to_owned(), "EX1".to_owned())]);
        runspace.set_width(100);
        Console { runspace, answers: VecDeque::new(), stop_after: None }
    }

    /// Asks every line to stop after this long.
    pub(crate) fn stop_after(&mut self, after: Duration) {
        self.stop_after = Some(after);
    }

    /// Keeps an answer for the next question.
    pub(crate) fn answer(&mut self, answer: &str) {
        self.answers.push_back(answer.to_owned());
    }

    /// Types a line and reads the screen.
    pub(crate) fn type_line(&mut self, text: &str) -> String {
        let printer = self.runspace.printer();
        let until = self.stop_after.map(|after| Instant::now() + after);
        let mut screen = Screen { printer, text: String::new(), answers: &mut self.answers, until };
        let outcome = self.runspace.run(text, &mut screen);
        let rest = screen.printer.finish();
        screen.text.push_str(&rest);
        match outcome {
            powershell::Outcome::Done { .. } => {}
            powershell::Outcome::Incomplete => screen.text.push_str(">>\n"),
            powershell::Outcome::Exit(code) => screen.text.push_str(&format!("(exit {code})\n")),
        }
        screen.text
    }
}
