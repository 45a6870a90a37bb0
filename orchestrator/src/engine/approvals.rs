//! Approvals: what persons have approved so far, for every gate and lane to read.
//!
//! Owns the approvals of a run: those of earlier sessions, those of the command line, and late ones, which arrive while
//! the run goes on. An approval counts only once it is in the journal. It must not know what an approval allows.

use futures::future;
use tokio::sync::{mpsc, watch};

use super::dispatch::RunEvents;
use super::{ApprovalSubject, Job, LateApproval};
use crate::event::{Approval, RunEvent};
use crate::schema::Fingerprint;
use crate::state::{GivenEvidence, RunState};

/// Everything that is approved.
#[derive(Debug, Default)]
struct Approved {
    waves: Vec<String>,
    /// The digits of fingerprints, and who approved them.
    schemas: Vec<(String, Approval)>,
}

/// The approvals so far. Cheap to clone; every clone sees late approvals.
#[derive(Debug, Clone)]
pub(super) struct KnownApprovals {
    approved: watch::Receiver<Approved>,
}

/// Takes late approvals.
pub(super) struct ApprovalListener {
    approved: watch::Sender<Approved>,
}

impl KnownApprovals {
    /// The approvals of earlier sessions and of the command line.
    pub(super) fn open(before: &RunState, job: &Job) -> (ApprovalListener, Self) {
        let earlier = before.approved_waves.iter().map(|(wave, _)| wave);
        let waves = earlier.chain(&job.approvals.waves).cloned().collect();
        let approval = operator_approval(job);
        let now = job.approvals.schemas.iter().map(|digits| (digits.clone(), approval.clone()));
        let schemas = before.approved_schemas.iter().cloned().chain(now).collect();
        let (sender, approved) = watch::channel(Approved { waves, schemas });
        (ApprovalListener { approved: sender }, Self { approved })
    }

    /// The approved schema changes.
    pub(super) fn schemas(&self) -> Vec<(String, Approval)> {
        self.approved.borrow().schemas.clone()
    }

    /// Whether the start of a wave is approved.
    pub(super) fn has_wave(&self, wave: &str) -> bool {
        self.approved.borrow().waves.iter().any(|known| known == wave)
    }

    /// Waits until these schema changes are approved.
    pub(super) async fn schema(&self, fingerprint: &Fingerprint) -> Approval {
        let named = |(digits, _): &&(String, Approval)| fingerprint.is_named_by(digits);
        let mut approvals = self.approved.clone();
        let found = approvals.wait_for(|approved| approved.schemas.iter().any(|known| named(&known))).await;
        let approval = found.ok().and_then(|approved| Some(approved.schemas.iter().find(named)?.1.clone()));
        match approval {
            Some(approval) => approval,
            // The listener has ended: nothing more will be approved.
            None => future::pending().await,
        }
    }

    /// Waits until the start of a wave is approved.
    pub(super) async fn wave(&self, wave: &str) {
        let mut approvals = self.approved.clone();
        let is_approved = |approved: &Approved| approved.waves.iter().any(|known| known == wave);
        if approvals.wait_for(is_approved).await.is_err() {
            future::pending::<()>().await;
        }
    }
}

impl ApprovalListener {
    /// Takes late approvals for as long as the run goes on.
    pub(super) async fn listen(self, late: Option<mpsc::Receiver<LateApproval>>, events: RunEvents) {
        let Some(mut late) = late else { return future::pending().await };
        while let Some(LateApproval { subject, approval, recorded }) = late.recv().await {
            events.tell(event(&subject, &approval)).await;
            if events.synced().await.is_err() {
                // What is not in the journal is not approved.
                continue;
            }
            self.approved.send_modify(|approved| match subject {
                ApprovalSubject::Wave(wave) => approved.waves.push(wave),
                ApprovalSubject::Schema(digits) => approved.schemas.push((digits, approval)),
            });
            // The sender may have ended.
            let _ = recorded.send(());
        }
        // Dropping the sender would end every wait in `KnownApprovals`.
        future::pending::<()>().await;
    }
}

fn event(subject: &ApprovalSubject, approval: &Approval) -> RunEvent {
    let approval = approval.clone();
    match subject {
        ApprovalSubject::Wave(wave) => RunEvent::WaveApproved { wave: wave.clone(), approval },
        ApprovalSubject::Schema(digits) => RunEvent::SchemaApproved { fingerprint: digits.clone(), approval },
    }
}

/// Records the approvals of the command line, and the evidence that the run relies on.
pub(super) async fn record(events: &RunEvents, job: &Job) {
    let approval = operator_approval(job);
    for wave in job.approvals.waves.iter().cloned().map(ApprovalSubject::Wave) {
        events.tell(event(&wave, &approval)).await;
    }
    for schema in job.approvals.schemas.iter().cloned().map(ApprovalSubject::Schema) {
        events.tell(event(&schema, &approval)).await;
    }
    for given in job.evidence.iter().cloned() {
        let GivenEvidence { source, signer, max_age_seconds, evidence } = given;
        let evidence = Box::new(evidence);
        events.tell(RunEvent::EvidenceGiven { source, signer, max_age_seconds, evidence }).await;
    }
    if let Some(approval) = accepted_risk(job) {
        events.tell(RunEvent::RiskAccepted { approval }).await;
    }
}

/// Who accepts in this session that evidence is missing or does not match.
pub(super) fn accepted_risk(job: &Job) -> Option<Approval> {
    let reason = job.approvals.risk.clone()?;
    Some(Approval { reason, ..operator_approval(job) })
}

/// The approval of the person who starts or resumes the run.
fn operator_approval(job: &Job) -> Approval {
    Approval {
        by: job.header.operator.clone(),
        origin: job.header.origin.clone(),
        reason: job.approvals.reason.clone(),
    }
}
