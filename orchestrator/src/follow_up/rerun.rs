//! `resume --rerun`: a new run of the same procedure, for hosts that a run did not bring to a good end.

use std::collections::BTreeSet;

use crate::event::{FollowUpKind, HostOutcome, Obstacle, RunKind};
use crate::history::RunRecord;
use crate::plan::HostAction;
use crate::state::{HostState, RunState};

/// Which hosts are run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that failed, could not be reached, or were not started.
    Failed,
    /// All that did not end well.
    Unfinished,
}

impl From<Which> for FollowUpKind {
    fn from(which: Which) -> Self {
        Self::Rerun { only_failed: which == Which::Failed }
    }
}

/// The hosts of the new run; `selected`: only these. None: nothing is left to be run again.
///
/// # Errors
/// The run is not run again from its journal, or hosts in the middle of it would be left behind.
pub fn rerun(
    record: &RunRecord,
    state: &RunState,
    which: Which,
    selected: Option<&BTreeSet<String>>,
) -> Result<Vec<String>, Obstacle> {
    super::refuse_no_host(record, state, selected)?;
    let mut hosts = hosts(state, which);
    hosts.retain(|host| selected.is_none_or(|selected| selected.contains(host)));
    let is_touched = |name: &&str| state.hosts.get(*name).is_some_and(HostState::was_touched);
    let left: Vec<String> = state
        .unfinished_hosts()
        .into_iter()
        .filter(is_touched)
        .filter(|name| !hosts.iter().any(|host| host == name))
        .map(str::to_owned)
        .collect();
    let run = record.run.clone();
    if !hosts.is_empty() && !left.is_empty() {
        return Err(Obstacle::LeavesBehind { follow_up: which.into(), run, hosts: left });
    }
    // The plan of a rollback or a settlement is made from another journal, and a command is typed again.
    let is_rerun = matches!(record.kind, RunKind::Upgrade | RunKind::Procedure | RunKind::Backup);
    if !hosts.is_empty() && !is_rerun {
        return Err(Obstacle::NotRerun { run, kind: record.kind, follows: record.follows.clone(), hosts });
    }
    Ok(hosts)
}

/// The hosts that are left. Those on which nothing was started are always among them.
fn hosts(state: &RunState, which: Which) -> Vec<String> {
    let is_wanted = |outcome: Option<HostOutcome>| match which {
        Which::Failed => outcome.is_some_and(|outcome| {
            matches!(
                outcome,
                HostOutcome::Failed
                    | HostOutcome::RolledBack
                    | HostOutcome::Crashed
                    | HostOutcome::Unreachable
                    | HostOutcome::NotStarted
            )
        }),
        Which::Unfinished => !outcome.is_some_and(HostOutcome::is_good),
    };
    let plans = state.header.iter().flat_map(|header| header.plan.hosts()).map(|(_, plan)| plan);
    let left = plans.filter(|plan| {
        let host = state.hosts.get(&plan.host);
        let nothing_started = host.is_none_or(|host| host.steps.is_empty());
        let outcome = host.and_then(|host| host.outcome);
        // A host that went back to its start and waits for an approval is left as well.
        let waits = outcome == Some(HostOutcome::Held) && host.is_some_and(|host| !host.was_touched());
        waits
            || is_wanted(outcome)
            || outcome.is_none() && nothing_started && plan.action != HostAction::Current
    });
    left.map(|plan| plan.host.clone()).collect()
}
