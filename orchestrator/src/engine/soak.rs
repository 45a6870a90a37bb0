//! The soak: after a wave, the health of its upgraded hosts is watched for a time. An unhealthy host counts as failed.
//!
//! Health checks are questions, not steps: they take no lock, leave nothing in a ledger, and may be repeated.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::brake::{Brake, BrakeState};
use super::judge;
use crate::event::{Reason, StepOutcome, StepReason};
use crate::ledger::{Ledger, StepOutput};
use crate::plan::{HostPlan, PlannedStep};
use crate::text::RemoteText;
use crate::transport::{self, Slots, Target, Transport};

/// How often each host is checked.
const EVERY: Duration = Duration::from_secs(10);

/// How soon an unhealthy host is checked again.
const AGAIN: Duration = Duration::from_secs(2);

/// How many checks in a row must fail: a lost connection alone does not make a host unhealthy.
const BAD_LOOKS: u32 = 3;

/// How much longer than its own timeout a check may take.
const SLACK: Duration = Duration::from_secs(30);

/// A host whose health is watched.
pub(super) struct WatchedHost {
    pub(super) plan: HostPlan,
    pub(super) target: Target,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) slots: Arc<Slots>,
    bad_looks: u32,
}

/// How a soak ended.
pub(super) enum SoakEnd {
    /// The soak time is over.
    Over,
    /// The run was interrupted.
    Interrupted,
}

impl WatchedHost {
    pub(super) fn new(
        plan: &HostPlan,
        target: &Target,
        transport: &Arc<dyn Transport>,
        slots: &Arc<Slots>,
    ) -> Self {
        Self {
            plan: plan.clone(),
            target: target.clone(),
            transport: Arc::clone(transport),
            slots: Arc::clone(slots),
            bad_looks: 0,
        }
    }

    /// Checks the host once; `Some`: it is unhealthy, and why.
    async fn look(&mut self) -> Option<Reason> {
        match self.find_out().await {
            Ok(()) => {
                self.bad_looks = 0;
                None
            }
            Err(why) => {
                self.bad_looks += 1;
                (self.bad_looks == BAD_LOOKS).then_some(why)
            }
        }
    }

    async fn find_out(&self) -> Result<(), Reason> {
        let away = |error: String| Reason::Unreachable { failure: RemoteText::from(error.as_str()) };
        let connected = transport::connect(&*self.transport, &self.target, &self.slots).await;
        let session = connected.map_err(|error| away(error.to_string()))?;
        let opening = Ledger::open(session, "none", self.target.host(), &self.plan.place);
        let mut ledger = opening.await.map_err(|error| away(error.to_string()))?;
        let mut found = Ok(());
        for step in &self.plan.health {
            found = ask(&mut ledger, step).await;
            if found.is_err() {
                break;
            }
        }
        ledger.close().await;
        found
    }
}

/// Runs one health check.
async fn ask(ledger: &mut Ledger, step: &PlannedStep) -> Result<(), Reason> {
    let failed =
        |because: StepReason| Reason::Step { step: step.id.clone(), because: Some(because), output: None };
    let mut output = StepOutput::default();
    let patience = Duration::from_secs(step.command.timeout_seconds) + SLACK;
    let ended = tokio::time::timeout(patience, ledger.look(step, &mut output))
        .await
        .map_err(|_| failed(StepReason::NoAnswer { seconds: patience.as_secs() }))?
        .map_err(|lost| failed(StepReason::EndNotSeen { failure: RemoteText::from(lost.0.as_str()) }))?;
    let end = judge::judge(step, ended, &output, &[]);
    if end.outcome == StepOutcome::Succeeded {
        return Ok(());
    }
    let output = end.own_words();
    Err(Reason::Step { step: step.id.clone(), because: end.reason, output })
}

/// Watches until `until`, but checks each host at least once; calls `unwell` for each unhealthy host.
pub(super) async fn watch(
    mut watched: Vec<WatchedHost>,
    until: Timestamp,
    now: Timestamp,
    brake: &Brake,
    mut unwell: impl AsyncFnMut(&str, Reason),
) -> SoakEnd {
    let left = Duration::try_from(until.duration_since(now).max(SignedDuration::ZERO)).unwrap_or_default();
    let over = Instant::now() + left;
    loop {
        let looked = tokio::select! {
            looked = join_all(watched.iter_mut().map(WatchedHost::look)) => looked,
            () = brake.reaches(BrakeState::Drain) => return SoakEnd::Interrupted,
        };
        for (host, found) in std::iter::zip(&watched, &looked) {
            if let Some(why) = found {
                unwell(&host.plan.host, why.clone()).await;
            }
        }
        let mut given_up = looked.iter().map(Option::is_some);
        watched.retain(|_| !given_up.next().unwrap_or(false));
        let in_doubt = watched.iter().any(|host| host.bad_looks > 0);
        if watched.is_empty() || (Instant::now() >= over && !in_doubt) {
            return SoakEnd::Over;
        }
        let next = Instant::now() + if in_doubt { AGAIN } else { EVERY };
        let next = if in_doubt { next } else { next.min(over) };
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = brake.reaches(BrakeState::Drain) => return SoakEnd::Interrupted,
        }
    }
}
