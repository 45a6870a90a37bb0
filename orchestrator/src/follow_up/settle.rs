//! `settle`: completes the steps that a run left open on a host, as far as that can be done.

use std::collections::BTreeSet;

use ixporch_inventory::GateKind;

use super::left_by;
use crate::event::{Obstacle, RunHeader, RunKind};
use crate::history::{History, Purpose, RunRecord};
use crate::plan::{HostAction, HostPlan, Plan, PlannedProof, PlannedStep, PlannedWave};
use crate::procedure::Effect;
use crate::state::{HostState, RunState, is_done};

/// What can be completed of a host's open steps, and what cannot yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The plan that completes them; `None`: none can be.
    pub plan: Option<Plan>,
    /// Those that cannot be, because something before them is not done.
    pub left: Vec<String>,
}

/// What would complete the open steps of a run on a host.
///
/// # Errors
/// The run does not know the host, or has not ended on it, or another run was at work there since.
pub fn settle(
    history: &History,
    record: &RunRecord,
    state: &RunState,
    host: &str,
) -> Result<Settlement, Obstacle> {
    let run = || record.run.clone();
    let Some(header) = &state.header else { return Err(Obstacle::NotBegun { run: run() }) };
    let planned = header.plan.hosts().find(|(_, plan)| plan.host == host);
    let known = planned.and_then(|(wave, plan)| Some((wave, plan, state.hosts.get(host)?)));
    let Some((wave, plan, found)) = known else {
        let known = state.hosts.keys().cloned().collect();
        return Err(Obstacle::NoSuchHost { run: run(), host: host.to_owned(), known });
    };
    if state.unfinished_hosts().contains(&host) {
        return Err(Obstacle::NotEnded { run: run(), host: host.to_owned() });
    }
    if let Some(since) = history.work_since(record, &plan.id(), None, Purpose::Settle) {
        return Err(Obstacle::WorkSince { host: host.to_owned(), run: since.run, deed: since.deed });
    }
    let completed = history.completed_since(record, &plan.id());
    Ok(settlement(header, wave, plan, found, &completed))
}

fn settlement(
    header: &RunHeader,
    wave: &PlannedWave,
    plan: &HostPlan,
    found: &HostState,
    completed: &BTreeSet<String>,
) -> Settlement {
    let host = found.without(completed);
    let (mut steps, mut left): (Vec<PlannedStep>, Vec<String>) = (Vec::new(), Vec::new());
    for debt in host.debts_in_order(Some(plan)) {
        let is_done_by_then =
            |step: &PlannedStep| is_done(&host, completed, step) || steps.iter().any(|now| now.id == step.id);
        match plan.step(&debt.step).filter(|step| can_be_completed(header.kind, plan, step, is_done_by_then))
        {
            Some(step) => steps.push(step.clone()),
            None => left.push(debt.step.clone()),
        }
    }
    if steps.is_empty() {
        return Settlement { plan: None, left };
    }
    let mut changes = plan.steps().iter().filter(|step| step.effect == Effect::Change);
    let is_whole =
        changes.all(|step| is_done(&host, completed, step) || steps.iter().any(|now| now.id == step.id));
    let owed = host.debts.iter().filter_map(|debt| plan.step(&debt.step)).cloned().collect();
    let planned = HostPlan {
        payers: owed,
        back: plan.closes_again().cloned().into_iter().collect(),
        commit: None,
        action: HostAction::Steps(with_looks(plan, steps)),
        ..left_by(&header.run, header.kind, plan, &host, is_whole)
    };
    let wave = PlannedWave {
        hosts: vec![planned],
        requires: None,
        soak_seconds: None,
        gate: GateKind::Auto,
        ..wave.clone()
    };
    let plan = Plan {
        procedure: format!("settling of {}", header.plan.procedure),
        target: None,
        waves: vec![wave],
        unplaced: Vec::new(),
        ..header.plan.clone()
    };
    Settlement { plan: Some(plan), left }
}

/// What is opened is looked at before anything follows, and closed again if it is not well.
fn with_looks(plan: &HostPlan, completing: Vec<PlannedStep>) -> Vec<PlannedStep> {
    let mut steps = Vec::new();
    for step in completing {
        let opens = Some(&step.id) == plan.opening.as_ref();
        steps.push(step);
        if opens {
            steps.extend(plan.steps().iter().filter(|step| step.tells_health).cloned());
        }
    }
    steps
}

/// A step that depends on others is completed only when every change before it is done.
fn can_be_completed(
    kind: RunKind,
    plan: &HostPlan,
    step: &PlannedStep,
    is_done: impl Fn(&PlannedStep) -> bool,
) -> bool {
    // Journals of older versions do not say so of the restarts.
    let alone = step.alone || matches!(step.proof, Some(PlannedProof::MemcachedRestarted { .. }));
    // What a rollback owes belongs to the way there: all of the way back comes before it.
    let comes_before = |other: &&PlannedStep| other.number < step.number || kind == RunKind::Rollback;
    let mut before = plan.steps().iter().filter(comes_before).filter(|other| other.id != step.id);
    alone || before.all(|step| step.effect == Effect::Check || is_done(step))
}
