//! Which run is meant, if none is named.
//!
//! A run that only looks is never meant. One inventory's run never stands in for another's: if several could be meant, or if
//! the last one cannot be, nothing is guessed.

use super::candidate;
use crate::event::{FollowUpKind, Obstacle, RunKind};
use crate::history::{History, HostRecord, RunRecord};
use crate::state::Undo;

/// Who asks, and about what.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What is asked for.
    pub follow_up: FollowUpKind,
    /// The inventory, if it is named: only its runs are meant, unless it has none.
    pub inventory: Option<&'a str>,
    /// The host, if it is named.
    pub host: Option<&'a str>,
}

/// The run that is meant.
///
/// # Errors
/// No run could be meant, or several could.
pub fn choose<'h>(history: &'h History, asked: &Asked<'_>) -> Result<&'h RunRecord, Obstacle> {
    let is_of = |run: &RunRecord| asked.inventory == Some(run.inventory.as_str());
    let filters = history.runs().iter().any(is_of);
    let newest_first: Vec<&RunRecord> =
        history.runs().iter().rev().filter(|run| run.kind.changes() && (!filters || is_of(run))).collect();
    let Some(last) = newest_first.first().copied() else { return Err(Obstacle::NoRun) };
    // The newest of each inventory.
    let mut meant: Vec<&RunRecord> = Vec::new();
    for run in newest_first.iter().copied().filter(|run| is_meant(history, run, asked)) {
        if !meant.iter().any(|known| known.inventory == run.inventory) {
            meant.push(run);
        }
    }
    let of = |run: &RunRecord| candidate(run, |host| is_about(run, host, asked));
    match meant.as_slice() {
        [run] if asked.follow_up != FollowUpKind::Rollback || is_last_work(history, &newest_first, run) => {
            Ok(run)
        }
        // Nothing is left to be done about any run: the last one tells so.
        [] => Ok(origin(history, last)),
        several => Err(Obstacle::WhichRun {
            follow_up: asked.follow_up,
            last: (several.len() == 1).then(|| Box::new(candidate(last, |host| host.touched))),
            candidates: several.iter().map(|run| of(run)).collect(),
        }),
    }
}

/// The run that a rollback or a settlement is of; every other run is its own origin.
pub fn origin<'h>(history: &'h History, run: &'h RunRecord) -> &'h RunRecord {
    let mut run = run;
    // A run follows an earlier one, so this ends; the bound is for journals that somebody edited.
    for _ in 0..history.runs().len() {
        let is_of_another = matches!(run.kind, RunKind::Rollback | RunKind::Settle);
        let Some(of) = run.follows.as_deref().filter(|_| is_of_another).and_then(|of| history.run(of)) else {
            break;
        };
        run = of;
    }
    run
}

/// Whether nothing was changed after a run of its inventory but what belongs to it: its rollbacks, settlements, and backups.
fn is_last_work(history: &History, newest_first: &[&RunRecord], run: &RunRecord) -> bool {
    let mut of_inventory = newest_first.iter().filter(|other| other.inventory == run.inventory);
    let last = of_inventory.find(|other| other.kind.changes_installations());
    last.is_some_and(|last| origin(history, last).run == run.run)
}

/// Whether the follow-up has anything to do about a run.
fn is_meant(history: &History, run: &RunRecord, asked: &Asked<'_>) -> bool {
    match asked.follow_up {
        FollowUpKind::Resume => run.is_unfinished(),
        FollowUpKind::Rerun => matches!(run.kind, RunKind::Upgrade | RunKind::Procedure),
        FollowUpKind::Rollback => {
            let is_left =
                |host: &HostRecord| host.undo != Undo::Nothing && !history.is_rolled_back(&run.run, &host.id);
            run.hosts.iter().any(is_left)
        }
        FollowUpKind::Settle => run.hosts.iter().any(|host| {
            is_about(run, host, asked) && history.owed(&host.id).is_some_and(|owed| owed.run == run.run)
        }),
    }
}

/// Whether a host of a run is what the follow-up is about.
fn is_about(run: &RunRecord, host: &HostRecord, asked: &Asked<'_>) -> bool {
    let is_named = asked.host.is_none_or(|name| host.id.name == name);
    is_named
        && match asked.follow_up {
            FollowUpKind::Resume => host.unfinished || host.locked || run.exit_code.is_none(),
            FollowUpKind::Rerun => !host.outcome.is_some_and(crate::event::HostOutcome::is_good),
            FollowUpKind::Rollback => host.undo != Undo::Nothing,
            FollowUpKind::Settle => host.owed.iter().any(|open| open.own),
        }
}
