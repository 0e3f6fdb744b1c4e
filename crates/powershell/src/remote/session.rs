//! One session: a runspace pool on a server, and the requests to it.

use std::{sync::Arc, thread, time::Duration};

use base::{Guid, Rng};
use parking_lot::Mutex;
use wire::psrp::{
    ErrorInfo, HostInfo,
    client::{Client, ClientError, Event, Options, Request, State},
};

use super::{Answer, CarryError, Endpoint, Failure, Remoting, failure};
use crate::value::{Object, PsObject, Value};

/// How much longer than the server's own time we wait for an answer.
const GRACE: Duration = Duration::from_secs(15);
/// How long closing may take: nobody waits for it longer.
const CLOSING: Duration = Duration::from_secs(5);
/// How many answers without the one awaited end an exchange.
const ANSWERS_MAX: usize = 100;
/// How often a connection may break in the middle of a Receive.
const BREAKS_MAX: u32 = 5;
/// How long to wait after the first time; longer after the next ones.
const BREAK_PAUSE: Duration = Duration::from_millis(200);
/// `MaximumRedirection`'s default.
pub(crate) const REDIRECTIONS: u32 = 5;

/// A person may sit at this shell.
pub(crate) const HOST: HostInfo =
    HostInfo { is_null: false, is_ui_null: false, is_raw_ui_null: true, use_runspace_host: false };

/// What to open, and how.
pub(crate) struct Opening {
    pub(crate) endpoint: Endpoint,
    pub(crate) options: Options,
    /// How many redirections may be followed.
    pub(crate) redirections: u32,
    pub(crate) id: i32,
    pub(crate) name: String,
    /// The configuration's short name.
    pub(crate) configuration: String,
}

/// A session that has been opened.
pub(crate) struct Session {
    pub(crate) id: i32,
    pub(crate) computer: String,
    carrier: Arc<dyn Remoting>,
    endpoint: Endpoint,
    client: Mutex<Client>,
    /// What `Get-PSSession` shows.
    shown: Object,
}

impl Session {
    /// Opens a pool.
    pub(crate) fn open(
        carrier: Arc<dyn Remoting>,
        rng: &Arc<dyn Rng>,
        mut opening: Opening,
    ) -> Result<Arc<Self>, Failure> {
        let mut left = opening.redirections;
        loop {
            match Self::open_at(carrier.clone(), rng, &opening) {
                Err(Failure::Redirected(to)) if left > 0 && to.starts_with("https://") => {
                    left -= 1;
                    opening.endpoint.url.clone_from(&to);
                    opening.options.to = to;
                }
                other => return other.map(Arc::new),
            }
        }
    }

    fn open_at(carrier: Arc<dyn Remoting>, rng: &Arc<dyn Rng>, opening: &Opening) -> Result<Self, Failure> {
        let client = Client::new(opening.options.clone(), rng.clone());
        let session = Session {
            id: opening.id,
            computer: host(&opening.endpoint.url).to_owned(),
            carrier,
            endpoint: opening.endpoint.clone(),
            shown: shown(opening, client.id()),
            client: Mutex::new(client),
        };
        let request = session.client.lock().open();
        session.exchange(&request)?;
        let opened = session.wait_for(|event| match event {
            Event::PrivateData(data) => {
                let data = super::values::received(data);
                session.shown.edit(|shown| shown.set("ApplicationPrivateData", data));
                false
            }
            other => other == Event::Opened,
        });
        if opened.is_err() {
            session.close();
        }
        session.show();
        opened.map(|()| session)
    }

    /// Receives for the pool until `done` says so.
    fn wait_for(&self, mut done: impl FnMut(Event) -> bool) -> Result<(), Failure> {
        for _ in 0..ANSWERS_MAX {
            let request = self.client.lock().receive(None);
            for event in self.exchange(&request)? {
                if let Event::Broken(why) = event {
                    let why = why.map(|why| Box::new(failure::record(&ErrorInfo::read(&why))));
                    return Err(Failure::Broken(why));
                }
                if done(event) {
                    return Ok(());
                }
            }
        }
        Err(ClientError::State.into())
    }

    /// Posts a request and takes its answer.
    pub(super) fn exchange(&self, request: &Request) -> Result<Vec<Event>, Failure> {
        self.exchange_within(request, request.wait + GRACE)
    }

    fn exchange_within(&self, request: &Request, timeout: Duration) -> Result<Vec<Event>, Failure> {
        let answer = self.post(request, timeout)?;
        match (answer.status, answer.location) {
            (200 | 500, _) => {
                let result = self.client.lock().answer(request, &answer.body);
                if result.is_err() {
                    self.show();
                }
                Ok(result?)
            }
            (301 | 302 | 307 | 308, Some(to)) => Err(Failure::Redirected(to)),
            (401 | 403, _) => Err(Failure::Denied),
            (status, _) => Err(Failure::Status(status)),
        }
    }

    /// Posts; a connection that breaks is no reason to lose what waits on the server.
    fn post(&self, request: &Request, timeout: Duration) -> Result<Answer, CarryError> {
        let mut breaks = 0;
        loop {
            match self.carrier.post(&self.endpoint, &request.body, timeout) {
                Err(CarryError::Failed(_) | CarryError::Unreachable(_))
                    if request.may_be_repeated() && breaks < BREAKS_MAX =>
                {
                    breaks += 1;
                    thread::sleep(BREAK_PAUSE * breaks);
                }
                outcome => return outcome,
            }
        }
    }

    /// As [`Session::exchange`], for what nobody waits for.
    pub(super) fn exchange_briefly(&self, request: &Request) -> Result<Vec<Event>, Failure> {
        self.exchange_within(request, CLOSING)
    }

    /// The pool's identifier.
    pub(super) fn instance(&self) -> Guid {
        self.client(|client| client.id())
    }

    /// With the machine; not while an exchange is under way.
    pub(super) fn client<T>(&self, with: impl FnOnce(&mut Client) -> T) -> T {
        with(&mut self.client.lock())
    }

    /// Agrees on a key for secure strings, if there is none yet.
    pub(super) fn agree_on_key(&self) -> Result<(), Failure> {
        if self.client(|client| client.session_key().is_some()) {
            return Ok(());
        }
        let request = self.client(Client::exchange_keys)?;
        self.exchange(&request)?;
        self.wait_for(|event| event == Event::KeyAgreed)
    }

    /// Leaves it on the server.
    pub(crate) fn disconnect(&self) -> Result<(), Failure> {
        let request = self.client(|client| match client.state() {
            State::Opened => Ok(client.disconnect()),
            _ => Err(ClientError::State),
        })?;
        let result = self.exchange(&request);
        self.show();
        result.map(|_| ())
    }

    /// Takes it up again.
    pub(crate) fn reconnect(&self) -> Result<(), Failure> {
        let request = self.client(|client| match client.state() {
            State::Disconnected => Ok(client.reconnect()),
            _ => Err(ClientError::State),
        })?;
        let result = self.exchange(&request);
        self.show();
        result.map(|_| ())
    }

    /// Closes it; what the server says to that interests nobody.
    pub(crate) fn close(&self) {
        let request = self.client(|client| match client.state() {
            State::Closed | State::Disconnected => None,
            _ => Some(client.close()),
        });
        if let Some(request) = request {
            let _ = self.exchange_within(&request, CLOSING);
        }
        self.show();
    }

    /// Closes it even where it is disconnected (`Remove-PSSession`).
    pub(crate) fn remove(&self) {
        if self.client(|client| client.state()) == State::Disconnected {
            let request = self.client(Client::close);
            let _ = self.exchange_within(&request, CLOSING);
        }
        self.close();
    }

    /// What `Get-PSSession` shows.
    pub(crate) fn shown(&self) -> Value {
        Value::Object(self.shown.clone())
    }

    /// One of the shown properties, as a text.
    pub(crate) fn property(&self, name: &str) -> String {
        self.shown.with(|shown| shown.get(name).map(Value::to_string)).unwrap_or_default()
    }

    /// Whether an object is what this session shows.
    pub(crate) fn is(&self, value: &Value) -> bool {
        matches!(value, Value::Object(object) if object.same(&self.shown))
            || value.property("InstanceId").is_some_and(|id| id == self.instance().into())
    }

    /// Brings what is shown up to date.
    fn show(&self) {
        let (state, availability) = match self.client(|client| client.state()) {
            State::Opening => ("Opening", "None"),
            State::Opened => ("Opened", "Available"),
            State::Disconnected => ("Disconnected", "None"),
            State::Closed => ("Closed", "None"),
            State::Broken => ("Broken", "None"),
        };
        let named = |kind: &str, name: &str| {
            Value::enumeration(&format!("System.Management.Automation.Runspaces.{kind}"), name, 0)
        };
        self.shown.edit(|shown| {
            shown.set("State", named("RunspaceState", state));
            shown.set("Availability", named("RunspaceAvailability", availability));
        });
    }
}

fn shown(opening: &Opening, id: Guid) -> Object {
    let object = PsObject::new(&["System.Management.Automation.Runspaces.PSSession", "System.Object"])
        .with("Id", opening.id)
        .with("Name", &*opening.name)
        .with("ComputerName", host(&opening.endpoint.url))
        .with("ComputerType", "RemoteMachine")
        .with("State", "Opening")
        .with("ConfigurationName", &*opening.configuration)
        .with("Availability", "None")
        .with("InstanceId", id)
        .with("ApplicationPrivateData", Value::Null);
    object.into()
}

/// The host of a URL, without port.
pub(crate) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    }
}
