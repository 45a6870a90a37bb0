//! A lane: one host's steps, from connect to its outcome.
//!
//! A lane owns its data and returns a [`HostReport`], never an error (law 1).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::brake::{Brake, BrakeState};
use super::dispatch::HostEvents;
use super::{Attendant, HostReport, judge};
use crate::event::{HostOutcome, StepEnd, StepOutcome};
use crate::gate::{self, Decision};
use crate::ledger::{Ledger, Permit, StepEnded, StepOutput};
use crate::plan::{HostAction, HostPlan, PlannedStep};
use crate::procedure::Effect;
use crate::transport::{self, LinkLost, Target, Transport};

/// How much longer than the host's own deadline the controller waits before it calls the link dead: the time
/// that is left to a command after its deadline, the time that looking at proofs may take, and some for the way.
const DEAD_LINK: Duration = Duration::from_secs(10 + 80 + 30);

pub(super) struct Lane {
    pub(super) plan: HostPlan,
    pub(super) target: Option<Target>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) attendant: Arc<dyn Attendant>,
    pub(super) connecting: Arc<Semaphore>,
    pub(super) brake: Brake,
    pub(super) events: HostEvents,
}

/// How a host ended, and why.
type End = (HostOutcome, String);

/// What the course of a lane has found out.
#[derive(Default)]
struct Course {
    /// The pending statements, once a step has found them out.
    pending: Option<Vec<String>>,
    touched: bool,
}

impl Lane {
    pub(super) async fn drive(self) -> HostReport {
        let (outcome, why) = self.outcome().await;
        self.events.finished(outcome, &why).await;
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
        if self.brake.state() > BrakeState::Go {
            return (HostOutcome::NotStarted, "the run was interrupted".to_owned());
        }
        let Some(target) = &self.target else {
            return (HostOutcome::Crashed, "the plan names a host that the inventory does not".to_owned());
        };
        let connected = tokio::select! {
            connected = transport::connect(&*self.transport, target, &self.connecting) => connected,
            () = self.brake.reaches(BrakeState::Drain) => {
                return (HostOutcome::NotStarted, "the run was interrupted".to_owned());
            }
        };
        let session = match connected {
            Ok(session) => session,
            Err(error) => return (HostOutcome::Unreachable, format!("{error}\nhelp: {}", error.help())),
        };
        self.events.connected().await;
        let mut ledger = Ledger::new(session, self.plan.quiet_login);
        let mut course = Course::default();
        for step in steps {
            if let Err(end) = self.step(&mut ledger, &mut course, step).await {
                ledger.close().await;
                return end;
            }
        }
        ledger.close().await;
        (HostOutcome::Upgraded, String::new())
    }

    /// Runs one step; `Err` ends the lane.
    async fn step(&self, ledger: &mut Ledger, course: &mut Course, step: &PlannedStep) -> Result<(), End> {
        if self.brake.state() > BrakeState::Go {
            return Err(interrupted(course, step));
        }
        if step.when_schema_pending && course.pending.as_ref().is_some_and(Vec::is_empty) {
            self.events.step_finished(step, StepEnd::skipped("no schema change is pending"), None).await;
            return Ok(());
        }
        // Whoever is asked may press Ctrl-C instead of answering: then nothing is started.
        tokio::select! {
            reviewed = self.review(course, step) => reviewed?,
            () = self.brake.reaches(BrakeState::Drain) => return Err(interrupted(course, step)),
        }
        if self.brake.state() > BrakeState::Go {
            return Err(interrupted(course, step));
        }
        let permit = self.events.step_started(&step.id).await.map_err(|denied| {
            let outcome = if course.touched { HostOutcome::Held } else { HostOutcome::NotStarted };
            (
                outcome,
                format!("the journal cannot be written, so `{}` was not started: {}", step.id, denied.0),
            )
        })?;
        course.touched = true;
        let mut output = StepOutput::default();
        let begun = Instant::now();
        let ended = self.follow(ledger, permit, step, &mut output).await;
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let end = match ended {
            Ok(ended) => judge::judge(step, ended, &output, milliseconds),
            Err(lost) => lost_end(&lost, &output, milliseconds),
        };
        if let Some(statements) = &end.pending_statements {
            course.pending = Some(statements.iter().map(|statement| statement.raw().to_owned()).collect());
        }
        let (outcome, why) = (end.outcome, end.why.to_string());
        self.events.step_finished(step, end, Some(output)).await;
        match (outcome, step.effect) {
            (StepOutcome::Succeeded | StepOutcome::Skipped, _) => Ok(()),
            (StepOutcome::Unknown, Effect::Change) => {
                Err((HostOutcome::Unknown, format!("`{}`: {why}", step.id)))
            }
            // A check changes nothing: that its end was not seen leaves nothing unknown on the host.
            (StepOutcome::Unknown, Effect::Check) | (StepOutcome::Failed | StepOutcome::TimedOut, _) => {
                Err((HostOutcome::Failed, format!("`{}`: {why}", step.id)))
            }
        }
    }

    async fn follow(
        &self,
        ledger: &mut Ledger,
        permit: Permit,
        step: &PlannedStep,
        output: &mut StepOutput,
    ) -> Result<StepEnded, LinkLost> {
        let patience = Duration::from_secs(step.command.timeout_seconds) + DEAD_LINK;
        let course = async {
            match ledger.start(permit, step).await {
                Ok(running) => running.follow(output).await,
                Err(error) => Ok(StepEnded::NotStarted(error.0)),
            }
        };
        tokio::select! {
            ended = tokio::time::timeout(patience, course) => {
                ended.unwrap_or_else(|_| Err(LinkLost(format!("no word from the host within {}s", patience.as_secs()))))
            }
            () = self.brake.reaches(BrakeState::Detach) => {
                Err(LinkLost("the run was interrupted twice; the step was left to the host".to_owned()))
            }
        }
    }

    /// A schema review stands before the step: pending statements pass by policy, by a person, or not.
    async fn review(&self, course: &Course, step: &PlannedStep) -> Result<(), End> {
        let Some(approval) = step.schema_review else { return Ok(()) };
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
}

/// How a lane ends that was stopped between two steps.
fn interrupted(course: &Course, step: &PlannedStep) -> End {
    let outcome = if course.touched { HostOutcome::Held } else { HostOutcome::NotStarted };
    (outcome, format!("the run was interrupted before `{}`", step.id))
}

/// A step whose end nobody saw.
fn lost_end(lost: &LinkLost, output: &StepOutput, milliseconds: u64) -> StepEnd {
    let mut end = StepEnd::without_output(StepOutcome::Unknown, &lost.to_string());
    end.milliseconds = milliseconds;
    end.stdout = output.stdout.captured();
    end.stderr = output.stderr.captured();
    end
}
