//! Who and what exists, and how it is set.
//!
//! Objects of a few classes (`schema/`, data) lie in a tree of distinguished names. Readers take a [`View`]:
//! the whole directory at one moment, in memory. Changes are closures over a [`Draft`], run one after the
//! other by the directory's writer, checked there, and durable as engine records before they are seen.
//! Verbs that cmdlets offer (`verbs/`) are functions over a draft.

mod codec;
pub mod component;
mod directory;
mod dn;
mod draft;
mod edit;
mod error;
pub mod filter;
mod object;
pub mod policy;
mod recipient;
mod rules;
pub mod schema;
pub mod seed;
pub mod value;
pub mod verbs;
mod view;

pub use directory::{Directory, Options};
pub use dn::Dn;
pub use draft::{Draft, NAME_MAX, NewObject, Touched};
pub use edit::Edit;
pub use error::DirectoryError;
pub use filter::Filter;
pub use object::Object;
pub use recipient::{Recipient, RecipientType, recipient_type, recipient_type_details};
pub use value::Value;
pub use view::{DomainTable, EXPANSION_MAX, Expansion, Scope, View};
