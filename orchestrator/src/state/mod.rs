//! The state of a run: a fold over its events.
//!
//! Reports, exit codes and later runs all look at this one fold, so that they cannot disagree.

mod exit;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub use exit::ExitCode;

use crate::event::{Envelope, HostOutcome, RunEvent, RunHeader, StepEnd, StepOutcome};
use crate::facts::HostLock;
use crate::plan::{History, HostPlan};
use crate::procedure::Effect;
use crate::text::RemoteText;

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
    /// How often it was taken up again.
    pub resumed: u32,
    /// The run that took its hosts over.
    pub taken_over_by: Option<String>,
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
    pub why: RemoteText,
    /// Its steps that were started or skipped, in that order.
    pub steps: Vec<StepState>,
    /// What it is owed.
    pub debts: Vec<Debt>,
    /// Whether the run holds the host's lock.
    pub locked: bool,
    /// Who holds it, where that kept the run from the host.
    pub held_by: Option<HostLock>,
    /// The steps that a schema review let pass.
    pub approved: BTreeSet<String>,
    /// What keeps its steps alive when the connection ends.
    pub keeper: String,
    /// The times in which there was no connection.
    pub gaps: Vec<LinkGap>,
}

/// A time without a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkGap {
    /// When that was noticed.
    pub from: Timestamp,
    /// When there was one again; `None`: not within the run.
    pub to: Option<Timestamp>,
    /// The step that was being followed.
    pub step: Option<String>,
    /// What was noticed.
    pub why: RemoteText,
}

/// Where a step stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepState {
    /// Its id.
    pub id: String,
    /// How it ended; `None`: it was started, and no end was seen.
    pub end: Option<StepEnd>,
    /// The host's boot in which its start was decided.
    pub boot: Option<String>,
    /// Which try it is, from 1; a person's word that it was not done lets it be tried again.
    pub attempt: u32,
    /// A person's word on how it had ended.
    pub resolution: Option<Resolution>,
}

/// A person's word on a step whose end nobody saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Whether it is done.
    pub done: bool,
    /// Why they say so.
    pub reason: String,
    /// Who said so.
    pub by: String,
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
            RunEvent::StepStarted { host, step, boot } => self.step_started(host, step, boot.as_deref()),
            RunEvent::StepResolved { host, step, done, reason, by } => {
                let resolution = Resolution { done: *done, reason: reason.clone(), by: by.clone() };
                self.step_resolved(host, step, resolution);
            }
            RunEvent::StepFinished { host, step, end } => self.step_finished(host, step, end),
            RunEvent::HostFinished { host, outcome, why } => {
                let host = self.hosts.entry(host.clone()).or_default();
                host.outcome = Some(*outcome);
                host.why = why.clone();
            }
            RunEvent::Interrupted => self.interrupted = true,
            RunEvent::RunFinished { exit_code } => self.exit_code = Some(*exit_code),
            RunEvent::RunResumed { .. } => self.resume(),
            RunEvent::RunTakenOver { by } => self.taken_over_by = Some(by.clone()),
            RunEvent::HostConnected { host, keeper } => {
                let host = self.host(host);
                host.keeper.clone_from(keeper);
                host.link_is_back(envelope.at);
            }
            RunEvent::HostLocked { host } => self.host(host).locked = true,
            RunEvent::HostReleased { host } => self.host(host).locked = false,
            RunEvent::HostRefused { host, lock } => self.host(host).held_by = Some(lock.clone()),
            RunEvent::LinkLost { host, step, why } => {
                let gap = LinkGap { from: envelope.at, to: None, step: step.clone(), why: why.clone() };
                self.host(host).gaps.push(gap);
            }
            RunEvent::LinkRestored { host } => self.host(host).link_is_back(envelope.at),
            RunEvent::ReviewAnswered { host, step, approved: true, .. } => {
                self.host(host).approved.insert(step.clone());
            }
            RunEvent::WaveStarted { .. }
            | RunEvent::WaveFinished { .. }
            | RunEvent::StepAdopted { .. }
            | RunEvent::ReviewAnswered { .. } => {}
        }
    }

    fn host(&mut self, host: &str) -> &mut HostState {
        self.hosts.entry(host.to_owned()).or_default()
    }

    /// The run goes on: what kept it from its end is as if it had not been said.
    pub(crate) fn resume(&mut self) {
        self.resumed += 1;
        self.interrupted = false;
        self.exit_code = None;
        self.held_waves.clear();
        let plan = self.header.as_ref().map(|header| header.plan.clone());
        for (name, host) in &mut self.hosts {
            let planned = plan.as_ref().and_then(|plan| plan.host(name));
            if planned.is_some_and(|plan| host.is_unfinished(plan)) {
                host.outcome = None;
                host.why = RemoteText::default();
                host.held_by = None;
            }
        }
    }

    /// The hosts that `resume` would work on: those that have not ended for good, and those whose lock is still held.
    pub fn unfinished_hosts(&self) -> Vec<&str> {
        let Some(header) = self.header.as_ref().filter(|_| self.taken_over_by.is_none()) else {
            return Vec::new();
        };
        let hosts = header.plan.hosts().filter_map(|(_, plan)| {
            let host = self.hosts.get(&plan.host)?;
            (host.is_unfinished(plan) || host.locked).then_some(plan.host.as_str())
        });
        hosts.collect()
    }

    /// The plan of a host of this run.
    pub fn plan_of(&self, host: &str) -> Option<&HostPlan> {
        self.header.as_ref()?.plan.host(host)
    }

    /// A host is owed what a step may have made from the moment on at which the step was let go.
    fn step_started(&mut self, host: &str, step: &str, boot: Option<&str>) {
        let debt =
            self.plan_of(host).and_then(|plan| plan.step(step)).and_then(|planned| planned.debt.clone());
        let host = self.host(host);
        let boot = boot.map(str::to_owned);
        match host.steps.iter_mut().find(|known| known.id == step) {
            // A person said that it was not done: this is its next try.
            Some(known) => {
                known.end = None;
                known.boot = boot;
                known.resolution = None;
                known.attempt += 1;
            }
            None => {
                host.steps.push(StepState { id: step.to_owned(), boot, attempt: 1, ..StepState::default() });
            }
        }
        if let Some(payer) = debt
            && !host.debts.iter().any(|known| known.step == payer)
        {
            host.debts.push(Debt { step: payer, since: Some(step.to_owned()) });
        }
    }

    fn step_finished(&mut self, host: &str, step: &str, end: &StepEnd) {
        let host = self.host(host);
        match host.steps.iter_mut().find(|known| known.id == step) {
            Some(known) => known.end = Some(end.clone()),
            None => host.steps.push(StepState {
                id: step.to_owned(),
                end: Some(end.clone()),
                attempt: 1,
                ..StepState::default()
            }),
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

    /// A person's word stands where the host's is missing.
    fn step_resolved(&mut self, host: &str, step: &str, resolution: Resolution) {
        let host = self.host(host);
        let done = resolution.done;
        if let Some(known) = host.steps.iter_mut().find(|known| known.id == step) {
            known.resolution = Some(resolution);
        }
        if done {
            host.debts.retain(|debt| debt.step != step);
        } else {
            host.debts.retain(|debt| debt.since.as_deref() != Some(step));
        }
    }
}

impl StepState {
    /// Whether nothing is left to be done of it: it succeeded, was not needed, or a person said that it is done.
    pub fn is_done(&self) -> bool {
        let ended_well = self
            .end
            .as_ref()
            .is_some_and(|end| matches!(end.outcome, StepOutcome::Succeeded | StepOutcome::Skipped));
        ended_well || self.is_unknown() && self.resolution.as_ref().is_some_and(|said| said.done)
    }

    /// Whether its end is known, and is no good one: it is not run again by the same run.
    pub fn has_failed(&self) -> bool {
        let failed = |end: &StepEnd| matches!(end.outcome, StepOutcome::Failed | StepOutcome::TimedOut);
        self.end.as_ref().is_some_and(failed)
    }

    /// Whether it was started, and nobody saw its end.
    pub fn is_unknown(&self) -> bool {
        self.end.as_ref().is_none_or(|end| end.outcome == StepOutcome::Unknown)
    }

    /// Whether the host told its end, and that said nothing: its words were lost.
    pub fn end_said_nothing(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.outcome == StepOutcome::Unknown && end.exit_code.is_some())
    }

    /// Whether a person said that it was not done, and it has not been tried again since.
    pub fn may_be_tried_again(&self) -> bool {
        self.is_unknown() && self.resolution.as_ref().is_some_and(|said| !said.done)
    }
}

impl HostState {
    /// A host at the beginning of a run: what earlier runs owe it is still owed.
    fn new(plan: &HostPlan) -> Self {
        let debts = plan.owed.iter().map(|step| Debt { step: step.clone(), since: None }).collect();
        Self { debts, ..Self::default() }
    }

    /// Whether a step of it was started whose end nobody saw, and nobody has judged.
    pub fn has_unknown_step(&self) -> bool {
        self.steps.iter().any(|step| !step.is_done() && step.is_unknown())
    }

    /// Whether the run did anything with it: only then does it tell what was left behind there.
    pub fn was_touched(&self) -> bool {
        self.locked || !self.steps.is_empty()
    }

    /// Whether it has ended for good, and its lock was not given back.
    pub fn is_owed_release(&self) -> bool {
        self.locked && self.outcome.is_some_and(|outcome| !outcome.is_unfinished())
    }

    /// The step of this id, where it was started or skipped.
    pub fn step(&self, id: &str) -> Option<&StepState> {
        self.steps.iter().find(|step| step.id == id)
    }

    fn link_is_back(&mut self, at: Timestamp) {
        if let Some(gap) = self.gaps.last_mut() {
            gap.to.get_or_insert(at);
        }
    }

    /// Whether the run can still bring it to an end: something planned was not done, and nothing failed for good.
    pub fn is_unfinished(&self, plan: &HostPlan) -> bool {
        !plan.steps().is_empty()
            && match self.outcome {
                None => true,
                Some(outcome) => outcome.is_unfinished(),
            }
    }

    /// The step at which the host stopped: the last one that did not end well.
    pub fn failing_step(&self) -> Option<&StepState> {
        self.steps.iter().rev().find(|step| !step.is_done())
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
