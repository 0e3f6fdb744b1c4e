//! The cmdlets, as the protocols open them for administrators who come over the network.

use std::sync::Arc;

use base::{Fault, FaultKind};
use cmdlets::{Cmdlets, Context};
use directory::component::{ComponentState, component_state};
use powershell::CommandSource;
use protocols::http::OpenCommands;
use services::Caller;

use crate::configurations::{EXCHANGE, SessionConfigurations};

/// Opens cmdlets for callers.
pub(crate) struct Commands {
    cx: Arc<Context>,
    configurations: SessionConfigurations,
}

impl Commands {
    /// Over the server's rooms.
    pub(crate) fn new(cx: Arc<Context>, configurations: SessionConfigurations) -> Self {
        Self { cx, configurations }
    }

    /// Nobody comes in over the network while that is out of service; the shell of the machine stays.
    fn in_service(&self) -> Result<(), Fault> {
        let view = self.cx.directory.snapshot();
        let state = view.get(self.cx.server).map(|server| component_state(server, "RpsProxy"));
        if state != Some(ComponentState::Inactive) {
            return Ok(());
        }
        let text = format!(
            "Remote PowerShell of the server {} is out of service (Get-ServerComponentState, RpsProxy). Connect to \
             another server.",
            self.cx.server_name
        );
        Err(Fault::new(FaultKind::Unavailable, "ServerComponentInactive", text))
    }

    /// As the product says it, without its drive; the name is the caller's own.
    fn unknown(&self, configuration: &str) -> Fault {
        let asked: String = configuration.chars().take(100).collect();
        let text = format!(
            "The WS-Management service cannot process the request. Cannot find the {asked} session configuration on the \
             {} computer. Use -ConfigurationName {EXCHANGE}, or another one that its administrator has defined.",
            self.cx.server_name
        );
        Fault::new(FaultKind::NotFound, "ConfigurationNotFound", text)
    }
}

impl OpenCommands for Commands {
    fn open(&self, caller: &Caller, configuration: &str) -> Result<Arc<dyn CommandSource>, Fault> {
        if !self.configurations.knows(configuration) {
            return Err(self.unknown(configuration));
        }
        self.in_service()?;
        let origin = caller.client.address.to_string();
        let all = Cmdlets::for_administrator(self.cx.clone(), caller.user, &caller.name, &origin)?;
        self.configurations.open(configuration, Arc::new(all)).ok_or_else(|| self.unknown(configuration))
    }
}
