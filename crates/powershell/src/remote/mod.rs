//! Remote sessions: what `New-PSSession` opens, and `Invoke-Command`, `Enter-PSSession` and imported commands
//! run in. The protocol is `wire::psrp::client`'s; how bytes travel is the [`Remoting`] of whoever owns the
//! runspace, and where there is none, scripts reach no other machine.

mod entered;
mod failure;
mod import;
mod prompt;
mod script;
mod session;
mod stage;
mod values;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub(crate) use failure::Failure;
pub(crate) use import::{Import, Proxy, commands_of, declaration, is_reserved};
pub(crate) use script::{constant_commands, script_command};
pub(crate) use session::{HOST, Opening, REDIRECTIONS, Session, host};
pub(crate) use stage::{RemoteCommand, RemoteStage};

use crate::value::Secret;

/// Carries requests to other machines.
pub trait Remoting: Send + Sync {
    /// Posts a SOAP envelope and waits for the answer, whatever its status. Must not follow redirections, must
    /// bound the answer to [`ANSWER_MAX`] bytes, and must be usable from several threads at once.
    ///
    /// # Errors
    /// No answer came.
    fn post(&self, endpoint: &Endpoint, body: &str, timeout: Duration) -> Result<Answer, CarryError>;
}

/// The largest answer that is read, bytes: the envelope we ask for, and what servers add to it.
pub const ANSWER_MAX: usize = 1 << 20;

/// Where requests go, and as whom.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// `https://host:port/path?query`.
    pub url: String,
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: Secret,
    /// The server's certificate must come from an authority that is trusted here.
    pub check_authority: bool,
    /// The server's certificate must be for the server's name.
    pub check_name: bool,
}

/// What a server answered.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// HTTP's status.
    pub status: u16,
    /// Where it redirects to.
    pub location: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why no answer came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CarryError {
    /// The URL is none of ours.
    #[error("The connection URI is not valid: {0}")]
    Url(String),
    /// The name is not known.
    #[error("The WinRM client cannot process the request because the server name cannot be resolved.")]
    Unknown,
    /// Nobody answers there.
    #[error(
        "The client cannot connect to the destination specified in the request. Verify that the service on the \
         destination is running and is accepting requests. ({0})"
    )]
    Unreachable(String),
    /// The certificate is not good enough.
    #[error("The server certificate on the destination computer has the following errors: {0}")]
    Certificate(String),
    /// The server did not answer in time.
    #[error("The WinRM client cannot complete the operation within the time specified.")]
    TimedOut,
    /// The answer broke off, is too long, or is no HTTP.
    #[error("The connection failed: {0}")]
    Failed(String),
}

/// What a runspace knows of other machines.
#[derive(Default)]
pub(crate) struct Remotes {
    /// How to reach them; none where scripts may not.
    pub(crate) remoting: Option<Arc<dyn Remoting>>,
    /// Sessions by their number.
    pub(crate) sessions: BTreeMap<i32, Arc<Session>>,
    /// How many sessions there have been.
    pub(crate) last: i32,
    /// What has been imported, in order.
    pub(crate) imports: Vec<Import>,
    /// Where lines typed at the prompt run (`Enter-PSSession`).
    pub(crate) entered: Option<Arc<Session>>,
}

impl Drop for Remotes {
    /// A shell that ends leaves nothing behind on servers, but what was disconnected on purpose.
    fn drop(&mut self) {
        for session in self.sessions.values() {
            session.close();
        }
    }
}
