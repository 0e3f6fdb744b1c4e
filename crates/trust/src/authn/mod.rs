//! From a name and a password, or a ticket, to an identity: looked up, throttled, verified, recorded.

mod cache;
pub mod kerberos;
mod protocol;
mod throttle;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use base::{Fault, Guid, Rng, SmtpAddress, clock::SharedClock};
use directory::{Directory, Recipient, Value, View, schema::USER, value::Secret};
use tokio::sync::Semaphore;

pub use protocol::Protocol;

use crate::{TrustError, password};
use cache::Verified;
use throttle::{Reservation, Throttle, Who};

/// Most hashes computed at once; each holds 19 MiB.
const AT_ONCE_MAX: usize = 4;
/// Most logons that wait for a hash.
const WAITING_MAX: usize = 256;
/// Longest login name looked at, bytes.
const LOGIN_MAX: usize = 1024;

/// One try to log on.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// User principal name, `DOMAIN\account`, account, alias or SMTP address.
    pub login: &'a str,
    /// The password.
    pub password: &'a str,
    /// What is logged on to.
    pub protocol: &'static Protocol,
    /// Where from.
    pub source: IpAddr,
}

/// Somebody who has proved who they are.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The user object.
    pub user: Guid,
    /// The user principal name, or the object's name, for logs and audit.
    pub name: String,
    /// The reply address, if the user has one.
    pub address: Option<SmtpAddress>,
}

/// Whether a password was verified a short while ago already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Lately,
    Never,
}

/// Checks credentials for every protocol of a server; cheap to clone.
#[derive(Clone)]
pub struct Authenticator {
    inner: Arc<Inner>,
    /// Takes tickets, where there is a keytab.
    kerberos: Option<Arc<kerberos::Acceptor>>,
}

struct Inner {
    directory: Directory,
    rng: Arc<dyn Rng>,
    hashing: Arc<Semaphore>,
    waiting: AtomicUsize,
    verified: Verified,
    throttle: Throttle,
    /// What unknown names are verified against, so that they take as long as known ones.
    decoy: Secret,
}

impl Authenticator {
    /// Over a directory. Computes one hash, so it takes some 20 ms.
    pub fn new(directory: Directory, clock: SharedClock, rng: Arc<dyn Rng>) -> Result<Self, TrustError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let decoy = password::hash(&password::generate(&*rng), &*rng)?;
        Ok(Self {
            inner: Arc::new(Inner {
                directory,
                hashing: Arc::new(Semaphore::new(threads.clamp(1, AT_ONCE_MAX))),
                waiting: AtomicUsize::new(0),
                verified: Verified::new(clock.clone(), &*rng),
                throttle: Throttle::new(clock),
                decoy,
                rng,
            }),
            kerberos: None,
        })
    }

    /// Checks one attempt. The fault of a wrong password, an unknown name and too many guesses is the same.
    pub async fn authenticate(&self, attempt: Attempt<'_>) -> Result<Identity, Fault> {
        let outcome = self.inner.clone().check(&attempt).await;
        let Attempt { login, protocol, source, .. } = attempt;
        let login: String = login.chars().filter(|c| !c.is_control()).take(256).collect();
        match &outcome {
            Ok((identity, Seen::Lately)) if protocol.stateless => {
                tracing::trace!(user = %identity.user, protocol = protocol.name, "logged on still");
            }
            Ok((identity, _)) => {
                tracing::info!(target: "audit", protocol = protocol.name, %source, user = %identity.user,
                    name = %identity.name, "logon");
            }
            Err(error) => {
                tracing::warn!(target: "audit", protocol = protocol.name, %source, login, %error, "logon refused");
            }
        }
        Ok(outcome?.0)
    }

    /// Somebody whom another server of the organisation has authenticated, as this server's directory has them: there,
    /// enabled, and allowed to use the protocol.
    ///
    /// # Errors
    /// `Unauthenticated` where they may not log on.
    pub fn vouched(&self, user: Guid, protocol: &'static Protocol) -> Result<Identity, Fault> {
        let user = self.inner.directory.snapshot().recipient(user).filter(|user| *user.class == USER);
        Ok(admit(&user.ok_or(TrustError::NoSuchUser)?, protocol)?)
    }

    /// Hashes a new password off the async threads, bounded like logons.
    pub async fn hash(&self, password: &str) -> Result<Secret, Fault> {
        password::check(password)?;
        let (password, rng) = (password.to_owned(), self.inner.rng.clone());
        Ok(self.inner.bounded(move || password::hash(&password, &*rng)).await?)
    }

    /// The user a login name means, if there is exactly one.
    pub fn find(view: &View, login: &str) -> Option<Recipient> {
        let login = login.trim();
        if login.is_empty() || login.len() > LOGIN_MAX {
            return None;
        }
        let is_user = |recipient: &Recipient| *recipient.class == USER;
        if login.contains('\\') {
            return view.by_domain_account(login).filter(is_user);
        }
        if login.contains('@') {
            let by_address = || login.parse().ok().and_then(|address| view.recipient_by_address(&address));
            return view.user_by_upn(login).or_else(by_address).filter(is_user);
        }
        let (account, alias) = (view.by_account(login).filter(is_user), view.by_alias(login).filter(is_user));
        match (account, alias) {
            (Some(a), Some(b)) => (a.guid == b.guid).then_some(a),
            (a, b) => a.or(b),
        }
    }
}

impl Inner {
    async fn check(self: Arc<Self>, attempt: &Attempt<'_>) -> Result<(Identity, Seen), TrustError> {
        let user = Authenticator::find(&self.directory.snapshot(), attempt.login);
        let stored = user.as_ref().and_then(stored_password);
        if let (Some(user), Some(stored)) = (&user, &stored)
            && self.verified.holds(user.guid, stored, attempt.password)
        {
            return Ok((admit(user, attempt.protocol)?, Seen::Lately));
        }
        let who = user.as_ref().map_or_else(|| Who::unknown(attempt.login), |user| Who::User(user.guid));
        let reservation = self.throttle.reserve(who, attempt.source).ok_or(TrustError::Throttled)?;
        if attempt.password.len() > password::PASSWORD_MAX {
            return Err(TrustError::BadCredentials);
        }
        let known = stored.is_some();
        let (hash, password) =
            (stored.clone().unwrap_or_else(|| self.decoy.clone()), attempt.password.to_owned());
        let outcome = self.bounded(move || password::verify(&password, &hash)).await;
        self.conclude(outcome, known, reservation)?;
        let (Some(user), Some(stored)) = (user, stored) else { return Err(TrustError::BadCredentials) };
        self.verified.remember(user.guid, &stored, attempt.password);
        Ok((admit(&user, attempt.protocol)?, Seen::Never))
    }

    /// A right password gives the guess back; so does a failure that was ours.
    fn conclude(
        &self,
        outcome: Result<bool, TrustError>,
        known: bool,
        reservation: Reservation,
    ) -> Result<(), TrustError> {
        match outcome {
            Ok(true) if known => {
                self.throttle.give_back(reservation);
                Ok(())
            }
            Ok(_) => Err(TrustError::BadCredentials),
            Err(error) => {
                self.throttle.give_back(reservation);
                Err(error)
            }
        }
    }

    /// Runs a hash where blocking is allowed, with bounds on how many run and how many wait.
    async fn bounded<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, TrustError> + Send + 'static,
    ) -> Result<T, TrustError> {
        let _place = Waiting::take(&self.waiting)?;
        let permit = self.hashing.clone().acquire_owned().await.map_err(|_| TrustError::Busy)?;
        // The permit goes with the work: a peer that hangs up ends the waiting, not the computing.
        let work = move || {
            let outcome = work();
            drop(permit);
            outcome
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| TrustError::Hash(error.to_string()))?
    }
}

/// A place among those that wait; given back when dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn take(count: &'a AtomicUsize) -> Result<Self, TrustError> {
        let place = Waiting(count);
        if count.fetch_add(1, Ordering::Relaxed) < WAITING_MAX { Ok(place) } else { Err(TrustError::Busy) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn stored_password(user: &Recipient) -> Option<Secret> {
    match user.stored_value("PasswordHash") {
        Some(Value::Secret(secret)) => Some(secret.clone()),
        _ => None,
    }
}

/// What else must hold once the password is right.
fn admit(user: &Recipient, protocol: &'static Protocol) -> Result<Identity, TrustError> {
    match () {
        () if user.flag("AccountDisabled") => Err(TrustError::AccountDisabled),
        () if user.flag("ResetPasswordOnNextLogon") => Err(TrustError::PasswordMustChange),
        () if !protocol.is_enabled(user) => Err(TrustError::ProtocolDisabled(protocol.name)),
        () => Ok(Identity {
            user: user.guid,
            name: user.text("UserPrincipalName").unwrap_or(&user.name).to_owned(),
            address: user.primary_smtp_address(),
        }),
    }
}
