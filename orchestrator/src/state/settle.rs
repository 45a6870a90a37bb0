//! What a run still owes a host, as a plan that pays what can be paid.

use std::collections::BTreeSet;

use ixporch_inventory::FailurePolicy;

use super::{RunState, StepState};
use crate::plan::{HostAction, HostPlan, Plan, PlannedProof, PlannedStep};
use crate::procedure::Effect;

/// What can be paid of a host's debts, and what cannot yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The plan that pays; `None`: nothing can be paid.
    pub plan: Option<Plan>,
    /// What cannot be paid, because something before it is not done.
    pub left: Vec<String>,
}

impl RunState {
    /// What can be paid of what a host is owed, besides the steps that others have `paid` since; `None`: the run does not
    /// know the host.
    pub fn settlement(&self, host: &str, paid: &BTreeSet<String>) -> Option<Settlement> {
        let header = self.header.as_ref()?;
        let (wave, plan) = header.plan.hosts().find(|(_, plan)| plan.host == host)?;
        let mut state = self.hosts.get(host)?.clone();
        state.debts.retain(|debt| !paid.contains(&debt.step));
        let is_done = |step: &PlannedStep| {
            paid.contains(&step.id) || state.step(&step.id).is_some_and(StepState::is_done)
        };
        let mut pays: Vec<PlannedStep> = Vec::new();
        let mut left = Vec::new();
        for debt in state.debts_in_order(Some(plan)) {
            let pays_now = |step: &PlannedStep| is_done(step) || pays.iter().any(|paid| paid.id == step.id);
            match plan.step(&debt.step).filter(|payer| can_be_paid(plan, payer, pays_now)) {
                Some(payer) => pays.push(payer.clone()),
                None => left.push(debt.step.clone()),
            }
        }
        if pays.is_empty() {
            return Some(Settlement { plan: None, left });
        }
        let mut changes = plan.steps().iter().filter(|step| step.effect == Effect::Change);
        let is_whole = changes.all(|step| is_done(step) || pays.iter().any(|paid| paid.id == step.id));
        let owed = state.debts.iter().filter_map(|debt| plan.step(&debt.step)).cloned().collect();
        let host = HostPlan {
            payers: owed,
            settles: Some(header.run.clone()),
            takes_back: None,
            back: plan.closes_again().cloned().into_iter().collect(),
            on_failure: FailurePolicy::Stop,
            health: Vec::new(),
            upstream: None,
            commit: None,
            owed: state.debts.iter().map(|debt| debt.step.clone()).collect(),
            closed: plan
                .opening
                .clone()
                .filter(|opening| state.debts.iter().any(|debt| debt.step == *opening)),
            unfinished: !is_whole && state.leaves(header.plan.moves_code, plan).unfinished,
            notes: Vec::new(),
            findings: Vec::new(),
            blocked: None,
            action: HostAction::Upgrade(with_looks(plan, pays)),
            ..plan.clone()
        };
        let mut wave = wave.clone();
        wave.hosts = vec![host];
        wave.requires = None;
        wave.soak_seconds = None;
        wave.gate = ixporch_inventory::GateKind::Auto;
        let plan = Plan {
            procedure: format!("settling of {}", header.plan.procedure),
            target: None,
            moves_code: false,
            waves: vec![wave],
            unplaced: Vec::new(),
            ..header.plan.clone()
        };
        Some(Settlement { plan: Some(plan), left })
    }

    /// What this run has paid of what another one owes a host.
    pub fn has_paid(&self, host: &str, of: &str) -> BTreeSet<String> {
        let settles = |plan: &&HostPlan| plan.settles.as_deref() == Some(of);
        let (Some(plan), Some(state)) = (self.plan_of(host).filter(settles), self.hosts.get(host)) else {
            return BTreeSet::new();
        };
        // What was opened and closed again, since it was not well, is owed again.
        let is_owed = |step: &PlannedStep| state.debts.iter().any(|debt| debt.step == step.id);
        let is_paid =
            |step: &&PlannedStep| !is_owed(step) && state.step(&step.id).is_some_and(StepState::is_done);
        plan.steps().iter().filter(is_paid).map(|step| step.id.clone()).collect()
    }
}

/// What is opened is looked at before anything follows, and closed again where it is not well.
fn with_looks(plan: &HostPlan, pays: Vec<PlannedStep>) -> Vec<PlannedStep> {
    let mut steps = Vec::new();
    for payer in pays {
        let opens = Some(&payer.id) == plan.opening.as_ref();
        steps.push(payer);
        if opens {
            steps.extend(plan.steps().iter().filter(|step| step.tells_health).cloned());
        }
    }
    steps
}

/// Only what can be run whatever else is done is paid before every change is done that comes before it.
fn can_be_paid(plan: &HostPlan, payer: &PlannedStep, is_done: impl Fn(&PlannedStep) -> bool) -> bool {
    // Journals of older versions do not say so of the restarts.
    let alone = payer.alone || matches!(payer.proof, Some(PlannedProof::MemcachedRestarted { .. }));
    // What a plan that takes a host back owes is paid by steps of the way there: all of the way back comes before.
    let comes_before = |step: &&PlannedStep| step.number < payer.number || plan.takes_back.is_some();
    let mut before = plan.steps().iter().filter(comes_before).filter(|step| step.id != payer.id);
    alone || before.all(|step| step.effect == Effect::Check || is_done(step))
}
