//! The dispatcher: the single consumer of events.
//!
//! Its thread orders the events, writes them to the journal before what they allow (law 2), folds them, and passes them
//! to
//! the reporters' thread. Nothing else writes the journal or calls reporters, so a blocked terminal delays no permit.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::event::{Approval, Envelope, HostOutcome, Reason, RunEvent, StepEnd, Unmet};
use crate::facts::HostLock;
use crate::journal::Writer;
use crate::ledger::{Permit, StepOutput};
use crate::plan::PlannedStep;
use crate::schema::Fingerprint;
use crate::state::{HostState, RunState};

use super::progress::Progress;
use crate::text::RemoteText;

/// Shows events.
pub trait Reporter: Send {
    /// Shows one event; `state` includes it.
    fn on_event(&mut self, state: &RunState, envelope: &Envelope);
}

/// What is left when the run is over.
#[derive(Debug)]
pub struct Dispatched {
    /// The run's state.
    pub state: RunState,
    /// How many bytes its journal has.
    pub journal_bytes: u64,
    /// Why the journal could not be written, if so.
    pub journal_failure: Option<String>,
}

/// The intent could not be written, so the step must not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Denied(pub(super) String);

enum Message {
    Event(RunEvent),
    Permit(RunEvent, oneshot::Sender<Result<Permit, Denied>>),
    /// Asks to sync all earlier events to disk.
    Sync(oneshot::Sender<Result<(), Denied>>),
    /// Asks for the state of one host after all earlier events.
    LookAtHost(String, oneshot::Sender<Result<Box<HostState>, Denied>>),
    /// Asks for the state after all earlier events.
    Look(oneshot::Sender<Result<Box<RunState>, Denied>>),
    /// The run is over: the exit code follows from all earlier events.
    Finish,
    Output {
        host: String,
        step: String,
        number: u32,
        capture: Option<String>,
        output: Box<StepOutput>,
    },
}

/// How many events may be queued before lanes have to wait.
const QUEUE: usize = 1024;
/// The maximum number of events that share one write and one sync.
const BATCH: usize = 256;

/// Sends events to the dispatcher. Cheap to clone.
#[derive(Clone)]
pub(super) struct RunEvents {
    sender: mpsc::Sender<Message>,
}

/// Sends the events of one host: a lane cannot report about another host.
pub(super) struct HostEvents {
    host: String,
    events: RunEvents,
}

impl RunEvents {
    pub(super) async fn tell(&self, event: RunEvent) {
        // Fails only if the dispatcher has ended; then there is no one to report to.
        let _ = self.sender.send(Message::Event(event)).await;
    }

    /// Waits until all earlier events are on disk.
    pub(super) async fn synced(&self) -> Result<(), Denied> {
        self.ask(Message::Sync).await
    }

    /// The state after all earlier events.
    pub(super) async fn state(&self) -> Result<Box<RunState>, Denied> {
        self.ask(Message::Look).await
    }

    /// Reports that the run is over.
    pub(super) async fn finish(&self) {
        let _ = self.sender.send(Message::Finish).await;
    }

    pub(super) fn of_host(&self, host: &str) -> HostEvents {
        HostEvents { host: host.to_owned(), events: self.clone() }
    }

    async fn permit(&self, event: RunEvent) -> Result<Permit, Denied> {
        self.ask(|reply| Message::Permit(event, reply)).await
    }

    async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<T, Denied>>) -> Message,
    ) -> Result<T, Denied> {
        let (reply, answer) = oneshot::channel();
        let gone = || Denied("the dispatcher is gone".to_owned());
        self.sender.send(message(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl HostEvents {
    pub(super) async fn connected(&self, keeper: &str) {
        let (host, keeper) = (self.host.clone(), keeper.to_owned());
        self.events.tell(RunEvent::HostConnected { host, keeper }).await;
    }

    pub(super) async fn link_lost(&self, step: Option<&str>, why: &str) {
        let (host, step) = (self.host.clone(), step.map(str::to_owned));
        self.events.tell(RunEvent::LinkLost { host, step, why: RemoteText::from(why) }).await;
    }

    pub(super) async fn link_restored(&self) {
        self.events.tell(RunEvent::LinkRestored { host: self.host.clone() }).await;
    }

    pub(super) async fn locked(&self) {
        self.events.tell(RunEvent::HostLocked { host: self.host.clone(), order: 0 }).await;
    }

    pub(super) async fn refused(&self, lock: HostLock) {
        self.events.tell(RunEvent::HostRefused { host: self.host.clone(), lock }).await;
    }

    pub(super) async fn released(&self) {
        self.events.tell(RunEvent::HostReleased { host: self.host.clone() }).await;
    }

    /// Waits until all earlier events are on disk.
    pub(super) async fn synced(&self) -> Result<(), Denied> {
        self.events.synced().await
    }

    /// Asks for the permit to start a step; it comes when the intent is on disk.
    pub(super) async fn step_started(&self, step: &str, boot: &str) -> Result<Permit, Denied> {
        let (host, step, boot) = (self.host.clone(), step.to_owned(), Some(boot.to_owned()));
        self.events.permit(RunEvent::StepStarted { host, step, boot }).await
    }

    /// Asks for the permit to look for a step whose intent is on disk already, and to start it if it never started.
    pub(super) async fn step_adopted(&self, step: &str) -> Result<Permit, Denied> {
        self.events.permit(RunEvent::StepAdopted { host: self.host.clone(), step: step.to_owned() }).await
    }

    pub(super) async fn step_finished(&self, step: &PlannedStep, end: StepEnd, output: Option<StepOutput>) {
        if let Some(output) = output {
            let message = Message::Output {
                host: self.host.clone(),
                step: step.id.clone(),
                number: step.number,
                capture: step.capture.clone(),
                output: Box::new(output),
            };
            let _ = self.events.sender.send(message).await;
        }
        let event =
            RunEvent::StepFinished { host: self.host.clone(), step: step.id.clone(), end: Box::new(end) };
        self.events.tell(event).await;
    }

    pub(super) async fn review_awaited(
        &self,
        step: &str,
        fingerprint: &Fingerprint,
        until: Timestamp,
        closed: bool,
    ) {
        let (host, step, fingerprint) = (self.host.clone(), step.to_owned(), fingerprint.clone());
        self.events.tell(RunEvent::ReviewAwaited { host, step, fingerprint, until, closed }).await;
    }

    pub(super) async fn approved(&self, step: &str, fingerprint: &Fingerprint, by: &str, by_person: bool) {
        self.reviewed(step, fingerprint, true, by, by_person).await;
    }

    pub(super) async fn not_approved(&self, step: &str, fingerprint: &Fingerprint, by: &str) {
        self.reviewed(step, fingerprint, false, by, false).await;
    }

    async fn reviewed(
        &self,
        step: &str,
        fingerprint: &Fingerprint,
        approved: bool,
        by: &str,
        by_person: bool,
    ) {
        let (host, step, by) = (self.host.clone(), step.to_owned(), by.to_owned());
        let fingerprint = Some(fingerprint.clone());
        let event = RunEvent::ReviewAnswered { host, step, approved, by, fingerprint, by_person };
        self.events.tell(event).await;
    }

    pub(super) async fn unproven(&self, step: &str, fingerprint: &Fingerprint) {
        let (host, step, fingerprint) = (self.host.clone(), step.to_owned(), fingerprint.clone());
        self.events.tell(RunEvent::ReviewUnproven { host, step, fingerprint }).await;
    }

    pub(super) async fn risk_taken(&self, wave: &str, unmet: Vec<Unmet>, approval: Approval) {
        let (wave, host) = (wave.to_owned(), Some(self.host.clone()));
        self.events.tell(RunEvent::RiskTaken { wave, host, unmet, approval }).await;
    }

    pub(super) async fn never_began(&self, step: &str, why: &str) {
        let (host, step) = (self.host.clone(), step.to_owned());
        let (reason, by) = (why.to_owned(), crate::state::ITSELF.to_owned());
        self.events.tell(RunEvent::StepResolved { host, step, done: false, reason, by }).await;
    }

    pub(super) async fn going_back(&self, reasons: &[Reason], rolls_back: bool) {
        let (host, reasons) = (self.host.clone(), reasons.to_vec());
        let event = RunEvent::GoingBack { host, reasons, rolls_back };
        self.events.tell(event).await;
    }

    /// Reports a step's progress. It is dropped if the queue is full.
    pub(super) fn progress_of(&self, step: &str) -> impl Fn(Progress) + Send + Sync + 'static {
        let (host, step, sender) = (self.host.clone(), step.to_owned(), self.events.sender.clone());
        move |Progress { done, total, what }| {
            let (host, step, what) = (host.clone(), step.clone(), RemoteText::from(what.as_str()));
            let _ =
                sender.try_send(Message::Event(RunEvent::StepProgressed { host, step, done, total, what }));
        }
    }

    /// The state of the host after all earlier events.
    pub(super) async fn host_state(&self) -> Result<Box<HostState>, Denied> {
        self.events.ask(|reply| Message::LookAtHost(self.host.clone(), reply)).await
    }

    pub(super) async fn went_back(&self) {
        self.events.tell(RunEvent::WentBack { host: self.host.clone() }).await;
    }

    pub(super) async fn finished(&self, outcome: HostOutcome, reasons: &[Reason]) {
        let (host, reasons) = (self.host.clone(), reasons.to_vec());
        let event = RunEvent::HostFinished { host, outcome, reasons };
        self.events.tell(event).await;
    }
}

/// Starts the dispatcher's thread, which ends when all senders are dropped. `state`: that of a resumed run.
pub(super) fn start(
    journal: Writer,
    state: RunState,
    reporters: Vec<Box<dyn Reporter>>,
    now: fn() -> Timestamp,
) -> std::io::Result<(RunEvents, oneshot::Receiver<Dispatched>)> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let (done, result) = oneshot::channel();
    // Unbounded: a run has a few events for each planned step.
    let (shown, to_show) = std::sync::mpsc::channel();
    let folded = state.clone();
    let show = std::thread::Builder::new()
        .name("reporters".to_owned())
        .spawn(move || show(folded, reporters, &to_show))?;
    let sequence = state.events;
    let dispatcher = Dispatcher { journal, shown, now, state, sequence, journal_failure: None };
    std::thread::Builder::new().name("dispatcher".to_owned()).spawn(move || {
        let served = dispatcher.serve(receiver);
        // A panic in a reporter loses no event.
        let _ = show.join();
        // The receiver may have been dropped.
        let _ = done.send(served);
    })?;
    Ok((RunEvents { sender }, result))
}

/// Shows events until the dispatcher ends. It folds a state of its own.
fn show(
    mut state: RunState,
    mut reporters: Vec<Box<dyn Reporter>>,
    to_show: &std::sync::mpsc::Receiver<Envelope>,
) {
    for envelope in to_show {
        state.apply(&envelope);
        for reporter in &mut reporters {
            reporter.on_event(&state, &envelope);
        }
    }
}

struct Dispatcher {
    journal: Writer,
    shown: std::sync::mpsc::Sender<Envelope>,
    now: fn() -> Timestamp,
    state: RunState,
    sequence: u64,
    journal_failure: Option<String>,
}

impl Dispatcher {
    fn serve(mut self, mut receiver: mpsc::Receiver<Message>) -> Dispatched {
        while let Some(first) = receiver.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH
                && let Ok(next) = receiver.try_recv()
            {
                batch.push(next);
            }
            let over = batch.iter().any(|message| matches!(message, Message::Finish));
            self.handle(batch);
            if over {
                let exit_code = self.state.exit().code();
                self.handle(vec![Message::Event(RunEvent::RunFinished { exit_code })]);
            }
        }
        // Somebody removed the journal; nothing was started since. This process still has its content.
        if self.journal_failure.is_some()
            && let Err(error) = self.journal.put_back()
        {
            self.journal_failure = Some(error.to_string());
        }
        Dispatched {
            journal_bytes: self.journal.length(),
            state: self.state,
            journal_failure: self.journal_failure,
        }
    }

    /// Writes events, then grants permits, then folds and shows.
    fn handle(&mut self, batch: Vec<Message>) {
        let mut envelopes = Vec::new();
        let mut waiting = BTreeMap::new();
        let mut syncing = Vec::new();
        let mut looking = Vec::new();
        let mut looking_at_hosts = Vec::new();
        for message in batch {
            match message {
                Message::Event(event) => envelopes.push(self.envelope(event)),
                Message::Permit(event, reply) => {
                    let envelope = self.envelope(event);
                    waiting.insert(envelope.sequence, reply);
                    envelopes.push(envelope);
                }
                Message::Sync(reply) => syncing.push(reply),
                Message::Look(reply) => looking.push(reply),
                Message::LookAtHost(host, reply) => looking_at_hosts.push((host, reply)),
                // `serve` handles it: nothing comes after it.
                Message::Finish => {}
                Message::Output { host, step, number, capture, output } => {
                    self.keep_output(&host, &step, number, capture.as_deref(), &output);
                }
            }
        }
        let durable = !waiting.is_empty()
            || !syncing.is_empty()
            || envelopes.iter().any(|envelope| is_landmark(&envelope.event));
        if self.journal_failure.is_none()
            && let Err(error) = self.journal.append(&envelopes, durable)
        {
            self.journal_failure = Some(error.to_string());
        }
        if self.journal_failure.is_some() {
            // A denied step did not start, so its intent is no event.
            envelopes.retain(|envelope| !waiting.contains_key(&envelope.sequence));
        }
        for reply in waiting.into_values() {
            let answer = match &self.journal_failure {
                None => Ok(Permit::give()),
                Some(why) => Err(Denied(why.clone())),
            };
            // The lane may have been dropped.
            let _ = reply.send(answer);
        }
        for reply in syncing {
            let _ = reply.send(self.journal_failure.clone().map_or(Ok(()), |why| Err(Denied(why))));
        }
        for envelope in envelopes {
            self.state.apply(&envelope);
            // The reporters' thread may have ended.
            let _ = self.shown.send(envelope);
        }
        for (host, reply) in looking_at_hosts {
            let found = self.state.hosts.get(&host).cloned().unwrap_or_default();
            // The lane may have been dropped.
            let _ = reply.send(Ok(Box::new(found)));
        }
        for reply in looking {
            // The receiver may have been dropped.
            let _ = reply.send(Ok(Box::new(self.state.clone())));
        }
    }

    fn envelope(&mut self, event: RunEvent) -> Envelope {
        self.sequence += 1;
        let event = match event {
            RunEvent::HostLocked { host, .. } => RunEvent::HostLocked { host, order: self.order() },
            other => other,
        };
        Envelope { sequence: self.sequence, at: (self.now)(), event }
    }

    /// The place of a lock. It is drawn while the lock is held, so what was done under earlier locks has smaller ones.
    fn order(&self) -> u64 {
        // A lock without a number is compared by the clock as well, and in doubt as later.
        self.journal.draw_order(self.state.order).unwrap_or(0)
    }

    fn keep_output(
        &mut self,
        host: &str,
        step: &str,
        number: u32,
        capture: Option<&str>,
        output: &StepOutput,
    ) {
        let streams = [("out", output.stdout.kept()), ("err", output.stderr.kept())];
        for (ending, bytes) in streams.iter().filter(|(_, bytes)| !bytes.is_empty()) {
            let mut names = vec![format!("{number:02}-{step}.{ending}")];
            if *ending == "out" {
                names.extend(capture.map(str::to_owned));
            }
            for name in names {
                if let Err(error) = self.journal.keep_output(host, &name, bytes) {
                    self.journal_failure.get_or_insert(error.to_string());
                }
            }
        }
    }
}

/// Events that must be on disk before anything else happens, besides the intents.
fn is_landmark(event: &RunEvent) -> bool {
    matches!(
        event,
        RunEvent::RunStarted(_)
            | RunEvent::RunResumed { .. }
            | RunEvent::HostPlanned { .. }
            | RunEvent::HostFinished { .. }
            | RunEvent::ReviewAnswered { .. }
            | RunEvent::SchemaApproved { .. }
            | RunEvent::WaveApproved { .. }
            | RunEvent::EvidenceGiven { .. }
            | RunEvent::RiskAccepted { .. }
            | RunEvent::RiskTaken { .. }
            | RunEvent::GoingBack { .. }
            | RunEvent::SoakStarted { .. }
            | RunEvent::SoakFinished { .. }
            | RunEvent::HostUnwell { .. }
            | RunEvent::WentBack { .. }
            | RunEvent::RunFinished { .. }
    )
}
