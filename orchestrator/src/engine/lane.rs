//! A lane: one host's steps, from connecting to its outcome.
//!
//! A lane owns its data and returns a [`HostReport`], never an error (law 1). It starts where the run left the host: it
//! skips
//! steps that have ended, and looks for steps whose result is unknown.

mod state;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;

pub(super) use self::state::LaneState;
use super::approvals::KnownApprovals;
use super::brake::BrakeState;
use super::claim::{Claim, NotHeld, answered};
use super::dispatch::HostEvents;
use super::evidence_match::EvidenceMatch;
use super::heavy::heavy;
use super::link::{Link, NoLink, Route};
use super::progress::ProgressReader;
use super::review_queue::Ticket;
use super::{HostReport, LiveOutput, Operator, SiteProber, judge};
use crate::event::{HostOutcome, LeftOut, Reason, RunKind, StepEnd, StepOutcome, StepReason, Stream};
use crate::ledger::{self, Listener, StepEnded, StepOutput, StepRequest};
use crate::plan::{HostAction, HostPlan, PlannedStep};
use crate::procedure::Effect;
use crate::state::{HostState, StepState};
use crate::text::RemoteText;
use crate::transport::LinkLost;

/// How much longer than the host's own deadline the controller waits for a step before it calls the link dead: the time
/// to kill the command, the time to check its proof, and some for the network.
const DEAD_LINK: Duration = Duration::from_secs(10 + 80 + 30);

/// How often a check is repeated whose process disappeared without reporting a result.
const CHECK_AGAIN: u32 = 2;

/// How many times a step may exceed that wait before it is given up.
const SILENCES: u32 = 3;

pub(super) struct Lane {
    /// What the run is for.
    pub(super) kind: RunKind,
    /// Bounds how many hosts are worked on at once, where that is not bounded by the number of lanes.
    pub(super) working: Option<Arc<Semaphore>>,
    pub(super) plan: HostPlan,
    /// Where earlier sessions left the host; empty in a new run.
    pub(super) before: HostState,
    /// How to reach the host; `None`: the inventory no longer names it.
    pub(super) route: Option<Route>,
    /// Why its plan keeps it from being started, if so.
    pub(super) blocked: Option<Reason>,
    /// Why nothing may be done on it, if so.
    pub(super) refused: Option<LeftOut>,
    pub(super) claim: Claim,
    pub(super) operator: Arc<dyn Operator>,
    pub(super) prober: Arc<dyn SiteProber>,
    /// Its place in the review queue, if it has a schema review ahead and there is an operator to ask.
    pub(super) ticket: Option<Ticket>,
    /// The evidence for its wave.
    pub(super) evidence: Arc<EvidenceMatch>,
    /// What persons have approved.
    pub(super) approvals: KnownApprovals,
    pub(super) now: fn() -> Timestamp,
    pub(super) live: Option<Arc<dyn LiveOutput>>,
    pub(super) events: HostEvents,
}

/// The outcome of a host, and why.
pub(super) type End = (HostOutcome, Vec<Reason>);

impl Lane {
    pub(super) async fn drive(mut self) -> HostReport {
        let ticket = self.ticket.take();
        let ended_before = self.before.outcome.filter(|_| !self.before.is_unfinished(&self.plan));
        // A host that was not selected is not even connected to.
        let is_left_alone = matches!(self.refused, Some(LeftOut::NotSelected));
        let reconciled = if ended_before.is_none() && !is_left_alone {
            self.reconcile_schema_change().await
        } else {
            Ok(())
        };
        let outcome = if let Err(why) = reconciled {
            let why = Reason::ChangeNotReconciled { because: vec![why] };
            let end = self.stopped(HostOutcome::Unreachable, why);
            self.events.finished(end.0, &end.1).await;
            end.0
        } else if let Some(outcome) = ended_before {
            // Only its lock must still be released.
            if !is_left_alone {
                self.release_only().await;
            }
            outcome
        } else {
            let end = self.outcome(ticket).await;
            self.events.finished(end.0, &end.1).await;
            end.0
        };
        HostReport { host: self.plan.host, outcome }
    }

    async fn outcome(&self, ticket: Option<Ticket>) -> End {
        match &self.plan.action {
            HostAction::Current => (HostOutcome::Current, Vec::new()),
            HostAction::Unreachable(why) => {
                let failure = RemoteText::from(why.as_str());
                (HostOutcome::Unreachable, vec![Reason::Unreachable { failure }])
            }
            HostAction::PlannedLater => {
                let is_interrupted =
                    self.route.as_ref().is_some_and(|route| route.brake.state() > BrakeState::Go);
                let left_out = self.refused.clone().unwrap_or(LeftOut::NotPlanned);
                let reason = if is_interrupted { Reason::Interrupted } else { Reason::LeftOut { left_out } };
                (HostOutcome::NotStarted, vec![reason])
            }
            HostAction::Steps(steps) => self.upgrade(steps, ticket).await,
        }
    }

    async fn upgrade(&self, steps: &[PlannedStep], ticket: Option<Ticket>) -> End {
        let mut state = LaneState {
            touched: self.before.was_touched(),
            approved: self.before.approved.clone(),
            changed_the_schema: self.has_changed_the_schema(),
            was_opened: self.before.was_opened(&self.plan),
            ticket,
            ..LaneState::default()
        };
        let Some(route) = &self.route else {
            let left_out = LeftOut::NotInInventory;
            return self.stopped(HostOutcome::NotStarted, Reason::LeftOut { left_out });
        };
        if let Some(reason) = self.blocked.clone().filter(|_| !self.before.was_touched()) {
            return self.stopped(HostOutcome::NotStarted, reason);
        }
        if let Some(left_out) = self.refused.clone() {
            // A host in the middle of its upgrade was not left untouched: it stays held until it is resumed.
            let is_under_way = self.before.went_back > 0 || self.before.was_touched();
            let outcome = if is_under_way { HostOutcome::Held } else { HostOutcome::NotStarted };
            return self.stopped(outcome, Reason::LeftOut { left_out });
        }
        if route.brake.state() > BrakeState::Go {
            return self.interrupted(&state, None);
        }
        let mut link = match Link::connect(route, &self.events).await {
            Ok(link) => link,
            Err(NoLink::Interrupted) => return self.interrupted(&state, None),
            Err(NoLink::Unreachable(failure)) => {
                return self.stopped(HostOutcome::Unreachable, Reason::Unreachable { failure });
            }
        };
        let _place = match &self.working {
            Some(working) => working.acquire().await.ok(),
            None => None,
        };
        let end = self.hold_and_work(&mut link, route, &mut state, steps).await;
        link.close().await;
        end
    }

    /// Takes the lock, runs the steps, and releases the lock if the host has ended for good.
    async fn hold_and_work(
        &self,
        link: &mut Link<'_>,
        route: &Route,
        state: &mut LaneState,
        steps: &[PlannedStep],
    ) -> End {
        if !self.kind.changes() {
            // Looking takes no lock, and leaves nothing (law 8).
            return self.there_or_back(link, route, state, steps).await;
        }
        let mut keep_ledger = false;
        let (outcome, mut why) =
            match self.claim.take(link, route, &self.events, &self.plan, &self.before).await {
                Ok(()) => self.there_or_back(link, route, state, steps).await,
                Err(NotHeld::Lost(reason)) => return self.stopped(HostOutcome::Unreachable, reason),
                Err(NotHeld::Refused { reason, ours }) => {
                    let not_now = if state.touched { HostOutcome::Held } else { HostOutcome::NotStarted };
                    let end = self.stopped(not_now, reason);
                    if !ours {
                        return end;
                    }
                    // The ledger stays: it may be the only record of a step of an earlier session. The lock that was taken
                    // now is released: this run does nothing here.
                    keep_ledger = std::mem::take(&mut state.touched);
                    end
                }
            };
        if outcome.is_unfinished() && state.touched {
            // The lock and the ledger stay for whoever resumes the run.
            return (outcome, why);
        }
        why.extend(self.claim.give_back(link, route, &self.events, keep_ledger).await.err());
        (outcome, why)
    }

    /// Runs steps one after another, except those that an earlier session completed.
    pub(super) async fn steps<'s>(
        &self,
        link: &mut Link<'_>,
        route: &Route,
        state: &mut LaneState,
        steps: impl IntoIterator<Item = &'s PlannedStep>,
    ) -> End {
        let steps: Vec<&PlannedStep> = steps.into_iter().collect();
        let again = self.checks_to_repeat(&steps);
        for (place, step) in steps.into_iter().enumerate() {
            let known = self.before.step(&step.id);
            if let Some(known) = known.filter(|known| known.has_failed()) {
                state.failed = Some(step.id.clone());
                let why = known.end.as_ref().map(|end| step_failed(step, end));
                return (HostOutcome::Failed, Vec::from_iter(why));
            }
            if let Some(known) = known.filter(|known| known.is_done() && !again.contains(&place)) {
                // Resolving a step does not stop its process.
                if known.is_unknown()
                    && let Err(end) = self.nothing_runs(link, route, step).await
                {
                    return end;
                }
                state.learn(step, known.end.as_ref());
                continue;
            }
            if let Err(end) = self.step(link, route, state, step).await {
                state.failed = Some(step.id.clone());
                return end;
            }
        }
        (HostOutcome::Done, Vec::new())
    }

    /// The positions of earlier sessions' checks directly before the first open step: they are repeated, since their
    /// results may be outdated. None if that step is a change whose result is unknown.
    fn checks_to_repeat(&self, steps: &[&PlannedStep]) -> std::ops::Range<usize> {
        let is_done = |step: &&PlannedStep| self.before.step(&step.id).is_some_and(StepState::is_done);
        let first = steps.iter().position(|step| !is_done(step)).unwrap_or(steps.len());
        let is_new = steps.get(first).is_some_and(|step| {
            step.effect == Effect::Check
                || self.before.step(&step.id).is_none_or(StepState::may_be_tried_again)
        });
        if !is_new {
            return 0..0;
        }
        let done = steps.get(..first).unwrap_or_default();
        let checks = done.iter().rev().take_while(|step| step.effect == Effect::Check).count();
        first - checks..first
    }

    /// Makes sure that no step of the run is running on the host; `Err` ends the lane.
    async fn nothing_runs(&self, link: &mut Link<'_>, route: &Route, step: &PlannedStep) -> Result<(), End> {
        let asked = async {
            let ledger = link.ledger().await?;
            answered(ledger::is_running(ledger, &self.claim.lock.run)).await
        };
        let answer = tokio::select! {
            answer = asked => answer,
            () = route.brake.reaches(BrakeState::Detach) => {
                Err(LinkLost("the run was interrupted twice".to_owned()))
            }
        };
        match answer {
            Ok(false) => Ok(()),
            Ok(true) => Err((HostOutcome::Unknown, vec![Reason::StepStillRuns { step: step.id.clone() }])),
            Err(lost) => Err(self.cut_off(step, &lost)),
        }
    }

    /// Releases the lock of a host that has ended.
    async fn release_only(&self) {
        let Some(route) = &self.route else { return };
        if let Ok(mut link) = Link::connect(route, &self.events).await {
            // If that fails, the lock stays recorded as open, and the report shows it.
            let _ = self.claim.give_back(&mut link, route, &self.events, false).await;
            link.close().await;
        }
    }

    /// Runs one step, or finds its result if it was started before; `Err` ends the lane.
    pub(super) async fn step(
        &self,
        link: &mut Link<'_>,
        route: &Route,
        state: &mut LaneState,
        step: &PlannedStep,
    ) -> Result<(), End> {
        if route.brake.state() > BrakeState::Go {
            return Err(self.interrupted(state, Some(step)));
        }
        if let Some(probe) = &step.probe {
            return self.probe(route, state, step, probe).await;
        }
        let known = self.before.step(&step.id);
        // A change with an unknown result is looked for. A check is repeated: an earlier result may be outdated.
        let is_looked_for = |known: &StepState| {
            known.is_unknown() && known.resolution.is_none() && step.effect == Effect::Change
        };
        let adopts = known.is_some_and(is_looked_for);
        if !adopts {
            if step.when_schema_pending && state.pending.as_ref().is_some_and(Vec::is_empty) {
                state.ticket = None;
                self.events.step_finished(step, StepEnd::skipped(StepReason::NothingPending), None).await;
                return Ok(());
            }
            // Ctrl-C while the operator is asked: nothing starts.
            tokio::select! {
                reviewed = self.review(state, step) => if let Err(why) = reviewed {
                    state.turns_back = self.can_go_back(state, step).then(|| why.clone());
                    return Err((HostOutcome::Held, vec![why]));
                },
                () = route.brake.reaches(BrakeState::Drain) => {
                    return Err(self.interrupted(state, Some(step)));
                }
            }
        }
        let boot = link.boot().await.map_err(|lost| self.cut_off(step, &lost))?;
        if route.brake.state() > BrakeState::Go {
            return Err(self.interrupted(state, Some(step)));
        }
        let permit = if adopts {
            self.events.step_adopted(&step.id).await
        } else {
            self.events.step_started(&step.id, &boot).await
        };
        let permit = permit.map_err(|denied| {
            let outcome = if state.touched { HostOutcome::Held } else { HostOutcome::NotStarted };
            let (step, failure) = (Some(step.id.clone()), RemoteText::from(denied.0.as_str()));
            self.stopped(outcome, Reason::JournalNotWritable { step, failure })
        })?;
        state.touched = true;
        state.changed_the_schema |= is_for_good(step);
        let request = match known {
            Some(known) if adopts => StepRequest::adopt(permit, step, known.attempt, known.boot.as_deref()),
            Some(known) if known.end_said_nothing() => StepRequest::anew(permit, step, known.attempt + 1),
            Some(known) => StepRequest::new(permit, step, known.attempt + 1),
            None => StepRequest::new(permit, step, 1),
        };
        let mut request = request.after_going_back(self.before.went_back);
        let mut output = StepOutput::heard_by(Some(self.listener(step)));
        let end = match self.follow(link, route, &mut request, step, &mut output).await {
            Ok(ended) if step.reads.is_some() => {
                let (step, executed) = (step.clone(), state.pending.clone().unwrap_or_default());
                let end;
                (end, output) = heavy(move || (judge::judge(&step, ended, &output, &executed), output)).await;
                end
            }
            Ok(ended) => judge::judge(step, ended, &output, &[]),
            Err(lost) => {
                let failure = RemoteText::from(lost.0.as_str());
                judge::unseen(StepReason::EndNotSeen { failure }, &output)
            }
        };
        state.learn(step, Some(&end));
        let (outcome, why) = (end.outcome, vec![step_failed(step, &end)]);
        self.events.step_finished(step, end, Some(output)).await;
        state.was_opened |= outcome == StepOutcome::Succeeded && self.plan.opening.as_ref() == Some(&step.id);
        match (outcome, step.effect) {
            (StepOutcome::Succeeded | StepOutcome::Skipped, _) => Ok(()),
            (StepOutcome::Unknown, Effect::Change) => Err((HostOutcome::Unknown, why)),
            // A check changes nothing, so its unknown result leaves the host itself known.
            (StepOutcome::Unknown, Effect::Check) => Err((HostOutcome::Held, why)),
            (StepOutcome::Failed | StepOutcome::TimedOut, _) => Err((HostOutcome::Failed, why)),
        }
    }

    /// Passes a step's output to the live display, and reads its progress.
    fn listener(&self, step: &PlannedStep) -> Listener {
        let (live, host, id) = (self.live.clone(), self.plan.host.clone(), step.id.clone());
        let (reader, tell) = (ProgressReader::new(), self.events.progress_of(&step.id));
        Box::new(move |stream, bytes| {
            if let Some(live) = &live {
                live.output(&host, &id, stream, bytes);
            }
            if stream == Stream::Stdout
                && let Some(progress) = reader.hear(bytes)
            {
                tell(progress);
            }
        })
    }

    /// Follows a step to its end, over as many connections as it takes.
    async fn follow(
        &self,
        link: &mut Link<'_>,
        route: &Route,
        request: &mut StepRequest<'_>,
        step: &PlannedStep,
        output: &mut StepOutput,
    ) -> Result<StepEnded, LinkLost> {
        let patience = Duration::from_secs(step.command.timeout_seconds) + DEAD_LINK;
        let following = async {
            let (mut silences, mut vanished) = (0, 0);
            loop {
                let ledger = link.ledger().await?;
                let running = async {
                    if self.kind.changes() {
                        return ledger.run(request, output).await;
                    }
                    output.forget();
                    ledger.look(step, output).await
                };
                let lost = match tokio::time::timeout(patience, running).await {
                    Ok(Ok(ended)) => {
                        link.is_good();
                        // A check that was killed changed nothing, so it is repeated.
                        if matches!(ended, StepEnded::Vanished { .. })
                            && step.effect == Effect::Check
                            && vanished < CHECK_AGAIN
                        {
                            vanished += 1;
                            output.forget();
                            continue;
                        }
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
            ended = following => ended,
            () = route.brake.reaches(BrakeState::Detach) => {
                Err(LinkLost("the run was interrupted twice; the step was left to the host".to_owned()))
            }
        }
    }

    /// The end of a lane that was interrupted between two steps.
    fn interrupted(&self, state: &LaneState, before: Option<&PlannedStep>) -> End {
        let reason = Reason::InterruptedBefore { step: before.map(|step| step.id.clone()) };
        let outcome = if state.touched { HostOutcome::Held } else { HostOutcome::NotStarted };
        self.stopped(outcome, reason)
    }

    /// The end of a lane whose connection was lost for good between two steps.
    fn cut_off(&self, step: &PlannedStep, lost: &LinkLost) -> End {
        let (step, failure) = (step.id.clone(), RemoteText::from(lost.0.as_str()));
        self.stopped(HostOutcome::Unreachable, Reason::LostBefore { step, failure })
    }

    /// The end of a lane that did nothing. If a step of an earlier session may be running, the host is `unknown`
    /// instead.
    pub(super) fn stopped(&self, outcome: HostOutcome, why: Reason) -> End {
        let under_way = self.before.has_unknown_step();
        (if under_way { HostOutcome::Unknown } else { outcome }, vec![why])
    }
}

/// Why a host does not go on after a step that did not succeed.
pub(super) fn step_failed(step: &PlannedStep, end: &StepEnd) -> Reason {
    let says_nothing = matches!(end.reason, Some(StepReason::ExitCode { .. }));
    let output = says_nothing.then(|| end.own_words()).flatten();
    Reason::Step { step: step.id.clone(), because: end.reason.clone(), output }
}

/// Whether a step cannot be undone: it is a change with a schema review.
pub(super) fn is_for_good(step: &PlannedStep) -> bool {
    step.effect == Effect::Change && step.schema_review.is_some()
}
