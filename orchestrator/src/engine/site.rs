//! Checks a host's web site from the controller, as a step of its lane.

use std::time::Duration;

use tokio::time::Instant;

use super::SiteLook;
use super::brake::BrakeState;
use super::lane::{End, Lane, LaneState, step_failed};
use super::link::Route;
use crate::event::{HostOutcome, StepEnd, StepOutcome};
use crate::plan::{PlannedStep, SiteProbe};

/// The pause between two checks.
const PAUSE: Duration = Duration::from_secs(1);

/// After how many failures in a row the site is taken to be unreachable from here, so that the step is skipped.
const UNREACHABLE: u32 = 3;

impl Lane {
    /// Checks the host's site until it is healthy; `Err` ends the lane.
    pub(super) async fn probe(
        &self,
        route: &Route,
        state: &LaneState,
        step: &PlannedStep,
        probe: &SiteProbe,
    ) -> Result<(), End> {
        let began = Instant::now();
        let permit = self.events.step_started(&step.id, "").await;
        // This step changes nothing, so it needs no permit. The next change reports a journal that cannot be written.
        drop(permit);
        let end = tokio::select! {
            end = self.until_well(state, probe) => end,
            () = route.brake.reaches(BrakeState::Drain) => {
                StepEnd::without_output(StepOutcome::Unknown, "the run was interrupted")
            }
        };
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let end = StepEnd { milliseconds, ..end };
        let (outcome, why) = (end.outcome, vec![step_failed(step, &end)]);
        self.events.step_finished(step, end, None).await;
        match outcome {
            StepOutcome::Succeeded | StepOutcome::Skipped => Ok(()),
            StepOutcome::Unknown => Err((HostOutcome::Held, why)),
            StepOutcome::Failed | StepOutcome::TimedOut => Err((HostOutcome::Failed, why)),
        }
    }

    async fn until_well(&self, state: &LaneState, probe: &SiteProbe) -> StepEnd {
        let until = Instant::now() + Duration::from_secs(probe.timeout_seconds);
        let (mut good, mut away, mut was_reached) = (0, 0, false);
        loop {
            let trouble = match self.prober.look(&probe.url, state.version.as_deref()).await {
                SiteLook::Well => {
                    good += 1;
                    was_reached = true;
                    None
                }
                SiteLook::Unwell(why) => {
                    good = 0;
                    was_reached = true;
                    Some(why)
                }
                SiteLook::Unreachable(why) => {
                    good = 0;
                    away += 1;
                    Some(why)
                }
            };
            if good >= probe.successes.max(1) {
                return StepEnd::without_output(StepOutcome::Succeeded, "");
            }
            let why = trouble.unwrap_or_else(|| format!("it was well only {good} times in a row"));
            if away >= UNREACHABLE && !was_reached {
                return StepEnd::skipped(&format!("{} cannot be reached from here: {why}", probe.url));
            }
            if Instant::now() >= until {
                return StepEnd::without_output(StepOutcome::Failed, &format!("{}: {why}", probe.url));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
