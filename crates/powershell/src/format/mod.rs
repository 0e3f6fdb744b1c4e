//! Objects as text, as Windows PowerShell 5.1 prints them: views, tables, lists, errors.
//!
//! Known from observed output: blank lines, column widths, `...` for what is cut, right-aligned numbers, long
//! values broken at words.

mod cell;
mod error;
mod list;
mod printer;
mod question;
mod table;
mod views;
mod wrap;

pub(crate) use cell::{cell, fit};
pub(crate) use error::position_message;
pub use error::{error_text, message_text};
pub(crate) use list::ListWriter;
pub use printer::Printer;
pub(crate) use printer::{group_heading, side};
pub use question::{chosen, question};
pub use table::Alignment;
pub(crate) use table::{ColumnLayout, TableWriter};
pub use views::{Column, Layout, TypeView, Views};

use crate::{
    eval::{Interp, Run},
    value::{PsObject, Value},
};

/// The type of objects that are text already: what `Format-Table` and friends write.
const FORMATTED: &str = "Microsoft.PowerShell.Commands.Internal.Format.FormatEntryData";

/// Text that printing passes through.
pub(crate) fn formatted_text(text: String) -> Value {
    PsObject::new(&[FORMATTED]).with("Text", text).into()
}

/// The text of an object made by [`formatted_text`].
pub(crate) fn as_formatted(value: &Value) -> Option<String> {
    match value {
        Value::Object(object) => object
            .with(|o| (*o.type_name() == *FORMATTED).then(|| o.get("Text").map(Value::to_string)))
            .flatten(),
        _ => None,
    }
}

/// How many elements of a list are printed (`$FormatEnumerationLimit`).
pub(crate) fn enumeration_limit(cx: &Interp<'_>) -> usize {
    match cx.at.scope.get("FormatEnumerationLimit") {
        Some(Value::Int(n)) => usize::try_from(n).unwrap_or(usize::MAX),
        _ => 4,
    }
}

/// Everything as one text.
pub(crate) fn print_all(cx: &mut Interp<'_>, items: Vec<Value>) -> Run<String> {
    let printer = Printer::new(cx.state.views.clone(), cx.state.width);
    let mut printer = printer.with_limit(enumeration_limit(cx)).for_text();
    let mut text = String::new();
    for item in &items {
        let piece = printer.push(item);
        cx.append(&mut text, &piece)?;
    }
    let piece = printer.finish();
    cx.append(&mut text, &piece)?;
    Ok(text)
}
