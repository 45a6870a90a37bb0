//! `rollback`: restores hosts to their state before a run, by a plan that is carried out as a run of its own.

use std::collections::{BTreeMap, BTreeSet};

use ixporch_inventory::GateKind;
use ixporch_inventory::value::Amount;
use jiff::Timestamp;

use super::left_by;
use crate::event::{FollowUpKind, LeftOut, Obstacle, RunHeader};
use crate::history::{History, Purpose, RunRecord};
use crate::plan::{HostAction, HostId, HostPlan, Plan, PlannedStep, PlannedWave};
use crate::procedure::Effect;
use crate::state::{HostState, RunState, Undo, is_done, left_at};

/// What names the run of which the backup is meant, to the scripts that restore it.
const BACKUP_RUN: &str = "IXPORCH_BACKUP_RUN";

/// What says that what was written since then is given up, in seconds since 1970.
const DISCARD_SINCE: &str = "IXPORCH_DISCARD_WRITES_SINCE";

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The hosts that are meant, by name; those that were not named are passed over without a word.
    pub selected: &'a dyn Fn(&str) -> bool,
    /// Whether hosts were named at all: then one that the inventory does not know is no surprise.
    pub is_limited: bool,
    /// Which host the inventory means by a name today.
    pub known: &'a dyn Fn(&str) -> Option<HostId>,
    /// Since when writes to the database may be lost.
    pub discard_writes_since: Option<Timestamp>,
}

/// What is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// The plan; `None`: nothing is left to be rolled back.
    pub plan: Option<Plan>,
    /// Hosts that are meant and cannot be rolled back, with why.
    pub left_out: Vec<(String, LeftOut)>,
    /// Whether the run goes on no more: its unfinished hosts are among those that are rolled back.
    pub takes_over: bool,
}

/// What would roll a run back.
///
/// # Errors
/// Another run has the hosts, every host is left out, or hosts in the middle of the run would be left behind.
pub fn rollback(
    history: &History,
    record: &RunRecord,
    state: &RunState,
    request: &Request<'_>,
) -> Result<Rollback, Obstacle> {
    let Some(header) = &state.header else { return Err(Obstacle::NotBegun { run: record.run.clone() }) };
    if !header.plan.hosts().any(|(_, plan)| (request.selected)(&plan.host) || !request.is_limited) {
        let known = state.hosts.keys().cloned().collect();
        return Err(Obstacle::NoneSelected { run: record.run.clone(), known });
    }
    let (mut hosts, mut left_out, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
    for (_, plan) in header.plan.hosts() {
        let undo = state.undo_of(&plan.host);
        if undo == Undo::Nothing || history.is_rolled_back(&record.run, &plan.id()) {
            continue;
        }
        match why_not(history, record, plan, undo, request) {
            Ok(()) if is_elsewhere(history, state, &plan.id(), &record.run) => {
                elsewhere.push(plan.host.clone());
            }
            Ok(()) => hosts.push(plan),
            Err(Some(why)) => left_out.push((plan.host.clone(), why)),
            Err(None) => {}
        }
    }
    if let (Some(by), [_, ..]) = (&state.taken_over_by, elsewhere.as_slice()) {
        return Err(Obstacle::TakenOver {
            follow_up: FollowUpKind::Rollback,
            run: record.run.clone(),
            by: by.clone(),
            hosts: elsewhere,
        });
    }
    if hosts.is_empty() && !left_out.is_empty() {
        if let [(host, LeftOut::WorkSince { run, deed })] = left_out.as_slice() {
            return Err(Obstacle::WorkSince { host: host.clone(), run: run.clone(), deed: *deed });
        }
        let (follow_up, run) = (FollowUpKind::Rollback, record.run.clone());
        return Err(Obstacle::NoHostLeft { follow_up, run, left_out });
    }
    let unfinished = state.unfinished_hosts();
    let takes_over = hosts.iter().any(|plan| unfinished.contains(&plan.host.as_str()));
    refuse_leaving_behind(record, state, &hosts, takes_over)?;
    let plans = hosts.into_iter().filter_map(|plan| {
        let host = state.hosts.get(&plan.host)?;
        let completed = history.completed_since(record, &plan.id());
        let tried = history.has_tried_to_roll_back(&record.run, &plan.id());
        Some(host_back(
            header,
            plan,
            host,
            &How { completed: &completed, tried, discard: request.discard_writes_since },
        ))
    });
    let plans: Vec<HostPlan> = plans.collect();
    let plan = (!plans.is_empty()).then(|| plan_of(header, plans));
    Ok(Rollback { plan, left_out, takes_over })
}

/// Why a host is not rolled back; `None` within: it is not meant.
fn why_not(
    history: &History,
    record: &RunRecord,
    plan: &HostPlan,
    undo: Undo,
    request: &Request<'_>,
) -> Result<(), Option<LeftOut>> {
    if (request.known)(&plan.host) != Some(plan.id()) {
        let is_surprise = !request.is_limited || (request.selected)(&plan.host);
        return Err(is_surprise.then_some(LeftOut::NotInInventory));
    }
    if !(request.selected)(&plan.host) {
        return Err(None);
    }
    if let Some(since) = history.work_since(record, &plan.id(), None, Purpose::Rollback) {
        return Err(Some(since.into()));
    }
    if undo == Undo::StartUnknown { Err(Some(LeftOut::StartUnknown)) } else { Ok(()) }
}

/// Whether the run that took this one over has the host: what it does there comes first. A rollback of this run may be
/// tried again.
fn is_elsewhere(history: &History, state: &RunState, host: &HostId, run: &str) -> bool {
    let by = state.taken_over_by.as_deref().and_then(|by| history.run(by));
    by.is_some_and(|by| {
        let rolls_back = by.kind == crate::event::RunKind::Rollback && by.follows.as_deref() == Some(run);
        !rolls_back && by.host(host).is_some_and(|host| host.touched || host.unfinished)
    })
}

/// Taking over a run ends it: hosts in the middle of it that are not meant would be left behind.
fn refuse_leaving_behind(
    record: &RunRecord,
    state: &RunState,
    hosts: &[&HostPlan],
    takes_over: bool,
) -> Result<(), Obstacle> {
    let is_touched = |name: &&str| state.hosts.get(*name).is_some_and(HostState::was_touched);
    let left: Vec<String> = state
        .unfinished_hosts()
        .into_iter()
        .filter(is_touched)
        .filter(|name| !hosts.iter().any(|plan| plan.host == *name))
        .map(str::to_owned)
        .collect();
    if left.is_empty() || !takes_over {
        return Ok(());
    }
    Err(Obstacle::LeavesBehind { follow_up: FollowUpKind::Rollback, run: record.run.clone(), hosts: left })
}

/// All hosts at once, whatever becomes of any of them.
fn plan_of(header: &RunHeader, hosts: Vec<HostPlan>) -> Plan {
    let wave = PlannedWave {
        name: "rollback".to_owned(),
        gate: GateKind::Auto,
        parallel: None,
        max_failures: Amount::Percent(100),
        soak_seconds: None,
        requires: None,
        required_hosts: Vec::new(),
        max_age_seconds: 0,
        members: Vec::new(),
        hosts,
    };
    Plan {
        procedure: format!("rollback of {}", header.plan.procedure),
        target: None,
        waves: vec![wave],
        unplaced: Vec::new(),
        ..header.plan.clone()
    }
}

/// What is known of a host besides its run.
struct How<'a> {
    /// What others have completed of its open steps.
    completed: &'a BTreeSet<String>,
    /// Whether an earlier try to roll it back has changed something.
    tried: bool,
    discard: Option<Timestamp>,
}

/// The plan that brings one host back.
fn host_back(header: &RunHeader, plan: &HostPlan, host: &HostState, how: &How<'_>) -> HostPlan {
    let host = host.without(how.completed);
    let mut steps = steps_back(plan, &host);
    let is_owed = |step: &&PlannedStep| {
        let made = steps.iter().any(|back| back.debts.contains(&step.id));
        // memcached may not start on the way back: its restart is owed then.
        let may_be_left = plan.memcached_restart().is_some_and(|restart| restart.id == step.id);
        made || may_be_left || host.debts.iter().any(|debt| debt.step == step.id)
    };
    let payers = plan.steps().iter().chain(&plan.payers).filter(is_owed).cloned().collect();
    let values = environment(&header.run, how.discard);
    for step in &mut steps {
        step.command.environment.extend(values.clone());
    }
    let mut changes = plan.steps().iter().filter(|step| step.effect == Effect::Change);
    let is_whole = changes.all(|step| is_done(&host, how.completed, step));
    // What it began and is done once is taken back with the database.
    let begun = host.begun_once(&header.run, plan).into_iter();
    let begun_here = begun.filter(|(_, run)| *run == header.run).map(|(step, _)| step);
    HostPlan {
        action: HostAction::Steps(steps),
        back: Vec::new(),
        commit: left_at(plan, &host).filter(|_| !how.tried),
        cleared_when_back: host.own_debts().into_iter().chain(begun_here).collect(),
        payers,
        ..left_by(&header.run, header.kind, plan, &host, is_whole)
    }
}

/// The steps of the way back that are needed.
fn steps_back(plan: &HostPlan, host: &HostState) -> Vec<PlannedStep> {
    // The site may have been opened since, by anybody: closing it when it is closed does nothing.
    let closing = plan.closes_again();
    let needed: Vec<&str> = host.way_back(plan).into_iter().map(|step| step.id.as_str()).collect();
    // The same holds for what writes by itself: if it was stopped once for the run, it is stopped again.
    let was_owed = |debt: &String| {
        let mut makers = plan.steps().iter().filter(|step| step.debts.contains(debt));
        makers.any(|step| host.may_have_begun(&step.id))
    };
    let is_meant = |step: &&PlannedStep| {
        needed.contains(&step.id.as_str())
            || closing.is_some_and(|closing| closing.id == step.id)
            || step.debts.iter().any(was_owed)
    };
    plan.back.iter().filter(is_meant).cloned().collect()
}

/// What the steps are told besides what is planned.
fn environment(run: &str, discard: Option<Timestamp>) -> BTreeMap<String, String> {
    let since = discard.map(|since| (DISCARD_SINCE.to_owned(), since.as_second().to_string()));
    std::iter::once((BACKUP_RUN.to_owned(), run.to_owned())).chain(since).collect()
}
