//! The cmdlets, as the protocols open them for administrators who come over the network.

use std::sync::Arc;

use base::{Fault, FaultKind};
use cmdlets::{Cmdlets, Context};
use powershell::CommandSource;
use protocols::http::OpenCommands;
use services::Caller;

/// The session configuration of the product.
const CONFIGURATION: &str = "Microsoft.Exchange";

/// Opens cmdlets for callers.
pub(crate) struct Commands {
    cx: Arc<Context>,
}

impl Commands {
    /// Over the server's rooms.
    pub(crate) fn new(cx: Arc<Context>) -> Self {
        Self { cx }
    }
}

impl OpenCommands for Commands {
    fn open(&self, caller: &Caller, configuration: &str) -> Result<Arc<dyn CommandSource>, Fault> {
        if !configuration.eq_ignore_ascii_case(CONFIGURATION) {
            let text = "There is no session configuration of this name.";
            return Err(Fault::new(FaultKind::NotFound, "ConfigurationNotFound", text));
        }
        let origin = caller.client.address.to_string();
        Ok(Arc::new(Cmdlets::for_administrator(self.cx.clone(), caller.user, &caller.name, &origin)?))
    }
}
