//! What came later on a host.
//!
//! Owns the comparison of two runs' work. The numbers of locks tell it, whatever the clocks say; where a journal of an earlier
//! version has none, what is in doubt counts as later.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::{HostRecord, RunRecord};

/// What stands for the order of runs: the place of the session, and only among those without one the clock.
pub(super) fn place(run: &RunRecord) -> (u64, Option<Timestamp>, &str) {
    (run.order, run.started, &run.run)
}

/// Whether what another run did on a host came after what `run` did there, or after its plan if it did nothing there.
pub(super) fn is_after(run: &RunRecord, other: &RunRecord, theirs: &HostRecord) -> bool {
    let own = run.host(&theirs.id).filter(|own| own.heard_in > 0 || own.heard.is_some());
    if theirs.by_lock && own.is_none_or(|own| own.by_lock) {
        return theirs.heard_in > own.map_or(run.order, |own| own.heard_in);
    }
    // A session's place says when it began, and not when it had the host: its clock counts as well.
    let is_heard_later = own.is_some_and(|own| own.heard.is_some() && theirs.heard > own.heard);
    let is_later_session = match (theirs.heard_in, own.map_or(run.order, |own| own.heard_in)) {
        (0, 0) => other.started > run.started,
        (theirs, own) => theirs > own,
    };
    is_later_session || is_heard_later
}

/// The same where doubt must not count: what others completed or undid is relied on.
pub(super) fn is_surely_after(run: &RunRecord, other: &RunRecord, theirs: &HostRecord) -> bool {
    let own = run.host(&theirs.id).filter(|own| own.heard_in > 0 || own.heard.is_some());
    let by_lock = theirs.by_lock && own.is_none_or(|own| own.by_lock);
    let is_heard_earlier = own.is_some_and(|own| theirs.heard < own.heard);
    is_after(run, other, theirs) && (by_lock || !is_heard_earlier)
}

/// Which of two runs did something on a host last.
pub(super) fn compare(left: (&RunRecord, &HostRecord), right: (&RunRecord, &HostRecord)) -> Ordering {
    let by_locks = left.1.by_lock && right.1.by_lock;
    let places = || left.1.heard_in.cmp(&right.1.heard_in);
    let times = || left.1.heard.cmp(&right.1.heard);
    let first = if by_locks { places().then_with(times) } else { times().then_with(places) };
    first.then_with(|| place(left.0).cmp(&place(right.0)))
}
