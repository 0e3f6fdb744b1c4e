//! Reading through the layers: overlays, newest first, over the checkpointed index.

use std::{
    collections::btree_map,
    ops::{Bound, ControlFlow},
};

use bytes::Bytes;

use crate::{
    EngineError, Visitor,
    index::{Entry, Snapshot},
    overlay::Overlay,
};

/// At most the running batch, the active and the frozen overlay.
const OVERLAYS: usize = 3;

/// One consistent state, as layers.
pub(crate) struct Layers<'a> {
    /// Newest first.
    pub(crate) overlays: [Option<&'a Overlay>; OVERLAYS],
    pub(crate) base: &'a Snapshot,
}

type Head<'a> = Option<(&'a Bytes, &'a Option<Bytes>)>;

impl Layers<'_> {
    /// The value of a key.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        for overlay in self.overlays.into_iter().flatten() {
            if let Some(value) = overlay.map.get(key) {
                return Ok(value.clone());
            }
        }
        self.base.get(key)
    }

    /// True when the body at this position was released.
    pub(crate) fn is_released(&self, position: u64) -> Result<bool, EngineError> {
        let mut overlays = self.overlays.into_iter().flatten();
        Ok(overlays.any(|overlay| overlay.released.contains_key(&position))
            || self.base.is_released(position)?)
    }

    /// Visits the keys between two bounds in order until the visitor breaks.
    pub(crate) fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        reverse: bool,
        visit: &mut Visitor<'_>,
    ) -> Result<(), EngineError> {
        if is_empty_range(from, to) {
            return Ok(());
        }
        let mut upper = Overlays::new(&self.overlays, from, to, reverse);
        let mut base = self.base.range(from, to)?;
        let mut base_next = || -> Result<Option<Entry>, EngineError> {
            Ok(if reverse { base.next_back() } else { base.next() }.transpose()?)
        };
        let mut base_head = base_next()?;
        loop {
            let order = match (upper.first(), &base_head) {
                (None, None) => return Ok(()),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some((key, _)), Some((base_key, _))) => {
                    let order = key[..].cmp(base_key.value());
                    if reverse { order.reverse() } else { order }
                }
            };
            let flow = match (upper.first().filter(|_| order.is_le()), &base_head) {
                (Some((key, Some(value))), _) => visit(key, value),
                (Some((_, None)), _) => ControlFlow::Continue(()),
                (None, Some((key, value))) => visit(key.value(), value.value()),
                (None, None) => ControlFlow::Break(()),
            };
            if flow.is_break() {
                return Ok(());
            }
            if order.is_ge() {
                base_head = base_next()?;
            }
            if order.is_le() {
                upper.advance();
            }
        }
    }
}

/// The overlays' entries merged, the newest of each key.
struct Overlays<'a> {
    ranges: [Option<btree_map::Range<'a, Bytes, Option<Bytes>>>; OVERLAYS],
    heads: [Head<'a>; OVERLAYS],
    reverse: bool,
}

impl<'a> Overlays<'a> {
    fn new(
        overlays: &[Option<&'a Overlay>; OVERLAYS],
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        reverse: bool,
    ) -> Self {
        let ranges = overlays.map(|overlay| overlay.map(|overlay| overlay.map.range::<[u8], _>((from, to))));
        let mut merged = Self { ranges, heads: [None; OVERLAYS], reverse };
        (0..OVERLAYS).for_each(|i| merged.pull(i));
        merged
    }

    fn pull(&mut self, i: usize) {
        self.heads[i] = self.ranges[i]
            .as_mut()
            .and_then(|range| if self.reverse { range.next_back() } else { range.next() });
    }

    /// The entry at the front; of equal keys the newest.
    fn first(&self) -> Head<'a> {
        let heads = self.heads.into_iter().flatten();
        heads.reduce(|best, next| {
            let better = if self.reverse { next.0 > best.0 } else { next.0 < best.0 };
            if better { next } else { best }
        })
    }

    /// Drops the front key from every overlay.
    fn advance(&mut self) {
        if let Some((key, _)) = self.first() {
            for i in 0..OVERLAYS {
                if self.heads[i].is_some_and(|(k, _)| k == key) {
                    self.pull(i);
                }
            }
        }
    }
}

/// Ranges that hold nothing, among them those the standard map would panic on.
fn is_empty_range(from: Bound<&[u8]>, to: Bound<&[u8]>) -> bool {
    match (from, to) {
        (Bound::Included(a), Bound::Included(b)) => a > b,
        (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => a >= b,
        _ => false,
    }
}
