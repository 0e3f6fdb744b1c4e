//! `-GroupBy` of the formatting commands: a heading where the value changes.

use super::{
    Args,
    columns::{self, Spec},
    format_list::shown,
};
use crate::{
    eval::{Interp, Run},
    format::group_heading,
    value::Value,
};

/// What objects are grouped by, and the value of the group that is open.
pub(super) struct Grouping {
    by: Option<Spec>,
    open: Option<String>,
}

impl Grouping {
    /// Reads `-GroupBy`.
    pub(super) fn new(args: &Args) -> Run<Self> {
        let by = columns::specs(args.list("GroupBy"))?.into_iter().next();
        Ok(Grouping { by, open: None })
    }

    /// The heading where this object begins a new group.
    pub(super) fn begins(&mut self, cx: &mut Interp<'_>, item: &Value) -> Run<Option<String>> {
        let Some(spec) = &self.by else { return Ok(None) };
        let value = shown(cx, spec, item)?;
        if self.open.as_ref() == Some(&value) {
            return Ok(None);
        }
        let heading = group_heading(&spec.label, &value);
        self.open = Some(value);
        Ok(Some(heading))
    }
}
