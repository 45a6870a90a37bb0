//! What other runs want to know of a run that they follow, host by host.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{HostState, RunState, StepState};
use crate::event::RunKind;
use crate::plan::{HostPlan, PlannedStep};
use crate::procedure::Effect;

/// Whether a run left anything on a host that could be rolled back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// It changed nothing that would have to be.
    #[default]
    Nothing,
    /// It did, and where the host was before is not known: an earlier run had broken off there.
    StartUnknown,
    /// It did, and it can be.
    Possible,
}

impl RunState {
    /// What the run is for; an upgrade as long as that is not known.
    pub fn kind(&self) -> RunKind {
        self.header.as_ref().map_or(RunKind::Upgrade, |header| header.kind)
    }

    /// Whether a host ended where it should be: one that is rolled back, where it was before.
    pub fn ended_well(&self, host: &str) -> bool {
        let outcome = self.hosts.get(host).and_then(|host| host.outcome);
        let is_rollback = self.kind() == RunKind::Rollback;
        outcome.is_some_and(|outcome| outcome.is_good() || is_rollback && outcome.is_rolled_back())
    }

    /// Whether a rollback brought a host to where it was before, well or not.
    pub fn is_back(&self, host: &str) -> bool {
        let Some(plan) = self.plan_of(host).filter(|_| self.kind() == RunKind::Rollback) else {
            return false;
        };
        let is_over = |state: &HostState| state.outcome.is_some_and(|outcome| !outcome.is_unfinished());
        self.hosts.get(host).is_some_and(|state| is_over(state) && state.is_back_as_planned(plan))
    }

    /// What a rollback of the run would find on a host. What a settlement completed is not undone by itself, and neither is
    /// a rollback.
    pub fn undo_of(&self, host: &str) -> Undo {
        let is_undone = !matches!(self.kind(), RunKind::Settle | RunKind::Rollback | RunKind::Look);
        let known = self.plan_of(host).filter(|_| is_undone).zip(self.hosts.get(host));
        match known {
            Some((plan, state)) if state.has_something_to_undo(plan) => {
                if plan.back.is_empty() {
                    Undo::StartUnknown
                } else {
                    Undo::Possible
                }
            }
            _ => Undo::Nothing,
        }
    }

    /// The hosts that a rollback of the run would bring back.
    pub fn hosts_to_roll_back(&self) -> Vec<&str> {
        let hosts = self.header.iter().flat_map(|header| header.plan.hosts());
        let names = hosts.map(|(_, plan)| plan.host.as_str());
        names.filter(|name| self.undo_of(name) == Undo::Possible).collect()
    }

    /// The open steps of other runs that this run completed on a host: those of the run that it settles, or those that its
    /// steps are declared to complete.
    pub fn completed(&self, host: &str) -> BTreeSet<String> {
        let (Some(plan), Some(state)) = (self.plan_of(host), self.hosts.get(host)) else {
            return BTreeSet::new();
        };
        // What was opened and closed again, since the site was not well, is open again.
        let is_owed = |step: &str| state.debts.iter().any(|debt| debt.step == step);
        let is_done = |step: &&PlannedStep| state.step(&step.id).is_some_and(StepState::is_done);
        let done = plan.steps().iter().filter(is_done);
        let completed: BTreeSet<String> = if self.kind() == RunKind::Settle {
            done.map(|step| step.id.clone()).collect()
        } else {
            done.flat_map(|step| step.completes.iter().cloned()).collect()
        };
        completed.into_iter().filter(|step| !is_owed(step)).collect()
    }

    /// Whether every change that was begun on a host is one that completes steps of other runs: nothing else was done there.
    pub fn only_completes(&self, host: &str) -> bool {
        let (Some(plan), Some(state)) = (self.plan_of(host), self.hosts.get(host)) else { return true };
        let changes = plan.steps().iter().filter(|step| step.effect == Effect::Change);
        let mut begun = changes.filter(|step| state.may_have_begun(&step.id));
        begun.all(|step: &PlannedStep| !step.completes.is_empty())
    }
}

impl HostState {
    /// The debts that the run itself made there.
    pub fn own_debts(&self) -> BTreeSet<String> {
        self.debts.iter().filter(|debt| debt.since.is_some()).map(|debt| debt.step.clone()).collect()
    }

    /// The same host without what others have completed since.
    #[must_use]
    pub fn without(&self, completed: &BTreeSet<String>) -> Self {
        let mut host = self.clone();
        host.debts.retain(|debt| !completed.contains(&debt.step));
        host
    }
}

/// Whether a step is done: by the run itself, or by others since.
pub(crate) fn is_done(state: &HostState, completed: &BTreeSet<String>, step: &PlannedStep) -> bool {
    completed.contains(&step.id) || state.step(&step.id).is_some_and(StepState::is_done)
}

/// The commit at which an upgraded host was left: whoever finds another one there finds somebody else's work. Where a run
/// broke off is not known.
pub(crate) fn left_at(plan: &HostPlan, host: &HostState) -> Option<String> {
    let is_upgraded = host.outcome == Some(crate::event::HostOutcome::Upgraded);
    let composition = host.steps.iter().rev().find_map(|step| step.end.as_ref()?.composition.as_ref());
    let found = composition.and_then(|composition| composition.commit.clone());
    found.or_else(|| plan.upstream.clone()).filter(|_| is_upgraded)
}
