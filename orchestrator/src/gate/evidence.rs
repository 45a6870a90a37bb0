//! Whether the evidence of other hosts covers the hosts of a wave. Hosts are compared by kind; what is missing does not match.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use ixporch_inventory::value::show_time;

use crate::event::{EvidenceSource, HostEvidence, HostOutcome};
use crate::facts::HostKind;
use crate::plan::{HostAction, HostPlan, Plan, PlannedWave};
use crate::schema::{self, Change, SchemaChanges};
use crate::state::{GivenEvidence, RunState};
use crate::text::harmless_line;

/// How many digits of a commit or digest are shown.
const DIGITS: usize = 12;

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
    pub evidence: Result<HostEvidence, String>,
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
    /// Other changes were executed: how they differ.
    Different(String),
}

/// The evidence that a wave demands: from this run, and from others as far as they were given to it.
pub fn requirements(state: &RunState, wave: &PlannedWave) -> Vec<Requirement> {
    if !state.kind().is_upgrade() {
        // Evidence is about upgrades; other runs have none.
        return Vec::new();
    }
    let given = state.evidence.iter().filter(|given| given.source.is_for_all()).map(|given| {
        let known = given.evidence.hosts.iter().map(|host| (host.host.clone(), Ok(host.clone())));
        let left_out = given.evidence.missing.iter().map(|host| {
            (host.clone(), Err("it was left out, and no run is known that upgraded it".to_owned()))
        });
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
fn evidence_of(state: &RunState, wave: &str, host: &str) -> Result<HostEvidence, String> {
    let source = EvidenceSource::Wave(wave.to_owned());
    let is_of_wave = |given: &&GivenEvidence| given.source == source;
    let known = state.evidence.iter().filter(is_of_wave).flat_map(|given| &given.evidence.hosts);
    let elsewhere = known.filter(|known| known.host == host).max_by_key(|known| known.at());
    let unknown = || "no run of this controller is known that upgraded it".to_owned();
    let Some(plan) = state.plan_of(host) else { return elsewhere.cloned().ok_or_else(unknown) };
    match &plan.action {
        HostAction::Unreachable(_) => Err("it could not be reached".to_owned()),
        HostAction::Steps(_) => {
            let here = state.evidence_of(host).ok_or_else(unknown)?;
            let newer = elsewhere.filter(|elsewhere| here.ended.is_some() && elsewhere.at() > here.ended);
            Ok(newer.cloned().unwrap_or(here))
        }
        HostAction::Current => {
            let elsewhere = elsewhere.ok_or_else(unknown)?;
            let kind = kind_of(plan);
            let is_changed = elsewhere.composition.commit != plan.commit
                || (kind.is_some() && elsewhere.composition.kind() != kind);
            if is_changed {
                return Err(
                    "it is not what the run that upgraded it left: other code, PHP or database".to_owned()
                );
            }
            Ok(elsewhere.clone())
        }
    }
}

/// The parts of the evidence that are missing or do not match the hosts of `wave`; empty if all match.
pub fn unmet(requirement: &Requirement, plan: &Plan, wave: &PlannedWave, now: Timestamp) -> Vec<String> {
    let mut unmet = Vec::new();
    if requirement.witnesses.is_empty() {
        unmet.push(harmless_line(&format!("{}: it names no host", requirement.source)));
    }
    for Witness { host, evidence } in &requirement.witnesses {
        let source = harmless_line(&format!("{}, {host}", requirement.source));
        let weak = match evidence {
            Ok(evidence) => weakness(evidence, plan, requirement.max_age, now),
            Err(why) => vec![why.clone()],
        };
        unmet.extend(weak.into_iter().map(|why| format!("{source}: {why}")));
    }
    let known: Vec<&HostEvidence> = requirement.known().collect();
    for host in &wave.hosts {
        if matches!(host.action, HostAction::Steps(_)) {
            unmet.extend(difference(host, &known).into_iter().map(|why| format!("{}: {why}", host.host)));
        }
    }
    unmet
}

/// Why the evidence of a host does not count.
fn weakness(evidence: &HostEvidence, plan: &Plan, max_age: Duration, now: Timestamp) -> Vec<String> {
    let mut weak = Vec::new();
    match evidence.outcome {
        Some(HostOutcome::Upgraded) if evidence.healthy => {}
        Some(HostOutcome::Upgraded) => {
            weak.push("it was upgraded, and not watched as long as its wave wants (soak)".to_owned());
        }
        Some(outcome) => weak.push(format!("it was not upgraded, but is {outcome}")),
        None => weak.push("its upgrade has not ended".to_owned()),
    }
    if evidence.procedure_digest != plan.procedure_digest {
        let how = if evidence.procedure == plan.procedure { " of another text" } else { "" };
        weak.push(format!("it was upgraded with {}{how}", harmless_line(&evidence.procedure)));
    }
    let Some(ended) = evidence.ended else {
        weak.push("not known: when that was".to_owned());
        return weak;
    };
    let age = now.duration_since(ended);
    if age < -SignedDuration::from_mins(5) {
        weak.push(format!("it is of the future ({ended}): whose clock is wrong?"));
    } else if age > SignedDuration::try_from(max_age).unwrap_or(SignedDuration::MAX) {
        weak.push(format!("it ended at {ended:.0}, longer ago than max_age = {}", show_time(max_age)));
    }
    weak
}

/// How a host differs from those with evidence.
fn difference(host: &HostPlan, known: &[&HostEvidence]) -> Vec<String> {
    let mut different = Vec::new();
    if known.is_empty() {
        // Every witness has its own line already.
        return different;
    }
    match &host.upstream {
        None => different.push("not known: which commit it would go to".to_owned()),
        Some(target) => {
            let is_other =
                |evidence: &&&HostEvidence| evidence.composition.commit.as_deref() != Some(target.as_str());
            if let Some(evidence) = known.iter().find(is_other) {
                let there = evidence.composition.commit.as_deref().map_or("an unknown commit", short);
                let name = harmless_line(&evidence.host);
                different.push(format!("it would go to {}, and {name} proved {there}", short(target)));
            }
        }
    }
    match kind_of(host) {
        None => different.push("not known: its version of PHP, or its database server".to_owned()),
        Some(kind) if !known.iter().any(|evidence| evidence.composition.kind().as_ref() == Some(&kind)) => {
            let kind_of_witness = |evidence: &&HostEvidence| {
                evidence.composition.kind().map(|kind| harmless_line(&kind.to_string()))
            };
            let mut kinds: Vec<String> = known.iter().filter_map(kind_of_witness).collect();
            kinds.sort();
            kinds.dedup();
            let there = if kinds.is_empty() { "nothing known".to_owned() } else { kinds.join(", ") };
            different.push(format!("it has {kind}, and what was proved is for {there}"));
        }
        Some(_) => {}
    }
    different
}

/// The kind of a host, from its probe.
pub fn kind_of(host: &HostPlan) -> Option<HostKind> {
    host.composition.as_ref()?.kind()
}

fn short(digits: &str) -> &str {
    digits.get(..DIGITS).unwrap_or(digits)
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
    let fingerprint = &changes.fingerprint;
    let Some((evidence, there, _)) = known.first() else {
        return SchemaMatch::Different(format!(
            "{fingerprint} is pending, and no host of its kind proved any schema"
        ));
    };
    let (more, less) = schema::difference(changes, there);
    let mut lines = vec![format!(
        "{fingerprint} is pending, and {} proved {}:",
        harmless_line(&evidence.host),
        there.fingerprint
    )];
    let line = |word: &'static str| move |change: &Change| format!("{word} {}", harmless_line(&change.sql));
    lines.extend(more.into_iter().map(line("only here:")));
    lines.extend(less.into_iter().map(line("only there:")));
    SchemaMatch::Different(lines.join("\n"))
}

#[cfg(test)]
mod tests;
