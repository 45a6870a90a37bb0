//! Follow-ups: what may be done about a run that has been.
//!
//! Owns the decisions of `resume`, `resume --rerun`, `rollback` and `settle`, and which run they mean if none is named. Pure:
//! a history, a run and a request give what is to be run, or an obstacle. It must not know files, terminals or hosts.

pub mod choose;
pub mod rerun;
pub mod resume;
pub mod rollback;
pub mod settle;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use ixporch_inventory::FailurePolicy;

use crate::event::{Candidate, LeftOut, Obstacle, RunKind};
use crate::history::{HostRecord, RunRecord, Since};
use crate::plan::HostPlan;
use crate::state::{HostState, RunState};

/// A limit that no host of the run is within is a slip: nothing would be done, and that would pass for success.
fn refuse_no_host(
    record: &RunRecord,
    state: &RunState,
    selected: Option<&BTreeSet<String>>,
) -> Result<(), Obstacle> {
    let Some(selected) = selected else { return Ok(()) };
    if state.hosts.keys().any(|host| selected.contains(host)) {
        return Ok(());
    }
    Err(Obstacle::NoneSelected { run: record.run.clone(), known: state.hosts.keys().cloned().collect() })
}

/// A run as one that may be meant, with those of its hosts that are meant.
pub(crate) fn candidate(run: &RunRecord, is_meant: impl Fn(&HostRecord) -> bool) -> Candidate {
    Candidate {
        run: run.run.clone(),
        kind: run.kind,
        inventory: run.inventory.clone(),
        started: run.started,
        hosts: run.hosts.iter().filter(|host| is_meant(host)).map(|host| host.id.name.clone()).collect(),
    }
}

/// The plan of a host as a run of this kind left it: what it owes there, and nothing of what the run was to find out first.
/// `is_whole`: every change of the run is done.
fn left_by(run: &str, kind: RunKind, plan: &HostPlan, host: &HostState, is_whole: bool) -> HostPlan {
    let left = host.leaves(run, kind, plan);
    let is_owed = |step: &String| host.debts.iter().any(|debt| debt.step == *step);
    HostPlan {
        on_failure: FailurePolicy::Stop,
        health: Vec::new(),
        upstream: None,
        owed: host.debts.iter().map(|debt| debt.step.clone()).collect(),
        closed: plan.opening.clone().filter(is_owed),
        unfinished: !is_whole && left.unfinished,
        begun_once: left.begun_once,
        notes: Vec::new(),
        findings: Vec::new(),
        blocked: None,
        cleared_when_back: BTreeSet::new(),
        ..plan.clone()
    }
}

impl From<Since> for LeftOut {
    fn from(since: Since) -> Self {
        Self::WorkSince { run: since.run, deed: since.deed }
    }
}
