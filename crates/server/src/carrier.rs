//! The way out, by the operating system's resolver and trusted roots.

use std::sync::Arc;

use base::Rng;
use transport::{
    relay::SmtpCarrier,
    send::{ClientTls, Resolver, Sender},
};

use crate::error::ServerError;

/// Carries mail to other servers.
pub(crate) fn system(fqdn: &str, rng: Arc<dyn Rng>) -> Result<Arc<SmtpCarrier>, ServerError> {
    let resolver = Resolver::from_system()
        .map_err(|error| ServerError::Usage(format!("the system's resolver: {error}")))?;
    let tls = ClientTls::from_system()
        .map_err(|error| ServerError::Usage(format!("the system's trusted roots: {error}")))?;
    Ok(Arc::new(SmtpCarrier { sender: Sender { resolver, tls, rng }, fqdn: fqdn.to_owned() }))
}
