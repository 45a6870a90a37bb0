//! Builds a plan. Pure: everything it may look at is in its arguments.

use std::collections::BTreeSet;

use ixporch_inventory::{Become, FailurePolicy, Host, Inventory, RootBy, SelectorError};

use super::note::notes;
use super::request::Request;
use super::steps::{HostBuilder, switch};
use super::{
    Blocking, Former, HostAction, HostPlan, LedgerPlace, Plan, PlannedStep, PlannedWave, WaveSelection,
    whole_seconds,
};
use crate::facts::Facts;
use crate::preflight::{self, Asked, Finding};
use crate::procedure::DEFAULT_PROCEDURE;

/// Why no plan can be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The selector is wrong.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// The target is no tag name.
    #[error("`{0}` is not a git tag name")]
    Target(String),
    /// The procedure is not for these hosts.
    #[error("{procedure} is refused on {}: it would overwrite files that are in git", hosts.join(", "))]
    Production {
        /// The procedure.
        procedure: String,
        /// The hosts that do not say `development = true`.
        hosts: Vec<String>,
    },
    /// The inventory declares no wave of this name.
    #[error("the inventory declares no wave `{name}`")]
    Wave {
        /// The name.
        name: String,
        /// Those that it declares.
        known: Vec<String>,
    },
    /// The last wave stands before the first.
    #[error("wave `{until}` stands before wave `{from}`")]
    WavesBackwards {
        /// The first.
        from: String,
        /// The last.
        until: String,
    },
}

/// Builds the plan of a request.
pub fn build(request: &Request<'_>) -> Result<Plan, PlanError> {
    if let Some(target) = &request.options.target
        && ixporch_inventory::value::branch(target).is_err()
    {
        return Err(PlanError::Target(target.clone()));
    }
    let selected: BTreeSet<&str> = match &request.options.limit {
        Some(selector) => request.inventory.select(selector)?.iter().map(|host| host.name.as_str()).collect(),
        None => request.inventory.hosts.iter().map(|host| host.name.as_str()).collect(),
    };
    refuse_production(request, &selected)?;
    let mut placed = BTreeSet::new();
    let mut waves: Vec<PlannedWave> = Vec::new();
    for wave in super::waves(request.inventory, &request.options.waves)? {
        let hosts: Vec<HostPlan> = wave
            .hosts
            .iter()
            .filter(|name| selected.contains(name.as_str()))
            .filter_map(|name| request.inventory.host(name))
            .map(|host| HostPlan {
                on_failure: wave.on_failure.unwrap_or_else(|| host.on_failure()),
                ..plan_host(request, host)
            })
            .collect();
        placed.extend(hosts.iter().map(|host| host.host.clone()));
        if !hosts.is_empty() {
            waves.push(PlannedWave {
                name: wave.name,
                gate: wave.gate,
                parallel: wave.parallel,
                max_failures: wave.max_failures,
                soak_seconds: wave.soak.map(|soak| soak.as_secs()),
                required_hosts: required_hosts(request.inventory, wave.requires.as_deref()),
                max_age_seconds: request.inventory.evidence.max_age.as_secs(),
                requires: wave.requires,
                // Without waves the hosts that are named are all that is meant.
                members: if request.inventory.waves.is_empty() { Vec::new() } else { wave.hosts },
                hosts,
            });
        }
    }
    if let Some(name) =
        selected.iter().find(|name| !placed.contains(**name) && request.options.limit.is_some())
    {
        let (message, help) = match request.options.waves {
            WaveSelection::All | WaveSelection::Ignored => {
                ("it is in no wave", "add it to a wave of the inventory")
            }
            _ => ("it is in none of the chosen waves", "leave out the wave, or the host"),
        };
        let message = format!("`{name}` is selected, but {message}");
        return Err(SelectorError { message, help: Some(help.to_owned()) }.into());
    }
    let all = request.options.waves == WaveSelection::All;
    let unplaced = selected
        .iter()
        .filter(|_| all)
        .filter(|name| !placed.contains(**name))
        .map(|name| (*name).to_owned())
        .collect();
    Ok(Plan {
        format: 1,
        procedure: request.procedure.name.clone(),
        procedure_digest: request.procedure.digest.clone(),
        target: request.options.target.clone(),
        preflight_policy: request.options.preflight_policy.clone(),
        waves,
        unplaced,
    })
}

/// The hosts of a wave that another one requires.
fn required_hosts(inventory: &Inventory, required: Option<&str>) -> Vec<String> {
    let wave = inventory.waves.iter().find(|wave| Some(wave.name.as_str()) == required);
    wave.map(|wave| wave.hosts.clone()).unwrap_or_default()
}

/// Some procedures are for hosts alone on which IXP Manager is developed.
fn refuse_production(request: &Request<'_>, selected: &BTreeSet<&str>) -> Result<(), PlanError> {
    let is_meant = |host: &&Host| selected.contains(host.name.as_str()) && !host.is_development();
    let hosts: Vec<String> =
        request.inventory.hosts.iter().filter(is_meant).map(|host| host.name.clone()).collect();
    if !request.procedure.development_only || hosts.is_empty() {
        return Ok(());
    }
    Err(PlanError::Production { procedure: request.procedure.name.clone(), hosts })
}

/// How to reach a host by hand, as OpenSSH's ssh is told: its user, address, port and jump hosts.
pub fn login(host: &Host, default_user: &str) -> String {
    let mut login = format!("{}@{}", host.user().unwrap_or(default_user), host.address());
    if host.port() != 22 {
        login = format!("-p {} {login}", host.port());
    }
    if !host.jumps().is_empty() {
        login = format!("-J {} {login}", host.jumps().join(","));
    }
    login
}

fn plan_host(request: &Request<'_>, host: &Host) -> HostPlan {
    let user = host.user().unwrap_or(request.default_user);
    let left = request.left.get(&host.name).cloned().unwrap_or_default();
    let mut plan = HostPlan {
        host: host.name.clone(),
        address: host.address().to_owned(),
        port: host.port(),
        login: login(host, request.default_user),
        release: None,
        action: HostAction::Current,
        back: Vec::new(),
        on_failure: FailurePolicy::default(),
        health: Vec::new(),
        review_timeout_seconds: host.time("review_timeout").map_or(0, whole_seconds),
        upstream: None,
        commit: None,
        composition: None,
        place: LedgerPlace {
            root_by: root_by(request, host),
            ixp_root: host.text("ixp_root").unwrap_or_default().to_owned(),
            ..LedgerPlace::default()
        },
        opening: request.procedure.opening().map(|step| step.id.clone()),
        closes_at: request.procedure.closing_number(),
        closed: left.closed,
        unfinished: left.unfinished,
        stays_closed: false,
        owed: left.owed,
        begun_once: left.begun_once,
        notes: Vec::new(),
        findings: Vec::new(),
        blocked: None,
        cleared_when_back: BTreeSet::new(),
        payers: Vec::new(),
    };
    match request.facts.get(&host.name) {
        None => plan.action = HostAction::PlannedLater,
        Some(Err(why)) => plan.action = HostAction::Unreachable(why.clone()),
        Some(Ok(facts)) => {
            plan.release = facts.release().map(str::to_owned);
            if request.procedure.moves_code() {
                plan.upstream.clone_from(&facts.remote_commit);
            }
            plan.commit.clone_from(&facts.commit);
            plan.composition.clone_from(&facts.composition);
            plan.place = place(request, host, facts, user);
            // Somebody else opened the site: that debt is paid.
            if facts.maintenance == Some(false)
                && let Some(opening) = plan.closed.take()
            {
                plan.owed.remove(&opening);
            }
            let ours = plan.closed.is_some();
            let was_closed = facts.maintenance == Some(true) && !ours;
            if !request.procedure.moves_code() || !is_current(facts, plan.unfinished) {
                let (unfinished, owed) = (plan.unfinished, plan.owed.clone());
                let builder =
                    HostBuilder { request, host, facts, user, was_closed, ours, owed: &owed, unfinished };
                let steps = builder.steps();
                // Where an earlier run broke off, nobody knows any more where it all began.
                if !plan.unfinished && !ours && facts.commit.is_some() {
                    plan.back = builder.back(&steps);
                }
                plan.health = builder.select(&request.procedure.health, 1).collect();
                plan.action = HostAction::Steps(steps);
                plan.stays_closed = was_closed;
            }
            if request.procedure.moves_code() {
                plan.findings = findings(request, host, facts, left.former.as_ref());
                // Where a run broke off, what it left is what the next one mends.
                if matches!(plan.action, HostAction::Steps(_)) {
                    // No step does what releases ask of a person.
                    let counts = |id: &str| !plan.unfinished && !ours || id.starts_with("release-");
                    let policy = &request.options.preflight_policy;
                    plan.blocked = Blocking::of_findings(&plan.findings, policy, counts);
                }
            }
            let is_begun = |step: &PlannedStep| plan.begun_once.contains_key(&step.id);
            if let Some(step) = plan.steps().iter().find(|step| is_begun(step)) {
                let run = plan.begun_once.get(&step.id).cloned().unwrap_or_default();
                let host = plan.host.clone();
                plan.blocked = Some(Blocking::ReleaseStepBegun { step: step.id.clone(), run, host });
            }
            if let Some(run) = left.unreadable.filter(|_| plan.has_steps()) {
                plan.blocked = Some(Blocking::JournalUnreadable { run });
            }
            plan.notes = notes(request, host, facts, ours, plan.unfinished, &plan.action);
        }
    }
    plan
}

/// What the preflight found on a host.
fn findings(request: &Request<'_>, host: &Host, facts: &Facts, former: Option<&Former>) -> Vec<Finding> {
    let backup_dir = host.backup_dir();
    let described = former.map(|former| former.host.to_string()).unwrap_or_default();
    let asked = Asked {
        target: request.options.target.as_deref(),
        release: request.options.target.as_deref().or(facts.remote_release.as_deref()),
        major: (request.procedure.name == DEFAULT_PROCEDURE).then_some(4),
        restarts_unit: host.list("memcached.restart").iter().any(|word| word == "systemctl"),
        branch: host.text("branch").unwrap_or_default(),
        has_url: host.text("url").is_some(),
        ixp_root: host.text("ixp_root").unwrap_or_default(),
        web_user: host.text("web_user").unwrap_or_default(),
        backup_dir: &backup_dir,
        sudo: host.become_method() == Become::Sudo,
        memcached_unit: host.text("memcached.service").filter(|unit| *unit != "none"),
        own_run: request.options.own_run.as_deref(),
        confirmed: &request.options.preflight_policy.confirmed,
        former: former.map(|former| (former.run.as_str(), described.as_str())),
    };
    let mut findings = preflight::find(&asked, facts);
    request.options.preflight_policy.apply(&mut findings);
    findings
}

/// What gives the root shell on a host; one command runs as the login, and needs none.
pub(super) fn root_by(request: &Request<'_>, host: &Host) -> Option<RootBy> {
    host.root_by(request.default_user).filter(|_| !request.procedure.is_one_command())
}

/// Where the ledger and the lock of a host are.
fn place(request: &Request<'_>, host: &Host, facts: &Facts, user: &str) -> LedgerPlace {
    LedgerPlace {
        root_by: root_by(request, host),
        state_dir: host.text("state_dir").map(str::to_owned),
        sudo: host.become_method() == Become::Sudo,
        ixp_root: host.text("ixp_root").unwrap_or_default().to_owned(),
        owner: facts.tree_owner.clone(),
        switch: switch(host, facts, user, facts.tree_owner.as_deref()),
    }
}

/// A host is current when it stands at the target's commit, the site is open, and no run of ours broke off
/// there. A closed site may be the middle of an upgrade, and so may one that somebody opened by hand.
fn is_current(facts: &Facts, unfinished: bool) -> bool {
    let at_target =
        matches!((&facts.commit, &facts.remote_commit), (Some(here), Some(there)) if here == there);
    at_target && facts.maintenance == Some(false) && !unfinished
}
