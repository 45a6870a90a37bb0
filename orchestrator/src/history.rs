//! The history: what all runs of this controller did, host by host and in order.
//!
//! Owns every question that one run asks about others: what was done since, what is owed and what was completed, what was
//! taken over and what was rolled back. It is pure, over records that the store loads once for a command; it must not know
//! where they are kept.

mod order;
mod prune;
mod record;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use order::{compare, is_after, is_surely_after, place};
pub use prune::{Age, Kept, Pruning};
pub use record::{HostRecord, OpenStep, RunRecord, SUMMARY_FORMAT};

use crate::event::{Deed, RunKind};
use crate::plan::{Former, HostId, LeftBehind};

/// All runs of this controller.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Oldest first.
    runs: Vec<RunRecord>,
    unreadable: Vec<Unreadable>,
}

/// A run of which the journal cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The run's id.
    pub run: String,
    /// Why.
    pub why: String,
    /// Its inventory, as a path, if that is known.
    pub inventory: Option<String>,
    /// The hosts that it may have changed; `None`: that is not known either.
    pub hosts: Option<Vec<HostId>>,
}

/// What another run did on a host since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// That run.
    pub run: String,
    /// What it did.
    pub deed: Deed,
}

/// What others did on a host since a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostSince {
    /// What another run changed there: what this run tells of the host may no longer be so.
    pub work: Option<Since>,
    /// The open steps of this run that others completed.
    pub completed: BTreeSet<String>,
}

/// What a run is taken up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To go on with it.
    Resume,
    /// To take it back.
    Rollback,
    /// To complete its open steps.
    Settle,
}

/// What a host is still owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// The run that made it necessary, and that `settle` takes.
    pub run: String,
    /// The open steps, in the order in which they are to be completed.
    pub steps: Vec<OpenStep>,
}

impl History {
    /// The history of these runs.
    pub fn new(mut runs: Vec<RunRecord>, unreadable: Vec<Unreadable>) -> Self {
        runs.sort_by(|left, right| place(left).cmp(&place(right)));
        Self { runs, unreadable }
    }

    /// All runs, the oldest first.
    pub fn runs(&self) -> &[RunRecord] {
        &self.runs
    }

    /// The runs of which the journals cannot be read.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.unreadable
    }

    /// The run of this id.
    pub fn run(&self, id: &str) -> Option<&RunRecord> {
        self.runs.iter().find(|run| run.run == id)
    }

    /// The greatest place of a session or a lock.
    pub fn last_order(&self) -> u64 {
        let locks = self.runs.iter().flat_map(|run| &run.hosts).map(|host| host.heard_in);
        self.runs.iter().map(|run| run.order.max(run.last_order)).chain(locks).max().unwrap_or(0)
    }

    /// The last run that changes anything: what `latest` means.
    pub fn latest(&self) -> Option<&RunRecord> {
        self.runs.iter().rev().find(|run| run.kind.changes())
    }

    /// What earlier runs left behind on a host, as the last one tells that changed anything there. One that is going on tells
    /// nothing yet, unless it is `own`, the run that is taken over: the host's lock keeps others away from what it does.
    pub fn left_on(&self, host: &HostId, own: Option<&str>) -> LeftBehind {
        let unreadable = self.may_concern(host).map(|run| run.run.clone());
        let is_at_work =
            |run: &RunRecord, host: &HostRecord| run.going_on && (host.locked || host.outcome.is_none());
        let last = self.last_on(host, |run, host| !is_at_work(run, host) || own == Some(run.run.as_str()));
        let mut left = last.map(|(_, host)| host.leaves.clone()).unwrap_or_default();
        // A person may have looked since, and the run that began it knows.
        left.begun_once.retain(|step, run| {
            let theirs = self.run(run).and_then(|run| run.host(host));
            theirs.is_none_or(|theirs| theirs.leaves.begun_once.contains_key(step))
        });
        LeftBehind { unreadable, ..left }
    }

    /// The same host under another identity, if open steps or an unfinished run are left there: what that run knows of it does
    /// not count for this one. It has this installation's folder, and its name or its address. Other inventories may have
    /// private addresses in common with this one, and an identity that the inventory still has is another host.
    pub fn former(
        &self,
        host: &HostId,
        is_inventory: impl Fn(&str) -> bool,
        is_known: impl Fn(&HostId) -> bool,
    ) -> Option<Former> {
        let is_same = |run: &RunRecord, other: &HostId| {
            other != host
                && other.ixp_root == host.ixp_root
                && (is_same_address(other, host) || other.name == host.name)
                && is_inventory(&run.inventory)
                && !is_known(other)
        };
        let of_run = |run: &&RunRecord| run.kind.changes_installations();
        let others: BTreeSet<&HostId> = self
            .runs
            .iter()
            .filter(of_run)
            .flat_map(|run| run.hosts.iter().map(move |other| (run, &other.id)))
            .filter(|(run, other)| is_same(run, other))
            .map(|(_, other)| other)
            .collect();
        let here = self.last_on(host, |_, _| true);
        others.into_iter().find_map(|other| {
            let left = self.last_on(other, |_, _| true)?;
            // What was brought to a good end under today's identity is over.
            let is_over =
                here.is_some_and(|here| compare(here, left) == Ordering::Greater && !is_left(here.1));
            (is_left(left.1) && !is_over).then(|| Former { host: other.clone(), run: left.0.run.clone() })
        })
    }

    /// An unreadable run that may have changed the host.
    pub fn may_concern(&self, host: &HostId) -> Option<&Unreadable> {
        let concerns = |run: &&Unreadable| run.hosts.as_ref().is_none_or(|hosts| hosts.contains(host));
        self.unreadable.iter().find(concerns)
    }

    /// What a host is still owed, and by which run.
    pub fn owed(&self, host: &HostId) -> Option<Owed> {
        let (last, record) = self.last_on(host, |_, _| true)?;
        let first = record.owed.first()?;
        let made = |run: &&RunRecord| {
            let owed = run.host(host).map(|host| &host.owed);
            owed.is_some_and(|owed| owed.iter().any(|open| open.own && open.step == first.step))
        };
        let run = if first.own { last } else { self.runs.iter().rev().find(made).unwrap_or(last) };
        Some(Owed { run: run.run.clone(), steps: record.owed.clone() })
    }

    /// What another run did on a host since `run` was planned, if that stands against taking it up. `taken_up` is the run
    /// that is taken up itself, if that is another one.
    pub fn work_since(
        &self,
        run: &RunRecord,
        host: &HostId,
        taken_up: Option<&str>,
        purpose: Purpose,
    ) -> Option<Since> {
        if let Some(unreadable) = self.may_concern(host) {
            return Some(Since { run: unreadable.run.clone(), deed: Deed::Unreadable });
        }
        let mut others = self
            .others(run, host)
            .filter(|(other, theirs)| taken_up != Some(other.run.as_str()) && is_after(run, other, theirs));
        // What was done after this run and rolled back since is undone, whatever it was, and so is its rollback.
        let is_undone = |of: &str| {
            let theirs = self.run(of).and_then(|of| Some((of, of.host(host)?)));
            let came_after = theirs.is_some_and(|(of, theirs)| is_surely_after(run, of, theirs));
            of != run.run && came_after && self.is_rolled_back(of, host)
        };
        others.find_map(|(other, theirs)| {
            let of = if other.kind == RunKind::Rollback {
                other.follows.as_deref()
            } else {
                Some(other.run.as_str())
            };
            if purpose == Purpose::Rollback && of.is_some_and(is_undone) {
                return None;
            }
            let deed = deed(run, other, theirs, purpose)?;
            Some(Since { run: other.run.clone(), deed })
        })
    }

    /// What others did on the hosts of `run` since, by name; hosts on which nothing was done are left out.
    pub fn since(&self, run: &RunRecord) -> BTreeMap<String, HostSince> {
        let of_host = |host: &HostRecord| {
            let back = self.rollbacks(&run.run, &host.id).find(|(_, theirs)| theirs.back);
            let back = back.map(|(by, _)| Since { run: by.run.clone(), deed: Deed::RolledBack });
            let work = back.or_else(|| self.work_since(run, &host.id, None, Purpose::Settle));
            let since = HostSince { work, completed: self.completed_since(run, &host.id) };
            (since != HostSince::default()).then(|| (host.id.name.clone(), since))
        };
        run.hosts.iter().filter_map(of_host).collect()
    }

    /// The open steps of `run` that others have completed on a host since.
    pub fn completed_since(&self, run: &RunRecord, host: &HostId) -> BTreeSet<String> {
        // A settlement completes the steps of its own run, and whatever of them later runs only carried on.
        let carried = |step: &String| {
            let owed = run.host(host).map(|own| &own.owed);
            owed.is_some_and(|owed| owed.iter().any(|open| open.step == *step && !open.own))
        };
        let others = self.others(run, host).filter(|(other, theirs)| is_surely_after(run, other, theirs));
        let completed = others.flat_map(|(other, theirs)| {
            let is_of_this =
                other.kind != RunKind::Settle || other.follows.as_deref() == Some(run.run.as_str());
            theirs.completed.iter().filter(move |step| is_of_this || carried(step)).cloned()
        });
        completed.collect()
    }

    /// The rollbacks of `run` that took part on a host.
    pub fn rollbacks<'h>(
        &'h self,
        run: &'h str,
        host: &'h HostId,
    ) -> impl Iterator<Item = (&'h RunRecord, &'h HostRecord)> {
        let of_this = move |other: &&RunRecord| {
            other.kind == RunKind::Rollback && other.follows.as_deref() == Some(run)
        };
        self.runs.iter().filter(of_this).filter_map(|other| Some((other, other.host(host)?)))
    }

    /// Whether a rollback of `run` has changed something on a host, whatever became of it.
    pub fn has_tried_to_roll_back(&self, run: &str, host: &HostId) -> bool {
        self.rollbacks(run, host).any(|(_, host)| host.changed)
    }

    /// Whether a host is back where it was before `run`.
    pub fn is_rolled_back(&self, run: &str, host: &HostId) -> bool {
        self.rollbacks(run, host).any(|(_, host)| host.back)
    }

    /// The last run that changed anything on a host, of those that are meant.
    pub fn last_on(
        &self,
        host: &HostId,
        is_meant: impl Fn(&RunRecord, &HostRecord) -> bool,
    ) -> Option<(&RunRecord, &HostRecord)> {
        let runs = self.runs.iter().filter(|run| run.kind.changes_installations());
        let on_host = runs.filter_map(|run| Some((run, run.host(host).filter(|host| host.touched)?)));
        let on_host = on_host.filter(|(run, host)| is_meant(run, host));
        on_host.max_by(|left, right| compare(*left, *right))
    }

    /// Other runs that name a host: by this identity, or by another name in the same inventory that `run` has for no
    /// host of its own.
    fn others<'h>(
        &'h self,
        run: &'h RunRecord,
        host: &'h HostId,
    ) -> impl Iterator<Item = (&'h RunRecord, &'h HostRecord)> {
        let others = self.runs.iter().filter(|other| other.run != run.run);
        let is_renamed = |of: &RunRecord, other: &HostId| {
            of.inventory == run.inventory
                && other.ixp_root == host.ixp_root
                && is_same_address(other, host)
                && !run.hosts.iter().any(|own| own.id.name == other.name)
        };
        others.filter_map(move |other| {
            let renamed = || other.hosts.iter().find(|known| is_renamed(other, &known.id));
            Some((other, other.host(host).or_else(renamed)?))
        })
    }
}

fn is_same_address(left: &HostId, right: &HostId) -> bool {
    (&left.address, left.port) == (&right.address, right.port)
}

/// Whether a run left open steps or an unfinished upgrade on a host.
fn is_left(host: &HostRecord) -> bool {
    !host.owed.is_empty() || host.leaves.unfinished
}

/// What `other` did to the work of `run` on a host, if that stands against the purpose.
fn deed(run: &RunRecord, other: &RunRecord, theirs: &HostRecord, purpose: Purpose) -> Option<Deed> {
    let follows_this = other.follows.as_deref() == Some(run.run.as_str());
    let rolls_this_back = follows_this && other.kind == RunKind::Rollback;
    let is_no_work = match (purpose, other.kind) {
        // What was completed of its open steps meanwhile is part of a rollback.
        (_, RunKind::Look | RunKind::Backup) | (Purpose::Rollback, RunKind::Settle) => true,
        // So is another try that came to nothing.
        (Purpose::Rollback, RunKind::Rollback) => rolls_this_back && !theirs.back,
        (Purpose::Settle, RunKind::Settle) => follows_this,
        (Purpose::Rollback | Purpose::Settle, RunKind::Procedure) => theirs.only_completes,
        _ => false,
    };
    let has_changed = match purpose {
        // What was only fetched, or undone by itself, is no work that would be lost.
        Purpose::Rollback => theirs.begun,
        Purpose::Resume | Purpose::Settle => theirs.changed,
    };
    if is_no_work || !has_changed {
        return None;
    }
    Some(match rolls_this_back {
        false => Deed::Changed,
        true if theirs.back => Deed::RolledBack,
        true => Deed::RollingBack,
    })
}
