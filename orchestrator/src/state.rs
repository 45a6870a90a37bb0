//! The state of a run: a fold over its events.
//!
//! Reports, exit codes and later runs all look at this one fold, so that they cannot disagree.

mod evidence;
mod exit;
mod followed;
mod host;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

pub use evidence::{GivenEvidence, TakenRisk};
pub use exit::ExitCode;
pub use followed::Undo;
pub(crate) use followed::{is_done, left_at};
#[cfg(feature = "run")]
pub(crate) use host::ITSELF;
pub use host::{AwaitedReview, Debt, HostState, LinkGap, Resolution, StepState};

use crate::event::{
    Approval, Envelope, HostOutcome, Reason, RunEvent, RunHeader, RunKind, StepEnd, StepOutcome, Unmet,
};
use crate::plan::{HostPlan, Plan};

/// Where a run stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunState {
    /// What the run is; `None` before its first event.
    pub header: Option<Arc<RunHeader>>,
    /// The place of its last session among all sessions of the controller; see [`RunHeader::order`].
    pub order: u64,
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
    /// Waves that passed their gate.
    pub begun_waves: BTreeSet<String>,
    /// Waves whose hosts are watched, or were.
    pub soaks: BTreeMap<String, Soak>,
    /// Schema changes that persons let pass: their fingerprints, with whom.
    pub approved_schemas: Vec<(String, Approval)>,
    /// Waves that persons let start, with whom.
    pub approved_waves: Vec<(String, Approval)>,
    /// What other runs proved, as far as this one relies on it.
    pub evidence: Vec<GivenEvidence>,
    /// Who took it upon themselves, for as long as they were at work, that evidence is missing or does not match.
    pub risks: Vec<Approval>,
    /// Where that was made use of.
    pub risks_taken: Vec<TakenRisk>,
    /// Whether the operator asked the run to stop.
    pub interrupted: bool,
    /// How often it was taken up again.
    pub resumed: u32,
    /// The run that took its hosts over.
    pub taken_over_by: Option<String>,
    /// The exit code that the run ended with; `None` while it runs, or where it was cut off.
    pub exit_code: Option<u8>,
}

/// A time in which the upgraded hosts of a wave are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Soak {
    /// Until when.
    pub until: Timestamp,
    /// The hosts.
    pub hosts: Vec<String>,
    /// Whether it is over.
    pub is_over: bool,
}

/// A wave that was not begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldWave {
    /// Its name.
    pub wave: String,
    /// Why.
    pub reason: Option<Reason>,
    /// Whether a person could let it start.
    pub at_gate: bool,
    /// What of the evidence that it demands is missing or does not match.
    pub unmet: Vec<Unmet>,
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
        // What is written down after its end (an approval, another run that takes its hosts over) makes it no longer.
        if self.exit_code.is_none() || matches!(envelope.event, RunEvent::RunResumed { .. }) {
            self.last = Some(envelope.at);
        }
        if let Some(host) = envelope.event.host_of_step() {
            self.heard(host, envelope.at);
        }
        match &envelope.event {
            RunEvent::RunStarted(header) => {
                self.started = Some(envelope.at);
                self.hosts =
                    header.plan.hosts().map(|(_, host)| (host.host.clone(), HostState::new(host))).collect();
                self.order = header.order;
                self.header = Some(Arc::clone(header));
            }
            RunEvent::HostPlanned { host, plan } => self.host_planned(host, plan),
            RunEvent::WaveHeld { wave, reason, at_gate, unmet } => self.held_waves.push(HeldWave {
                wave: wave.clone(),
                reason: reason.clone(),
                at_gate: *at_gate,
                unmet: unmet.clone(),
            }),
            RunEvent::StepStarted { host, step, boot } => {
                self.step_started(host, step, boot.as_deref(), envelope.at);
            }
            RunEvent::StepResolved { host, step, done, reason, by } => {
                let resolution = Resolution { done: *done, reason: reason.clone(), by: by.clone() };
                self.step_resolved(host, step, resolution);
            }
            RunEvent::StepFinished { host, step, end } => self.step_finished(host, step, end),
            RunEvent::HostFinished { host, outcome, reasons } => {
                self.host_finished(host, *outcome, reasons, envelope.at);
            }
            RunEvent::Interrupted => self.interrupted = true,
            RunEvent::RunFinished { exit_code } => self.exit_code = Some(*exit_code),
            RunEvent::RunResumed { order, .. } => {
                self.order = self.order.max(*order);
                self.resume();
            }
            RunEvent::RunTakenOver { by } => self.taken_over_by = Some(by.clone()),
            RunEvent::HostConnected { host, keeper } => {
                let host = self.host(host);
                host.keeper.clone_from(keeper);
                host.link_is_back(envelope.at);
            }
            RunEvent::HostLocked { host, order } => self.host(host).is_locked(*order),
            RunEvent::HostReleased { host } => self.host(host).locked = false,
            RunEvent::HostRefused { host, lock } => self.host(host).held_by = Some(lock.clone()),
            RunEvent::LinkLost { host, step, why } => {
                let gap = LinkGap { from: envelope.at, to: None, step: step.clone(), why: why.clone() };
                self.host(host).gaps.push(gap);
            }
            RunEvent::LinkRestored { host } => self.host(host).link_is_back(envelope.at),
            RunEvent::ReviewAwaited { host, fingerprint, until, .. } => {
                let review =
                    AwaitedReview { fingerprint: fingerprint.clone(), since: envelope.at, until: *until };
                self.host(host).awaits = Some(review);
            }
            RunEvent::ReviewAnswered { host, approved, fingerprint, by, by_person, .. } => {
                let host = self.host(host);
                host.awaits = None;
                host.approved = fingerprint.clone().filter(|_| *approved);
                host.approved_by = Some(by.clone()).filter(|_| *approved && *by_person);
                host.unproven = None;
            }
            RunEvent::EvidenceGiven { .. }
            | RunEvent::RiskAccepted { .. }
            | RunEvent::RiskTaken { .. }
            | RunEvent::ReviewUnproven { .. } => self.apply_evidence(&envelope.event),
            RunEvent::SchemaApproved { fingerprint, approval } => {
                self.approved_schemas.push((fingerprint.clone(), approval.clone()));
            }
            RunEvent::WaveApproved { wave, approval } => {
                self.approved_waves.push((wave.clone(), approval.clone()));
            }
            RunEvent::SoakStarted { wave, until, hosts } => {
                let soak = Soak { until: *until, hosts: hosts.clone(), is_over: false };
                self.soaks.insert(wave.clone(), soak);
            }
            RunEvent::SoakFinished { wave } => self.soak_finished(wave),
            RunEvent::HostUnwell { host, reasons } => {
                let host = self.host(host);
                host.outcome = Some(HostOutcome::Failed);
                host.reasons = vec![Reason::Unwell { because: reasons.clone() }];
            }
            RunEvent::GoingBack { host, reasons, rolls_back } => {
                let host = self.host(host);
                host.going_back = Some(reasons.clone());
                host.rolls_back = *rolls_back;
            }
            RunEvent::WentBack { host } => self.host(host).is_back(),
            RunEvent::WaveStarted { wave } => {
                self.begun_waves.insert(wave.clone());
            }
            RunEvent::WaveFinished { .. }
            | RunEvent::StepAdopted { .. }
            | RunEvent::StepProgressed { .. }
            | RunEvent::Unknown => {}
        }
    }

    /// The plan of a host that had none. The last one completes the run's: it then has the digest of a plan that was made at
    /// once.
    fn host_planned(&mut self, host: &str, plan: &Plan) {
        let is_awaited = self.plan_of(host).is_some_and(HostPlan::is_planned_later);
        let has_ended = self.hosts.get(host).is_some_and(|host| host.outcome.is_some());
        let (Some(header), true, false) = (&mut self.header, is_awaited, has_ended) else { return };
        let header = Arc::make_mut(header);
        header.plan.put_in(plan);
        if !header.plan.is_incomplete() {
            header.plan_digest = header.plan.digest();
        }
        if let Some(plan) = header.plan.host(host) {
            self.hosts.insert(host.to_owned(), HostState::new(plan));
        }
    }

    fn soak_finished(&mut self, wave: &str) {
        let Some(soak) = self.soaks.get_mut(wave) else { return };
        soak.is_over = true;
        for host in soak.hosts.clone() {
            self.host(&host).watched = true;
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
        let header = self.header.clone();
        for (name, host) in &mut self.hosts {
            let planned = header.as_ref().and_then(|header| header.plan.host(name));
            if planned.is_some_and(|plan| host.is_unfinished(plan)) {
                host.outcome = None;
                host.reasons.clear();
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

    /// Whether the hosts of a wave were to be watched longer than they were.
    pub fn has_unfinished_soak(&self) -> bool {
        self.taken_over_by.is_none() && self.soaks.values().any(|soak| !soak.is_over)
    }

    /// The plan of a host of this run.
    pub fn plan_of(&self, host: &str) -> Option<&HostPlan> {
        self.header.as_ref()?.plan.host(host)
    }

    fn host_finished(&mut self, host: &str, outcome: HostOutcome, reasons: &[Reason], at: Timestamp) {
        let header = self.header.clone();
        let plan = header.as_ref().and_then(|header| header.plan.host(host));
        let kind = header.as_ref().map_or(RunKind::Upgrade, |header| header.kind);
        let host = self.host(host);
        host.outcome = Some(match outcome {
            // As journals of format 1 call the success of every run.
            HostOutcome::Upgraded if !kind.is_upgrade() => HostOutcome::Done,
            outcome => outcome,
        });
        host.ended = Some(at);
        host.reasons = reasons.to_vec();
        host.awaits = None;
        // Where everything is taken back, what was owed for it is owed no longer, also where its site is not well then.
        if let Some(plan) = plan
            && kind == RunKind::Rollback
            && !outcome.is_unfinished()
            && host.is_back_as_planned(plan)
        {
            let left = host.left_by_way_back();
            let is_cleared =
                |debt: &Debt| debt.since.is_some() || plan.cleared_when_back.contains(&debt.step);
            host.debts.retain(|debt| !is_cleared(debt) || left.contains(debt));
        }
    }

    /// Something was done on a host, or the end of it was seen.
    fn heard(&mut self, host: &str, at: Timestamp) {
        let order = self.order;
        let host = self.host(host);
        host.heard = Some(at);
        host.heard_in = if host.locked_in == 0 { order } else { host.locked_in };
    }

    /// A host is owed what a step may have made from the moment on at which the step was let go.
    fn step_started(&mut self, host: &str, step: &str, boot: Option<&str>, at: Timestamp) {
        let planned = self.plan_of(host).and_then(|plan| plan.step(step));
        let debts = planned.map(|planned| planned.debts.clone()).unwrap_or_default();
        let host = self.host(host);
        let boot = boot.map(str::to_owned);
        if let Some(known) = host.steps.iter_mut().find(|known| known.id == step) {
            // A person said that it was not done: this is its next try.
            known.remember_beginning();
            known.end = None;
            known.boot = boot;
            known.resolution = None;
            known.undone = false;
            known.attempt += 1;
            known.started = Some(at);
        } else {
            let id = step.to_owned();
            host.steps.push(StepState { id, boot, attempt: 1, started: Some(at), ..StepState::default() });
        }
        for payer in debts {
            if !host.debts.iter().any(|known| known.step == payer) {
                host.debts.push(Debt { step: payer, since: Some(step.to_owned()) });
            }
        }
    }

    fn step_finished(&mut self, host: &str, step: &str, end: &StepEnd) {
        let planned = self.plan_of(host).and_then(|plan| plan.step(step));
        // What nothing is pending for now may still be owed for what was pending in an earlier run.
        let may_be_owed_still = planned.is_none_or(|planned| planned.when_schema_pending);
        let completes = planned.map(|planned| planned.completes.clone()).unwrap_or_default();
        let may_leave = planned.is_some_and(|planned| planned.debts.is_empty());
        let restart = self.plan_of(host).and_then(HostPlan::memcached_restart).map(|step| step.id.clone());
        let host = self.host(host);
        match host.steps.iter_mut().find(|known| known.id == step) {
            Some(known) => {
                known.remember_beginning();
                known.end = Some(end.clone());
                // It was skipped this time, without a start.
                known.undone = false;
            }
            None => host.steps.push(StepState {
                id: step.to_owned(),
                end: Some(end.clone()),
                attempt: 1,
                ..StepState::default()
            }),
        }
        match end.outcome {
            StepOutcome::Succeeded => {
                host.debts.retain(|debt| debt.step != step && !completes.contains(&debt.step));
                if may_leave {
                    host.debts.retain(|debt| debt.since.as_deref() != Some(step));
                }
                if let Some(restart) = restart.filter(|_| end.leaves_memcached_down()) {
                    host.debts.retain(|debt| debt.step != restart);
                    host.debts.push(Debt { step: restart, since: Some(step.to_owned()) });
                }
            }
            // It never began, or its proof shows that what it would have made is not there: nothing is owed for it.
            StepOutcome::Failed if end.proven == Some(false) || !end.begun => {
                host.debts.retain(|debt| debt.since.as_deref() != Some(step));
            }
            // There is nothing on the host that it could be done to.
            StepOutcome::Skipped if !may_be_owed_still => host.debts.retain(|debt| debt.step != step),
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

#[cfg(test)]
mod tests;
