//! The shells of all callers: who has which, how many one may have, and the end of those nobody uses.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, atomic::AtomicUsize},
    time::Duration,
};

use base::{Guid, Rng, clock::SharedClock};
use parking_lot::Mutex;
use powershell::CommandSource;
use services::Caller;
use tokio::sync::watch;
use wire::wsman::{self, Create, Fault, FaultCode};

use super::{Workplace, bounded, proxies, shell::Shell};
use crate::listen;

/// Shells one caller may have (`PowerShellMaxConcurrency`).
const PER_USER_MAX: usize = 18;
/// Shells there may be.
const TOTAL_MAX: usize = 1024;
/// How long a shell idles where the client does not say.
const IDLE_TIMEOUT: Duration = Duration::from_mins(15);
/// How often idle shells are looked for.
const SWEEP: Duration = Duration::from_secs(15);

/// The shells of a server.
pub struct Shells {
    open: Mutex<HashMap<(Guid, Guid), Arc<Shell>>>,
    clock: SharedClock,
    rng: Arc<dyn Rng>,
    running: Arc<AtomicUsize>,
    buffered: Arc<AtomicUsize>,
}

impl Shells {
    /// None yet.
    pub fn new(clock: SharedClock, rng: Arc<dyn Rng>) -> Self {
        Shells { open: Mutex::default(), clock, rng, running: Arc::default(), buffered: Arc::default() }
    }

    /// Ends shells that idle too long, until the server stops; then all of them.
    pub async fn run(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = listen::stopped(&mut shutdown) => break,
                () = tokio::time::sleep(SWEEP) => self.sweep(),
            }
        }
        let all: Vec<_> = self.open.lock().drain().collect();
        all.iter().for_each(|(_, shell)| shell.close());
        self.count();
    }

    pub(super) fn rng(&self) -> &dyn Rng {
        &*self.rng
    }

    fn sweep(&self) {
        let now = self.clock.monotonic();
        let mut expired = Vec::new();
        self.open.lock().retain(|_, shell| {
            let keep = !shell.has_expired(now);
            if !keep {
                expired.push(shell.clone());
            }
            keep
        });
        for shell in expired {
            tracing::info!(user = shell.work.caller, shell = %shell.about.id, "remote session expired");
            shell.close();
        }
        self.count();
    }

    fn count(&self) {
        metrics::gauge!("rialto_remoting_shells").set(self.open.lock().len() as f64);
    }

    /// Opens a shell.
    pub(super) fn open(
        &self,
        create: Create,
        resource: &str,
        caller: &Caller,
        (server, xpress): (&str, bool),
        commands: Arc<dyn CommandSource>,
    ) -> Result<Arc<Shell>, Fault> {
        self.sweep();
        let id = create.shell.unwrap_or_else(|| Guid::new(&*self.rng));
        let idle_timeout = create.idle_timeout.map_or(IDLE_TIMEOUT, bounded);
        let about = wsman::Shell {
            id,
            name: create.name.unwrap_or_else(|| "Session".into()),
            resource: resource.to_owned(),
            owner: caller.name.clone(),
            client: caller.client.address.to_string(),
            idle_timeout,
            xpress,
            connected: true,
        };
        let work = Workplace {
            pool: OnceLock::new(),
            commands: Arc::new(proxies::Session(commands)),
            caller: caller.name.clone(),
            server: server.to_owned(),
            clock: self.clock.clone(),
            rng: self.rng.clone(),
            running: self.running.clone(),
            running_own: self
                .of(caller.user)
                .first()
                .map(|own| own.work.running_own.clone())
                .unwrap_or_default(),
            buffered: self.buffered.clone(),
            key: Mutex::default(),
        };
        let shell = Arc::new(Shell::open(caller.user, about, work, &create.creation)?);
        let mut open = self.open.lock();
        let own = open.values().filter(|shell| shell.owner == caller.user).count();
        if own >= PER_USER_MAX || open.len() >= TOTAL_MAX {
            return Err(FaultCode::Quota.into());
        }
        if open.contains_key(&(caller.user, id)) {
            return Err(FaultCode::AlreadyExists.into());
        }
        open.insert((caller.user, id), shell.clone());
        drop(open);
        self.count();
        Ok(shell)
    }

    /// A caller's shell; another's is as unknown as one that never was.
    pub(super) fn get(&self, user: Guid, id: Option<Guid>) -> Result<Arc<Shell>, Fault> {
        let found = id.and_then(|id| self.open.lock().get(&(user, id)).cloned());
        found.ok_or_else(|| FaultCode::UnknownShell.into())
    }

    /// All shells of a caller.
    pub(super) fn of(&self, user: Guid) -> Vec<Arc<Shell>> {
        self.open.lock().values().filter(|shell| shell.owner == user).cloned().collect()
    }

    /// Ends a shell.
    pub(super) fn remove(&self, user: Guid, id: Option<Guid>) -> Result<(), Fault> {
        let shell = self.get(user, id)?;
        self.open.lock().remove(&(user, shell.about.id));
        shell.close();
        self.count();
        Ok(())
    }
}
