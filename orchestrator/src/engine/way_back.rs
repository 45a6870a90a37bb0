//! The way back: what happens on a host that cannot continue.
//!
//! Owns whether it goes back to its start, and by which steps. A host whose schema changes are not approved goes back
//! and
//! is held; a host with a failed step is rolled back if its policy says so.

use ixporch_inventory::FailurePolicy;

use super::lane::{End, Lane, LaneState, step_failed};
use super::link::{Link, Route};
use crate::event::{HostOutcome, Reason, RunKind, StepEnd, StepOutcome};
use crate::plan::PlannedStep;
use crate::state::{HostState, StepState};

/// Why a host goes back; `rolls_back`: because a step failed.
struct WayBack {
    why: Vec<Reason>,
    rolls_back: bool,
}

impl Lane {
    /// Runs the host's steps. Goes back to the start if they cannot continue and that is possible.
    pub(super) async fn there_or_back(
        &self,
        link: &mut Link<'_>,
        route: &Route,
        state: &mut LaneState,
        steps: &[PlannedStep],
    ) -> End {
        if let Some(why) = self.before.going_back.clone() {
            let back = WayBack { why, rolls_back: self.before.rolls_back };
            return self.go_back(link, route, state, back).await;
        }
        if self.before.rolls_back {
            // The host is back already; only its outcome was not recorded.
            return match self.unwell() {
                Some(why) => (HostOutcome::Failed, vec![Reason::BackUnwell { because: vec![why] }]),
                None => (HostOutcome::RolledBack, vec![Reason::RolledBack]),
            };
        }
        let end = self.steps(link, route, state, steps).await;
        if let Some(why) = state.turns_back.take() {
            return self.turn_back(link, route, state, WayBack { why: vec![why], rolls_back: false }).await;
        }
        match end {
            (HostOutcome::Done, why) => (self.success(), why),
            (HostOutcome::Failed, why) => self.after_failure(link, route, state, why).await,
            end => end,
        }
    }

    /// The outcome of a host on which everything succeeded.
    fn success(&self) -> HostOutcome {
        match self.kind {
            RunKind::Upgrade => HostOutcome::Upgraded,
            RunKind::Rollback => HostOutcome::RolledBack,
            RunKind::Procedure | RunKind::Exec | RunKind::Backup | RunKind::Settle | RunKind::Look => {
                HostOutcome::Done
            }
        }
    }

    /// A step failed, and nothing runs on the host any more: its policy decides.
    async fn after_failure(
        &self,
        link: &mut Link<'_>,
        route: &Route,
        state: &mut LaneState,
        mut why: Vec<Reason>,
    ) -> End {
        let was_opened = state.was_opened;
        let failed = state.failed.take().and_then(|failed| self.plan.step(&failed));
        if was_opened && !failed.is_some_and(|failed| failed.tells_health) {
            // The failed step says nothing about the open site.
            return (HostOutcome::Failed, why);
        }
        if was_opened && let Some(closing) = self.plan.closes_again() {
            // An unhealthy site must not stay open.
            let known = self.before.step(&closing.id);
            if known.is_some_and(StepState::has_failed) {
                why.push(Reason::NotClosedAgain { because: Vec::new() });
                return (HostOutcome::Failed, why);
            }
            if !known.is_some_and(StepState::is_done)
                && let Err((outcome, because)) = self.step(link, route, state, closing).await
            {
                why.push(Reason::NotClosedAgain { because });
                return (outcome, why);
            }
        }
        let wants = match self.plan.on_failure {
            FailurePolicy::Stop => false,
            FailurePolicy::WhileClosed => !was_opened,
            FailurePolicy::RollBack => true,
        };
        if !wants {
            return (HostOutcome::Failed, why);
        }
        let Ok(host) = self.events.host_state().await else { return (HostOutcome::Failed, why) };
        if !host.has_something_to_undo(&self.plan) {
            return (HostOutcome::Failed, why);
        }
        if self.plan.back.is_empty() {
            why.push(Reason::StartUnknown);
            return (HostOutcome::Failed, why);
        }
        self.turn_back(link, route, state, WayBack { why, rolls_back: true }).await
    }

    async fn turn_back(
        &self,
        link: &mut Link<'_>,
        route: &Route,
        state: &mut LaneState,
        back: WayBack,
    ) -> End {
        self.events.going_back(&back.why, back.rolls_back).await;
        self.go_back(link, route, state, back).await
    }

    async fn go_back(&self, link: &mut Link<'_>, route: &Route, state: &mut LaneState, back: WayBack) -> End {
        let WayBack { mut why, rolls_back } = back;
        let Ok(host) = self.events.host_state().await else {
            let outcome =
                if self.before.has_unknown_step() { HostOutcome::Unknown } else { HostOutcome::Held };
            return (outcome, why);
        };
        // The version was that of the upgraded code.
        state.version = None;
        let mut steps = host.way_back(&self.plan);
        // The site may have been closed again already.
        let closing = self.plan.closes_again().map(|closing| &closing.id);
        steps
            .retain(|step| Some(&step.id) != closing || !host.step(&step.id).is_some_and(StepState::is_done));
        match self.steps(link, route, state, steps.iter().copied()).await {
            (HostOutcome::Done, _) => {
                self.events.went_back().await;
                state.touched = false;
                let (outcome, how) = if rolls_back {
                    (HostOutcome::RolledBack, Reason::RolledBack)
                } else {
                    (HostOutcome::Held, Reason::BackAtStart)
                };
                why.push(how);
                (outcome, why)
            }
            (HostOutcome::Failed, because) => {
                let failed = state.failed.take();
                let is_back = self
                    .events
                    .host_state()
                    .await
                    .is_ok_and(|host| Self::is_back_but_unwell(&host, &steps, failed.as_deref()));
                if !is_back {
                    why.push(Reason::NotBack { because });
                    return (HostOutcome::Failed, why);
                }
                self.events.went_back().await;
                state.touched = false;
                why.push(Reason::BackUnwell { because });
                (HostOutcome::Failed, why)
            }
            (outcome, because) => {
                why.push(Reason::NotBack { because });
                (outcome, why)
            }
        }
    }

    /// Whether everything is back, and only a health check of the open site failed.
    fn is_back_but_unwell(host: &HostState, steps: &[&PlannedStep], failed: Option<&str>) -> bool {
        let is_done = |step: &PlannedStep| host.step(&step.id).is_some_and(StepState::is_done);
        let is_a_look = steps.iter().any(|step| Some(step.id.as_str()) == failed && step.tells_health);
        is_a_look && steps.iter().filter(|step| !step.tells_health).all(|step| is_done(step))
    }

    /// Why the site of a host that is back is unhealthy.
    fn unwell(&self) -> Option<Reason> {
        let looks = self.plan.back.iter().filter(|step| step.tells_health);
        let mut ends = looks.filter_map(|step| Some((step, self.before.step(&step.id)?.end.as_ref()?)));
        let failed = |end: &StepEnd| matches!(end.outcome, StepOutcome::Failed | StepOutcome::TimedOut);
        ends.find(|(_, end)| failed(end)).map(|(step, end)| step_failed(step, end))
    }
}
