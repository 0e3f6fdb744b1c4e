//! Becoming a caller with a Kerberos ticket instead of a password. A front end keeps the negotiation and its outcome
//! with the connection that they belong to.

use base::Fault;
use trust::kerberos::Token;

pub use trust::kerberos::{Channel, LoggedOn, Negotiation, Progress};

use crate::{Caller, Client, Services};

impl Services {
    /// Whether tickets are taken: the server has a keytab.
    pub fn takes_tickets(&self) -> bool {
        self.authenticator().takes_tickets()
    }

    /// Takes a client's next token (throttled per address, recorded like every log-on).
    pub fn negotiate(
        &self,
        negotiation: &mut Negotiation,
        token: &[u8],
        channel: Channel,
        client: &Client,
    ) -> Progress {
        let token = Token { token, channel, protocol: client.known_protocol(), source: client.address };
        self.authenticator().negotiate(negotiation, token)
    }

    /// The caller behind a connection that logged on with a ticket: asked for at each request, because tickets end
    /// and users are disabled.
    ///
    /// # Errors
    /// `Unauthenticated` where the ticket is over or the user may not log on any more.
    pub fn still(&self, on: &LoggedOn, client: Client) -> Result<Caller, Fault> {
        let identity = self.authenticator().still(on, client.known_protocol())?;
        Ok(Caller { user: identity.user, name: identity.name, address: identity.address, client })
    }
}
