//! PowerShell remoting (MS-PSRP): fragments, messages and what they say, for both ends. Transport, state and
//! cryptography are elsewhere.

mod fragment;
mod host;
mod message;
mod metadata;
mod pipeline;
mod pool;
mod record;

pub use fragment::{Defragmenter, FRAGMENT_HEADER, Fragmenter};
pub use host::{HostCall, HostInfo, HostMethod, HostResponse, VOID_CALL};
pub use message::{Destination, MESSAGE_HEADER, Message, MessageType};
pub use metadata::{CommandMetadata, GetCommandMetadata, ParameterMetadata, command_type, metadata_count};
pub use pipeline::{Command, CreatePipeline, Merge, Parameter, PipelineState, PipelineStateMessage};
pub use pool::{
    Availability, InitRunspacePool, PoolCall, PoolState, SessionCapability, application_private_data,
    connect_runspace_pool, init_data, pool_state, public_key,
};
pub use record::{ErrorInfo, Information, ProgressInfo, Stream, informational};

use crate::clixml::ReadError;

/// The protocol version of this implementation.
pub const PROTOCOL_VERSION: &str = "2.3";
/// The version of PowerShell's remoting: always this.
pub const PS_VERSION: &str = "2.0";
/// The version of the serialisation: always this.
pub const SERIALIZATION_VERSION: &str = "1.1.0.1";

/// What a peer sent breaks the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PsrpError {
    /// Fragments that do not follow one another.
    #[error("the fragment {0}")]
    Fragment(&'static str),
    /// A message larger than it may be, or more at once than may be.
    #[error("the message is too large")]
    TooLarge,
    /// A message that does not say what it must.
    #[error("the {0} message is malformed")]
    Message(&'static str),
    /// A message whose data is no CLIXML.
    #[error(transparent)]
    Clixml(#[from] ReadError),
}

#[cfg(test)]
mod tests;
