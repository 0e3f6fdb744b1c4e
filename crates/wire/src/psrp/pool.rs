//! The messages of a runspace pool (MS-PSRP sections 2.2.2.1–2.2.2.9, 2.2.2.13, 2.2.2.29–31).

use super::{HostInfo, MessageType, PROTOCOL_VERSION, PS_VERSION, PsrpError, SERIALIZATION_VERSION};
use crate::clixml::Node;

/// A dictionary of simple values.
const PRIMITIVE_DICTIONARY: &[&str] =
    &["System.Management.Automation.PSPrimitiveDictionary", "System.Collections.Hashtable", "System.Object"];

/// SESSION_CAPABILITY: what a side speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCapability {
    /// `protocolversion`.
    pub protocol: String,
    /// `PSVersion`.
    pub ps: String,
    /// `SerializationVersion`.
    pub serialization: String,
}

impl SessionCapability {
    /// Ours.
    pub fn ours() -> Self {
        SessionCapability {
            protocol: PROTOCOL_VERSION.into(),
            ps: PS_VERSION.into(),
            serialization: SERIALIZATION_VERSION.into(),
        }
    }

    /// Reads the message.
    ///
    /// # Errors
    /// A version is missing.
    pub fn read(data: &Node) -> Result<Self, PsrpError> {
        let text = |name: &str| {
            let text = data.get(name).and_then(Node::as_text).map(str::to_owned);
            text.ok_or(PsrpError::Message("SESSION_CAPABILITY"))
        };
        Ok(SessionCapability {
            protocol: text("protocolversion")?,
            ps: text("PSVersion")?,
            serialization: text("SerializationVersion")?,
        })
    }

    /// What a server answers to a client's capability: the lower protocol of both (section 3.2.5.4.1).
    ///
    /// # Errors
    /// The client's versions are none that we can speak.
    pub fn negotiate(&self) -> Result<Self, PsrpError> {
        let theirs = version(&self.protocol).filter(|theirs| theirs.0 == 2);
        let theirs = theirs.ok_or(PsrpError::Message("SESSION_CAPABILITY"))?;
        if self.ps != PS_VERSION || self.serialization != SERIALIZATION_VERSION {
            return Err(PsrpError::Message("SESSION_CAPABILITY"));
        }
        let ours = version(PROTOCOL_VERSION).unwrap_or(theirs);
        let (major, minor) = theirs.min(ours);
        Ok(SessionCapability { protocol: format!("{major}.{minor}"), ..Self::ours() })
    }

    /// The message's data.
    pub fn to_node(&self) -> Node {
        Node::record([
            ("protocolversion", Node::Version(self.protocol.clone())),
            ("PSVersion", Node::Version(self.ps.clone())),
            ("SerializationVersion", Node::Version(self.serialization.clone())),
        ])
    }
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// INIT_RUNSPACEPOOL: opens a pool.
#[derive(Clone, Debug, PartialEq)]
pub struct InitRunspacePool {
    /// `MinRunspaces`.
    pub min: i32,
    /// `MaxRunspaces`.
    pub max: i32,
    /// The client's host.
    pub host: HostInfo,
    /// `ApplicationArguments`; `Nil` for none.
    pub arguments: Node,
}

impl InitRunspacePool {
    /// Reads the message.
    ///
    /// # Errors
    /// The size of the pool makes no sense.
    pub fn read(data: &Node) -> Result<Self, PsrpError> {
        let count = |name: &str| data.get(name).and_then(Node::as_int);
        let (Some(min), Some(max)) = (count("MinRunspaces"), count("MaxRunspaces")) else {
            return Err(PsrpError::Message("INIT_RUNSPACEPOOL"));
        };
        if min < 1 || max < min {
            return Err(PsrpError::Message("INIT_RUNSPACEPOOL"));
        }
        Ok(InitRunspacePool {
            min,
            max,
            host: HostInfo::read(data.get("HostInfo")),
            arguments: data.get("ApplicationArguments").cloned().unwrap_or_default(),
        })
    }

    /// The message's data.
    pub fn to_node(&self) -> Node {
        let threads = "System.Management.Automation.Runspaces.PSThreadOptions";
        let apartment = "System.Management.Automation.Runspaces.ApartmentState";
        Node::record([
            ("MinRunspaces", Node::Int(self.min)),
            ("MaxRunspaces", Node::Int(self.max)),
            ("PSThreadOptions", Node::enumeration(threads, "Default", 0)),
            ("ApartmentState", Node::enumeration(apartment, "Unknown", 2)),
            ("HostInfo", self.host.to_node()),
            ("ApplicationArguments", self.arguments.clone()),
        ])
    }
}

/// The calls about a pool that RUNSPACE_AVAILABILITY answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolCall {
    /// SET_MAX_RUNSPACES
    SetMax(i32),
    /// SET_MIN_RUNSPACES
    SetMin(i32),
    /// GET_AVAILABLE_RUNSPACES
    GetAvailable,
    /// RESET_RUNSPACE_STATE
    Reset,
}

impl PoolCall {
    /// Reads the message of one of the types: the call, and its identifier.
    ///
    /// # Errors
    /// No identifier or number, or a message of another type.
    pub fn read(kind: MessageType, data: &Node) -> Result<(Self, i64), PsrpError> {
        let bad = PsrpError::Message("runspace pool");
        let count = |name: &str| data.get(name).and_then(Node::as_int);
        let call = match kind {
            MessageType::SetMaxRunspaces => count("MaxRunspaces").map(PoolCall::SetMax),
            MessageType::SetMinRunspaces => count("MinRunspaces").map(PoolCall::SetMin),
            MessageType::GetAvailableRunspaces => Some(PoolCall::GetAvailable),
            MessageType::ResetRunspaceState => Some(PoolCall::Reset),
            _ => None,
        };
        call.zip(data.get("ci").and_then(Node::as_number)).ok_or(bad)
    }

    /// The message's type and data.
    pub fn to_message(self, ci: i64) -> (MessageType, Node) {
        let ci = ("ci", Node::Long(ci));
        match self {
            PoolCall::SetMax(n) => {
                (MessageType::SetMaxRunspaces, Node::record([("MaxRunspaces", Node::Int(n)), ci]))
            }
            PoolCall::SetMin(n) => {
                (MessageType::SetMinRunspaces, Node::record([("MinRunspaces", Node::Int(n)), ci]))
            }
            PoolCall::GetAvailable => (MessageType::GetAvailableRunspaces, Node::record([ci])),
            PoolCall::Reset => (MessageType::ResetRunspaceState, Node::record([ci])),
        }
    }
}

/// RUNSPACE_AVAILABILITY: the answer to a [`PoolCall`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Whether it was done.
    Done(bool),
    /// How many runspaces are free.
    Count(i64),
}

impl Availability {
    /// The message's data.
    pub fn to_node(self, ci: i64) -> Node {
        let answer = match self {
            Availability::Done(done) => Node::Bool(done),
            Availability::Count(count) => Node::Long(count),
        };
        Node::record([("SetMinMaxRunspacesResponse", answer), ("ci", Node::Long(ci))])
    }

    /// Reads the message: the answer, and the call's identifier.
    pub fn read(data: &Node) -> Option<(Self, i64)> {
        let answer = data.get("SetMinMaxRunspacesResponse")?;
        let answer =
            answer.as_bool().map(Availability::Done).or(answer.as_number().map(Availability::Count))?;
        Some((answer, data.get("ci")?.as_number()?))
    }
}

/// How a pool is (section 2.2.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolState {
    /// Not opened yet.
    BeforeOpen = 0,
    /// Being opened.
    Opening = 1,
    /// Ready.
    Opened = 2,
    /// Closed.
    Closed = 3,
    /// Being closed.
    Closing = 4,
    /// Of no use any more.
    Broken = 5,
}

/// RUNSPACEPOOL_STATE, with the error that broke the pool.
pub fn pool_state(state: PoolState, error: Option<Node>) -> Node {
    let state = ("RunspaceState", Node::Int(state as i32));
    Node::record(std::iter::once(state).chain(error.map(|error| ("ExceptionAsErrorRecord", error))))
}

/// APPLICATION_PRIVATE_DATA of a server that says it is PowerShell of this version (`5.1.…`).
pub fn application_private_data(ps_version: &str) -> Node {
    let entry = |name: &str, value: Node| (Node::text(name), value);
    let version = |text: &str| Node::Version(text.to_owned());
    let compatible = ["1.0", "2.0", "3.0", "4.0", "5.0", ps_version].map(version).to_vec();
    let table = vec![
        entry("PSVersion", version(ps_version)),
        entry("PSEdition", Node::text("Desktop")),
        entry("PSCompatibleVersions", Node::array(compatible)),
        entry("CLRVersion", version("4.0.30319.42000")),
        entry("BuildVersion", version(ps_version)),
        entry("WSManStackVersion", version("3.0")),
        entry("PSRemotingProtocolVersion", version(PROTOCOL_VERSION)),
        entry("SerializationVersion", version(SERIALIZATION_VERSION)),
    ];
    let table = Node::dictionary(PRIMITIVE_DICTIONARY, table);
    let data = Node::dictionary(PRIMITIVE_DICTIONARY, vec![entry("PSVersionTable", table)]);
    Node::record([("ApplicationPrivateData", data)])
}

/// RUNSPACEPOOL_INIT_DATA: how large the pool is that was connected to.
pub fn init_data(min: i32, max: i32) -> Node {
    Node::record([("MinRunspaces", Node::Int(min)), ("MaxRunspaces", Node::Int(max))])
}

/// CONNECT_RUNSPACEPOOL: the sizes asked for, if any are. The message may also hold an empty text.
pub fn connect_runspace_pool(data: Option<&Node>) -> (Option<i32>, Option<i32>) {
    let count = |name: &str| data?.get(name)?.as_int();
    (count("MinRunspaces"), count("MaxRunspaces"))
}

/// PUBLIC_KEY: the client's RSA key, base64 of a `PUBLICKEYBLOB`.
pub fn public_key(data: &Node) -> Option<&str> {
    data.get("PublicKey")?.as_text()
}
