//! The schema review of a lane: pending changes pass by policy, by an earlier approval, or by the operator's answer.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Answer;
use super::heavy::heavy;
use super::lane::{Lane, LaneState, is_for_good};
use super::review_queue::WaitingState;
use crate::event::Reason;
use crate::gate::{self, Review, SchemaMatch};
use crate::plan::PlannedStep;
use crate::schema::SchemaChanges;

/// How long a review is waited for where the plan does not say.
const REVIEW_TIMEOUT: Duration = Duration::from_secs(30 * 60);

impl Lane {
    /// Whether the step may start as far as its schema review goes; `Err`: why not.
    pub(super) async fn review(&self, state: &mut LaneState, step: &PlannedStep) -> Result<(), Reason> {
        let Some(policy) = step.schema_review else { return Ok(()) };
        // Without the pending statements there is nothing that could have been approved.
        let Some(pending) = &state.pending else {
            return Err(Reason::ChangesNotRead { step: step.id.clone() });
        };
        let (pending, narrowed) = (pending.clone(), state.narrowed());
        let read = move || SchemaChanges::against(pending.iter().map(String::as_str), &narrowed);
        let changes = heavy(read).await;
        let fingerprint = &changes.fingerprint;
        if state.approved.as_ref() == Some(fingerprint) {
            state.ticket = None;
            return Ok(());
        }
        let attended = self.operator.is_present();
        let kind = gate::kind_of(&self.plan);
        let (known, pending) = (Arc::clone(&self.evidence), changes.clone());
        let compare = move || gate::schema_match(&known.requirements, kind.as_ref(), &pending);
        let mut evidence = heavy(compare).await;
        // If a person accepts the risk, the changes are reviewed as if there were no evidence.
        let accepted = evidence
            .take_if(|found| self.evidence.waiver.is_some() && matches!(found, SchemaMatch::Different(_)));
        let is_different = matches!(evidence, Some(SchemaMatch::Different(_)));
        let review = gate::review(policy, &changes, &self.approvals.schemas(), evidence, attended);
        if let Review::Pass { by, by_person } = &review {
            state.ticket = None;
            self.take_risk(accepted).await;
            self.events.approved(&step.id, fingerprint, by, *by_person).await;
            state.approved = Some(changes.fingerprint);
            return Ok(());
        }
        if is_different {
            self.events.unproven(&step.id, fingerprint).await;
        }
        if let Some(approved) = state.approved.take() {
            self.events.not_approved(&step.id, fingerprint, "the look at it before it is executed").await;
            let (pending, summary) = (fingerprint.clone(), changes.summary());
            return Err(Reason::ChangesDiffer { approved, pending, summary });
        }
        match review {
            Review::Pass { .. } => Ok(()),
            Review::Hold(reason) => Err(reason),
            Review::Ask => {
                self.ask(state, step, changes).await?;
                self.take_risk(accepted).await;
                Ok(())
            }
        }
    }

    async fn ask(
        &self,
        state: &mut LaneState,
        step: &PlannedStep,
        changes: SchemaChanges,
    ) -> Result<(), Reason> {
        let patience = match self.plan.review_timeout_seconds {
            // A plan of a version that knew no such limit.
            0 => REVIEW_TIMEOUT,
            seconds => Duration::from_secs(seconds),
        };
        let until = (self.now)()
            .checked_add(SignedDuration::try_from(patience).unwrap_or(SignedDuration::MAX))
            .unwrap_or(Timestamp::MAX);
        let waiting =
            WaitingState { closed: self.plan.opening.is_some(), goes_back: self.can_go_back(state, step) };
        self.events.review_awaited(&step.id, &changes.fingerprint, until, waiting.closed).await;
        let Some(ticket) = state.ticket.take() else {
            return Err(Reason::NoReviewer);
        };
        let answer = tokio::select! {
            answer = ticket.ask(&changes, until, waiting) => answer,
            // A late approval, from another terminal.
            approval = self.approvals.schema(&changes.fingerprint) => Some(Answer { yes: true, by: approval.by }),
            () = tokio::time::sleep(patience) => {
                return Err(Reason::ReviewTimedOut { seconds: patience.as_secs() });
            }
        };
        let Some(answer) = answer else { return Err(Reason::ReviewUnanswered) };
        if !answer.yes {
            self.events.not_approved(&step.id, &changes.fingerprint, &answer.by).await;
            return Err(Reason::ReviewNotApproved { by: answer.by });
        }
        self.events.approved(&step.id, &changes.fingerprint, &answer.by, true).await;
        state.approved = Some(changes.fingerprint);
        Ok(())
    }

    /// Writes down that what is pending goes on although the evidence is of something else.
    async fn take_risk(&self, accepted: Option<SchemaMatch>) {
        if let (Some(SchemaMatch::Different(unmet)), Some(approval)) = (accepted, &self.evidence.waiver) {
            self.events.risk_taken(&self.evidence.wave, vec![unmet], approval.clone()).await;
        }
    }

    /// Whether everything that was done until `step` can be taken back.
    pub(super) fn can_go_back(&self, state: &LaneState, step: &PlannedStep) -> bool {
        let first = self.plan.steps().iter().find(|step| is_for_good(step));
        !self.plan.back.is_empty()
            && !state.changed_the_schema
            && first.is_none_or(|first| step.number <= first.number)
    }
}
