//! What a run proved, out of its state.

use super::{HostState, RunState, StepState};
use crate::event::{Evidence, HostEvidence, HostOutcome, SchemaEvidence};
use crate::facts::Composition;
use crate::plan::{HostPlan, PlannedWave};
use crate::procedure::Reads;
use crate::schema::SchemaChanges;
use crate::text::RemoteText;

/// What other runs proved, as a run relies on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenEvidence {
    /// Where it is from.
    pub source: String,
    /// The wave that it is of; `None`: every wave of the run demands it.
    pub wave: Option<String>,
    /// Who signed it.
    pub signer: Option<String>,
    /// How old it may be, in seconds.
    pub max_age_seconds: u64,
    /// What was proved.
    pub evidence: Evidence,
}

impl RunState {
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
        })
    }

    /// What the run proved about one host.
    pub fn evidence_of(&self, host: &str) -> Option<HostEvidence> {
        let header = self.header.as_ref()?;
        let (wave, plan) = header.plan.hosts().find(|(_, plan)| plan.host == host)?;
        let state = self.hosts.get(host)?;
        let is_watched =
            wave.soak_seconds.is_none() || self.soaks.get(&wave.name).is_some_and(|(_, over)| *over);
        Some(HostEvidence {
            host: host.to_owned(),
            wave: wave.name.clone(),
            run: header.run.clone(),
            procedure: header.plan.procedure.clone(),
            procedure_digest: header.plan.procedure_digest.clone(),
            outcome: state.outcome,
            ended: state.ended,
            healthy: state.outcome == Some(HostOutcome::Upgraded) && is_watched,
            soak_seconds: wave.soak_seconds,
            composition: state.composition().or_else(|| plan.composition.clone()).unwrap_or_default(),
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
