//! What stands before a wave: evidence, its gate, and a person where it asks for one.

use super::approvals;
use super::brake::BrakeState;
use super::evidence_match::EvidenceMatch;
use super::rollout::Rollout;
use crate::event::{Approval, RunEvent};
use crate::gate::{self, Decision, Tally};
use crate::plan::PlannedWave;

/// Why hosts are not started whose evidence is missing.
pub(super) const UNPROVEN: &str = "the evidence that it requires is missing, or does not match";

/// Why a wave must not start.
pub(super) struct Stopped {
    pub(super) why: String,
    /// Whether a person could let it.
    pub(super) at_gate: bool,
    /// What of the evidence that it demands is missing.
    pub(super) unmet: Vec<String>,
}

impl Stopped {
    fn by(why: String, at_gate: bool) -> Self {
        Self { why, at_gate, unmet: Vec::new() }
    }
}

impl Rollout {
    /// What other hosts proved that the wave demands.
    pub(super) async fn evidence(&self, wave: &PlannedWave) -> EvidenceMatch {
        let risk = approvals::accepted_risk(&self.job);
        match self.events.state().await {
            Ok(state) => EvidenceMatch::of(&state, &self.job.header.plan, wave, risk, (self.now)()),
            // Without a dispatcher nothing starts anyway.
            Err(denied) => EvidenceMatch::unknown(denied.0),
        }
    }

    /// Writes down that hosts of a wave are started although the evidence does not match.
    pub(super) async fn take_risk(&self, evidence: &EvidenceMatch) {
        let Some(approval) = evidence.waiver.clone().filter(|_| !evidence.unmet.is_empty()) else { return };
        // What was taken in an earlier session is written down already.
        if approvals::accepted_risk(&self.job).is_none() {
            return;
        }
        let (wave, unmet) = (evidence.wave.clone(), evidence.unmet.clone());
        self.events.tell(RunEvent::RiskTaken { wave, host: None, unmet, approval }).await;
    }

    /// Why a wave must not start; `None` where it may.
    pub(super) async fn gate(
        &self,
        wave: &PlannedWave,
        ended: &[(&PlannedWave, Tally)],
        evidence: &EvidenceMatch,
    ) -> Option<Stopped> {
        if self.job.brake.state() > BrakeState::Go {
            return Some(Stopped::by("the run was interrupted".to_owned(), false));
        }
        let attended = self.job.operator.is_present();
        match gate::before_wave(
            wave,
            ended,
            evidence.missing().to_vec(),
            self.approvals.has_wave(&wave.name),
            attended,
        ) {
            Decision::Pass => None,
            Decision::Hold(why) => Some(Stopped::by(why, true)),
            Decision::Stop(why) => Some(Stopped::by(why, false)),
            Decision::NeedEvidence(unmet) => Some(Stopped { why: UNPROVEN.to_owned(), at_gate: true, unmet }),
            Decision::Ask => self.ask(wave).await.err().map(|why| Stopped::by(why, true)),
        }
    }

    /// Asks a person whether a wave may start; `Err`: why it must not. Somebody else may say so from somewhere else.
    async fn ask(&self, wave: &PlannedWave) -> Result<(), String> {
        let answer = tokio::select! {
            answer = self.job.operator.start_wave(&wave.name) => answer,
            () = self.approvals.wave(&wave.name) => return Ok(()),
            () = self.job.brake.reaches(BrakeState::Drain) => None,
        };
        match answer {
            Some(answer) if answer.yes => {
                let approval =
                    Approval { by: answer.by, origin: self.job.header.origin.clone(), reason: String::new() };
                self.events.tell(RunEvent::WaveApproved { wave: wave.name.clone(), approval }).await;
                Ok(())
            }
            Some(answer) => Err(format!("{} did not let it start", answer.by)),
            None => Err("nobody answered".to_owned()),
        }
    }
}
