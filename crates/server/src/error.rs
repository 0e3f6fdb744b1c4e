//! What can keep the server from starting, each with what to do about it.

use std::{io, path::PathBuf};

/// A failure of the process as a whole, printed on standard error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// The lock is taken.
    #[error(
        "another rialto is already running on {}: stop it first, or choose another folder with --data",
        .0.display()
    )]
    AlreadyRunning(PathBuf),
    /// No bootstrap configuration.
    #[error("{} is not a data folder yet: run `rialto setup --data {}` (or `rialto quickstart`) first", .0.display(), .0.display())]
    NotSetUp(PathBuf),
    /// Something given is wrong.
    #[error("{0}")]
    Usage(String),
    /// A port cannot be had.
    #[error(
        "cannot listen on {address} for {service}: {source}. Another program may hold the port; choose others with --ports-from, or stop it"
    )]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What would have listened.
        service: String,
        /// The system's word.
        source: io::Error,
    },
    /// A file or socket failed.
    #[error("{context}: {source}")]
    Io {
        /// What was being done.
        context: String,
        /// The system's word.
        source: io::Error,
    },
    /// A room below failed.
    #[error("{context}: {fault:?}")]
    Fault {
        /// What was being done.
        context: &'static str,
        /// What it said.
        fault: base::Fault,
    },
}

impl ServerError {
    /// A file or socket failure.
    pub(crate) fn io(context: impl Into<String>, source: io::Error) -> Self {
        Self::Io { context: context.into(), source }
    }
    /// A closure that adds what was being done to a fault.
    pub(crate) fn during(context: &'static str) -> impl FnOnce(base::Fault) -> Self {
        move |fault| Self::Fault { context, fault }
    }
}
