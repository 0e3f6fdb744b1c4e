//! Types and seams that would make sense in any server: identifiers, addresses, sizes, spans, faults,
//! and the clock, randomness, disk and network through which the rest of the house meets the world.
//!
//! Nothing here knows what mail is. No other crate reads a clock, draws a random number, opens a file
//! of the data folder or a socket except through this one, so that the same code runs under simulation.

pub mod address;
pub mod census;
pub mod clock;
pub mod disk;
pub mod eventlog;
pub mod fault;
pub mod guid;
pub mod neighbours;
pub mod net;
pub mod rng;
#[cfg(feature = "sim")]
pub mod sim;
pub mod size;
pub mod span;
pub mod unlimited;

pub use address::{SmtpAddress, SmtpDomain};
pub use clock::{Clock, Timestamp};
pub use disk::Disk;
pub use fault::{Fault, FaultKind};
pub use guid::Guid;
pub use rng::Rng;
pub use size::ByteQuantifiedSize;
pub use span::EnhancedTimeSpan;
pub use unlimited::Unlimited;
