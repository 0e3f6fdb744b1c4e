//! The server's source of commands: binds what a caller sends, checks, runs and records it. One place for
//! every way in (the local shell today; remoting and REST later).

use std::sync::{Arc, OnceLock};

use powershell::{
    Value, binder,
    cmdlet::{
        Bound, CommandInfo, CommandSource, ErrorRecord, Invocation, ParameterInfo, Preferences, Streams,
    },
    facts::Facts,
};

use crate::{ALL, Cmdlet, Context, call::Call};

/// The module's name, as `Get-Command` shows it.
pub const MODULE: &str = "Microsoft.Exchange.Management";

static FACTS: Facts = Facts::new(MODULE, include_str!("../data/cmdlets.jsonl"));

/// The declaration of a known cmdlet, built or not, by its name without case.
pub fn find(name: &str) -> Option<Arc<CommandInfo>> {
    let own = built(name).and_then(|cmdlet| cmdlet.extra).map(|declare| declare());
    own.or_else(|| FACTS.find(name)).map(Arc::new)
}

/// The names of all known cmdlets, sorted without case.
pub fn names() -> Vec<Arc<str>> {
    static NAMES: OnceLock<Vec<Arc<str>>> = OnceLock::new();
    let collect = || {
        let own = ALL.iter().filter(|cmdlet| cmdlet.extra.is_some()).map(|cmdlet| cmdlet.name);
        let mut names: Vec<Arc<str>> = FACTS.names().chain(own).map(Arc::from).collect();
        names.sort_by_key(|name| name.to_ascii_lowercase());
        names
    };
    NAMES.get_or_init(collect).clone()
}

/// The cmdlet of that name, if it is built.
pub fn built(name: &str) -> Option<&'static Cmdlet> {
    ALL.iter().find(|cmdlet| cmdlet.name.eq_ignore_ascii_case(name)).copied()
}

/// Whether an object can stand for a parameter of a type: any object with an identity can for identity
/// parameters (`MailboxIdParameter` …), as the product's own conversions do.
pub fn accepts(parameter_type: &str, object: &Value) -> Option<bool> {
    let element = parameter_type.trim_end_matches("[]");
    if !element.ends_with("IdParameter") {
        return None;
    }
    Some(match object {
        Value::Object(_) => {
            ["Guid", "Identity", "DistinguishedName"].iter().any(|name| object.property(name).is_some())
        }
        Value::Identity(_) | Value::String(_) | Value::Guid(_) | Value::Address(_) => true,
        _ => false,
    })
}

/// The cmdlets as one caller may run them.
#[derive(Clone)]
pub struct Cmdlets {
    cx: Arc<Context>,
    /// Who is calling, for the log and the audit.
    caller: Arc<str>,
}

impl Cmdlets {
    /// For a user of this machine whom the kernel vouched for: an administrator of the organisation.
    pub fn for_local_user(cx: Arc<Context>, uid: u32) -> Self {
        Self { cx, caller: format!("local user {uid}").into() }
    }

    /// The server's name.
    pub fn server_name(&self) -> String {
        self.cx.server_name.clone()
    }

    /// Binds what a peer sent, as if it had been typed here.
    pub fn bind(
        &self,
        command: &str,
        parameters: Bound,
        preferences: Preferences,
        pipeline_object: Option<Value>,
    ) -> Result<Invocation, ErrorRecord> {
        let info = find(command).ok_or_else(|| ErrorRecord::command_not_found(command))?;
        let mut call =
            binder::bind_named(info, parameters, preferences, Arc::new(self.clone()), self.cx.clock.now())?;
        call.pipeline_object = pipeline_object;
        Ok(call)
    }
}

impl CommandSource for Cmdlets {
    fn find(&self, name: &str) -> Option<Arc<CommandInfo>> {
        find(name)
    }

    fn names(&self) -> Vec<Arc<str>> {
        names()
    }

    fn invoke(&self, invocation: &Invocation, out: &mut dyn Streams) -> Result<(), ErrorRecord> {
        let name = &*invocation.command.name;
        let span = tracing::info_span!("cmdlet", name, caller = &*self.caller);
        let _entered = span.enter();
        let outcome = match built(name) {
            None => return Err(ErrorRecord::not_implemented(name)),
            Some(cmdlet) => cmdlet.invoke(&mut Call::new(&self.cx, invocation, cmdlet, out)),
        };
        metrics::counter!("rialto_cmdlets_total", "outcome" => if outcome.is_ok() { "ok" } else { "error" })
            .increment(1);
        outcome.map_err(|fault| {
            tracing::info!(?fault, "the cmdlet failed");
            ErrorRecord::from(fault).from_command(name)
        })
    }

    fn accepts(&self, parameter_type: &str, object: &Value) -> Option<bool> {
        accepts(parameter_type, object)
    }

    fn complete(&self, command: &CommandInfo, parameter: &ParameterInfo, prefix: &str) -> Vec<String> {
        built(&command.name).map_or_else(Vec::new, |cmdlet| cmdlet.complete(&self.cx, parameter, prefix))
    }
}
