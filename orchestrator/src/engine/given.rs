//! What persons give a run before it starts: approvals, evidence, and the word that a risk is theirs.

use super::Job;
use super::dispatch::RunEvents;
use crate::event::{Approval, RunEvent};
use crate::state::{GivenEvidence, RunState};

/// The approval of whoever starts or resumes the run.
fn word_of_the_operator(job: &Job) -> Approval {
    Approval {
        by: job.about.operator.clone(),
        origin: job.about.origin.clone(),
        reason: job.approvals.reason.clone(),
    }
}

/// Writes down what was approved on the command line, and what the run relies on.
pub(super) async fn write_down(events: &RunEvents, job: &Job) {
    let approval = word_of_the_operator(job);
    for wave in &job.approvals.waves {
        events.tell(RunEvent::WaveApproved { wave: wave.clone(), approval: approval.clone() }).await;
    }
    for fingerprint in &job.approvals.schemas {
        let fingerprint = fingerprint.clone();
        events.tell(RunEvent::SchemaApproved { fingerprint, approval: approval.clone() }).await;
    }
    for given in job.evidence.iter().cloned() {
        let GivenEvidence { source, signer, max_age_seconds, evidence } = given;
        let evidence = Box::new(evidence);
        events.tell(RunEvent::EvidenceGiven { source, signer, max_age_seconds, evidence }).await;
    }
    if let Some(approval) = risk(job) {
        events.tell(RunEvent::RiskAccepted { approval }).await;
    }
}

/// The schema changes that pass without a question, and by whom.
pub(super) fn approved_schemas(before: &RunState, job: &Job) -> Vec<(String, Approval)> {
    let approval = word_of_the_operator(job);
    let now = job.approvals.schemas.iter().map(|digits| (digits.clone(), approval.clone()));
    before.approved_schemas.iter().cloned().chain(now).collect()
}

/// Who takes it upon themselves in this session that evidence is missing or does not match.
pub(super) fn risk(job: &Job) -> Option<Approval> {
    let reason = job.approvals.risk.clone()?;
    Some(Approval { reason, ..word_of_the_operator(job) })
}
