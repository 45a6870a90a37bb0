//! Whether the evidence of other hosts covers the hosts of a wave. Hosts are compared by kind; what is missing does not match.
//!
//! Owns the comparison. It must not know how what is unmet is worded.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::event::{EvidenceSource, HostEvidence, HostOutcome, NoEvidence, Unmet};
use crate::facts::HostKind;
use crate::plan::{HostAction, HostPlan, Plan, PlannedWave};
use crate::schema::{self, Change, SchemaChanges};
use crate::state::{GivenEvidence, RunState};
use crate::text::{RemoteText, harmless_line};

/// How far the clocks of two controllers may differ.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Evidence that a wave demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The source of the evidence.
    pub source: EvidenceSource,
    /// The hosts whose evidence is demanded.
    pub witnesses: Vec<Witness>,
    /// The maximum age of the evidence.
    pub max_age: Duration,
}

/// A host whose evidence is demanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The host.
    pub host: String,
    /// Its evidence; `Err`: why there is none.
    pub evidence: Result<HostEvidence, NoEvidence>,
}

impl Requirement {
    fn known(&self) -> impl Iterator<Item = &HostEvidence> {
        self.witnesses.iter().filter_map(|witness| witness.evidence.as_ref().ok())
    }
}

/// How pending schema changes match the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaMatch {
    /// The same changes were executed, and this person had approved them.
    Approved(String),
    /// The same changes were executed; no person had reviewed them.
    Executed,
    /// Other changes were executed, or none: how they differ.
    Different(Unmet),
}

/// The evidence that a wave demands: from this run, and from others as far as they were given to it.
pub fn requirements(state: &RunState, wave: &PlannedWave) -> Vec<Requirement> {
    if !state.kind().is_upgrade() {
        // Evidence is about upgrades; other runs have none.
        return Vec::new();
    }
    let given = state.evidence.iter().filter(|given| given.source.is_for_all()).map(|given| {
        let known = given.evidence.hosts.iter().map(|host| (host.host.clone(), Ok(host.clone())));
        let left_out = given.evidence.missing.iter().map(|host| (host.clone(), Err(NoEvidence::LeftOut)));
        let witnesses = known.chain(left_out).map(|(host, evidence)| Witness { host, evidence }).collect();
        let max_age = Duration::from_secs(given.max_age_seconds);
        Requirement { source: given.source.clone(), witnesses, max_age }
    });
    let of_wave = wave.requires.as_ref().map(|required| {
        let witness =
            |host: &String| Witness { host: host.clone(), evidence: evidence_of(state, required, host) };
        Requirement {
            source: EvidenceSource::Wave(required.clone()),
            witnesses: wave.required_hosts.iter().map(witness).collect(),
            max_age: Duration::from_secs(wave.max_age_seconds),
        }
    });
    of_wave.into_iter().chain(given).collect()
}

/// The latest evidence of a host of a required wave, from this run or from one that was given to it.
fn evidence_of(state: &RunState, wave: &str, host: &str) -> Result<HostEvidence, NoEvidence> {
    let source = EvidenceSource::Wave(wave.to_owned());
    let is_of_wave = |given: &&GivenEvidence| given.source == source;
    let known = state.evidence.iter().filter(is_of_wave).flat_map(|given| &given.evidence.hosts);
    let elsewhere = known.filter(|known| known.host == host).max_by_key(|known| known.at());
    let Some(plan) = state.plan_of(host) else { return elsewhere.cloned().ok_or(NoEvidence::NoRun) };
    match &plan.action {
        HostAction::Unreachable(_) => Err(NoEvidence::Unreachable),
        HostAction::PlannedLater => Err(NoEvidence::NoRun),
        HostAction::Steps(_) => {
            let here = state.evidence_of(host).ok_or(NoEvidence::NoRun)?;
            let newer = elsewhere.filter(|elsewhere| here.ended.is_some() && elsewhere.at() > here.ended);
            Ok(newer.cloned().unwrap_or(here))
        }
        HostAction::Current => {
            let elsewhere = elsewhere.ok_or(NoEvidence::NoRun)?;
            let kind = kind_of(plan);
            let is_changed = elsewhere.composition.commit != plan.commit
                || (kind.is_some() && elsewhere.composition.kind() != kind);
            if is_changed { Err(NoEvidence::Changed) } else { Ok(elsewhere.clone()) }
        }
    }
}

/// The parts of the evidence that are missing or do not match the hosts of `wave`; empty if all match.
pub fn unmet(requirement: &Requirement, plan: &Plan, wave: &PlannedWave, now: Timestamp) -> Vec<Unmet> {
    let mut unmet = Vec::new();
    if requirement.witnesses.is_empty() {
        unmet.push(Unmet::NoHost { source: requirement.source.clone() });
    }
    for Witness { host, evidence } in &requirement.witnesses {
        match evidence {
            Ok(evidence) => {
                unmet.extend(of_upgrade(requirement, host, evidence, plan));
                unmet.extend(of_age(requirement, host, evidence.ended, now));
            }
            Err(because) => {
                let (source, host) = (requirement.source.clone(), host.clone());
                unmet.push(Unmet::NoEvidence { source, host, because: *because });
            }
        }
    }
    let known: Vec<&HostEvidence> = requirement.known().collect();
    // Without any evidence every witness has its own part already.
    if !known.is_empty() {
        for host in wave.hosts.iter().filter(|host| host.has_steps()) {
            unmet.extend(commit_difference(host, &known));
            unmet.extend(kind_difference(host, &known));
        }
    }
    unmet
}

/// Why the upgrade of a host does not count.
fn of_upgrade(requirement: &Requirement, host: &str, evidence: &HostEvidence, plan: &Plan) -> Vec<Unmet> {
    let (source, host) = (|| requirement.source.clone(), || host.to_owned());
    let ended = match evidence.outcome {
        Some(HostOutcome::Upgraded) if evidence.healthy => None,
        Some(HostOutcome::Upgraded) => Some(Unmet::NotWatched { source: source(), host: host() }),
        Some(outcome) => Some(Unmet::NotUpgraded { source: source(), host: host(), outcome }),
        None => Some(Unmet::NotEnded { source: source(), host: host() }),
    };
    let other_procedure =
        (evidence.procedure_digest != plan.procedure_digest).then(|| Unmet::OtherProcedure {
            source: source(),
            host: host(),
            procedure: evidence.procedure.clone(),
            procedure_digest: evidence.procedure_digest.clone(),
            planned: plan.procedure.clone(),
        });
    ended.into_iter().chain(other_procedure).collect()
}

/// Why the time at which the upgrade of a host ended does not count.
fn of_age(requirement: &Requirement, host: &str, ended: Option<Timestamp>, now: Timestamp) -> Option<Unmet> {
    let (source, host) = (requirement.source.clone(), host.to_owned());
    let Some(ended) = ended else { return Some(Unmet::EndNotKnown { source, host }) };
    let age = now.duration_since(ended);
    if age < -CLOCK_TOLERANCE {
        return Some(Unmet::InFuture { source, host, ended });
    }
    let max_age_seconds = requirement.max_age.as_secs();
    let is_too_old = age > SignedDuration::try_from(requirement.max_age).unwrap_or(SignedDuration::MAX);
    is_too_old.then_some(Unmet::TooOld { source, host, ended, max_age_seconds })
}

/// How the commit that a host would go to differs from those of the evidence.
fn commit_difference(host: &HostPlan, known: &[&HostEvidence]) -> Option<Unmet> {
    let Some(target) = &host.upstream else {
        return Some(Unmet::TargetNotKnown { host: host.host.clone() });
    };
    let other = known.iter().find(|evidence| evidence.composition.commit.as_ref() != Some(target))?;
    Some(Unmet::OtherCommit {
        host: host.host.clone(),
        target: target.clone(),
        proved_by: other.host.clone(),
        proved: other.composition.commit.clone(),
    })
}

/// How the kind of a host differs from those of the evidence.
fn kind_difference(host: &HostPlan, known: &[&HostEvidence]) -> Option<Unmet> {
    let Some(kind) = kind_of(host) else {
        return Some(Unmet::KindNotKnown { host: host.host.clone() });
    };
    // A set: the same evidence makes an equal value, in whatever order its hosts are.
    let proved: BTreeSet<HostKind> =
        known.iter().filter_map(|evidence| evidence.composition.kind()).collect();
    if proved.contains(&kind) {
        return None;
    }
    Some(Unmet::OtherKind { host: host.host.clone(), kind, proved: proved.into_iter().collect() })
}

/// The kind of a host, from its probe.
pub fn kind_of(host: &HostPlan) -> Option<HostKind> {
    host.composition.as_ref()?.kind()
}

/// How pending changes match the evidence of hosts of the same kind. Without changes no evidence is needed.
pub fn schema_match(
    requirements: &[Requirement],
    kind: Option<&HostKind>,
    changes: &SchemaChanges,
) -> Option<SchemaMatch> {
    if changes.changes.is_empty() {
        return None;
    }
    let mut found: Option<SchemaMatch> = None;
    for requirement in requirements {
        // Changes of an upgrade that failed are no evidence.
        let is_alike = |evidence: &&HostEvidence| {
            kind.is_some()
                && evidence.composition.kind().as_ref() == kind
                && evidence.outcome == Some(HostOutcome::Upgraded)
                && evidence.healthy
        };
        let alike: Vec<&HostEvidence> = requirement.known().filter(is_alike).collect();
        match (compare_schema(&alike, changes), &found) {
            (different @ SchemaMatch::Different(_), _) => return Some(different),
            (SchemaMatch::Executed, Some(SchemaMatch::Approved(_))) => {}
            (other, _) => found = Some(other),
        }
    }
    found
}

fn compare_schema(alike: &[&HostEvidence], changes: &SchemaChanges) -> SchemaMatch {
    let known: Vec<(&HostEvidence, SchemaChanges, Option<&String>)> = alike
        .iter()
        .filter_map(|evidence| {
            let schema = evidence.schema.as_ref()?;
            Some((*evidence, schema.changes(), schema.approved_by.as_ref()))
        })
        .collect();
    let mut same = known.iter().filter(|(_, there, _)| there.fingerprint == changes.fingerprint);
    if let Some((evidence, _, by)) = same.clone().find(|(_, _, by)| by.is_some()).or_else(|| same.next()) {
        return by.map_or(SchemaMatch::Executed, |by| {
            SchemaMatch::Approved(format!("{} on {}", harmless_line(by), harmless_line(&evidence.host)))
        });
    }
    let pending = changes.fingerprint.clone();
    let Some((evidence, there, _)) = known.first() else {
        return SchemaMatch::Different(Unmet::NoSchema { pending });
    };
    let (more, less) = schema::difference(changes, there);
    let texts = |changes: Vec<&Change>| {
        changes.into_iter().map(|change| RemoteText::from(change.sql.as_str())).collect()
    };
    SchemaMatch::Different(Unmet::OtherSchema {
        pending,
        proved_by: evidence.host.clone(),
        proved: there.fingerprint.clone(),
        only_here: texts(more),
        only_there: texts(less),
    })
}

#[cfg(test)]
mod tests;
