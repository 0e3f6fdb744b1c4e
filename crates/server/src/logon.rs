//! SMTP AUTH over the one authenticator that every protocol shares.

use base::Fault;
use transport::{
    intake::{Answer, Authenticator},
    receive::{Credentials, Identity, Session},
};
use trust::{Attempt, Protocol};

/// Who knows passwords, as the transport asks.
pub(crate) struct Logon {
    authenticator: trust::Authenticator,
}

impl Logon {
    /// Over the server's authenticator.
    pub(crate) fn new(authenticator: trust::Authenticator) -> Self {
        Self { authenticator }
    }
}

impl Authenticator for Logon {
    fn authenticate<'a>(&'a self, session: &'a Session, credentials: &'a Credentials) -> Answer<'a> {
        Box::pin(async move {
            let attempt = Attempt {
                login: &credentials.login,
                password: &credentials.password,
                protocol: &Protocol::SMTP,
                source: session.remote.ip(),
            };
            let identity = self.authenticator.authenticate(attempt).await?;
            Ok::<_, Fault>(Identity { user: identity.user, name: identity.name, address: identity.address })
        })
    }
}
