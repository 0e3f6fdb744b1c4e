//! MAPI-shaped properties: typed tags, values, bags, and names for what has no tag (MS-OXCDATA sections
//! 2.8 to 2.11).

mod bag;
mod metadata;
mod named;
pub mod tags;
mod value;

pub use bag::PropertyBag;
pub use named::PropertyName;
pub(crate) use named::{FIRST as FIRST_NAMED, named};
pub use value::{PropertyTag, PropertyValue};
