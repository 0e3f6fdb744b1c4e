//! Parameter sets as bit masks.

use std::sync::Arc;

use super::errors;
use crate::cmdlet::{Bound, CommandInfo, ErrorRecord, ParameterInfo};

/// One bit per parameter set.
pub(super) type Mask = u128;

/// How many sets a command may have.
const SETS_MAX: usize = 128;

/// The sets of a command, in order of appearance.
#[derive(Debug)]
pub(super) struct Sets {
    names: Vec<Arc<str>>,
    default: Mask,
}

impl Sets {
    pub(super) fn of(info: &CommandInfo) -> Self {
        let names: Vec<Arc<str>> = info.set_names().into_iter().take(SETS_MAX).cloned().collect();
        let default = info.default_set.as_ref();
        let default = names.iter().position(|n| default.is_some_and(|d| d.eq_ignore_ascii_case(n)));
        Sets { names, default: default.map_or(0, |at| 1 << at) }
    }

    /// Every set; commands without sets have one nameless set.
    pub(super) fn all(&self) -> Mask {
        match self.names.len() {
            0 => 1,
            SETS_MAX => Mask::MAX,
            n => (1 << n) - 1,
        }
    }

    pub(super) fn default_mask(&self) -> Mask {
        self.default
    }

    pub(super) fn mask(&self, parameter: &ParameterInfo) -> Mask {
        if parameter.sets.is_empty() {
            return self.all();
        }
        let bits = self.names.iter().enumerate().filter(|(_, name)| parameter.in_set(name));
        bits.fold(0, |mask, (at, _)| mask | 1 << at)
    }

    /// The set the bound parameters mean: one whose mandatory parameters are all there, the default first.
    pub(super) fn choose(
        &self,
        info: &CommandInfo,
        mask: Mask,
        bound: &Bound,
    ) -> Result<Option<Arc<str>>, ErrorRecord> {
        let missing = |set: Mask| {
            let name = self.names.get(set.trailing_zeros() as usize).map(|name| &**name);
            let needed = info.parameters.iter().filter(move |p| p.is_required_in(name));
            needed.filter(|p| !bound.contains_key(&p.name)).map(|p| &*p.name)
        };
        let candidates = std::iter::once(self.default & mask)
            .chain((0..SETS_MAX).map(|at| mask & (1 << at)))
            .filter(|set| *set != 0);
        let mut least: Option<Vec<&str>> = None;
        for set in candidates {
            let lacking: Vec<&str> = missing(set).collect();
            if lacking.is_empty() {
                return Ok(self.names.get(set.trailing_zeros() as usize).cloned());
            }
            if least.as_ref().is_none_or(|least| lacking.len() < least.len()) {
                least = Some(lacking);
            }
        }
        match least {
            Some(lacking) => Err(errors::missing_mandatory(info, &lacking)),
            None => Err(errors::ambiguous_set(info)),
        }
    }
}
