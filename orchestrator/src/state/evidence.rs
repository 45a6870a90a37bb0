//! What a run proved, out of its state.

use super::{HostState, RunState, StepState};
use crate::event::{
    Approval, Evidence, EvidenceSource, HostEvidence, HostOutcome, RunEvent, SchemaEvidence, Unmet,
};
use crate::facts::Composition;
use crate::plan::{HostPlan, PlannedWave};
use crate::procedure::Reads;
use crate::schema::SchemaChanges;
use crate::text::RemoteText;

/// What other runs proved, as a run relies on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenEvidence {
    /// Where it is from.
    pub source: EvidenceSource,
    /// Who signed it.
    pub signer: Option<String>,
    /// How old it may be, in seconds.
    pub max_age_seconds: u64,
    /// What was proved.
    pub evidence: Evidence,
}

/// A wave or a host that went on although the evidence did not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenRisk {
    /// The wave.
    pub wave: String,
    /// The host; `None`: all of the wave.
    pub host: Option<String>,
    /// What did not match.
    pub unmet: Vec<Unmet>,
    /// Who took that upon themselves.
    pub approval: Approval,
}

impl TakenRisk {
    /// What went on, for people.
    pub fn of(&self) -> String {
        self.host.clone().unwrap_or_else(|| format!("wave {}", self.wave))
    }
}

impl RunState {
    /// Folds an event about evidence.
    pub(super) fn apply_evidence(&mut self, event: &RunEvent) {
        match event {
            RunEvent::EvidenceGiven { source, signer, max_age_seconds, evidence } => {
                // What is given last is what is known.
                self.evidence.retain(|known| !source.replaces(&known.source));
                self.evidence.push(GivenEvidence {
                    source: source.clone(),
                    signer: signer.clone(),
                    max_age_seconds: *max_age_seconds,
                    evidence: (**evidence).clone(),
                });
            }
            RunEvent::RiskAccepted { approval } => self.risks.push(approval.clone()),
            RunEvent::RiskTaken { wave, host, unmet, approval } => self.risks_taken.push(TakenRisk {
                wave: wave.clone(),
                host: host.clone(),
                unmet: unmet.clone(),
                approval: approval.clone(),
            }),
            RunEvent::ReviewUnproven { host, fingerprint, .. } => {
                self.host(host).unproven = Some(fingerprint.clone());
            }
            _ => {}
        }
    }

    /// What the run proved about its hosts, or about those of one of its waves.
    pub fn evidence(&self, wave: Option<&str>) -> Option<Evidence> {
        let header = self.header.as_ref()?;
        let is_meant = |hosts: &PlannedWave| wave.is_none_or(|wave| hosts.name == wave);
        let hosts = header.plan.hosts().filter(|(wave, _)| is_meant(wave));
        Some(Evidence {
            run: header.run.clone(),
            inventory: header.inventory.clone(),
            operator: header.operator.clone(),
            origin: header.origin.clone(),
            ixporch: header.ixporch.clone(),
            target: header.plan.target.clone(),
            hosts: hosts.filter_map(|(_, host)| self.evidence_of(&host.host)).collect(),
            missing: Vec::new(),
        })
    }

    /// What the run proved about one host.
    pub fn evidence_of(&self, host: &str) -> Option<HostEvidence> {
        let header = self.header.as_ref()?;
        let (wave, plan) = header.plan.hosts().find(|(_, plan)| plan.host == host)?;
        let state = self.hosts.get(host)?;
        let is_watched = wave.soak_seconds.is_none() || state.watched;
        Some(HostEvidence {
            host: host.to_owned(),
            wave: wave.name.clone(),
            run: header.run.clone(),
            procedure: header.plan.procedure.clone(),
            procedure_digest: header.plan.procedure_digest.clone(),
            outcome: state.outcome,
            ended: state.ended,
            seen: self.last,
            healthy: state.outcome == Some(HostOutcome::Upgraded) && is_watched,
            soak_seconds: wave.soak_seconds,
            composition: match state.outcome {
                // Nothing was done: it is what the probe found.
                Some(HostOutcome::Current) => plan.composition.clone(),
                _ => state.composition(),
            }
            .unwrap_or_default(),
            schema: state.schema_evidence(plan),
        })
    }
}

impl HostState {
    /// What it was made of when its upgrade had ended; `None`: nobody looked.
    fn composition(&self) -> Option<Composition> {
        let done = |step: &&StepState| !step.undone;
        self.steps.iter().filter(done).rev().find_map(|step| step.end.as_ref()?.composition.clone())
    }

    /// The schema changes that its upgrade executed.
    fn schema_evidence(&self, plan: &HostPlan) -> Option<SchemaEvidence> {
        let looks = plan.steps().iter().rev().filter(|step| step.reads == Some(Reads::DoctrinePendingSql));
        let mut ends = looks.filter_map(|step| self.step(&step.id).filter(|known| !known.undone));
        let statements: Vec<RemoteText> =
            ends.find_map(|known| known.end.as_ref()?.pending_statements.clone())?;
        let narrowed = self.narrowed(false);
        let changes = SchemaChanges::against(statements.iter().map(RemoteText::raw), &narrowed);
        let approved_by =
            self.approved_by.clone().filter(|_| self.approved.as_ref() == Some(&changes.fingerprint));
        Some(SchemaEvidence { fingerprint: changes.fingerprint, statements, narrowed, approved_by })
    }
}
