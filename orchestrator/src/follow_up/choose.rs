//! Which run is meant, if none is named.
//!
//! A run that only looks is never meant. One inventory's run never stands in for another's, and a run that cannot be read is
//! never passed over: if several could be meant, or if the last one cannot be, nothing is guessed.

use super::candidate;
use crate::event::{FollowUpKind, HostOutcome, Obstacle, RunKind};
use crate::history::{History, HostRecord, RunRecord, Unreadable};
use crate::state::Undo;

/// Who asks, and about what.
pub struct Asked<'a> {
    /// What is asked for.
    pub follow_up: FollowUpKind,
    /// The inventory, if it is named: only its runs are meant.
    pub inventory: Option<&'a str>,
    /// One name for all spellings of an inventory's path.
    pub file: &'a dyn Fn(&str) -> String,
    /// Which hosts of a run are meant.
    pub selects: &'a dyn Fn(&RunRecord, &str) -> bool,
}

impl Asked<'_> {
    fn is_of(&self, inventory: &str) -> bool {
        self.inventory.is_none_or(|wanted| (self.file)(inventory) == (self.file)(wanted))
    }
}

/// The run that is meant.
///
/// # Errors
/// No run could be meant, several could, or one that cannot be read.
pub fn choose<'h>(history: &'h History, asked: &Asked<'_>) -> Result<&'h RunRecord, Obstacle> {
    let changing = || history.runs().iter().rev().filter(|run| run.kind.changes());
    let of_inventory: Vec<&RunRecord> = changing().filter(|run| asked.is_of(&run.inventory)).collect();
    let mut meant = newest_of_each(history, of_inventory.iter().copied(), asked);
    if of_inventory.is_empty() {
        // Runs of other inventories are never taken for those of this one, but they are named.
        meant = newest_of_each(history, changing(), asked);
        if meant.is_empty() {
            return Err(unread(history, asked, None).unwrap_or_else(|| no_run(history, asked)));
        }
        return Err(which(history, asked, None, &meant));
    }
    match meant.as_slice() {
        [run] => {
            if let Some(last) = stands_before(history, &of_inventory, run, asked) {
                return Err(which(history, asked, Some(last), &meant));
            }
            unread(history, asked, Some(run)).map_or(Ok(run), Err)
        }
        // Nothing is left to be done about any run: the last one tells so.
        [] => match (unread(history, asked, None), of_inventory.first()) {
            (Some(unread), _) => Err(unread),
            (None, Some(last)) => Ok(origin(history, last)),
            (None, None) => Err(Obstacle::NoRun),
        },
        _ => Err(which(history, asked, None, &meant)),
    }
}

fn no_run(history: &History, asked: &Asked<'_>) -> Obstacle {
    let mut others: Vec<String> = Vec::new();
    for run in history.runs().iter().filter(|run| run.kind.changes()) {
        if !others.contains(&run.inventory) {
            others.push(run.inventory.clone());
        }
    }
    match asked.inventory {
        Some(inventory) if !others.is_empty() => {
            Obstacle::NoRunOf { inventory: inventory.to_owned(), others }
        }
        _ => Obstacle::NoRun,
    }
}

/// The runs about which there is something to be done, the newest of each inventory.
fn newest_of_each<'h>(
    history: &History,
    newest_first: impl Iterator<Item = &'h RunRecord>,
    asked: &Asked<'_>,
) -> Vec<&'h RunRecord> {
    let mut all: Vec<&RunRecord> = newest_first.filter(|run| is_meant(history, run, asked)).collect();
    // A run that is at work is resumed by nobody: it does not stand before one that was cut off.
    if asked.follow_up == FollowUpKind::Resume && all.iter().any(|run| !run.going_on) {
        all.retain(|run| !run.going_on);
    }
    let mut newest: Vec<&RunRecord> = Vec::new();
    for run in all {
        if !newest.iter().any(|known| (asked.file)(&known.inventory) == (asked.file)(&run.inventory)) {
            newest.push(run);
        }
    }
    newest
}

fn which(history: &History, asked: &Asked<'_>, last: Option<&RunRecord>, meant: &[&RunRecord]) -> Obstacle {
    Obstacle::WhichRun {
        follow_up: asked.follow_up.clone(),
        last: last.map(|last| Box::new(candidate(last, |host| host.touched))),
        candidates: meant
            .iter()
            .map(|run| candidate(run, |host| is_about(history, run, host, asked)))
            .collect(),
    }
}

/// A run that cannot be read and may be the one that is meant, rather than `than`: it is not older.
fn unread(history: &History, asked: &Asked<'_>, than: Option<&RunRecord>) -> Option<Obstacle> {
    let may_be_meant = |unread: &&Unreadable| {
        let changes = unread.hosts.as_ref().is_none_or(|hosts| !hosts.is_empty());
        let is_of = unread.inventory.as_deref().is_none_or(|inventory| asked.is_of(inventory));
        // Ids begin with the time (RFC 9562, UUIDv7).
        changes && is_of && than.is_none_or(|than| unread.run > than.run)
    };
    let unread = history.unreadable().iter().find(may_be_meant)?;
    Some(Obstacle::Unread { follow_up: asked.follow_up.clone(), run: unread.run.clone() })
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

/// The last work on an inventory, if it is no part of `run` and a person may mean it instead: a rollback takes the last
/// work back, and what is run again is what failed last.
fn stands_before<'h>(
    history: &History,
    newest_first: &[&'h RunRecord],
    run: &RunRecord,
    asked: &Asked<'_>,
) -> Option<&'h RunRecord> {
    let mut of_inventory =
        newest_first.iter().filter(|other| (asked.file)(&other.inventory) == (asked.file)(&run.inventory));
    let is_selected =
        |other: &RunRecord| other.hosts.iter().any(|host| (asked.selects)(other, &host.id.name));
    let last = of_inventory.find(|other| other.kind.changes_installations() && is_selected(other))?;
    let is_part = origin(history, last).run == run.run;
    let ended_well = || last.hosts.iter().all(|host| host.outcome.is_some_and(HostOutcome::is_good));
    let stands = match asked.follow_up {
        FollowUpKind::Rollback => !is_part,
        FollowUpKind::Rerun { .. } => !is_part && !ended_well(),
        _ => false,
    };
    stands.then_some(*last)
}

/// Whether the follow-up has anything to do about a run.
fn is_meant(history: &History, run: &RunRecord, asked: &Asked<'_>) -> bool {
    let is_of_kind = match asked.follow_up {
        FollowUpKind::Resume | FollowUpKind::Resolve { .. } => run.is_unfinished(),
        FollowUpKind::Approve => {
            matches!(run.kind, RunKind::Upgrade | RunKind::Procedure) && (run.is_unfinished() || run.going_on)
        }
        FollowUpKind::Rerun { .. } => {
            matches!(run.kind, RunKind::Upgrade | RunKind::Procedure) && run.taken_over_by.is_none()
        }
        FollowUpKind::Rollback | FollowUpKind::Settle { .. } => true,
    };
    // What is left of a run as a whole, such as its soak, is about all of its hosts.
    let is_whole = asked.follow_up == FollowUpKind::Resume && run.soak_unfinished;
    is_of_kind
        && run.hosts.iter().any(|host| {
            is_about(history, run, host, asked) || is_whole && (asked.selects)(run, &host.id.name)
        })
}

/// Whether a host of a run is what the follow-up is about.
fn is_about(history: &History, run: &RunRecord, host: &HostRecord, asked: &Asked<'_>) -> bool {
    let is_left = || host.unfinished || host.locked || run.exit_code.is_none();
    (asked.selects)(run, &host.id.name)
        && match &asked.follow_up {
            FollowUpKind::Resume | FollowUpKind::Approve => is_left(),
            FollowUpKind::Resolve { host: named } => host.id.name == *named && is_left(),
            FollowUpKind::Rerun { only_failed: false } => !host.outcome.is_some_and(HostOutcome::is_good),
            FollowUpKind::Rerun { only_failed: true } => match host.outcome {
                // It went back to its start, or was never begun.
                None | Some(HostOutcome::Held) => !host.touched,
                Some(outcome) => !outcome.is_good() && outcome != HostOutcome::Unknown,
            },
            FollowUpKind::Rollback => {
                host.undo != Undo::Nothing && !history.is_rolled_back(&run.run, &host.id)
            }
            FollowUpKind::Settle { host: named } => {
                host.id.name == *named
                    && host.owed.iter().any(|open| open.own)
                    && history.owed(&host.id).is_some_and(|owed| owed.run == run.run)
            }
        }
}
