//! The claim of a run on a host: it takes the lock before the first step, and returns it after the last.
//!
//! Owns when a lock is waited for, refused and released. It must not know what steps do.

use std::time::Duration;

use ixporch_inventory::FailurePolicy;
use tokio::time::Instant;

use super::brake::BrakeState;
use super::dispatch::HostEvents;
use super::link::{Link, Route};
use crate::event::Reason;
use crate::facts::HostLock;
use crate::ledger::{self, Locked};
use crate::plan::{HostPlan, PlannedStep};
use crate::state::{HostState, StepState};
use crate::text::RemoteText;
use crate::transport::LinkLost;

/// How often a lock is checked that another run holds.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// How long a host may take to answer a question about its lock or ledger.
const ANSWER: Duration = Duration::from_secs(60);

/// What a run writes into its locks, and how it treats the locks of others.
#[derive(Clone)]
pub(super) struct Claim {
    pub(super) lock: HostLock,
    pub(super) instead_of: Option<String>,
    pub(super) keep_ledger: bool,
    /// How long to wait for another run's lock.
    pub(super) wait: Duration,
}

/// Why a run does not hold a host.
pub(super) enum NotHeld {
    /// The connection was lost and could not be restored.
    Lost(Reason),
    /// The host must not be worked on. `ours`: the lock was taken nevertheless, and must be released.
    Refused { reason: Reason, ours: bool },
}

fn refused(reason: Reason) -> NotHeld {
    NotHeld::Refused { reason, ours: false }
}

fn text(failure: &str) -> RemoteText {
    RemoteText::from(failure)
}

impl Claim {
    /// Takes the host's lock.
    pub(super) async fn take(
        &self,
        link: &mut Link<'_>,
        route: &Route,
        events: &HostEvents,
        plan: &HostPlan,
        before: &HostState,
    ) -> Result<(), NotHeld> {
        // Without a journal nothing may change on a host, not even its lock.
        events
            .synced()
            .await
            .map_err(|denied| refused(Reason::JournalNotWritable { step: None, failure: text(&denied.0) }))?;
        let until = Instant::now() + self.wait;
        let mut waited = false;
        loop {
            let locked = tokio::select! {
                locked = self.try_to_take(link, route, before) => {
                    locked.map_err(|lost| NotHeld::Lost(Reason::LostLocking { failure: text(&lost.0) }))?
                }
                () = route.brake.reaches(BrakeState::Detach) => return Err(refused(Reason::InterruptedLocking)),
            };
            let holder = match locked.map_err(refused)? {
                Locked::Ours { .. } if before.was_touched() => {
                    events.locked().await;
                    return Ok(());
                }
                Locked::Taken { commit } | Locked::Ours { commit } => {
                    events.locked().await;
                    let ours = true;
                    return match reason_against(plan, before, commit, waited) {
                        Some(reason) => Err(NotHeld::Refused { reason, ours }),
                        None => Ok(()),
                    };
                }
                Locked::NoLedger(why) => {
                    events.locked().await;
                    let reason = Reason::LedgerNotCreated { failure: text(&why) };
                    return Err(NotHeld::Refused { reason, ours: !before.was_touched() });
                }
                Locked::LedgerGone => {
                    return Err(refused(Reason::LedgerGone));
                }
                Locked::Held(holder) => holder,
                Locked::Failed(why) => {
                    return Err(refused(Reason::LockNotTaken { failure: text(&why) }));
                }
            };
            if Instant::now() >= until {
                events.refused(holder.clone()).await;
                return Err(refused(Reason::LockedBy { lock: Box::new(holder) }));
            }
            waited = true;
            tokio::select! {
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = route.brake.reaches(BrakeState::Drain) => {
                    return Err(refused(Reason::InterruptedWaiting));
                }
            }
        }
    }

    /// Takes the lock once; the inner `Err`: why that is not even tried.
    async fn try_to_take(
        &self,
        link: &mut Link<'_>,
        route: &Route,
        before: &HostState,
    ) -> Result<Result<Locked, Reason>, LinkLost> {
        // If a step may be running, only its ledger can tell; then a missing ledger must not be replaced.
        let expected = before.has_unknown_step();
        loop {
            let ledger = link.ledger().await?;
            let taking = async {
                if let Some(earlier) = &self.instead_of
                    && ledger::is_running(ledger, earlier).await?
                {
                    return Ok(Err(Reason::EarlierRunAtWork { run: earlier.clone() }));
                }
                ledger.lock(&route.place, &self.lock, self.instead_of.as_deref(), expected).await.map(Ok)
            };
            match answered(taking).await {
                Ok(locked) => {
                    link.is_good();
                    return Ok(locked);
                }
                Err(lost) => link.lost(None, &lost).await,
            }
        }
    }

    /// Removes the ledger and releases the lock, once all outcomes are in the journal. `Err`: what is still on the
    /// host.
    pub(super) async fn give_back(
        &self,
        link: &mut Link<'_>,
        route: &Route,
        events: &HostEvents,
        keep_ledger: bool,
    ) -> Result<(), Reason> {
        if events.synced().await.is_err() {
            return Err(Reason::LockLeftUnrecorded);
        }
        let given = tokio::select! {
            given = self.try_to_give_back(link, route, keep_ledger) => given,
            () = route.brake.reaches(BrakeState::Detach) => Err(LinkLost("the run was interrupted twice".to_owned())),
        };
        match given {
            Ok(Ok(())) => {
                events.released().await;
                Ok(())
            }
            Ok(Err(left)) => Err(Reason::LockLeft { failure: text(&left) }),
            Err(lost) => Err(Reason::LockLeft { failure: text(&lost.0) }),
        }
    }

    async fn try_to_give_back(
        &self,
        link: &mut Link<'_>,
        route: &Route,
        keep_ledger: bool,
    ) -> Result<Result<(), String>, LinkLost> {
        loop {
            let keep = self.keep_ledger || keep_ledger;
            let ledger = link.ledger().await?;
            let giving = async {
                let earlier = self.instead_of.as_deref();
                for run in [Some(self.lock.run.as_str()), earlier].into_iter().flatten().filter(|_| !keep) {
                    if let Err(left) = ledger::remove_ledger(ledger, run).await? {
                        return Ok(Err(left));
                    }
                }
                ledger.unlock(&route.place).await
            };
            match answered(giving).await {
                Ok(removed) => {
                    link.is_good();
                    return Ok(removed);
                }
                Err(lost) => link.lost(None, &lost).await,
            }
        }
    }
}

/// Why a host must not be worked on although its lock was free: it may have changed since the plan was made.
fn reason_against(
    plan: &HostPlan,
    before: &HostState,
    commit: Option<String>,
    waited: bool,
) -> Option<Reason> {
    // Nothing is left to run: only the outcome was not recorded.
    let is_done = |step: &PlannedStep| before.step(&step.id).is_some_and(StepState::is_done);
    if plan.steps().iter().all(is_done) || ends_at_its_failure(plan, before) {
        return None;
    }
    if before.steps.iter().any(|step| !step.undone) {
        // The lock of this run is gone, so what it knows of the host may be outdated.
        return Some(Reason::LockBroken);
    }
    if waited {
        return Some(Reason::WorkedOnSince);
    }
    let (now, planned) = commit.zip(plan.commit.clone()).filter(|(now, planned)| now != planned)?;
    Some(Reason::CommitDiffers { now, planned })
}

/// Whether a failed step was the last one: neither the closing of the site nor the way back follows.
fn ends_at_its_failure(plan: &HostPlan, before: &HostState) -> bool {
    let has_failed = |step: &PlannedStep| before.step(&step.id).is_some_and(StepState::has_failed);
    let closes = before.was_opened(plan) && plan.closes_again().is_some();
    plan.back.iter().any(has_failed)
        || plan.on_failure == FailurePolicy::Stop && !closes && plan.steps().iter().any(has_failed)
}

/// Waits for an answer, but not for longer than [`ANSWER`].
pub(super) async fn answered<T>(asking: impl Future<Output = Result<T, LinkLost>>) -> Result<T, LinkLost> {
    tokio::time::timeout(ANSWER, asking)
        .await
        .unwrap_or_else(|_| Err(LinkLost(format!("no answer within {}s", ANSWER.as_secs()))))
}
