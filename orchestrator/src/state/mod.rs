//! The state of a run: a fold over its events.
//!
//! Reports, exit codes and later runs all look at this one fold, so that they cannot disagree.

mod exit;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub use exit::ExitCode;

use crate::event::{Envelope, HostOutcome, RunEvent, RunHeader, StepEnd, StepOutcome};
use crate::plan::{History, HostPlan};
use crate::procedure::Effect;

/// Where a run stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunState {
    /// What the run is; `None` before its first event.
    pub header: Option<RunHeader>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When its last event was written.
    pub last: Option<Timestamp>,
    /// How many events were folded.
    pub events: u64,
    /// The hosts, by name. Every planned host is here from the first event on.
    pub hosts: BTreeMap<String, HostState>,
    /// Waves that were not begun, with the reason.
    pub held_waves: Vec<HeldWave>,
    /// Whether the operator asked the run to stop.
    pub interrupted: bool,
    /// The exit code that the run ended with; `None` while it runs, or where it was cut off.
    pub exit_code: Option<u8>,
}

/// A wave that was not begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldWave {
    /// Its name.
    pub wave: String,
    /// Why.
    pub why: String,
    /// Whether a person could let it start.
    pub at_gate: bool,
}

/// Where a host stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostState {
    /// How it ended; `None` while its lane goes on, or where the run was cut off.
    pub outcome: Option<HostOutcome>,
    /// Why, for people.
    pub why: crate::text::RemoteText,
    /// Its steps that were started or skipped, in that order.
    pub steps: Vec<StepState>,
    /// What it is owed.
    pub debts: Vec<Debt>,
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepState {
    /// Its id.
    pub id: String,
    /// How it ended; `None`: it was started, and no end was seen.
    pub end: Option<StepEnd>,
}

/// Something a host is still owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debt {
    /// The step that pays it.
    pub step: String,
    /// The step that made it; `None`: an earlier run.
    pub since: Option<String>,
}

impl RunState {
    /// Folds all events of a journal.
    pub fn fold<'e>(events: impl IntoIterator<Item = &'e Envelope>) -> Self {
        let mut state = Self::default();
        for envelope in events {
            state.apply(envelope);
        }
        state
    }

    /// Folds one event.
    pub fn apply(&mut self, envelope: &Envelope) {
        self.events += 1;
        self.last = Some(envelope.at);
        match &envelope.event {
            RunEvent::RunStarted(header) => {
                self.started = Some(envelope.at);
                self.hosts =
                    header.plan.hosts().map(|(_, host)| (host.host.clone(), HostState::new(host))).collect();
                self.header = Some((**header).clone());
            }
            RunEvent::WaveHeld { wave, why, at_gate } => {
                self.held_waves.push(HeldWave { wave: wave.clone(), why: why.clone(), at_gate: *at_gate });
            }
            RunEvent::StepStarted { host, step } => self.step_started(host, step),
            RunEvent::StepFinished { host, step, end } => self.step_finished(host, step, end),
            RunEvent::HostFinished { host, outcome, why } => {
                let host = self.hosts.entry(host.clone()).or_default();
                host.outcome = Some(*outcome);
                host.why = why.clone();
            }
            RunEvent::Interrupted => self.interrupted = true,
            RunEvent::RunFinished { exit_code } => self.exit_code = Some(*exit_code),
            RunEvent::WaveStarted { .. }
            | RunEvent::WaveFinished { .. }
            | RunEvent::HostConnected { .. }
            | RunEvent::ReviewAnswered { .. } => {}
        }
    }

    /// The plan of a host of this run.
    pub fn plan_of(&self, host: &str) -> Option<&HostPlan> {
        self.header.as_ref()?.plan.host(host)
    }

    /// A host is owed what a step may have made from the moment on at which the step was let go.
    fn step_started(&mut self, host: &str, step: &str) {
        let debt =
            self.plan_of(host).and_then(|plan| plan.step(step)).and_then(|planned| planned.debt.clone());
        let host = self.hosts.entry(host.to_owned()).or_default();
        host.steps.push(StepState { id: step.to_owned(), end: None });
        if let Some(payer) = debt
            && !host.debts.iter().any(|known| known.step == payer)
        {
            host.debts.push(Debt { step: payer, since: Some(step.to_owned()) });
        }
    }

    fn step_finished(&mut self, host: &str, step: &str, end: &StepEnd) {
        let host = self.hosts.entry(host.to_owned()).or_default();
        match host.steps.iter_mut().rev().find(|known| known.id == step && known.end.is_none()) {
            Some(known) => known.end = Some(end.clone()),
            None => host.steps.push(StepState { id: step.to_owned(), end: Some(end.clone()) }),
        }
        match end.outcome {
            StepOutcome::Succeeded => host.debts.retain(|debt| debt.step != step),
            // It never began, or its proof shows that what it would have made is not there: nothing is owed for it.
            StepOutcome::Failed if end.proven == Some(false) || !end.begun => {
                host.debts.retain(|debt| debt.since.as_deref() != Some(step));
            }
            StepOutcome::Failed | StepOutcome::TimedOut | StepOutcome::Skipped | StepOutcome::Unknown => {}
        }
    }
}

impl HostState {
    /// A host at the beginning of a run: what earlier runs owe it is still owed.
    fn new(plan: &HostPlan) -> Self {
        let debts = plan.owed.iter().map(|step| Debt { step: step.clone(), since: None }).collect();
        Self { debts, ..Self::default() }
    }

    /// The step at which the host stopped: the last one that did not end well.
    pub fn failing_step(&self) -> Option<&StepState> {
        self.steps.iter().rev().find(|step| {
            step.end.as_ref().is_none_or(|end| {
                matches!(end.outcome, StepOutcome::Failed | StepOutcome::TimedOut | StepOutcome::Unknown)
            })
        })
    }

    /// What the run leaves behind on the host, for the plan of the next one.
    pub fn leaves(&self, moves_code: bool, plan: &HostPlan) -> History {
        let owed: BTreeSet<String> = self.debts.iter().map(|debt| debt.step.clone()).collect();
        let still = |opening: &Option<String>| opening.clone().filter(|opening| owed.contains(opening));
        let closed = still(&plan.opening).or_else(|| still(&plan.closed));
        let unfinished = match self.outcome {
            Some(HostOutcome::Upgraded) if moves_code => false,
            Some(HostOutcome::Upgraded | HostOutcome::Current) => plan.unfinished,
            _ => plan.unfinished || (moves_code && self.was_begun(plan)),
        };
        History { owed, closed, unfinished }
    }

    /// Whether the upgrade was begun: the site was closed, or something was changed after that. What is fetched
    /// before changes nothing that the site depends on.
    fn was_begun(&self, plan: &HostPlan) -> bool {
        let begins_at = plan.closes_at.unwrap_or(0);
        self.steps
            .iter()
            .filter(|step| {
                step.end.as_ref().is_none_or(|end| end.outcome != StepOutcome::Skipped && end.begun)
            })
            .filter_map(|step| plan.step(&step.id))
            .any(|planned| planned.effect == Effect::Change && planned.number >= begins_at)
    }

    /// Its debts in the order in which they must be paid: that of the steps that pay them.
    pub fn debts_in_order(&self, plan: Option<&HostPlan>) -> Vec<&Debt> {
        let mut debts: Vec<&Debt> = self.debts.iter().collect();
        debts.sort_by_key(|debt| {
            plan.and_then(|plan| plan.step(&debt.step)).map_or(u32::MAX, |step| step.number)
        });
        debts
    }
}

#[cfg(test)]
mod tests;
