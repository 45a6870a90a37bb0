//! The plan: waves, hosts and steps with every value final.
//!
//! Owns how inventory, procedure, facts and options become a plan, and all quoting for remote
//! shells (`command`). It is pure: the same input gives the same plan and the same digest.

mod argument;
mod blocking;
mod build;
mod by_hand;
mod command;
mod fold;
mod host_id;
mod note;
mod request;
#[cfg(test)]
pub(crate) mod sample;
mod scripts;
mod step_table;
mod steps;
mod waves;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ixporch_inventory::value::Amount;
use ixporch_inventory::{FailurePolicy, GateKind, RootBy, SchemaApproval};
use serde::{Deserialize, Deserializer, Serialize};

pub use argument::Argument;
pub use blocking::Blocking;
pub use build::{PlanError, build, login};
pub use command::{Command, Switch, quote};
pub use fold::fold_names;
pub(crate) use host_id::address_of_login;
pub use host_id::{Former, HostId};
pub use note::Note;
pub use request::{BackupChoice, LeftBehind, Options, ProbeResult, Request};
pub use scripts::PlanFormError;
pub use waves::{WaveSelection, waves};

use crate::digest;
use crate::facts::Composition;
use crate::preflight::{self, Finding, PreflightPolicy};
use crate::procedure::{Effect, Reads};
use crate::release;
use crate::told;

/// What will be done, in which order, on which hosts.
// How it is written: `scripts`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "scripts::Read")]
pub struct Plan {
    /// Version of this format: 1.
    pub format: u32,
    /// Name of the procedure.
    pub procedure: String,
    /// Digest of the procedure's text.
    pub procedure_digest: String,
    /// The tag to go to; `None`: the head of each host's branch.
    pub target: Option<String>,
    /// Which findings of the preflight keep a host from being upgraded.
    pub preflight_policy: PreflightPolicy,
    /// The waves, in order; every planned host is in exactly one.
    pub waves: Vec<PlannedWave>,
    /// Hosts that are selected, but in no wave: nothing is done on them.
    pub unplaced: Vec<String>,
}

/// One wave of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedWave {
    /// Its name.
    pub name: String,
    /// What stands before it.
    pub gate: GateKind,
    /// How many of its hosts may run at once, besides `--forks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel: Option<u32>,
    /// How many of its hosts may fail before no further wave starts.
    pub max_failures: Amount,
    /// How long its upgraded hosts are to be watched, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soak_seconds: Option<u64>,
    /// The wave whose evidence it demands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requires: Option<String>,
    /// The hosts of that wave, whether they are part of this plan or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_hosts: Vec<String>,
    /// How old that evidence may be, in seconds.
    #[serde(default)]
    pub max_age_seconds: u64,
    /// All hosts of a declared wave, whether they are part of this plan or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// Its hosts, in the inventory's order.
    pub hosts: Vec<HostPlan>,
}

/// What will be done on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostPlan {
    /// The host's name.
    pub host: String,
    /// The address that connections go to.
    #[serde(default)]
    pub address: String,
    /// The port that connections go to.
    #[serde(default)]
    pub port: u16,
    /// How to reach it by hand: `user@address` and the port where it is not 22.
    pub login: String,
    /// The release that is installed, as far as the probe could tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// What will be done.
    pub action: HostAction,
    /// What takes it back to its start, as far as it was begun; none where that cannot be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub back: Vec<PlannedStep>,
    /// What happens after a failed step.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_failure: FailurePolicy,
    /// What tells whether it is well, once it is upgraded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<PlannedStep>,
    /// How long it waits for a schema review in maintenance, in seconds.
    #[serde(default)]
    pub review_timeout_seconds: u64,
    /// The commit that upstream had at the target when the host was probed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// The commit that was installed when the host was probed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// What it was made of when it was probed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub composition: Option<Composition>,
    /// Where the ledger and the lock are kept.
    #[serde(default)]
    pub place: LedgerPlace,
    /// The step that opens the site again, where the procedure has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opening: Option<String>,
    /// The place of the step that closes the site: with it the host's upgrade begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<u32>,
    /// The step that still owes the site its opening, by an earlier run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
    /// Whether an earlier run began an upgrade that has not been brought to its end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unfinished: bool,
    /// Whether the site is left in maintenance, because it was so before the run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stays_closed: bool,
    /// What earlier runs still owe it: ids of the steps that pay.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub owed: BTreeSet<String>,
    /// Those steps of releases that earlier runs began and did not bring to a good end, with the runs: they are not run
    /// again before a person has looked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub begun_once: BTreeMap<String, String>,
    /// What the plan could not know, and what is worth knowing before it runs.
    #[serde(default, deserialize_with = "told::several", skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// What the preflight found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Why it is not started.
    #[serde(default, deserialize_with = "told::optional", skip_serializing_if = "Option::is_none")]
    pub blocked: Option<Blocking>,
    /// What the run that is rolled back owes it: once the host is back, that is owed no longer.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub cleared_when_back: BTreeSet<String>,
    /// What pays its debts, where that is none of its steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payers: Vec<PlannedStep>,
}

/// Where a host's ledger and lock are kept, and how they are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerPlace {
    /// The folder of ledgers; `None`: `.ixporch` in the login's home folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_dir: Option<String>,
    /// Whether sudo may be used.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sudo: bool,
    /// What gives the root shell beneath which everything runs; `None`: everything runs as the login.
    #[serde(default, skip_serializing_if = "is_default")]
    pub root_by: Option<RootBy>,
    /// The installation that the lock is for.
    pub ixp_root: String,
    /// Who owns the installed tree, and so the lock; `None`: the login user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How the owner is reached.
    #[serde(default, skip_serializing_if = "is_default")]
    pub switch: Switch,
}

/// What will be done on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostAction {
    /// These steps, in order.
    #[serde(alias = "upgrade")]
    Steps(Vec<PlannedStep>),
    /// Nothing: it is where it should be.
    Current,
    /// Nothing: the probe could not reach it, and this is why.
    Unreachable(String),
    /// Not known yet: it had not answered when the run began. It is planned and started once it has.
    PlannedLater,
}

/// One step with every value final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of the procedure's own")]
pub struct PlannedStep {
    /// Its place in the procedure, from 1; part of the names of its output files.
    pub number: u32,
    /// Its id.
    pub id: String,
    /// What it does, for people.
    pub title: String,
    /// Whether it changes anything.
    pub effect: Effect,
    /// What is run.
    pub command: Command,
    /// What must hold afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<PlannedProof>,
    /// The steps that are owed from this one's start until they succeed.
    #[serde(
        default,
        alias = "debt",
        deserialize_with = "one_or_more",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub debts: Vec<String>,
    /// The steps of the way back that take back what it did.
    #[serde(default, deserialize_with = "one_or_more", skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<String>,
    /// Whether it can be run whatever is done of the other steps, where it is owed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub alone: bool,
    /// The open steps of other runs that its success completes too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub completes: Vec<String>,
    /// It is skipped where this path does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when_exists: Option<String>,
    /// It is refused where this path exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unless_exists: Option<String>,
    /// It is skipped where the schema review found nothing pending.
    #[serde(default, skip_serializing_if = "is_default")]
    pub when_schema_pending: bool,
    /// Who must let it pass, where a schema review stands before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_review: Option<SchemaApproval>,
    /// How its output is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reads: Option<Reads>,
    /// Whether column changes that stay pending after they were executed are let pass.
    #[serde(default, skip_serializing_if = "is_default")]
    pub may_never_converge: bool,
    /// The name under which its standard output is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<String>,
    /// Whether reports show what it prints.
    #[serde(default, skip_serializing_if = "is_default")]
    pub show: bool,
    /// Whether it tells that the open site is well: where it fails, the site is closed again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tells_health: bool,
    /// The release that it is a step of: it is done once, not again in another run either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// What the controller itself looks at; nothing is run on the host then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<SiteProbe>,
}

/// A look at a web site from the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteProbe {
    /// Its address.
    pub url: String,
    /// How long it may take to be well, in seconds.
    pub timeout_seconds: u64,
    /// How often in a row it must be found well.
    pub successes: u32,
}

/// A proof with every value final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlannedProof {
    /// The path exists; the step's user is asked.
    Exists(String),
    /// The path does not exist; the step's user is asked.
    Absent(String),
    /// memcached was started later than the step.
    MemcachedRestarted {
        /// The systemd unit that tells; `None`: memcached is asked.
        unit: Option<String>,
        /// Where memcached listens on the host.
        address: String,
        /// The PHP program, which asks memcached where no unit tells.
        php: Vec<String>,
    },
    /// A query of the installation's database returns no rows; the step's user asks, in the step's folder.
    NoRows {
        /// The query.
        query: String,
        /// The PHP program, which asks.
        php: Vec<String>,
    },
}

impl Plan {
    /// The digest over everything that will run: two plans with one digest do the same.
    pub fn digest(&self) -> String {
        let mut plan = self.clone();
        // What was found says in numbers what may be others a minute later; what follows from it counts: whether the host is
        // started, not why.
        for host in plan.waves.iter_mut().flat_map(|wave| &mut wave.hosts) {
            host.findings.clear();
            host.blocked = host.blocked.take().map(|_| Blocking::Preflight { findings: Vec::new() });
        }
        // A plan is plain data; serde_json fails only on maps with keys that are not strings.
        digest::sha256(&serde_json::to_vec(&plan).unwrap_or_default())
    }

    /// The hosts that only the gates of releases keep from being started.
    pub fn open_gates(&self) -> Vec<String> {
        self.hosts().filter(|(_, host)| host.waits_for_gates()).map(|(_, host)| host.host.clone()).collect()
    }

    /// A person has confirmed the gates of the releases: they keep no host from being started.
    pub fn confirm_gates(&mut self, by: &str) {
        let waiting = self.hosts().filter(|(_, host)| host.waits_for_gates());
        let remedies: String =
            waiting.flat_map(|(_, host)| &host.findings).map(|it| it.remedy.clone() + " ").collect();
        let is_asked = |tag: &str| remedies.contains(&format!("--confirm-release {tag} "));
        let asked = release::all().map(|release| release.tag.clone()).filter(|tag| is_asked(tag));
        self.preflight_policy.confirmed.extend(asked);
        for host in self.waves.iter_mut().flat_map(|wave| &mut wave.hosts) {
            if !host.waits_for_gates() {
                continue;
            }
            host.blocked = None;
            for finding in host.findings.iter_mut().filter(|finding| finding.id == preflight::GATES) {
                finding.skipped = Some(by.to_owned());
            }
        }
    }

    /// All hosts with their wave, in order.
    pub fn hosts(&self) -> impl Iterator<Item = (&PlannedWave, &HostPlan)> {
        self.waves.iter().flat_map(|wave| wave.hosts.iter().map(move |host| (wave, host)))
    }

    /// The plan of one host.
    pub fn host(&self, name: &str) -> Option<&HostPlan> {
        self.hosts().map(|(_, host)| host).find(|host| host.host == name)
    }

    /// The same plan with this host alone.
    #[must_use]
    pub fn only(mut self, host: &str) -> Self {
        for wave in &mut self.waves {
            wave.hosts.retain(|plan| plan.host == host);
        }
        self.waves.retain(|wave| !wave.hosts.is_empty());
        self
    }

    /// Puts the hosts of `other` in the places of those of the same names.
    pub fn put_in(&mut self, other: &Self) {
        for (_, late) in other.hosts() {
            let mut hosts = self.waves.iter_mut().flat_map(|wave| &mut wave.hosts);
            if let Some(plan) = hosts.find(|plan| plan.host == late.host) {
                *plan = late.clone();
            }
        }
    }

    /// Whether a host is still to be planned.
    pub fn is_incomplete(&self) -> bool {
        self.hosts().any(|(_, host)| host.is_planned_later())
    }

    /// How many hosts have steps to run, and nothing that keeps them from it.
    pub fn hosts_to_upgrade(&self) -> usize {
        self.hosts().filter(|(_, host)| host.has_work()).count()
    }
}

impl PlannedStep {
    /// The name of its folder in the ledger, for the given try, after the host went back to its start so often. What
    /// was done before it went back is nothing that a later try may find.
    pub fn folder(&self, attempt: u32, went_back: u32) -> String {
        let again = if attempt > 1 { format!(".{attempt}") } else { String::new() };
        let round = if went_back > 0 { format!("r{}", went_back + 1) } else { String::new() };
        format!("{:02}{round}-{}{again}", self.number, self.id)
    }
}

impl HostPlan {
    /// Whether only the gates of releases keep it from being started.
    pub fn waits_for_gates(&self) -> bool {
        let is_gate = |id: &String| id == preflight::GATES;
        matches!(&self.blocked, Some(Blocking::Preflight { findings }) if findings.iter().all(is_gate))
    }

    /// Whether it has steps to run, and nothing that keeps it from that.
    pub fn has_work(&self) -> bool {
        self.has_steps() && self.blocked.is_none()
    }

    /// Whether it is still to be planned.
    pub fn is_planned_later(&self) -> bool {
        self.action == HostAction::PlannedLater
    }

    /// Whether it has steps, whatever keeps it from running them.
    pub fn has_steps(&self) -> bool {
        matches!(self.action, HostAction::Steps(_))
    }

    /// Which machine and installation it is.
    pub fn id(&self) -> HostId {
        HostId {
            name: self.host.clone(),
            address: self.address.clone(),
            port: self.port,
            ixp_root: self.place.ixp_root.clone(),
        }
    }

    /// The user that logs in.
    pub fn login_user(&self) -> &str {
        let target = self.login.rsplit(' ').next().unwrap_or_default();
        target.rsplit_once('@').map_or("", |(user, _)| user)
    }

    /// The steps that will run; none where there is nothing to do.
    pub fn steps(&self) -> &[PlannedStep] {
        match &self.action {
            HostAction::Steps(steps) => steps,
            HostAction::Current | HostAction::Unreachable(_) | HostAction::PlannedLater => &[],
        }
    }

    /// What closes the site again that was opened too early.
    pub fn closes_again(&self) -> Option<&PlannedStep> {
        let opening = self.steps().iter().find(|step| Some(&step.id) == self.opening.as_ref())?;
        self.back.iter().find(|step| opening.undo.contains(&step.id))
    }

    /// The last step that restarts memcached.
    pub fn memcached_restart(&self) -> Option<&PlannedStep> {
        let restarts =
            |step: &&PlannedStep| matches!(step.proof, Some(PlannedProof::MemcachedRestarted { .. }));
        self.steps().iter().chain(&self.payers).rfind(restarts)
    }

    /// The step of this id, on the way there or on the way back, or one that pays what is owed.
    pub fn step(&self, id: &str) -> Option<&PlannedStep> {
        self.steps().iter().chain(&self.back).chain(&self.payers).find(|step| step.id == id)
    }
}

/// A journal of an older version has one, or none, where there may be several.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Steps {
        One(Option<String>),
        Several(Vec<String>),
    }
    Ok(match Steps::deserialize(deserializer)? {
        Steps::One(step) => step.into_iter().collect(),
        Steps::Several(steps) => steps,
    })
}

/// What is not written: it is read as the same again.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A length of time in whole seconds, at least one: what `timeout(1)` is given.
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs().max(1)
}

#[cfg(test)]
mod tests;
