//! Small plans for tests.

use std::collections::{BTreeMap, BTreeSet};

use ixporch_inventory::value::Amount;
use ixporch_inventory::{FailurePolicy, GateKind};

use super::{Argument, Command, HostAction, HostPlan, LedgerPlace, Plan, PlannedStep, PlannedWave, Switch};
use crate::procedure::Effect;

/// A change that runs `true` as the login user.
pub(crate) fn step(id: &str, debt: Option<&str>) -> PlannedStep {
    PlannedStep {
        number: 1,
        id: id.to_owned(),
        title: id.to_owned(),
        effect: Effect::Change,
        command: Command {
            argv: vec![Argument::from("true")],
            environment: BTreeMap::new(),
            cwd: None,
            user: None,
            switch: Switch::None,
            timeout_seconds: 60,
        },
        proof: None,
        debts: debt.map(str::to_owned).into_iter().collect(),
        undo: Vec::new(),
        alone: false,
        completes: Vec::new(),
        when_exists: None,
        unless_exists: None,
        when_schema_pending: false,
        schema_review: None,
        reads: None,
        may_never_converge: false,
        capture: None,
        show: false,
        tells_health: false,
        release: None,
        probe: None,
    }
}

/// A host whose site is closed, worked on, and opened.
pub(crate) fn host(name: &str) -> HostPlan {
    let steps = vec![step("down", Some("up")), step("work", None), step("up", None)];
    HostPlan {
        host: name.to_owned(),
        address: name.to_owned(),
        port: 22,
        login: format!("ops@{name}"),
        release: None,
        action: HostAction::Steps(steps),
        back: Vec::new(),
        on_failure: FailurePolicy::Stop,
        health: Vec::new(),
        review_timeout_seconds: 60,
        upstream: None,
        commit: None,
        composition: None,
        place: LedgerPlace::default(),
        opening: Some("up".to_owned()),
        closes_at: Some(1),
        closed: None,
        unfinished: false,
        begun_once: BTreeMap::new(),
        stays_closed: false,
        owed: BTreeSet::new(),
        notes: Vec::new(),
        findings: Vec::new(),
        blocked: None,
        cleared_when_back: BTreeSet::new(),
        payers: Vec::new(),
    }
}

/// A wave without a gate.
pub(crate) fn wave<'a>(name: &str, hosts: impl IntoIterator<Item = &'a str>) -> PlannedWave {
    PlannedWave {
        name: name.to_owned(),
        gate: GateKind::Auto,
        parallel: None,
        max_failures: Amount::Count(0),
        soak_seconds: None,
        requires: None,
        required_hosts: Vec::new(),
        max_age_seconds: 3600,
        members: Vec::new(),
        hosts: hosts.into_iter().map(host).collect(),
    }
}

/// A plan of these waves.
pub(crate) fn plan(waves: Vec<PlannedWave>) -> Plan {
    Plan {
        format: 1,
        procedure: "test".to_owned(),
        procedure_digest: String::new(),
        target: None,
        preflight_policy: crate::preflight::PreflightPolicy::default(),
        waves,
        unplaced: Vec::new(),
    }
}
