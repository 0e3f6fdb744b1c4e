//! Log space: which segments still hold live bodies, and giving back those and parts that do not.

use std::{collections::BTreeMap, io, path::PathBuf};

use crate::{
    EngineError,
    core::Core,
    index::{Index, SpaceChanges, Usage},
    log::{
        recycle::Spare,
        segment::{Segments, Span},
    },
    overlay::Overlay,
};

/// File system blocks are this long; only whole ones can be given back, bytes.
const BLOCK: u64 = 4096;

/// Compares the index's figures with the segments found at opening: one that held live bodies must be there;
/// of one that was retired just before a crash the rows go with the next checkpoint.
pub(crate) fn settle(
    segments: &Segments,
    usage: &mut BTreeMap<u64, Usage>,
    changes: &mut SpaceChanges,
) -> Result<(), EngineError> {
    let spans = segments.spans();
    let is_there = |base: &u64| spans.binary_search_by_key(base, |span| span.base).is_ok();
    let missing: Vec<(u64, u64)> =
        usage.iter().filter(|(base, _)| !is_there(base)).map(|(base, usage)| (*base, usage.live)).collect();
    for (base, live) in missing {
        if live > 0 {
            return Err(EngineError::Corrupt(format!(
                "log segment {} is missing, which holds {live} bytes of items; restore the file, or seed the \
                 database from a backup or another copy",
                segments.path(base).display()
            )));
        }
        usage.remove(&base);
        let bases = usage.keys().copied().chain(spans.iter().map(|span| span.base));
        let end = bases.filter(|next| *next > base).min();
        changes.retired.extend(end.map(|end| (base, end)));
    }
    Ok(())
}

/// Works out the figures of the segments that an overlay's bodies lie in.
pub(crate) fn count(
    segments: &Segments,
    overlay: &Overlay,
    usage: &BTreeMap<u64, Usage>,
    changes: &mut SpaceChanges,
) {
    let mut touched: BTreeMap<u64, Usage> = BTreeMap::new();
    let mut update = |position: u64, change: &mut dyn FnMut(&mut Usage)| {
        if let Some(span) = segments.span(position) {
            change(
                touched
                    .entry(span.base)
                    .or_insert_with(|| usage.get(&span.base).copied().unwrap_or_default()),
            );
        }
    };
    for &(position, len) in &overlay.appended {
        update(position, &mut |usage| usage.live += u64::from(len));
    }
    for (&position, &len) in &overlay.released {
        update(position, &mut |usage| {
            usage.live = usage.live.saturating_sub(u64::from(len));
            usage.dead += u64::from(len);
        });
    }
    // What punching changed since the last checkpoint is in `usage` already.
    changes.usage.extend(touched);
}

/// Retires the segments below the checkpoint that hold nothing live, and punches holes into those that
/// hold mostly dead bodies.
pub(crate) fn reclaim(
    core: &Core,
    index: &Index,
    checkpoint: u64,
    usage: &mut BTreeMap<u64, Usage>,
    changes: &mut SpaceChanges,
) -> Result<(), EngineError> {
    let mut spans = core.segments.spans();
    spans.pop();
    for span in spans.into_iter().filter(|span| span.end <= checkpoint) {
        let figures = usage.get(&span.base).copied().unwrap_or_default();
        let len = span.end - span.base;
        if figures.live == 0 {
            retire(core, span, figures)?;
            usage.remove(&span.base);
            changes.retired.push((span.base, span.end));
        } else if figures.dead >= len / 2 && figures.dead - figures.punched >= len / 8 {
            punch(core, span, &index.released(span.base, span.end)?)?;
            let punched = Usage { punched: figures.dead, ..figures };
            usage.insert(span.base, punched);
            changes.usage.insert(span.base, punched);
        }
    }
    Ok(())
}

/// A segment without holes becomes a spare if one is short; its stale bytes do no harm, since every record
/// carries its position.
fn retire(core: &Core, span: Span, figures: Usage) -> Result<(), EngineError> {
    let file = core.segments.file(span.base)?;
    let path = core.segments.path(span.base);
    let len = file.len().map_err(|e| EngineError::io("measuring", &path, e))?;
    let spare: Option<PathBuf> =
        (figures.punched == 0 && len == core.segment_bytes).then(|| core.spares.room()).flatten();
    core.segments.remove(span.base, spare.as_deref())?;
    if let Some(path) = spare {
        core.spares.give(Spare { path, file, len });
    }
    Ok(())
}

/// Gives back the whole blocks within dead bodies.
fn punch(core: &Core, span: Span, dead: &[(u64, u32)]) -> Result<(), EngineError> {
    let file = core.segments.file(span.base)?;
    for &(position, len) in dead {
        let offset = position - span.base;
        let from = offset.next_multiple_of(BLOCK);
        let to = (offset + u64::from(len)) / BLOCK * BLOCK;
        if from >= to {
            continue;
        }
        match file.punch_hole(from, to - from) {
            Ok(()) => {}
            // The space comes back when the whole segment is dead.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(()),
            Err(error) => {
                return Err(EngineError::io("punching holes into", &core.segments.path(span.base), error));
            }
        }
    }
    Ok(())
}
