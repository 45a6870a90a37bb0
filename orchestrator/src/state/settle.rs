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
        let host = HostPlan {
            action: HostAction::Upgrade(pays.clone()),
            back: Vec::new(),
            on_failure: FailurePolicy::Stop,
            health: Vec::new(),
            upstream: None,
            commit: None,
            owed: state.debts.iter().map(|debt| debt.step.clone()).collect(),
            closed: plan
                .opening
                .clone()
                .filter(|opening| state.debts.iter().any(|debt| debt.step == *opening)),
            unfinished: state.leaves(header.plan.moves_code, plan).unfinished,
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
        Some(Settlement { plan: (!pays.is_empty()).then_some(plan), left })
    }
}

/// What opens the site, or comes after that, is paid only where every change before it is done.
fn can_be_paid(plan: &HostPlan, state: &HostState, payer: &PlannedStep, paid: &[PlannedStep]) -> bool {
    let opening = plan.steps().iter().find(|step| Some(&step.id) == plan.opening.as_ref());
    if opening.is_some_and(|opening| payer.number < opening.number) {
        return true;
    }
    let is_done = |step: &PlannedStep| {
        state.step(&step.id).is_some_and(StepState::is_done) || paid.iter().any(|paid| paid.id == step.id)
    };
    let mut before = plan.steps().iter().take_while(|step| step.number < payer.number);
    before.all(|step| step.effect == Effect::Check || is_done(step))
}
