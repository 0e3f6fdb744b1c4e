//! Tidiness.
use std::path::Path;

use crate::Outcome;

/// Placeholder head.
pub fn run(_root: &Path) -> Outcome<()> {
    Ok(())
}
