//! Before a wave: its evidence, its gate, and the operator's answer if the gate asks for one.
//!
//! Owns whether a wave may start; `gate` decides, this module asks and records. It must not know how a wave is run.

use std::borrow::Cow;

use jiff::Timestamp;

use super::Job;
use super::approvals::{self, KnownApprovals};
use super::brake::BrakeState;
use super::dispatch::RunEvents;
use super::evidence_match::EvidenceMatch;
use crate::event::{Approval, Reason, RunEvent, Unmet};
use crate::gate::{self, Decision, Tally};
use crate::plan::PlannedWave;

/// Opens waves, or says why not.
pub(super) struct WaveGate<'a> {
    pub(super) job: &'a Job,
    pub(super) events: &'a RunEvents,
    pub(super) approvals: &'a KnownApprovals,
}

/// Why a wave must not start.
pub(super) struct Stopped {
    pub(super) reason: Reason,
    /// Whether a person could approve it nevertheless.
    pub(super) at_gate: bool,
    /// The parts of its evidence that are missing or do not match.
    pub(super) unmet: Vec<Unmet>,
}

impl Stopped {
    fn by(reason: Reason, at_gate: bool) -> Self {
        Self { reason, at_gate, unmet: Vec::new() }
    }
}

impl WaveGate<'_> {
    /// Compares the evidence that the wave demands with its hosts.
    pub(super) async fn evidence(&self, wave: &PlannedWave, now: Timestamp) -> EvidenceMatch {
        let risk = approvals::accepted_risk(self.job);
        match self.events.state().await {
            Ok(state) => EvidenceMatch::of(&state, &self.job.header.plan, wave, risk, now),
            // Without a dispatcher nothing starts anyway.
            Err(denied) => EvidenceMatch::unknown(&denied.0),
        }
    }

    /// Records that hosts of a wave start although the evidence does not match.
    pub(super) async fn take_risk(&self, evidence: &EvidenceMatch) {
        let Some(approval) = evidence.waiver.clone().filter(|_| !evidence.unmet.is_empty()) else { return };
        // A risk of an earlier session is recorded already.
        if approvals::accepted_risk(self.job).is_none() {
            return;
        }
        let (wave, unmet) = (evidence.wave.clone(), evidence.unmet.clone());
        self.events.tell(RunEvent::RiskTaken { wave, host: None, unmet, approval }).await;
    }

    /// Passes the gate of a wave; `Some`: why the wave must not start.
    pub(super) async fn pass(
        &self,
        wave: &PlannedWave,
        ended: &[(Cow<'_, PlannedWave>, Tally)],
        evidence: &EvidenceMatch,
    ) -> Option<Stopped> {
        if self.job.brake.state() > BrakeState::Go {
            return Some(Stopped::by(Reason::Interrupted, false));
        }
        let (approved, attended) = (self.approvals.has_wave(&wave.name), self.job.operator.is_present());
        match gate::before_wave(wave, ended, evidence.missing().to_vec(), approved, attended) {
            Decision::Pass => None,
            Decision::Hold(reason) => Some(Stopped::by(reason, true)),
            Decision::Stop(reason) => Some(Stopped::by(reason, false)),
            Decision::NeedEvidence(unmet) => {
                Some(Stopped { reason: Reason::EvidenceUnmet, at_gate: true, unmet })
            }
            Decision::Ask => self.ask(wave).await.err().map(|reason| Stopped::by(reason, true)),
        }
    }

    /// Asks whether a wave may start; `Err`: why it must not. A late approval answers the question, too.
    async fn ask(&self, wave: &PlannedWave) -> Result<(), Reason> {
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
            Some(answer) => Err(Reason::StartNotApproved { by: answer.by }),
            None => Err(Reason::StartUnanswered),
        }
    }
}
