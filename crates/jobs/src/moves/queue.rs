//! Whose turn it is: which requests the mover acts on now, in which order, and how many at a time.

use std::collections::BTreeMap;

use base::{EnhancedTimeSpan, Guid, Timestamp};
use directory::{
    Object, Value, View,
    schema::{MAILBOX_RESTORE_REQUEST, MOVE_PRIORITIES, MOVE_REQUEST},
    verbs::{MOVE_PARTS, is_over},
};

use super::Settings;

/// A moment of a request.
pub(super) fn moment(request: &Object, name: &str) -> Option<Timestamp> {
    match request.stored_value(name) {
        Some(Value::Time(time)) => Some(*time),
        _ => None,
    }
}

/// Whether a request's time is over: it was completed long enough ago.
pub(super) fn has_expired(request: &Object, now: Timestamp) -> bool {
    let Some(completed) = moment(request, "CompletionTimestamp").filter(|_| is_over(request)) else {
        return false;
    };
    let limit = match request.get("CompletedRequestAgeLimit").as_deref() {
        Some(Value::Lasting(limit)) => limit.limit().copied(),
        _ => Some(EnhancedTimeSpan::from_days(30)),
    };
    limit.is_some_and(|limit| completed.plus(limit) <= now)
}

/// Whether what can be seen of a mailbox has changed hands; restores have nothing that does.
pub(super) fn is_switched(request: &Object) -> bool {
    *request.class == MOVE_REQUEST && request.flag("Switched")
}

/// Whether something is to be done for a request now.
pub(super) fn is_due(request: &Object, now: Timestamp) -> bool {
    let status = request.text("Status").unwrap_or_default();
    if is_over(request) {
        return false;
    }
    // What was switched over is brought to its end whatever anybody says.
    if is_switched(request) {
        return moment(request, "NextTry").is_none_or(|at| at <= now);
    }
    match status {
        "Failed" | "Suspended" => false,
        _ if request.flag("Suspend") => true,
        "AutoSuspended" => false,
        "Queued" => moment(request, "StartAfter").is_none_or(|at| at <= now),
        _ => moment(request, "NextTry").is_none_or(|at| at <= now),
    }
}

/// The requests of `mine` to begin with now, besides those under way, as many as the limits allow.
pub(super) fn choose(
    view: &View,
    running: &[Guid],
    settings: &Settings,
    now: Timestamp,
    mine: impl Fn(&Object) -> bool,
) -> Vec<Guid> {
    let (mut from, mut to): (BTreeMap<Guid, usize>, BTreeMap<Guid, usize>) = Default::default();
    let ends = |request: &Object, side: fn(&directory::verbs::MovePart) -> &'static str| {
        MOVE_PARTS.iter().filter_map(|part| request.link(side(part))).collect::<Vec<_>>()
    };
    let count = |request: &Object, from: &mut BTreeMap<Guid, usize>, to: &mut BTreeMap<Guid, usize>| {
        ends(request, |part| part.source).into_iter().for_each(|guid| *from.entry(guid).or_default() += 1);
        ends(request, |part| part.target).into_iter().for_each(|guid| *to.entry(guid).or_default() += 1);
    };
    for request in running.iter().filter_map(|guid| view.get(*guid)) {
        count(request, &mut from, &mut to);
    }
    let mut due: Vec<_> = view
        .of_class(&MOVE_REQUEST)
        .filter(|request| !running.contains(&request.guid) && is_due(request, now) && mine(request))
        .collect();
    due.sort_by_key(|request| turn(request));
    let (mut chosen, mut total) = (Vec::new(), running.len());
    for request in due {
        let full = |counts: &BTreeMap<Guid, usize>, guids: Vec<Guid>, most: usize| {
            guids.iter().any(|guid| counts.get(guid).is_some_and(|count| *count >= most))
        };
        if total >= settings.max_total_moves
            || full(&from, ends(request, |part| part.source), settings.max_moves_per_source_database)
            || full(&to, ends(request, |part| part.target), settings.max_moves_per_target_database)
        {
            continue;
        }
        count(request, &mut from, &mut to);
        total += 1;
        chosen.push(request.guid);
    }
    chosen
}

/// The restores of `mine` to begin with now: in their order, one at a time for each mailbox that is filled.
pub(super) fn choose_restores(
    view: &View,
    running: &[Guid],
    settings: &Settings,
    now: Timestamp,
    mine: impl Fn(&Object) -> bool,
) -> Vec<Guid> {
    let restores = || view.of_class(&MAILBOX_RESTORE_REQUEST);
    let under_way = restores().filter(|request| running.contains(&request.guid));
    let mut filled: Vec<_> = under_way.map(|request| request.link("TargetMailbox")).collect();
    let room = settings.max_total_moves.saturating_sub(running.len());
    let mut due: Vec<_> = restores()
        .filter(|request| !running.contains(&request.guid) && is_due(request, now) && mine(request))
        .collect();
    due.sort_by_key(|request| turn(request));
    due.retain(|request| {
        let target = request.link("TargetMailbox");
        let is_free = !filled.contains(&target);
        filled.push(target);
        is_free
    });
    due.into_iter().take(room).map(|request| request.guid).collect()
}

/// What says whose turn comes first.
fn turn(request: &Object) -> (std::cmp::Reverse<Option<usize>>, Option<Timestamp>, Guid) {
    let name = request.text("Priority").unwrap_or("Normal");
    let priority = MOVE_PRIORITIES.iter().position(|known| *known == name);
    (std::cmp::Reverse(priority), moment(request, "QueuedTimestamp"), request.guid)
}
