//! The PowerShell language and its cmdlet contract; would exist without mail.
//!
//! [`value`] is what flows through pipelines, [`cmdlet`] is the contract between the language and whoever
//! brings commands, [`facts`] reads what is known of a product's commands, [`binder`] turns what was typed
//! into typed parameters, [`analyze`] says of a script what would run.

pub mod analyze;
pub mod ast;
pub mod binder;
mod builtin;
pub mod cmdlet;
pub mod complete;
mod eval;
pub mod facts;
pub mod format;
pub mod help;
pub mod lexer;
mod members;
pub mod parser;
mod pipeline;
pub mod remote;
pub mod runspace;
pub mod text;
pub mod types;
pub mod value;

pub use cmdlet::{
    CommandInfo, CommandSource, ErrorCategory, ErrorRecord, Flow, Invocation, ParameterInfo, Streams,
};
pub use eval::Limits;
pub use pipeline::{Call, Merge};
pub use runspace::{Files, Outcome, Runspace, is_complete};
pub use value::{PsObject, Value};
