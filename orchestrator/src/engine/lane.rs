//! A lane: one host's steps, from connect to its outcome.
//!
//! A lane owns its data and returns a [`HostReport`], never an error (law 1). It begins where the run left its host:
//! steps that have ended are not looked at again, a step whose end was not seen is looked for.

use std::sync::Arc;
use std::time::Duration;

use super::brake::BrakeState;
use super::claim::Claim;
use super::dispatch::HostEvents;
use super::link::{Link, NoLink, Way};
use super::{Attendant, HostReport, judge};
use crate::event::{HostOutcome, StepEnd, StepOutcome};
use crate::gate::{self, Decision};
use crate::ledger::{StepEnded, StepOutput, StepRequest};
use crate::plan::{HostAction, HostPlan, PlannedStep};
use crate::procedure::Effect;
use crate::state::HostState;
use crate::transport::LinkLost;

/// How much longer than the host's own deadline the controller waits before it calls the link dead: the time
/// that is left to a command after its deadline, the time that looking at proofs may take, and some for the way.
const DEAD_LINK: Duration = Duration::from_secs(10 + 80 + 30);

/// How often a step may be longer without a word than that.
const SILENCES: u32 = 3;

pub(super) struct Lane {
    pub(super) plan: HostPlan,
    /// Where the run left the host; empty in a run that begins.
    pub(super) before: HostState,
    /// How to reach the host; `None`: the inventory does not name it any more.
    pub(super) way: Option<Way>,
    pub(super) claim: Claim,
    pub(super) attendant: Arc<dyn Attendant>,
    pub(super) events: HostEvents,
}

/// How a host ended, and why.
pub(super) type End = (HostOutcome, String);

/// What the course of a lane has found out.
#[derive(Default)]
struct Course {
    /// The pending statements, once a step has found them out.
    pending: Option<Vec<String>>,
    touched: bool,
}

impl Lane {
    pub(super) async fn drive(self) -> HostReport {
        let ended_before = self.before.outcome.filter(|_| !self.before.is_unfinished(&self.plan));
        let (outcome, why) = if let Some(outcome) = ended_before {
            // Only its lock is left to be given back.
            self.release_only().await;
            (outcome, self.before.why.to_string())
        } else {
            let end = self.outcome().await;
            self.events.finished(end.0, &end.1).await;
            end
        };
        HostReport { host: self.plan.host, outcome, why }
    }

    async fn outcome(&self) -> End {
        match &self.plan.action {
            HostAction::Current => (HostOutcome::Current, String::new()),
            HostAction::Unreachable(why) => (HostOutcome::Unreachable, why.clone()),
            HostAction::Upgrade(steps) => self.upgrade(steps).await,
        }
    }

    async fn upgrade(&self, steps: &[PlannedStep]) -> End {
        let mut course = Course { touched: !self.before.steps.is_empty(), ..Course::default() };
        let Some(way) = &self.way else {
            return (
                HostOutcome::NotStarted,
                "the inventory does not name it any more, so it cannot be reached".to_owned(),
            );
        };
        if way.brake.state() > BrakeState::Go {
            return self.interrupted(&course, "it was connected to");
        }
        let mut link = match Link::connect(way, &self.events).await {
            Ok(link) => link,
            Err(NoLink::Interrupted) => return self.interrupted(&course, "it was connected to"),
            Err(NoLink::Unreachable(why)) => return self.unreachable(why),
        };
        let end = self.hold_and_work(&mut link, way, &mut course, steps).await;
        link.close().await;
        end
    }

    /// Takes the host, runs its steps, and gives it back where they have ended for good.
    async fn hold_and_work(
        &self,
        link: &mut Link<'_>,
        way: &Way,
        course: &mut Course,
        steps: &[PlannedStep],
    ) -> End {
        if let Err(end) = self.claim.take(link, way, &self.events, &self.plan, &self.before).await {
            return end;
        }
        let end = self.steps(link, way, course, steps).await;
        if end.0.is_unfinished() && course.touched {
            // Whoever goes on with the host later finds it locked, and its ledger as it is.
            return end;
        }
        self.claim.give_back(link, way, &self.events, end).await
    }

    async fn steps(&self, link: &mut Link<'_>, way: &Way, course: &mut Course, steps: &[PlannedStep]) -> End {
        for step in steps {
            if let Some(known) = self.before.step(&step.id)
                && known.is_done()
            {
                course.learn(known.end.as_ref());
                continue;
            }
            if let Err(end) = self.step(link, way, course, step).await {
                return end;
            }
        }
        (HostOutcome::Upgraded, String::new())
    }

    /// Gives back what an ended host still holds.
    async fn release_only(&self) {
        let Some(way) = &self.way else { return };
        if let Ok(mut link) = Link::connect(way, &self.events).await {
            let _ = self
                .claim
                .give_back(&mut link, way, &self.events, (HostOutcome::Upgraded, String::new()))
                .await;
            link.close().await;
        }
    }

    /// Runs one step, or finds out how it ended; `Err` ends the lane.
    async fn step(
        &self,
        link: &mut Link<'_>,
        way: &Way,
        course: &mut Course,
        step: &PlannedStep,
    ) -> Result<(), End> {
        if way.brake.state() > BrakeState::Go {
            return Err(self.interrupted(course, &format!("`{}`", step.id)));
        }
        let known = self.before.step(&step.id);
        let adopts = known.is_some_and(|known| known.is_unknown() && !known.may_be_tried_again());
        if !adopts {
            if step.when_schema_pending && course.pending.as_ref().is_some_and(Vec::is_empty) {
                self.events.step_finished(step, StepEnd::skipped("no schema change is pending"), None).await;
                return Ok(());
            }
            // Whoever is asked may press Ctrl-C instead of answering: then nothing is started.
            tokio::select! {
                reviewed = self.review(course, step) => reviewed?,
                () = way.brake.reaches(BrakeState::Drain) => {
                    return Err(self.interrupted(course, &format!("`{}`", step.id)));
                }
            }
        }
        let boot = link.boot().await.map_err(|lost| self.cut_off(course, step, &lost))?;
        if way.brake.state() > BrakeState::Go {
            return Err(self.interrupted(course, &format!("`{}`", step.id)));
        }
        let permit = if adopts {
            self.events.step_adopted(&step.id).await
        } else {
            self.events.step_started(&step.id, &boot).await
        };
        let permit = permit.map_err(|denied| {
            let outcome = if course.touched { HostOutcome::Held } else { HostOutcome::NotStarted };
            (
                outcome,
                format!("the journal cannot be written, so `{}` was not started: {}", step.id, denied.0),
            )
        })?;
        course.touched = true;
        let mut request = match known {
            Some(known) if adopts => StepRequest::adopt(permit, step, known.attempt, known.boot.as_deref()),
            Some(known) => StepRequest::new(permit, step, known.attempt + 1),
            None => StepRequest::new(permit, step, 1),
        };
        let mut output = StepOutput::default();
        let end = match self.follow(link, way, &mut request, step, &mut output).await {
            Ok(ended) => judge::judge(step, ended, &output),
            Err(lost) => judge::unseen(&lost.to_string(), &output),
        };
        course.learn(Some(&end));
        let (outcome, why) = (end.outcome, end.why.to_string());
        self.events.step_finished(step, end, Some(output)).await;
        match (outcome, step.effect) {
            (StepOutcome::Succeeded | StepOutcome::Skipped, _) => Ok(()),
            (StepOutcome::Unknown, Effect::Change) => {
                Err((HostOutcome::Unknown, format!("`{}`: {why}", step.id)))
            }
            // A check changes nothing: that its end was not seen leaves nothing unknown on the host.
            (StepOutcome::Unknown, Effect::Check) => {
                Err((HostOutcome::Held, format!("`{}`: {why}", step.id)))
            }
            (StepOutcome::Failed | StepOutcome::TimedOut, _) => {
                Err((HostOutcome::Failed, format!("`{}`: {why}", step.id)))
            }
        }
    }

    /// Follows a step to its end, over as many connections as that takes.
    async fn follow(
        &self,
        link: &mut Link<'_>,
        way: &Way,
        request: &mut StepRequest<'_>,
        step: &PlannedStep,
        output: &mut StepOutput,
    ) -> Result<StepEnded, LinkLost> {
        let patience = Duration::from_secs(step.command.timeout_seconds) + DEAD_LINK;
        let course = async {
            let mut silences = 0;
            loop {
                let ledger = link.ledger().await?;
                let lost = match tokio::time::timeout(patience, ledger.run(request, output)).await {
                    Ok(Ok(ended)) => {
                        link.is_good();
                        return Ok(ended);
                    }
                    Ok(Err(lost)) => lost,
                    Err(_) => {
                        silences += 1;
                        LinkLost(format!("no word from the host within {}s", patience.as_secs()))
                    }
                };
                link.lost(Some(&step.id), &lost).await;
                if silences == SILENCES {
                    return Err(lost);
                }
            }
        };
        tokio::select! {
            ended = course => ended,
            () = way.brake.reaches(BrakeState::Detach) => {
                Err(LinkLost("the run was interrupted twice; the step was left to the host".to_owned()))
            }
        }
    }

    /// A schema review stands before the step: pending statements pass by policy, by a person, or not.
    async fn review(&self, course: &Course, step: &PlannedStep) -> Result<(), End> {
        let Some(approval) = step.schema_review else { return Ok(()) };
        if self.before.approved.contains(&step.id) {
            return Ok(());
        }
        // What nobody has seen nobody can have approved.
        let Some(pending) = &course.pending else {
            return Err((
                HostOutcome::Held,
                format!("nothing found out which schema changes `{}` would make", step.id),
            ));
        };
        match gate::schema_review(approval, self.attendant.is_attended()) {
            Decision::Pass => {
                self.events.reviewed(&step.id, true, "schema_approval = \"any\"").await;
                Ok(())
            }
            Decision::Hold(why) | Decision::Stop(why) => Err((HostOutcome::Held, why)),
            Decision::Ask => match self.attendant.review(&self.plan.host, pending).await {
                Some(answer) if answer.yes => {
                    self.events.reviewed(&step.id, true, &answer.by).await;
                    Ok(())
                }
                Some(answer) => {
                    self.events.reviewed(&step.id, false, &answer.by).await;
                    Err((
                        HostOutcome::Held,
                        format!("{} did not approve the pending schema changes", answer.by),
                    ))
                }
                None => Err((HostOutcome::Held, "nobody answered the schema review".to_owned())),
            },
        }
    }

    /// How a lane ends that was stopped between two steps.
    fn interrupted(&self, course: &Course, before: &str) -> End {
        let why = format!("the run was interrupted before {before}");
        match (self.has_unknown_step(), course.touched) {
            (true, _) => (HostOutcome::Unknown, why),
            (false, true) => (HostOutcome::Held, why),
            (false, false) => (HostOutcome::NotStarted, why),
        }
    }

    /// How a lane ends whose connection is gone for good, between two steps.
    fn cut_off(&self, course: &Course, step: &PlannedStep, lost: &LinkLost) -> End {
        let (outcome, _) = self.interrupted(course, "");
        (outcome, format!("the connection was lost before `{}`: {}", step.id, lost.0))
    }

    /// A host that cannot be reached: where a step of it is under way, that is what matters.
    fn unreachable(&self, why: String) -> End {
        if self.has_unknown_step() { (HostOutcome::Unknown, why) } else { (HostOutcome::Unreachable, why) }
    }

    fn has_unknown_step(&self) -> bool {
        self.before.steps.iter().any(|step| !step.is_done() && step.is_unknown())
    }
}

impl Course {
    /// Remembers what later steps depend on.
    fn learn(&mut self, end: Option<&StepEnd>) {
        if let Some(statements) = end.and_then(|end| end.pending_statements.as_ref()) {
            self.pending = Some(statements.iter().map(|statement| statement.raw().to_owned()).collect());
        }
    }
}
