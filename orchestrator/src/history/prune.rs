//! Which runs nothing depends on any more.
//!
//! Owns why a run is kept. A run that is unfinished, that left a step open, that tells what a host is like now, or that another
//! kept run follows, is never pruned.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{History, HostRecord, RunRecord};
use crate::event::RunKind;
use crate::plan::HostId;

/// Which runs are old enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// All but the newest so many.
    AllBut(usize),
    /// Those that were heard of last before then.
    Before(Timestamp),
}

/// Why a run is kept although it is old enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// Its controller is at work, or `resume` has something to do on it.
    Unfinished,
    /// It left steps open that nobody has completed.
    Owed,
    /// It is the last upgrade or rollback of a host: what it proved, and where the host came from, is still used.
    Evidence,
    /// It is the last run that changed a host.
    LastOfHost,
    /// It completed steps of a run that is kept, or rolled it back.
    Completes,
    /// A run that is kept follows it.
    Followed,
}

/// What would be pruned, and what is kept although it is old enough; oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruning {
    /// The runs that nothing depends on.
    pub prune: Vec<String>,
    /// The others, with why.
    pub keep: Vec<(String, Kept)>,
}

impl History {
    /// What can be pruned.
    pub fn pruning(&self, age: Age) -> Pruning {
        let needed = self.needed();
        let young = match age {
            Age::AllBut(keep) => self.runs.len().saturating_sub(keep),
            Age::Before(_) => self.runs.len(),
        };
        let is_old = |run: &RunRecord| match age {
            Age::AllBut(_) => true,
            Age::Before(then) => run.last.is_some_and(|last| last < then),
        };
        let mut pruning = Pruning::default();
        for run in self.runs.iter().take(young).filter(|run| is_old(run)) {
            match needed.get(run.run.as_str()) {
                Some(why) => pruning.keep.push((run.run.clone(), *why)),
                None => pruning.prune.push(run.run.clone()),
            }
        }
        pruning
    }

    /// The runs that something depends on, with the strongest reason.
    fn needed(&self) -> BTreeMap<&str, Kept> {
        let mut needed: BTreeMap<&str, Kept> = BTreeMap::new();
        let mut need = |run: &'_ str, why: Kept| {
            if let Some(run) = self.run(run) {
                let known = needed.entry(&run.run).or_insert(why);
                *known = (*known).min(why);
            }
        };
        for run in &self.runs {
            // The run that took its hosts over may never have begun.
            let is_orphaned = run.taken_over_by.as_deref().is_some_and(|by| self.run(by).is_none());
            let holds = || run.hosts.iter().any(|host| host.locked || host.unfinished);
            if run.going_on || run.is_unfinished() || is_orphaned && holds() {
                need(&run.run, Kept::Unfinished);
            }
        }
        for host in self.hosts() {
            if let Some(owed) = self.owed(host) {
                need(&owed.run, Kept::Owed);
            }
            if let Some((run, _)) = self.last_on(host, |_, _| true) {
                need(&run.run, Kept::LastOfHost);
            }
            // Each inventory asks for its own.
            let inventories: BTreeSet<&str> = self.runs.iter().map(|run| run.inventory.as_str()).collect();
            for inventory in inventories {
                for also_idle in [false, true] {
                    let proves = |run: &RunRecord, host: &HostRecord| {
                        let did = run.kind == RunKind::Upgrade
                            || run.kind == RunKind::Rollback && (host.changed || also_idle);
                        did && run.inventory == inventory
                    };
                    if let Some((run, _)) = self.last_on(host, proves) {
                        need(&run.run, Kept::Evidence);
                    }
                }
            }
        }
        // Without what completed its steps, or rolled it back, a kept run would owe them again.
        for run in &self.runs {
            let follows_kept = run.follows.as_deref().is_some_and(|of| needed.contains_key(of));
            let completes = matches!(run.kind, RunKind::Settle | RunKind::Rollback) && follows_kept
                || run.hosts.iter().any(|host| !host.completed.is_empty());
            if completes {
                needed.entry(&run.run).or_insert(Kept::Completes);
            }
        }
        // A kept run is of no use without the one that it follows; an order's end is reached, for each follows an earlier one.
        for run in self.runs.iter().rev() {
            if needed.contains_key(run.run.as_str())
                && let Some(of) = run.follows.as_deref().and_then(|of| self.run(of))
            {
                needed.entry(&of.run).or_insert(Kept::Followed);
            }
        }
        needed
    }

    /// Every host of every run, once.
    fn hosts(&self) -> impl Iterator<Item = &HostId> {
        let ids: BTreeSet<&HostId> =
            self.runs.iter().flat_map(|run| &run.hosts).map(|host| &host.id).collect();
        ids.into_iter()
    }
}
