//! A rollout: waves in order, a gate before each; within a wave one lane per host.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinError, JoinSet};

use super::brake::BrakeState;
use super::dispatch::{self, Dispatched, Reporter, RunEvents};
use super::lane::Lane;
use super::{HostReport, Job};
use crate::event::{FORMAT, HostOutcome, RunEvent, RunHeader};
use crate::gate::{self, Decision, Tally};
use crate::journal::Writer;
use crate::plan::{HostAction, PlannedWave};

/// Runs a job to its end, whatever that is.
///
/// # Errors
/// Only that no thread could be started; everything else is an outcome.
pub async fn run(
    job: Job,
    journal: Writer,
    reporters: Vec<Box<dyn Reporter>>,
    now: fn() -> Timestamp,
) -> std::io::Result<Dispatched> {
    let (events, result) = dispatch::start(journal, reporters, now)?;
    events
        .tell(RunEvent::RunStarted(Box::new(RunHeader {
            format: FORMAT,
            run: job.about.run.clone(),
            ixporch: env!("CARGO_PKG_VERSION").to_owned(),
            operator: job.about.operator.clone(),
            inventory: job.about.inventory.clone(),
            procedure: job.about.procedure.clone(),
            plan_digest: job.plan.digest(),
            plan: job.plan.clone(),
        })))
        .await;
    let rollout = Rollout {
        forks: Arc::new(Semaphore::new(job.limits.forks.max(1))),
        connecting: Arc::new(Semaphore::new(job.limits.connecting.max(1))),
        events: events.clone(),
        job,
    };
    rollout.waves().await;
    events.finish().await;
    drop((events, rollout));
    result.await.map_err(|_| std::io::Error::other("the dispatcher broke down"))
}

struct Rollout {
    job: Job,
    forks: Arc<Semaphore>,
    connecting: Arc<Semaphore>,
    events: RunEvents,
}

impl Rollout {
    async fn waves(&self) {
        let mut ended: Vec<(&PlannedWave, Tally)> = Vec::new();
        let mut stopped: Option<(String, bool)> = None;
        for wave in &self.job.plan.waves {
            let has_work = wave.hosts.iter().any(|host| matches!(host.action, HostAction::Upgrade(_)));
            if stopped.is_none() && has_work {
                stopped = self.gate(wave, &ended).await;
            }
            if let Some((why, at_gate)) = stopped.as_ref().filter(|_| has_work) {
                self.hold(wave, why, *at_gate).await;
                let first = if why.starts_with("wave `") {
                    why.clone()
                } else {
                    format!("wave `{}` was not begun", wave.name)
                };
                stopped = Some((first, *at_gate));
                continue;
            }
            self.events.tell(RunEvent::WaveStarted { wave: wave.name.clone() }).await;
            let reports = self.wave(wave).await;
            self.events.tell(RunEvent::WaveFinished { wave: wave.name.clone() }).await;
            ended.push((wave, Tally { outcomes: reports.iter().map(|report| report.outcome).collect() }));
        }
        if self.job.brake.state() > BrakeState::Go {
            self.events.tell(RunEvent::Interrupted).await;
        }
    }

    /// Why a wave must not start, and whether a person could let it; `None` where it may.
    async fn gate(&self, wave: &PlannedWave, ended: &[(&PlannedWave, Tally)]) -> Option<(String, bool)> {
        if self.job.brake.state() > BrakeState::Go {
            return Some(("the run was interrupted".to_owned(), false));
        }
        match gate::before_wave(wave, ended, self.job.attendant.is_attended()) {
            Decision::Pass => None,
            Decision::Hold(why) => Some((why, true)),
            Decision::Stop(why) => Some((why, false)),
            Decision::Ask => {
                let answer = tokio::select! {
                    answer = self.job.attendant.start_wave(&wave.name) => answer,
                    () = self.job.brake.reaches(BrakeState::Drain) => None,
                };
                match answer {
                    Some(answer) if answer.yes => None,
                    Some(answer) => Some((format!("{} did not let it start", answer.by), true)),
                    None => Some(("nobody answered".to_owned(), true)),
                }
            }
        }
    }

    async fn hold(&self, wave: &PlannedWave, why: &str, at_gate: bool) {
        self.events.tell(RunEvent::WaveHeld { wave: wave.name.clone(), why: why.to_owned(), at_gate }).await;
        for host in &wave.hosts {
            let events = self.events.of_host(&host.host);
            // A gate keeps nothing from a host on which nothing would be done.
            match &host.action {
                HostAction::Current => events.finished(HostOutcome::Current, "").await,
                HostAction::Unreachable(why) => events.finished(HostOutcome::Unreachable, why).await,
                HostAction::Upgrade(_) => events.finished(HostOutcome::NotStarted, why).await,
            }
        }
    }

    /// One lane per host; the reports are in the order of the plan, and every host has one.
    async fn wave(&self, wave: &PlannedWave) -> Vec<HostReport> {
        let parallel =
            wave.parallel.and_then(|parallel| usize::try_from(parallel).ok()).unwrap_or(usize::MAX);
        let in_wave = Arc::new(Semaphore::new(parallel.min(Semaphore::MAX_PERMITS)));
        let mut lanes = JoinSet::new();
        let mut names: BTreeMap<Id, String> = BTreeMap::new();
        for plan in &wave.hosts {
            let lane = Lane {
                target: self.job.targets.get(&plan.host).cloned(),
                transport: Arc::clone(&self.job.transport),
                attendant: Arc::clone(&self.job.attendant),
                connecting: Arc::clone(&self.connecting),
                brake: self.job.brake.clone(),
                events: self.events.of_host(&plan.host),
                plan: plan.clone(),
            };
            let (forks, in_wave) = (Arc::clone(&self.forks), Arc::clone(&in_wave));
            let handle = lanes.spawn(async move {
                let _slot = in_wave.acquire_owned().await;
                let _fork = forks.acquire_owned().await;
                Box::pin(lane.drive()).await
            });
            names.insert(handle.id(), plan.host.clone());
        }
        let mut reports = BTreeMap::new();
        while let Some(joined) = lanes.join_next_with_id().await {
            let report = match joined {
                Ok((_, report)) => report,
                Err(error) => self.crashed(&names, &error).await,
            };
            reports.insert(report.host.clone(), report);
        }
        wave.hosts.iter().filter_map(|host| reports.remove(&host.host)).collect()
    }

    /// A panic in a lane is that host's outcome, and nobody else's.
    async fn crashed(&self, names: &BTreeMap<Id, String>, error: &JoinError) -> HostReport {
        let host = names.get(&error.id()).cloned().unwrap_or_default();
        let why = "its lane broke down: a fault of ixporch".to_owned();
        self.events.of_host(&host).finished(HostOutcome::Crashed, &why).await;
        HostReport { host, outcome: HostOutcome::Crashed, why }
    }
}
