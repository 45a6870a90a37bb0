//! What a run still owes a host, as a plan that pays what can be paid.

use ixporch_inventory::FailurePolicy;

use super::{HostState, RunState, StepState};
use crate::plan::{HostAction, HostPlan, Plan, PlannedStep};
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
    /// What can be paid of what a host is owed; `None`: the run does not know the host.
    pub fn settlement(&self, host: &str) -> Option<Settlement> {
        let header = self.header.as_ref()?;
        let (wave, plan) = header.plan.hosts().find(|(_, plan)| plan.host == host)?;
        let state = self.hosts.get(host)?;
        let mut pays: Vec<PlannedStep> = Vec::new();
        let mut left = Vec::new();
        for debt in state.debts_in_order(Some(plan)) {
            let payer = plan.step(&debt.step).filter(|payer| can_be_paid(plan, state, payer, &pays));
            match payer {
                Some(payer) => pays.push(payer.clone()),
                None => left.push(debt.step.clone()),
            }
        }
        let is_paid = |step: &PlannedStep| pays.iter().any(|paid| paid.id == step.id);
        let is_done = |step: &PlannedStep| state.step(&step.id).is_some_and(StepState::is_done);
        let mut changes = plan.steps().iter().filter(|step| step.effect == Effect::Change);
        let is_whole = changes.all(|step| is_done(step) || is_paid(step));
        let pays_all = !pays.is_empty();
        // What is opened is looked at, and closed again where it is not well.
        let is_opened = pays.iter().any(|paid| Some(&paid.id) == plan.opening.as_ref());
        let looks = plan.steps().iter().filter(|step| is_opened && step.tells_health).cloned();
        let steps: Vec<PlannedStep> = pays.iter().cloned().chain(looks).collect();
        let owed = state.debts.iter().filter_map(|debt| plan.step(&debt.step));
        let host = HostPlan {
            payers: owed.cloned().collect(),
            action: HostAction::Upgrade(steps),
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
        Some(Settlement { plan: pays_all.then_some(plan), left })
    }
}

/// Only what can be run whatever else is done is paid before every change is done that comes before it.
fn can_be_paid(plan: &HostPlan, state: &HostState, payer: &PlannedStep, paid: &[PlannedStep]) -> bool {
    let is_done = |step: &PlannedStep| {
        state.step(&step.id).is_some_and(StepState::is_done) || paid.iter().any(|paid| paid.id == step.id)
    };
    // What a plan that takes a host back owes is paid by steps of the way there: all of the way back comes before.
    let comes_before = |step: &&PlannedStep| step.number < payer.number || plan.takes_back.is_some();
    let mut before = plan.steps().iter().filter(comes_before).filter(|step| step.id != payer.id);
    payer.alone || before.all(|step| step.effect == Effect::Check || is_done(step))
}
