//! `resume`: goes on with a run.

use std::collections::{BTreeMap, BTreeSet};

use super::choose::origin;
use crate::event::{FollowUpKind, HostOutcome, LeftOut, Obstacle, RunKind};
use crate::history::{History, Purpose, RunRecord};
use crate::plan::HostPlan;
use crate::state::RunState;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resumption {
    /// Nothing: the run has ended on every host.
    Nothing,
    /// These hosts are worked on, but for those that are left out.
    GoOn {
        /// The hosts that have not ended.
        hosts: Vec<String>,
        /// Those of them that nothing is done on, with why.
        left_out: BTreeMap<String, LeftOut>,
    },
}

/// Whether and how a run goes on; `selected`: only these of its hosts.
///
/// # Errors
/// Another run has its hosts now.
pub fn resume(
    history: &History,
    record: &RunRecord,
    state: &RunState,
    selected: Option<&BTreeSet<String>>,
) -> Result<Resumption, Obstacle> {
    if let Some(by) = &state.taken_over_by {
        return Err(Obstacle::TakenOver {
            follow_up: FollowUpKind::Resume,
            run: record.run.clone(),
            by: by.clone(),
            hosts: Vec::new(),
        });
    }
    let hosts: Vec<String> = state.unfinished_hosts().into_iter().map(str::to_owned).collect();
    if hosts.is_empty() && !state.has_unfinished_soak() && state.exit_code.is_some() {
        return Ok(Resumption::Nothing);
    }
    super::refuse_no_host(record, state, selected)?;
    let mut left_out = work_since(history, record, state);
    for (host, why) in without_proof(history, record, state) {
        left_out.entry(host).or_insert(why);
    }
    if let Some(selected) = selected {
        let others = hosts.iter().filter(|host| !selected.contains(*host));
        left_out.extend(others.map(|host| (host.clone(), LeftOut::NotSelected)));
    }
    Ok(Resumption::GoOn { hosts, left_out })
}

/// The hosts that the run does not hold, and on which another one was at work since: the plan knows nothing of that.
fn work_since(history: &History, record: &RunRecord, state: &RunState) -> BTreeMap<String, LeftOut> {
    // For a rollback, it is the plan of the run that is rolled back which counts.
    let (of, taken_up, purpose) = match record.kind {
        RunKind::Rollback => (origin(history, record), Some(record.run.as_str()), Purpose::Rollback),
        _ => (record, None, Purpose::Resume),
    };
    let is_held = |plan: &HostPlan| state.hosts.get(&plan.host).is_some_and(|host| host.locked);
    let plans = state.header.iter().flat_map(|header| header.plan.hosts()).map(|(_, plan)| plan);
    let since = |plan: &HostPlan| history.work_since(of, &plan.id(), taken_up, purpose);
    plans
        .filter(|plan| !is_held(plan))
        .filter_map(|plan| Some((plan.host.clone(), since(plan)?.into())))
        .collect()
}

/// The hosts that the run has not begun, if another of its hosts was upgraded by it and rolled back since: what was proved
/// there no longer counts, and nothing begins because of it.
fn without_proof(history: &History, record: &RunRecord, state: &RunState) -> BTreeMap<String, LeftOut> {
    let upgraded = record.hosts.iter().filter(|host| host.outcome == Some(HostOutcome::Upgraded));
    let mut gone: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for host in upgraded {
        let changed = history.rollbacks(&record.run, &host.id).filter(|(_, theirs)| theirs.changed);
        for (by, _) in changed {
            gone.entry(&by.run).or_default().push(host.id.name.clone());
        }
    }
    let Some((by, hosts)) = gone.into_iter().next_back() else { return BTreeMap::new() };
    let why = LeftOut::ProofGone { by: by.to_owned(), hosts };
    let not_begun = state.hosts.iter().filter(|(_, host)| !host.was_touched());
    not_begun.map(|(name, _)| (name.clone(), why.clone())).collect()
}
