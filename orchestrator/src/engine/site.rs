//! Checks a host's web site from the controller, as a step of its lane.

use std::time::Duration;

use tokio::time::Instant;

use super::SiteLook;
use super::brake::BrakeState;
use super::lane::{End, Lane, LaneState, step_failed};
use super::link::Route;
use crate::event::{HostOutcome, StepEnd, StepOutcome, StepReason};
use crate::facts::SiteTrouble;
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
                StepEnd::without_output(StepOutcome::Unknown, Some(StepReason::Interrupted))
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
                SiteLook::Unwell(trouble) => {
                    good = 0;
                    was_reached = true;
                    Some(trouble)
                }
                SiteLook::Unreachable(trouble) => {
                    good = 0;
                    away += 1;
                    Some(trouble)
                }
            };
            if good >= probe.successes.max(1) {
                return StepEnd::without_output(StepOutcome::Succeeded, None);
            }
            let trouble = trouble.unwrap_or(SiteTrouble::Unsteady { successes: good });
            let url = probe.url.clone();
            if away >= UNREACHABLE && !was_reached {
                return StepEnd::skipped(StepReason::SiteUnreachable { url, trouble });
            }
            if Instant::now() >= until {
                let reason = StepReason::SiteUnwell { url, trouble };
                return StepEnd::without_output(StepOutcome::Failed, Some(reason));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
