//! A run's hold on a host: the lock before its first step, and its return after the last.

use std::time::Duration;

use tokio::time::Instant;

use super::brake::BrakeState;
use super::dispatch::HostEvents;
use super::lane::End;
use super::link::{Link, Way};
use crate::event::HostOutcome;
use crate::facts::HostLock;
use crate::ledger::{self, Locked};
use crate::plan::HostPlan;
use crate::state::HostState;
use crate::transport::LinkLost;

/// How often a lock that another run holds is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// How long a host may take to answer a question about its lock or ledger.
const ANSWER: Duration = Duration::from_secs(60);

/// What a run writes into the locks that it takes, and how it deals with others'.
#[derive(Clone)]
pub(super) struct Claim {
    pub(super) lock: HostLock,
    pub(super) instead_of: Option<String>,
    pub(super) keep_ledger: bool,
    /// How long another run's lock is waited for.
    pub(super) wait: Duration,
}

impl Claim {
    /// Takes the host's lock; `Err` is how the host ends without it.
    pub(super) async fn take(
        &self,
        link: &mut Link<'_>,
        way: &Way,
        events: &HostEvents,
        plan: &HostPlan,
        before: &HostState,
    ) -> Result<(), End> {
        let touched = !before.steps.is_empty();
        let not_now = if touched { HostOutcome::Held } else { HostOutcome::NotStarted };
        let until = Instant::now() + self.wait;
        loop {
            let locked = self.try_to_take(link, way).await.map_err(|lost| {
                (
                    HostOutcome::Unreachable,
                    format!("the connection was lost before the host was locked: {}", lost.0),
                )
            })?;
            let holder = match locked {
                Locked::Ours => {
                    events.locked().await;
                    return Ok(());
                }
                Locked::Taken { commit } => {
                    events.locked().await;
                    let moved = commit.zip(plan.commit.as_ref()).filter(|(now, then)| now != *then);
                    return match moved {
                        Some((now, then)) if !touched => {
                            let why = format!(
                                "the installed commit is {now} now, and the plan was made at {then}: plan again"
                            );
                            Err(self.give_back(link, way, events, (HostOutcome::NotStarted, why)).await)
                        }
                        _ => Ok(()),
                    };
                }
                Locked::Held(holder) => holder,
                Locked::Failed(why) => {
                    return Err((not_now, format!("the host's lock cannot be taken: {why}")));
                }
            };
            if Instant::now() >= until {
                let why = format!("locked by {}", holder.holder());
                events.refused(holder).await;
                return Err((not_now, why));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = way.brake.reaches(BrakeState::Drain) => {
                    return Err((not_now, "the run was interrupted while another one held the host".to_owned()));
                }
            }
        }
    }

    async fn try_to_take(&self, link: &mut Link<'_>, way: &Way) -> Result<Locked, LinkLost> {
        loop {
            let ledger = link.ledger().await?;
            let taking = async {
                if let Some(earlier) = &self.instead_of
                    && ledger::is_running(ledger, &way.place, earlier).await?
                {
                    let why = format!("a step of run {earlier} is still running there");
                    return Ok(Locked::Failed(why));
                }
                ledger.lock(&way.place, &self.lock, self.instead_of.as_deref()).await
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

    /// Removes the ledger and gives the lock back, once every end is in the journal; adds to the end's reason what
    /// is still there.
    pub(super) async fn give_back(
        &self,
        link: &mut Link<'_>,
        way: &Way,
        events: &HostEvents,
        end: End,
    ) -> End {
        let (outcome, why) = end;
        let with = |more: String| (outcome, if why.is_empty() { more } else { format!("{why}\n{more}") });
        if events.settled().await.is_err() {
            return with(
                "its lock and ledger are left on it, since the journal cannot be written".to_owned(),
            );
        }
        match self.try_to_give_back(link, way).await {
            Ok(Ok(())) => {
                events.released().await;
                (outcome, why.clone())
            }
            Ok(Err(left)) => with(format!("its lock or ledger is still there: {left}")),
            Err(lost) => with(format!("its lock and ledger are still there: {}", lost.0)),
        }
    }

    async fn try_to_give_back(&self, link: &mut Link<'_>, way: &Way) -> Result<Result<(), String>, LinkLost> {
        loop {
            let keep = self.keep_ledger;
            let ledger = link.ledger().await?;
            let giving = async {
                let earlier = self.instead_of.as_deref();
                for run in [Some(self.lock.run.as_str()), earlier].into_iter().flatten().filter(|_| !keep) {
                    if let Err(left) = ledger::remove_ledger(ledger, run).await? {
                        return Ok(Err(left));
                    }
                }
                ledger.unlock(&way.place).await
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

/// An answer in time.
async fn answered<T>(asking: impl Future<Output = Result<T, LinkLost>>) -> Result<T, LinkLost> {
    tokio::time::timeout(ANSWER, asking)
        .await
        .unwrap_or_else(|_| Err(LinkLost(format!("no answer within {}s", ANSWER.as_secs()))))
}
