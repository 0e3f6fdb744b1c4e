//! `New-PSSession`, `Get-PSSession`, `Remove-PSSession`, `Disconnect-PSSession`, `Connect-PSSession`,
//! `Enter-PSSession`, `Exit-PSSession`.

use std::sync::Arc;

use super::{
    Args, Builtin, P, join, p,
    pssession_open::{self, CONNECTION},
    stages::{gather, once},
    switch,
};
use crate::{
    cmdlet::{ErrorCategory, ErrorRecord},
    eval::{Interp, Run, Wildcard, runtime},
    pipeline::Stage,
    remote::{Failure, Session},
    value::Value,
};

pub(crate) const NEW_PS_SESSION: Builtin = Builtin {
    name: "New-PSSession",
    aliases: &["nsn"],
    synopsis: "Creates a persistent connection to a remote computer.",
    parameters: &{
        let mut connection = CONNECTION;
        connection[0] = connection[0].at(0);
        join::<_, _, 14>(
            connection,
            [
                p("Name", "String[]"),
                p("ThrottleLimit", "Int32"),
                p("CertificateThumbprint", "String"),
                switch("EnableNetworkAccess"),
            ],
        )
    },
    should_process: false,
    make: new,
};

const SESSION: P = P { piped: true, ..p("Session", "Object[]").at(0) };
const WHICH: [P; 3] = [p("Id", "Int32[]"), p("Name", "String[]"), p("InstanceId", "Guid[]")];
const WHERE: [P; 2] = [p("ComputerName", "String[]").alias(&["Cn"]), p("ConfigurationName", "String")];
/// One or several sessions.
const CHOICE: [P; 6] = join([SESSION], join::<_, _, 5>(WHICH, WHERE));

pub(crate) const GET_PS_SESSION: Builtin = Builtin {
    name: "Get-PSSession",
    aliases: &["gsn"],
    synopsis: "Gets the PowerShell sessions of this shell.",
    parameters: &{
        let [computer, configuration] = WHERE;
        join::<_, _, 6>([computer.at(0)], join::<_, _, 5>(WHICH, [configuration, p("State", "String")]))
    },
    should_process: false,
    make: get,
};

pub(crate) const REMOVE_PS_SESSION: Builtin = Builtin {
    name: "Remove-PSSession",
    aliases: &["rsn"],
    synopsis: "Closes one or more PowerShell sessions.",
    parameters: &CHOICE,
    should_process: true,
    make: |_, args| each(args, "Remove-PSSession", remove),
};

pub(crate) const DISCONNECT_PS_SESSION: Builtin = Builtin {
    name: "Disconnect-PSSession",
    aliases: &["dnsn"],
    synopsis: "Disconnects from a session, which stays on its server.",
    parameters: &join::<_, _, 8>(CHOICE, [p("IdleTimeoutSec", "Int32"), p("ThrottleLimit", "Int32")]),
    should_process: true,
    make: |_, args| each(args, "Disconnect-PSSession", |_, session| session.disconnect()),
};

pub(crate) const CONNECT_PS_SESSION: Builtin = Builtin {
    name: "Connect-PSSession",
    aliases: &["cnsn"],
    synopsis: "Reconnects to disconnected sessions.",
    parameters: &join::<_, _, 7>(CHOICE, [p("ThrottleLimit", "Int32")]),
    should_process: true,
    make: |_, args| each(args, "Connect-PSSession", |_, session| session.reconnect()),
};

pub(crate) const ENTER_PS_SESSION: Builtin = Builtin {
    name: "Enter-PSSession",
    aliases: &["etsn"],
    synopsis: "Starts an interactive session with a remote computer.",
    parameters: &join::<_, _, 14>([SESSION], join::<_, _, 13>(WHICH, CONNECTION)),
    should_process: false,
    make: enter,
};

pub(crate) const EXIT_PS_SESSION: Builtin = Builtin {
    name: "Exit-PSSession",
    aliases: &["exsn"],
    synopsis: "Ends an interactive session with a remote computer.",
    parameters: &[],
    should_process: false,
    make: |_, _| {
        Ok(once(|cx, _| {
            cx.state.remotes.entered = None;
            Ok(())
        }))
    },
};

fn new(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    Ok(once(move |cx, out| {
        for opening in pssession_open::openings(cx, &args)? {
            let computer = crate::remote::host(&opening.endpoint.url).to_owned();
            match pssession_open::open(cx, opening)? {
                Ok(session) => {
                    cx.state.remotes.sessions.insert(session.id, session.clone());
                    out.put(cx, session.shown())?;
                }
                Err(failure) => {
                    cx.write_error(failure.opening(&computer).from_command("New-PSSession"))?;
                }
            }
        }
        Ok(())
    }))
}

/// Which sessions a command is about.
struct Wanted {
    ids: Vec<String>,
    names: Vec<Wildcard>,
    instances: Vec<String>,
    computers: Vec<Wildcard>,
    configuration: Option<Wildcard>,
}

impl Wanted {
    fn new(args: &Args) -> Self {
        let texts = |name: &str| args.list(name).iter().map(Value::to_string).collect::<Vec<_>>();
        let patterns = |name: &str| texts(name).iter().map(|text| Wildcard::new(text, false)).collect();
        Wanted {
            ids: texts("Id"),
            names: patterns("Name"),
            instances: texts("InstanceId"),
            computers: patterns("ComputerName"),
            configuration: args.text("ConfigurationName").map(|text| Wildcard::new(&text, false)),
        }
    }

    fn is_all(&self) -> bool {
        self.ids.is_empty() && self.names.is_empty() && self.instances.is_empty() && self.computers.is_empty()
    }

    fn takes(&self, session: &Session) -> bool {
        let named = |patterns: &[Wildcard], property: &str| {
            patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(&session.property(property)))
        };
        let is = |texts: &[String], property: &str| {
            texts.is_empty()
                || texts.iter().any(|text| text.eq_ignore_ascii_case(&session.property(property)))
        };
        is(&self.ids, "Id")
            && is(&self.instances, "InstanceId")
            && named(&self.names, "Name")
            && named(&self.computers, "ComputerName")
            && self
                .configuration
                .as_ref()
                .is_none_or(|wanted| wanted.matches(&session.property("ConfigurationName")))
    }
}

fn get(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    let (wanted, state) = (Wanted::new(&args), args.text("State"));
    Ok(once(move |cx, out| {
        let sessions: Vec<_> = cx.state.remotes.sessions.values().cloned().collect();
        for session in sessions.iter().filter(|session| wanted.takes(session)) {
            if state.as_ref().is_none_or(|state| state.eq_ignore_ascii_case(&session.property("State"))) {
                out.put(cx, session.shown())?;
            }
        }
        Ok(())
    }))
}

/// The session a value stands for: its object, or its number.
pub(super) fn session_of(cx: &Interp<'_>, value: &Value) -> Run<Arc<Session>> {
    let sessions = &cx.state.remotes.sessions;
    let found = match value {
        Value::Int(id) => sessions.get(id),
        other => sessions.values().find(|session| session.is(other)),
    };
    found.cloned().ok_or_else(|| {
        let text =
            format!("There is no session {value} in this shell: it was closed, or it is no session at all.");
        let id = "RemoteRunspaceNotAvailableForSpecifiedSession";
        ErrorRecord::new("System.ArgumentException", id, ErrorCategory::InvalidArgument, text).into()
    })
}

/// Does something to each session that is named or comes through the pipeline.
fn each(
    args: Args,
    command: &'static str,
    act: fn(&mut Interp<'_>, &Arc<Session>) -> Result<(), Failure>,
) -> Run<Box<dyn Stage>> {
    let wanted = Wanted::new(&args);
    let given = args.list("Session");
    Ok(gather(move |cx, items, out| {
        let mut sessions = Vec::new();
        for value in given.iter().chain(&items) {
            match session_of(cx, value) {
                Ok(session) => sessions.push(session),
                Err(crate::eval::Unwind::Error { record, .. }) => {
                    cx.write_error(record.from_command(command))?
                }
                Err(other) => return Err(other),
            }
        }
        if !wanted.is_all() {
            sessions
                .extend(cx.state.remotes.sessions.values().filter(|session| wanted.takes(session)).cloned());
        }
        for session in sessions {
            if !cx.should_process(&session.property("Name"), command)? {
                continue;
            }
            match act(cx, &session) {
                Ok(()) if command != "Remove-PSSession" => out.put(cx, session.shown())?,
                Ok(()) => {}
                Err(failure) => cx.write_error(failure.running(&session.computer).from_command(command))?,
            }
        }
        Ok(())
    }))
}

/// Closes a session; what was imported from it goes with it.
fn remove(cx: &mut Interp<'_>, session: &Arc<Session>) -> Result<(), Failure> {
    session.remove();
    let remotes = &mut cx.state.remotes;
    remotes.sessions.remove(&session.id);
    remotes.entered.take_if(|entered| Arc::ptr_eq(entered, session));
    super::pssession_import::forget(cx, |import| Arc::ptr_eq(&import.session, session));
    Ok(())
}

fn enter(_: &mut Interp<'_>, args: Args) -> Run<Box<dyn Stage>> {
    Ok(once(move |cx, _| {
        let wanted = Wanted::new(&args);
        let session = match args.list("Session").first() {
            Some(value) => session_of(cx, value)?,
            None if args.has("Id") || args.has("Name") || args.has("InstanceId") => {
                let found = cx.state.remotes.sessions.values().find(|session| wanted.takes(session)).cloned();
                found.ok_or_else(|| {
                    runtime("PSSessionNotFound", ErrorCategory::ObjectNotFound, "There is no such session.")
                })?
            }
            None => {
                let openings = pssession_open::openings(cx, &args)?;
                let Some(opening) = openings.into_iter().next() else { return Ok(()) };
                let computer = crate::remote::host(&opening.endpoint.url).to_owned();
                let session =
                    pssession_open::open(cx, opening)?.map_err(|failure| failure.opening(&computer))?;
                cx.state.remotes.sessions.insert(session.id, session.clone());
                session
            }
        };
        cx.state.remotes.entered = Some(session);
        Ok(())
    }))
}
