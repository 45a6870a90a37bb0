//! A rollout: waves in order, a gate before each, and one lane per host within a wave.
//!
//! Owns which hosts start when, and when no further one does. It must not know what a lane does on its host.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use ixporch_inventory::GateKind;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinError, JoinSet};

use super::approvals::{self, KnownApprovals};
use super::before_wave::WaveGate;
use super::brake::BrakeState;
use super::claim::Claim;
use super::dispatch::{self, Dispatched, Reporter, RunEvents};
use super::evidence_match::EvidenceMatch;
use super::lane::Lane;
use super::late_plans::LatePlans;
use super::link::Route;
use super::review_queue::{ReviewQueue, Ticket};
use super::soak::{self, SoakEnd, WatchedHost};
use super::{HostReport, Job};
use crate::event::{Blocker, HostOutcome, Reason, RunEvent, Unmet};
use crate::facts::HostLock;
use crate::gate::Tally;
use crate::journal::Writer;
use crate::plan::{Blocking, HostAction, HostPlan, PlannedStep, PlannedWave};
use crate::state::{HostState, RunState, Soak, StepState};
use crate::text::RemoteText;
use crate::transport::Slots;

/// Runs a job to its end.
///
/// # Errors
/// No thread could be started. Everything else that goes wrong is an outcome.
pub async fn run(
    mut job: Job,
    journal: Writer,
    reporters: Vec<Box<dyn Reporter>>,
    now: fn() -> Timestamp,
) -> std::io::Result<Dispatched> {
    let state = job.resumed.clone().unwrap_or_default();
    let (events, result) = dispatch::start(journal, state, reporters, now)?;
    events.tell(beginning(&job)).await;
    approvals::record(&events, &job).await;
    let before = job.resumed.clone().map(|mut state| {
        state.resume();
        state
    });
    let claim = Claim {
        lock: HostLock {
            run: job.header.run.clone(),
            operator: job.header.operator.clone(),
            origin: job.header.origin.clone(),
            since: Some(now()),
            ..HostLock::default()
        },
        instead_of: job.header.takes_over().map(str::to_owned),
        keep_ledger: job.header.keep_ledger,
        wait: job.lock_wait,
    };
    let before = before.unwrap_or_default();
    let (listener, approvals) = KnownApprovals::open(&before, &job);
    let listening = tokio::spawn(listener.listen(job.late_approvals.take(), events.clone()));
    let reviews = ReviewQueue::start(Arc::clone(&job.operator), events.clone(), job.header.origin.clone());
    let late = Arc::new(LatePlans::of(&job.header.plan));
    let arriving = job.late_plans.take();
    let planning = tokio::spawn(Arc::clone(&late).take(job.header.plan.clone(), arriving, events.clone()));
    let rollout = Rollout {
        late,
        approvals,
        reviews,
        now,
        slots: Arc::new(Slots::new(job.limits.connecting)),
        working: Arc::new(Semaphore::new(job.limits.forks.max(1))),
        before,
        claim,
        events: events.clone(),
        job,
    };
    rollout.waves().await;
    listening.abort();
    planning.abort();
    // They end at their next await; what they have taken is in the journal.
    let _ = (listening.await, planning.await);
    events.finish().await;
    // The dispatcher ends when its last sender is dropped.
    drop((events, rollout));
    result.await.map_err(|_| std::io::Error::other("the dispatcher broke down"))
}

/// How many lanes that only look there are at once, with those that wait for a connection.
const LOOKING: usize = 256;

/// The first event of a run, or of its resumption.
fn beginning(job: &Job) -> RunEvent {
    if job.resumed.is_none() {
        return RunEvent::RunStarted(Arc::new(job.header.clone()));
    }
    RunEvent::RunResumed {
        operator: job.header.operator.clone(),
        ixporch: job.header.ixporch.clone(),
        order: job.header.order,
    }
}

fn interrupted_soak(wave: &PlannedWave) -> Reason {
    Reason::SoakInterrupted { wave: wave.name.clone() }
}

/// Why the waves after a held one do not start: by itself, or because of a wave before both.
fn for_later_waves(held: &PlannedWave, reason: &Reason) -> Reason {
    match reason {
        Reason::TooManyFailures { .. }
        | Reason::SoakWithoutHealth { .. }
        | Reason::NothingProven { .. }
        | Reason::WaveNotBegun { .. }
        | Reason::WaveNotOver { .. }
        | Reason::SoakInterrupted { .. } => reason.clone(),
        _ => Reason::WaveNotBegun { wave: held.name.clone() },
    }
}

struct Rollout {
    job: Job,
    /// The plans of hosts that answer late.
    late: Arc<LatePlans>,
    /// The state of a resumed run; empty for a new one.
    before: RunState,
    claim: Claim,
    approvals: KnownApprovals,
    reviews: ReviewQueue,
    now: fn() -> Timestamp,
    slots: Arc<Slots>,
    /// Bounds how many hosts are looked at, as `--forks` says.
    working: Arc<Semaphore>,
    events: RunEvents,
}

impl Rollout {
    async fn waves(&self) {
        let gate = WaveGate { job: &self.job, events: &self.events, approvals: &self.approvals };
        let mut ended: Vec<(Cow<'_, PlannedWave>, Tally)> = Vec::new();
        // Why no further wave starts, and whether a person could approve that; `None` as long as the next one may.
        let mut stopped: Option<(Reason, bool)> = None;
        for wave in &self.job.header.plan.waves {
            if wave.hosts.iter().all(|host| self.is_over(host)) {
                let mut reports = BTreeMap::new();
                if self.was_begun(wave) && !self.soak(wave, &mut reports).await {
                    stopped = Some((interrupted_soak(wave), false));
                }
                ended.push((Cow::Borrowed(wave), self.tally(wave, &reports)));
                continue;
            }
            if stopped.is_none() && self.needs_all_plans(wave) {
                self.all_planned(wave).await;
            }
            let may_have_work = |plan: &HostPlan| plan.has_work() || plan.is_planned_later();
            let has_work = wave.hosts.iter().any(|plan| may_have_work(self.late.now(plan)));
            let is_new = has_work && !self.was_begun(wave);
            let evidence = Arc::new(if has_work {
                gate.evidence(&self.late.wave(wave), (self.now)()).await
            } else {
                EvidenceMatch::default()
            });
            let mut unmet = Vec::new();
            if stopped.is_none() && is_new {
                stopped = gate.pass(wave, &ended, &evidence).await.map(|stop| {
                    unmet = stop.unmet;
                    (stop.reason, stop.at_gate)
                });
            }
            if let Some((reason, at_gate)) = stopped.as_ref().filter(|_| is_new) {
                self.hold(wave, reason, *at_gate, unmet).await;
                stopped = Some((for_later_waves(wave, reason), *at_gate));
                continue;
            }
            let holds_back = !evidence.missing().is_empty()
                && wave.hosts.iter().any(|host| !self.is_over(host) && self.may_be_left_out(host));
            gate.take_risk(&evidence).await;
            self.events.tell(RunEvent::WaveStarted { wave: wave.name.clone() }).await;
            let mut reports = self.wave(wave, &evidence).await;
            self.events.tell(RunEvent::WaveFinished { wave: wave.name.clone() }).await;
            if holds_back {
                stopped = Some((Reason::WaveNotOver { wave: wave.name.clone() }, true));
            }
            if !self.soak(wave, &mut reports).await {
                stopped = Some((interrupted_soak(wave), false));
            }
            ended.push((self.late.wave(wave), self.tally(wave, &reports)));
        }
        if self.job.brake.state() > BrakeState::Go {
            self.events.tell(RunEvent::Interrupted).await;
        }
    }

    /// Whether a wave starts only when all of its hosts are planned: a person lets it start, or evidence is compared with
    /// what its hosts are.
    fn needs_all_plans(&self, wave: &PlannedWave) -> bool {
        let mut evidence = self.job.evidence.iter().chain(&self.before.evidence);
        wave.gate != GateKind::Auto
            || wave.requires.is_some()
            || evidence.any(|given| given.source.is_for_all())
    }

    /// Waits until every host of a wave is planned, or the run is interrupted.
    async fn all_planned(&self, wave: &PlannedWave) {
        let planned = join_all(wave.hosts.iter().map(|plan| self.late.arrives(plan)));
        tokio::select! {
            _ = planned => {}
            () = self.job.brake.reaches(BrakeState::Drain) => {}
        }
    }

    /// Watches the upgraded hosts of a wave for its soak time; `false`: the run was interrupted meanwhile.
    async fn soak(&self, wave: &PlannedWave, reports: &mut BTreeMap<String, HostReport>) -> bool {
        let Some(seconds) = wave.soak_seconds else { return true };
        let known = self.before.soaks.get(&wave.name);
        let tally = self.tally(wave, reports);
        let plans = wave.hosts.iter().map(|plan| self.late.now(plan));
        let watched: Vec<WatchedHost> = std::iter::zip(plans, tally.outcomes)
            .filter(|(plan, outcome)| *outcome == Some(HostOutcome::Upgraded) && !plan.health.is_empty())
            // A host whose soak ended in an earlier session is not watched again.
            .filter(|(plan, _)| !self.before.hosts.get(&plan.host).is_some_and(|host| host.watched))
            .filter_map(|(plan, _)| {
                let target = self.job.targets.get(&plan.host)?;
                Some(WatchedHost::new(plan, target, &self.job.transport, &self.slots))
            })
            .collect();
        if watched.is_empty() {
            return true;
        }
        let now = (self.now)();
        let length = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        let hosts: Vec<String> = watched.iter().map(|host| host.plan.host.clone()).collect();
        // An interrupted soak continues if its hosts are the same. A host that was upgraded since needs a whole soak.
        let goes_on = |soak: &&Soak| !soak.is_over && hosts.iter().all(|host| soak.hosts.contains(host));
        let known = known.filter(goes_on);
        let until =
            known.map_or_else(|| now.checked_add(length).unwrap_or(Timestamp::MAX), |soak| soak.until);
        if known.is_none() {
            self.events.tell(RunEvent::SoakStarted { wave: wave.name.clone(), until, hosts }).await;
        }
        let end = soak::watch(watched, until, now, &self.job.brake, async |host, reason| {
            let event = RunEvent::HostUnwell { host: host.to_owned(), reasons: vec![reason] };
            self.events.tell(event).await;
            let report = HostReport { host: host.to_owned(), outcome: HostOutcome::Failed };
            reports.insert(host.to_owned(), report);
        });
        match end.await {
            SoakEnd::Interrupted => false,
            SoakEnd::Over => {
                self.events.tell(RunEvent::SoakFinished { wave: wave.name.clone() }).await;
                true
            }
        }
    }

    /// Whether a host needs nothing more.
    fn is_over(&self, plan: &HostPlan) -> bool {
        self.before
            .hosts
            .get(&plan.host)
            .is_some_and(|host| host.outcome.is_some() && !host.is_unfinished(plan) && !host.locked)
    }

    /// Whether a wave passed its gate in an earlier session.
    fn was_begun(&self, wave: &PlannedWave) -> bool {
        self.before.begun_waves.contains(&wave.name)
    }

    /// The outcomes of a wave's hosts, from this session or an earlier one.
    fn tally(&self, wave: &PlannedWave, reports: &BTreeMap<String, HostReport>) -> Tally {
        let outcome = |host: &HostPlan| {
            let now = reports.get(&host.host).map(|report| report.outcome);
            now.or_else(|| self.before.hosts.get(&host.host).filter(|_| self.is_over(host))?.outcome)
        };
        Tally { outcomes: wave.hosts.iter().map(outcome).collect() }
    }

    async fn hold(&self, wave: &PlannedWave, reason: &Reason, at_gate: bool, unmet: Vec<Unmet>) {
        let (name, why) = (wave.name.clone(), Some(reason.clone()));
        self.events.tell(RunEvent::WaveHeld { wave: name, reason: why, at_gate, unmet }).await;
        let plans = wave.hosts.iter().map(|plan| self.late.now(plan));
        for host in plans.filter(|host| !self.is_over(host)) {
            let events = self.events.of_host(&host.host);
            // The gate holds only hosts that would be changed.
            match &host.action {
                HostAction::Current => events.finished(HostOutcome::Current, &[]).await,
                HostAction::Unreachable(why) => {
                    let failure = RemoteText::from(why.as_str());
                    events.finished(HostOutcome::Unreachable, &[Reason::Unreachable { failure }]).await;
                }
                HostAction::Steps(_) | HostAction::PlannedLater => {
                    events.finished(HostOutcome::NotStarted, std::slice::from_ref(reason)).await;
                }
            }
        }
    }

    /// Runs one lane per host, as many at once as the wave and `--forks` allow. When more hosts failed than
    /// `max_failures` allows, running lanes go on to their end and no new one starts. Every host gets a report.
    async fn wave(&self, wave: &PlannedWave, evidence: &Arc<EvidenceMatch>) -> BTreeMap<String, HostReport> {
        let parallel = wave.parallel.and_then(|parallel| usize::try_from(parallel).ok());
        let looks = !self.job.header.kind.changes();
        // Whoever only looks waits for no host that does not answer: its lanes count once they have a connection.
        let forks = if looks { LOOKING } else { self.job.limits.forks };
        let width = forks.min(parallel.unwrap_or(usize::MAX)).max(1);
        // Hosts without work come first: their outcomes count towards the threshold. Hosts that an earlier session left
        // half done come next: their sites may be in maintenance.
        let plans = wave.hosts.iter().filter(|host| !self.is_over(host)).map(|plan| self.late.now(plan));
        let (mut awaited, mut waiting): (Vec<&HostPlan>, Vec<&HostPlan>) =
            plans.partition(|plan| plan.is_planned_later());
        let mut arriving: FuturesUnordered<_> = awaited.iter().map(|plan| self.late.arrives(plan)).collect();
        let is_work = |plan: &HostPlan| matches!(plan.action, HostAction::Steps(_));
        waiting.sort_by_key(|plan| (is_work(plan), !self.was_touched(plan)));
        let mut waiting: VecDeque<&HostPlan> = waiting.into();
        let mut lanes = JoinSet::new();
        let mut names: BTreeMap<Id, String> = BTreeMap::new();
        let mut reports: BTreeMap<String, HostReport> = BTreeMap::new();
        let mut left_out = Vec::new();
        if !evidence.missing().is_empty() {
            self.hold_back(wave, evidence, &mut waiting, &mut reports).await;
        }
        loop {
            let threshold = self.tally(wave, &reports).threshold(&wave.name, wave.max_failures);
            if threshold.is_tripped() {
                // Nothing of a host that has not answered will start any more.
                arriving.clear();
                left_out.append(&mut awaited);
            }
            while lanes.len() < width
                && let Some(plan) = waiting.pop_front()
            {
                if threshold.is_tripped() && self.may_be_left_out(plan) {
                    left_out.push(plan);
                    continue;
                }
                let lane = self.lane(plan, evidence);
                let handle = lanes.spawn(async move { Box::pin(lane.drive()).await });
                names.insert(handle.id(), plan.host.clone());
            }
            let joined = tokio::select! {
                Some(plan) = arriving.next() => {
                    awaited.retain(|host| host.host != plan.host);
                    waiting.push_back(plan);
                    continue;
                }
                Some(joined) = lanes.join_next_with_id() => joined,
                () = self.job.brake.reaches(BrakeState::Drain), if !arriving.is_empty() => {
                    arriving.clear();
                    waiting.extend(awaited.drain(..).map(|plan| self.late.now(plan)));
                    continue;
                }
                else => {
                    // All lanes have ended, so the threshold is final.
                    for plan in left_out {
                        let report = self.not_started(plan, threshold.reason()).await;
                        reports.insert(plan.host.clone(), report);
                    }
                    return reports;
                }
            };
            let report = match joined {
                Ok((_, report)) => report,
                Err(error) => self.crashed(&names, &error).await,
            };
            reports.insert(report.host.clone(), report);
        }
    }

    /// In a wave that an earlier session began, untouched hosts do not start without evidence.
    async fn hold_back(
        &self,
        wave: &PlannedWave,
        evidence: &EvidenceMatch,
        waiting: &mut VecDeque<&HostPlan>,
        reports: &mut BTreeMap<String, HostReport>,
    ) {
        let (untouched, rest): (Vec<&HostPlan>, Vec<&HostPlan>) =
            waiting.drain(..).partition(|plan| self.may_be_left_out(plan));
        waiting.extend(rest);
        if untouched.is_empty() {
            return;
        }
        let (name, unmet) = (wave.name.clone(), evidence.missing().to_vec());
        let reason = Some(Reason::EvidenceUnmet);
        self.events.tell(RunEvent::WaveHeld { wave: name, reason, at_gate: true, unmet }).await;
        for plan in untouched {
            let report = self.not_started(plan, Reason::EvidenceUnmet).await;
            reports.insert(plan.host.clone(), report);
        }
    }

    fn was_touched(&self, plan: &HostPlan) -> bool {
        self.before.hosts.get(&plan.host).is_some_and(HostState::was_touched)
    }

    /// Whether a host has work, and none of it was started.
    fn may_be_left_out(&self, plan: &HostPlan) -> bool {
        matches!(plan.action, HostAction::Steps(_)) && !self.was_touched(plan)
    }

    async fn not_started(&self, plan: &HostPlan, reason: Reason) -> HostReport {
        self.events.of_host(&plan.host).finished(HostOutcome::NotStarted, &[reason]).await;
        HostReport { host: plan.host.clone(), outcome: HostOutcome::NotStarted }
    }

    fn lane(&self, plan: &HostPlan, evidence: &Arc<EvidenceMatch>) -> Lane {
        let route = self.job.targets.get(&plan.host).map(|target| Route {
            target: target.clone(),
            transport: Arc::clone(&self.job.transport),
            slots: Arc::clone(&self.slots),
            run: self.job.header.run.clone(),
            place: plan.place.clone(),
            brake: self.job.brake.clone(),
        });
        Lane {
            kind: self.job.header.kind,
            working: (!self.job.header.kind.changes()).then(|| Arc::clone(&self.working)),
            before: self.before.hosts.get(&plan.host).cloned().unwrap_or_default(),
            route,
            blocked: Self::blocked(plan),
            refused: self.job.refused.get(&plan.host).cloned(),
            claim: self.claim.clone(),
            operator: Arc::clone(&self.job.operator),
            prober: Arc::clone(&self.job.prober),
            ticket: self.ticket(plan),
            evidence: Arc::clone(evidence),
            approvals: self.approvals.clone(),
            now: self.now,
            live: self.job.live.clone(),
            events: self.events.of_host(&plan.host),
            plan: plan.clone(),
        }
    }

    /// Why the plan keeps a host from being started.
    fn blocked(plan: &HostPlan) -> Option<Reason> {
        let blocking = plan.blocked.clone()?;
        let Blocking::Preflight { findings: ids } = &blocking else {
            return Some(Reason::Blocked { blocking });
        };
        let blockers = plan.findings.iter().filter(|finding| ids.contains(&finding.id));
        let findings = blockers
            .map(|found| Blocker { id: found.id.clone(), what: RemoteText::from(found.what.as_str()) })
            .collect();
        Some(Reason::Preflight { findings })
    }

    /// A ticket if the host has a review ahead. It is issued before the lane starts, so that the queue waits for all hosts
    /// before it asks.
    fn ticket(&self, plan: &HostPlan) -> Option<Ticket> {
        let host = self.before.hosts.get(&plan.host);
        let is_done =
            |step: &PlannedStep| host.and_then(|host| host.step(&step.id)).is_some_and(StepState::is_done);
        let is_ahead = |step: &PlannedStep| step.schema_review.is_some() && !is_done(step);
        let goes_back = host.is_some_and(|host| host.going_back.is_some());
        let has_review = plan.steps().iter().any(is_ahead) && !goes_back;
        (has_review && self.job.operator.is_present()).then(|| self.reviews.ticket(&plan.host))
    }

    /// A panic in a lane becomes the outcome of its host alone (law 1).
    async fn crashed(&self, names: &BTreeMap<Id, String>, error: &JoinError) -> HostReport {
        let host = names.get(&error.id()).cloned().unwrap_or_default();
        self.events.of_host(&host).finished(HostOutcome::Crashed, &[Reason::Crashed]).await;
        HostReport { host, outcome: HostOutcome::Crashed }
    }
}
