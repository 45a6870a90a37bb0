//! What would take the hosts of a run back to where they were before it: a plan that is carried out as a run of its own.

use std::collections::{BTreeMap, BTreeSet};

use ixporch_inventory::{FailurePolicy, GateKind};
use jiff::Timestamp;

use super::{HostState, RunState, StepState};
use crate::event::{HostOutcome, RunHeader};
use crate::plan::{HostAction, HostPlan, Plan, PlannedStep, PlannedWave, TakesBack};
use crate::procedure::{Effect, SETTLE};

/// What names the run whose backup is meant, to the scripts that restore it.
const BACKUP_RUN: &str = "IXPORCH_BACKUP_RUN";

/// What says that what was written since then is given up, in seconds since 1970.
const DISCARD_SINCE: &str = "IXPORCH_DISCARD_WRITES_SINCE";

/// What the steps of a plan that takes a run back are told.
#[derive(Debug, Clone, Copy)]
pub struct TakeBack<'a> {
    /// Digest of the plan's origin.
    pub digest: &'a str,
    /// Since when writes to the database may be lost.
    pub discard_writes_since: Option<Timestamp>,
    /// The hosts of which an earlier try to take them back has changed something.
    pub tried: &'a BTreeSet<String>,
    /// What others have paid of its debts, by host.
    pub paid: &'a BTreeMap<String, BTreeSet<String>>,
}

impl RunState {
    /// The hosts that the run began to change, each with whether it can be taken back.
    pub fn hosts_to_take_back(&self) -> Vec<(&str, bool)> {
        // What was paid is not taken back, and what was opened and found unwell is closed by the settling itself.
        let Some(header) = self.header.as_ref().filter(|header| header.procedure != SETTLE) else {
            return Vec::new();
        };
        let began = |plan: &&HostPlan| {
            self.hosts.get(&plan.host).is_some_and(|host| host.has_something_to_undo(plan))
        };
        let hosts = header.plan.hosts().map(|(_, plan)| plan).filter(began);
        hosts.map(|plan| (plan.host.as_str(), !plan.back.is_empty())).collect()
    }

    /// The plan that takes these of its hosts back, all of them at once.
    pub fn plan_to_take_back(&self, hosts: &[String], how: TakeBack<'_>) -> Option<Plan> {
        let header = self.header.as_ref()?;
        let back = |(_, plan): (&PlannedWave, &HostPlan)| {
            let host = self.hosts.get(&plan.host).filter(|_| hosts.contains(&plan.host))?;
            Some(host_back(header, plan, host, how))
        };
        let hosts: Vec<HostPlan> = header.plan.hosts().filter_map(back).collect();
        let wave = PlannedWave {
            name: "rollback".to_owned(),
            gate: GateKind::Auto,
            parallel: None,
            max_failures: ixporch_inventory::value::Amount::Percent(100),
            soak_seconds: None,
            requires: None,
            required_hosts: Vec::new(),
            max_age_seconds: 0,
            members: Vec::new(),
            hosts,
        };
        Some(Plan {
            format: header.plan.format,
            procedure: format!("rollback of {}", header.plan.procedure),
            procedure_digest: how.digest.to_owned(),
            target: None,
            moves_code: false,
            preflight_policy: header.plan.preflight_policy.clone(),
            waves: vec![wave],
            unplaced: Vec::new(),
        })
    }

    /// Whether a host ended where it should be: for one that is taken back, that is where it was.
    pub fn ended_well(&self, host: &str) -> bool {
        let outcome = self.hosts.get(host).and_then(|host| host.outcome);
        let takes_back = self.plan_of(host).is_some_and(|plan| plan.takes_back.is_some());
        outcome.is_some_and(|outcome| outcome.is_good() || takes_back && outcome.is_rolled_back())
    }

    /// Whether a host is where it was before the run that this one takes back, well or not.
    pub fn is_taken_back(&self, host: &str) -> bool {
        let Some(plan) = self.plan_of(host).filter(|plan| plan.takes_back.is_some()) else { return false };
        let is_over = |state: &HostState| state.outcome.is_some_and(|outcome| !outcome.is_unfinished());
        self.hosts.get(host).is_some_and(|state| is_over(state) && state.is_back_as_planned(plan))
    }
}

/// The commit at which an upgraded host was left: who finds another one there finds somebody else's work. Where a run
/// broke off is not known.
fn left_at(plan: &HostPlan, host: &HostState) -> Option<String> {
    let is_upgraded = host.outcome == Some(HostOutcome::Upgraded);
    let composition = host.steps.iter().rev().find_map(|step| step.end.as_ref()?.composition.as_ref());
    let found = composition.and_then(|composition| composition.commit.clone());
    found.or_else(|| plan.upstream.clone()).filter(|_| is_upgraded)
}

fn host_back(header: &RunHeader, plan: &HostPlan, host: &HostState, how: TakeBack<'_>) -> HostPlan {
    let run = &header.run;
    let nothing = BTreeSet::new();
    let paid = how.paid.get(&plan.host).unwrap_or(&nothing);
    let mut host = host.clone();
    host.debts.retain(|debt| !paid.contains(&debt.step));
    let is_done =
        |step: &PlannedStep| paid.contains(&step.id) || host.step(&step.id).is_some_and(StepState::is_done);
    let is_whole = plan.steps().iter().filter(|step| step.effect == Effect::Change).all(is_done);
    // The site may have been opened since, by whomever: closing it where it is closed does nothing.
    let closing = plan.closes_again();
    let needed: Vec<&str> = host.way_back(plan).into_iter().map(|step| step.id.as_str()).collect();
    // So may have been what writes by itself: what was stopped once for the run is stopped again.
    let was_owed = |debt: &String| {
        let mut makers = plan.steps().iter().filter(|step| step.debts.contains(debt));
        makers.any(|step| host.may_have_begun(&step.id))
    };
    let is_meant = |step: &&PlannedStep| {
        needed.contains(&step.id.as_str())
            || closing.is_some_and(|closing| closing.id == step.id)
            || step.debts.iter().any(was_owed)
    };
    let mut steps: Vec<PlannedStep> = plan.back.iter().filter(is_meant).cloned().collect();
    let is_owed = |step: &&PlannedStep| {
        let made = steps.iter().any(|back| back.debts.contains(&step.id));
        made || host.debts.iter().any(|debt| debt.step == step.id)
    };
    let payers = plan.steps().iter().chain(&plan.payers).filter(is_owed).cloned().collect();
    for step in &mut steps {
        let environment = &mut step.command.environment;
        environment.insert(BACKUP_RUN.to_owned(), run.clone());
        if let Some(since) = how.discard_writes_since {
            environment.insert(DISCARD_SINCE.to_owned(), since.as_second().to_string());
        }
    }
    let own = |since: &Option<String>| since.is_some();
    let settles: BTreeSet<String> =
        host.debts.iter().filter(|debt| own(&debt.since)).map(|debt| debt.step.clone()).collect();
    HostPlan {
        action: HostAction::Upgrade(steps),
        back: Vec::new(),
        on_failure: FailurePolicy::Stop,
        health: Vec::new(),
        upstream: None,
        commit: left_at(plan, &host).filter(|_| !how.tried.contains(&plan.host)),
        owed: host.debts.iter().map(|debt| debt.step.clone()).collect(),
        closed: plan.opening.clone().filter(|opening| host.debts.iter().any(|debt| debt.step == *opening)),
        unfinished: !is_whole && host.leaves(header.plan.moves_code, plan).unfinished,
        notes: Vec::new(),
        findings: Vec::new(),
        blocked: None,
        takes_back: Some(TakesBack { run: run.clone(), settles }),
        payers,
        ..plan.clone()
    }
}
