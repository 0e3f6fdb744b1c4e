//! Internet messages (RFC 5322) and MIME (RFC 2045–2047): headers, addresses, the summary stored with
//! each item, encoded words, structure and part offsets, decoded text.
//!
//! Every function is linear in its input and iterative: depth, parts, fields and addresses are bounded.

pub mod address;
pub mod date;
pub mod header;
pub mod params;
pub mod preview;
pub mod structure;
pub mod subject;
pub mod summary;
pub mod text;
pub mod transfer;
pub mod words;

pub use address::Address;
pub use header::{Field, field, fields, header_len};
pub use params::Parameterised;
pub use structure::{Kind, Part, Structure};
pub use summary::{Summary, SummaryField};
pub use words::decode_words;
