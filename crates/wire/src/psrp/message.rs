//! Messages (MS-PSRP section 2.2.1): a header of 40 bytes and CLIXML.

use base::Guid;

use super::PsrpError;
use crate::clixml::{self, Node};

/// The length of a message's header, bytes.
pub const MESSAGE_HEADER: usize = 40;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Who opened the runspace pool.
    Client,
    /// Who runs the pipelines.
    Server,
}

macro_rules! message_types {
    ($($(#[$about:meta])* $name:ident = $number:literal,)*) => {
        /// What a message is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum MessageType {
            $($(#[$about])* $name,)*
        }

        impl MessageType {
            /// All of them, with their numbers.
            const ALL: &[(MessageType, u32)] = &[$((MessageType::$name, $number),)*];
        }
    };
}

message_types! {
    /// Versions; the first message of each side.
    SessionCapability = 0x0001_0002,
    /// Opens the pool.
    InitRunspacePool = 0x0001_0004,
    /// The client's RSA key.
    PublicKey = 0x0001_0005,
    /// The session's AES key, encrypted.
    EncryptedSessionKey = 0x0001_0006,
    /// The server asks for the client's key.
    PublicKeyRequest = 0x0001_0007,
    /// Connects to a pool that was disconnected.
    ConnectRunspacePool = 0x0001_0008,
    /// `SetMaxRunspaces`.
    SetMaxRunspaces = 0x0002_1002,
    /// `SetMinRunspaces`.
    SetMinRunspaces = 0x0002_1003,
    /// The answer to the calls about runspaces.
    RunspaceAvailability = 0x0002_1004,
    /// The pool's state.
    RunspacePoolState = 0x0002_1005,
    /// Runs commands.
    CreatePipeline = 0x0002_1006,
    /// `GetAvailableRunspaces`.
    GetAvailableRunspaces = 0x0002_1007,
    /// An event.
    UserEvent = 0x0002_1008,
    /// What the server tells about itself.
    ApplicationPrivateData = 0x0002_1009,
    /// Asks what commands there are.
    GetCommandMetadata = 0x0002_100A,
    /// The size of a pool that was connected to.
    RunspacePoolInitData = 0x0002_100B,
    /// Forgets variables.
    ResetRunspaceState = 0x0002_100C,
    /// Calls the client's host, for the pool.
    RunspacePoolHostCall = 0x0002_1100,
    /// Its answer.
    RunspacePoolHostResponse = 0x0002_1101,
    /// An object for the pipeline.
    PipelineInput = 0x0004_1002,
    /// There is no more input.
    EndOfPipelineInput = 0x0004_1003,
    /// An object from the pipeline.
    PipelineOutput = 0x0004_1004,
    /// An error.
    ErrorRecord = 0x0004_1005,
    /// How the pipeline is.
    PipelineState = 0x0004_1006,
    /// A debug message.
    DebugRecord = 0x0004_1007,
    /// A verbose message.
    VerboseRecord = 0x0004_1008,
    /// A warning.
    WarningRecord = 0x0004_1009,
    /// How far a command is.
    ProgressRecord = 0x0004_1010,
    /// The information stream.
    InformationRecord = 0x0004_1011,
    /// Calls the client's host, for a pipeline.
    PipelineHostCall = 0x0004_1100,
    /// Its answer.
    PipelineHostResponse = 0x0004_1101,
}

impl MessageType {
    /// Its number on the wire.
    pub fn number(self) -> u32 {
        Self::ALL.iter().find(|(own, _)| *own == self).map_or(0, |(_, number)| *number)
    }

    /// The type of a number; nothing for those nobody knows, which are to be ignored.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.iter().find(|(_, own)| *own == number).map(|(own, _)| *own)
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Whom it is for.
    pub destination: Destination,
    /// What it is about.
    pub kind: MessageType,
    /// The runspace pool; empty where none is known yet.
    pub pool: Guid,
    /// The pipeline; empty for messages of the pool.
    pub pipeline: Guid,
    /// What it says; nothing where it has no data.
    pub data: Option<Node>,
}

impl Message {
    /// The bytes to send.
    pub fn encode(&self) -> Vec<u8> {
        let text = self.data.as_ref().map(clixml::write_one).unwrap_or_default();
        let mut out = Vec::with_capacity(MESSAGE_HEADER + BOM.len() + text.len());
        let destination: u32 = if self.destination == Destination::Client { 1 } else { 2 };
        out.extend_from_slice(&destination.to_le_bytes());
        out.extend_from_slice(&self.kind.number().to_le_bytes());
        out.extend_from_slice(&mixed_endian(self.pool));
        out.extend_from_slice(&mixed_endian(self.pipeline));
        out.extend_from_slice(BOM);
        out.extend_from_slice(text.as_bytes());
        out
    }

    /// Reads a message; `Ok(None)` for a type that nobody knows, which is to be ignored.
    ///
    /// # Errors
    /// A short header, a strange destination, data that is no CLIXML.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, PsrpError> {
        let header = bytes.first_chunk::<MESSAGE_HEADER>().ok_or(PsrpError::Message("short"))?;
        let [destination, number] = [0, 4].map(|at| le_u32(&header[at..at + 4]));
        let destination = match destination {
            1 => Destination::Client,
            2 => Destination::Server,
            _ => return Err(PsrpError::Message("misdirected")),
        };
        let Some(kind) = MessageType::from_number(number) else { return Ok(None) };
        let [pool, pipeline] = [8, 24].map(|at| {
            let mut guid = Guid::EMPTY;
            guid.0.copy_from_slice(&header[at..at + 16]);
            Guid(mixed_endian(guid))
        });
        let text = &bytes[MESSAGE_HEADER..];
        let text = text.strip_prefix(BOM).unwrap_or(text);
        let text = std::str::from_utf8(text).map_err(|_| PsrpError::Message("undecodable"))?;
        let data = if text.trim().is_empty() { None } else { clixml::read(text)?.into_iter().next() };
        Ok(Some(Message { destination, kind, pool, pipeline, data }))
    }
}

fn le_u32(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// .NET's order of a GUID's bytes: the first three fields are little-endian. Its own inverse.
fn mixed_endian(guid: Guid) -> [u8; 16] {
    let mut bytes = guid.0;
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}
