//! The server's source of commands: binds what a caller sends, checks, runs and records it. One place for
//! every way in (the local shell today; remoting and REST later).

use std::sync::{Arc, OnceLock};

use base::{Fault, Guid};
use powershell::{
    Value, binder,
    cmdlet::{
        Bound, CommandInfo, CommandSource, ErrorRecord, Example, Invocation, ParameterInfo, Preferences,
        Streams,
    },
    facts::Facts,
};

use crate::{
    ALL, CORRECTIONS, Cmdlet, Context, audit,
    call::Reader,
    complete, help,
    person::Person,
    place::Part,
    runner::{Ended, Run},
};

/// The module's name, as `Get-Command` shows it.
pub const MODULE: &str = "Microsoft.Exchange.Management";

static FACTS: Facts = Facts::new(MODULE, include_str!("../data/cmdlets.jsonl")).with_corrections(CORRECTIONS);

/// A name, and its declaration once somebody asked for it.
type Known = (Arc<str>, OnceLock<Option<Arc<CommandInfo>>>);

/// Every known cmdlet, sorted without case.
fn known() -> &'static [Known] {
    static KNOWN: OnceLock<Vec<Known>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let own = ALL.iter().filter(|cmdlet| cmdlet.extra.is_some()).map(|cmdlet| cmdlet.name);
        let mut names: Vec<&str> = FACTS.names().chain(own).collect();
        names.sort_by_key(|name| name.to_ascii_lowercase());
        names.into_iter().map(|name| (name.into(), OnceLock::new())).collect()
    })
}

/// Scripts that come with the product, and the cmdlets that are here in their place.
const SCRIPTS: &[(&str, &str)] = &[("redistributeactivedatabases.ps1", "optimize-activemailboxdatabase")];

/// The declaration of a known cmdlet, built or not, by its name without case.
pub fn find(name: &str) -> Option<Arc<CommandInfo>> {
    let mut lower = name.to_ascii_lowercase();
    if lower.ends_with(".ps1") {
        let file = lower.rsplit(['/', '\\']).next();
        lower = SCRIPTS.iter().find(|row| Some(row.0) == file)?.1.to_owned();
    }
    let at = known().binary_search_by(|(known, _)| known.to_ascii_lowercase().cmp(&lower)).ok()?;
    let (name, declared) = &known()[at];
    declared.get_or_init(|| declare(name).map(Arc::new)).clone()
}

fn declare(name: &str) -> Option<CommandInfo> {
    let cmdlet = built(name);
    if let Some(declare) = cmdlet.and_then(|cmdlet| cmdlet.extra) {
        return Some(declare());
    }
    let mut info = FACTS.find(name)?;
    info.synopsis = help::synopsis(name).into();
    let own = cmdlet.map_or(&[][..], |cmdlet| cmdlet.own).iter();
    info.parameters.extend(own.map(|(name, kind)| ParameterInfo::new(name, kind)));
    for parameter in &mut info.parameters {
        if let Some(nullable) = cmdlet.and_then(|cmdlet| cmdlet.nullable(parameter)) {
            parameter.type_name = nullable.into();
        }
        let words = cmdlet.and_then(|cmdlet| cmdlet.words(&parameter.name)).unwrap_or_default();
        parameter.values = words.iter().map(|word| Arc::from(*word)).collect();
    }
    Some(info)
}

/// The names of all known cmdlets, sorted without case.
pub fn names() -> Vec<Arc<str>> {
    known().iter().map(|(name, _)| name.clone()).collect()
}

/// The cmdlet of that name, if it is built.
pub fn built(name: &str) -> Option<&'static Cmdlet> {
    ALL.iter().find(|cmdlet| cmdlet.name.eq_ignore_ascii_case(name)).copied()
}

/// Identity parameters whose names do not say which objects they take: the type's last name, and the
/// parameter's.
const TAKEN_BY: &[(&str, &str)] = &[
    ("ADOrganizationConfig", "OrganizationIdParameter"),
    ("DatabaseCopyStatusEntry", "DatabaseCopyIdParameter"),
    ("DomainContentConfig", "RemoteDomainIdParameter"),
    ("ExchangeRole", "RoleIdParameter"),
    ("ExchangeRoleAssignmentPresentation", "RoleAssignmentIdParameter"),
    ("ExchangeRoleEntryPresentation", "RoleEntryIdParameter"),
    ("ExchangeServer", "MailboxServerIdParameter"),
    ("ExchangeServer", "ServerIdParameter"),
    ("MailboxDatabase", "DatabaseCopyIdParameter"),
    ("MailboxServer", "ServerIdParameter"),
    ("MailboxStatistics", "StoreMailboxIdParameter"),
    ("RoleAssignmentPolicy", "MailboxPolicyIdParameter"),
    ("SmtpSendConnectorConfig", "SendConnectorIdParameter"),
    ("TransportServer", "ServerIdParameter"),
];

/// Whether an object can stand for a parameter of a type, where the names of both do not say so already.
fn accepts(parameter_type: &str, object: &Value) -> Option<bool> {
    let name = object.type_name();
    let noun = name.rsplit('.').next().unwrap_or(&name);
    let element = parameter_type.trim_end_matches("[]");
    TAKEN_BY.iter().any(|(of, by)| *of == noun && *by == element).then_some(true)
}

/// Whether a cmdlet is built, and does something with a parameter. Anything else is another source's.
fn is_built(name: &str, parameter: Option<&str>) -> bool {
    let Some(cmdlet) = built(name) else { return false };
    parameter.is_none_or(|parameter| cmdlet.understands(parameter))
}

/// The declarations alone, for what needs no server: analysis, completion, help.
#[derive(Clone, Copy, Debug, Default)]
pub struct Declarations;

impl CommandSource for Declarations {
    fn find(&self, name: &str) -> Option<Arc<CommandInfo>> {
        find(name)
    }
    fn names(&self) -> Vec<Arc<str>> {
        names()
    }
    fn invoke(&self, call: &Invocation, _: &mut dyn Streams) -> Result<(), ErrorRecord> {
        Err(ErrorRecord::not_implemented(&call.command.name))
    }
    fn accepts(&self, parameter_type: &str, object: &Value) -> Option<bool> {
        accepts(parameter_type, object)
    }
    fn examples(&self, command: &str) -> Vec<Example> {
        help::examples(command)
    }
    fn is_built(&self, command: &str, parameter: Option<&str>) -> bool {
        is_built(command, parameter)
    }
}

/// The cmdlets as one person may run them: what somebody may not use does not exist for them.
#[derive(Clone)]
pub struct Cmdlets {
    cx: Arc<Context>,
    person: Arc<Person>,
    part: Part,
}

impl Cmdlets {
    /// For a user of this machine whom the kernel vouched for: an administrator of the organisation.
    pub fn for_local_user(cx: Arc<Context>, uid: u32) -> Self {
        let person = Arc::new(Person::new(&format!("local user {uid}"), "local", None));
        Self { cx, person, part: Part::Asked }
    }

    /// For somebody who has proved to be `user`. `name` is how they logged on and `origin` where from (an
    /// address, and what kind of session), both for the log and the audit.
    ///
    /// # Errors
    /// `AccessDenied` where there is no such account, it is disabled, or no management role is assigned to it.
    pub fn for_administrator(cx: Arc<Context>, user: Guid, name: &str, origin: &str) -> Result<Self, Fault> {
        let person = Person::new(name, origin, Some(user));
        if person.known(&cx.directory).access.is_nothing() {
            return Err(person.without_roles());
        }
        Ok(Self { cx, person: Arc::new(person), part: Part::Asked })
    }

    /// For whom another server has a call to make.
    pub(crate) fn for_neighbour(cx: Arc<Context>, person: Person, part: Part) -> Self {
        Self { cx, person: Arc::new(person), part }
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
        let info = self.find(command).ok_or_else(|| ErrorRecord::command_not_found(command))?;
        let mut call =
            binder::bind_named(info, parameters, preferences, Arc::new(self.clone()), self.cx.clock.now())?;
        call.pipeline_object = pipeline_object;
        Ok(call)
    }

    /// Runs a call. Where it was asked for, it is recorded, too.
    pub(crate) fn run(&self, invocation: &Invocation, out: &mut dyn Streams) -> Ended {
        let person = &*self.person;
        let known = person.known(&self.cx.directory);
        let refused = |record| Ended { result: Err(record), ..Ended::quietly() };
        if !known.access.is_everything()
            && let Err(record) = self.admit(invocation)
        {
            return refused(record);
        }
        let name = &*invocation.command.name;
        let Some(cmdlet) = built(name) else { return refused(ErrorRecord::not_implemented(name)) };
        let span = tracing::info_span!("cmdlet", name, caller = &*person.name, origin = &*person.origin);
        let _entered = span.enter();
        let run = Run { cx: &self.cx, person, access: &known.access, invocation, cmdlet, part: self.part };
        let ended = run.run(out);
        let result = if ended.result.is_ok() { "ok" } else { "error" };
        metrics::counter!("rialto_cmdlets_total", "outcome" => result).increment(1);
        match self.part {
            Part::Asked => audit::record(&run, ended, out),
            Part::Whole | Part::Share => ended,
        }
    }

    /// A call may have been bound when more was allowed than is now, or by nobody: it is looked at again.
    fn admit(&self, invocation: &Invocation) -> Result<(), ErrorRecord> {
        let name = &*invocation.command.name;
        let info = self.find(name).ok_or_else(|| ErrorRecord::command_not_found(name))?;
        let stranger = invocation.parameters.keys().find(|parameter| info.parameter(parameter).is_none());
        match stranger {
            Some(parameter) => Err(binder::parameter_not_found(&info, parameter)),
            None => Ok(()),
        }
    }
}

impl CommandSource for Cmdlets {
    fn find(&self, name: &str) -> Option<Arc<CommandInfo>> {
        let known = self.person.known(&self.cx.directory);
        let access = &known.access;
        let info = find(name).filter(|info| access.may_use(&info.name))?;
        if access.is_everything() {
            return Some(info);
        }
        let mut info = Arc::unwrap_or_clone(info);
        info.parameters.retain(|parameter| access.may_set(&info.name, &parameter.name));
        Some(Arc::new(info))
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.person.known(&self.cx.directory).names.clone()
    }

    fn invoke(&self, invocation: &Invocation, out: &mut dyn Streams) -> Result<(), ErrorRecord> {
        self.run(invocation, out).result
    }

    fn declared(&self) -> Option<&dyn CommandSource> {
        Some(&Declarations)
    }

    fn complete(&self, command: &CommandInfo, parameter: &ParameterInfo, prefix: &str) -> Vec<String> {
        let known = self.person.known(&self.cx.directory);
        let reader = Reader { cx: &self.cx, access: &known.access, cmdlet: &command.name };
        if !known.access.may_set(&command.name, &parameter.name) {
            return Vec::new();
        }
        complete::values(&reader, built(&command.name), parameter, prefix)
    }
}
