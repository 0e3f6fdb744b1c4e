//! `rialto shell`: PowerShell over the cmdlets of a running server; at a prompt, from a pipe, or for one
//! command or script.

mod completion;
mod console;
mod files;
mod interrupt;
mod output;
mod repl;

use std::{
    io::{self, BufRead, IsTerminal, Write},
    process::ExitCode,
    sync::Arc,
};

use powershell::{CommandSource, Outcome, Runspace, Value, cmdlet::NoCommands};

pub(crate) use self::files::LocalFiles;
use self::{console::Console, interrupt::Interrupt, output::Collector};
use crate::{
    admin::client::RemoteCmdlets,
    cli::{self, OutputFormat},
    error::ServerError,
    layout::Layout,
    remoting::HttpsRemoting,
};

/// The screen's width where it is not a terminal, columns.
const WIDTH: usize = 120;

/// How many elements of a list views show; the product's shell shows more than PowerShell's four.
const ENUMERATION_LIMIT: i32 = 16;

/// Runs what was asked for; the exit code is 0 when no error was left unhandled, 1 otherwise, or what `exit`
/// said.
pub(crate) fn run(options: cli::Shell) -> Result<ExitCode, ServerError> {
    powershell::value::set_local_zone(jiff::tz::TimeZone::system());
    let (source, server) = cmdlets(&options)?;
    let mut runspace = Runspace::new(source)
        .with_files(Arc::new(LocalFiles))
        .with_remoting(Arc::new(HttpsRemoting::default()))
        .with_views(Arc::new(cmdlets::views()))
        .with_environment(std::env::vars());
    runspace.set_width(terminal_width());
    runspace.set("FormatEnumerationLimit", Value::Int(ENUMERATION_LIMIT));
    let arguments = options.arguments.iter().map(|text| Value::string(text.as_str())).collect();
    runspace.set("args", Value::array(arguments));
    let interrupt = Interrupt::listen()?;
    let printed = (options.output_format, &interrupt);
    let outcome = match (options.command, options.file) {
        (Some(command), _) => run_text(&mut runspace, "", &command, printed)?,
        (None, Some(path)) => {
            let text = std::fs::read(&path).map_err(|e| ServerError::io(path.display().to_string(), e))?;
            let text = powershell::text::decode(&text);
            run_text(&mut runspace, &path.display().to_string(), &text, printed)?
        }
        (None, None) if io::stdin().is_terminal() => {
            return repl::run(&mut runspace, &server, &interrupt).map(exit_code);
        }
        (None, None) => run_lines(&mut runspace, &interrupt)?,
    };
    Ok(if interrupt.came() { ExitCode::from(interrupt::EXIT_CODE) } else { exit_code(outcome) })
}

/// The cmdlets of the server on this machine, and its name; or none.
fn cmdlets(options: &cli::Shell) -> Result<(Arc<dyn CommandSource>, String), ServerError> {
    if options.standalone {
        return Ok((Arc::new(NoCommands), String::new()));
    }
    let remote = RemoteCmdlets::connect(Layout::new(&options.folder.data))?;
    let server = remote.server.clone();
    Ok((Arc::new(remote), server))
}

fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Outcome::Done { success: true } => ExitCode::SUCCESS,
        Outcome::Done { success: false } | Outcome::Incomplete => ExitCode::FAILURE,
        Outcome::Exit(code) => ExitCode::from(u8::try_from(code & 0xff).unwrap_or(1)),
    }
}

/// One text, printed as asked.
fn run_text(
    runspace: &mut Runspace,
    name: &str,
    text: &str,
    (format, interrupt): (OutputFormat, &Interrupt),
) -> Result<Outcome, ServerError> {
    let failed = |e| ServerError::io("standard output", e);
    let outcome = match format {
        OutputFormat::Text => {
            let mut console = Console::new(runspace.printer(), interrupt);
            let outcome = runspace.run_named(name, text, &mut console);
            console.finish();
            outcome
        }
        OutputFormat::Json | OutputFormat::Clixml => {
            let mut collector = Collector::new(interrupt);
            let outcome = runspace.run_named(name, text, &mut collector);
            let mut out = io::stdout().lock();
            collector.write(format, &mut out).and_then(|()| out.flush()).map_err(failed)?;
            outcome
        }
    };
    if outcome == Outcome::Incomplete {
        let _ = writeln!(
            io::stderr(),
            "The command is not complete: a bracket, quote or block is missing its end."
        );
    }
    Ok(outcome)
}

/// Commands from a pipe: each runs as soon as it is complete; the worst outcome counts.
fn run_lines(runspace: &mut Runspace, interrupt: &Interrupt) -> Result<Outcome, ServerError> {
    let (mut pending, mut worst) = (String::new(), Outcome::Done { success: true });
    for line in io::stdin().lock().lines() {
        pending.push_str(&line.map_err(|e| ServerError::io("standard input", e))?);
        pending.push('\n');
        let mut console = Console::new(runspace.printer(), interrupt);
        let outcome = runspace.run(&pending, &mut console);
        console.finish();
        if interrupt.came() {
            return Ok(outcome);
        }
        match outcome {
            Outcome::Incomplete => continue,
            Outcome::Exit(_) => return Ok(outcome),
            Outcome::Done { success: false } => worst = outcome,
            Outcome::Done { success: true } => {}
        }
        pending.clear();
    }
    Ok(if pending.trim().is_empty() { worst } else { Outcome::Incomplete })
}

/// Columns of the terminal.
fn terminal_width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
    size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0).unwrap_or(WIDTH)
}
