//! The review queue: collects the schema reviews of all hosts of a wave, so that a person reviews equal changes once.
//!
//! Every lane with a review ahead holds a [`Ticket`]. When every ticket holder has asked or left, or when the first
//! one has waited [`GATHER`] for the others, the queue groups the pending changes by fingerprint and asks the operator
//! about each group. It owns the answers of this session; it must not know what a lane does with an answer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::dispatch::RunEvents;
use super::{Answer, Operator, ReviewGroup, ReviewQuestion};
use crate::event::{Approval, RunEvent};
use crate::schema::{self, Fingerprint, SchemaChanges};

/// How long the first host waits for the others to ask, too. Its site is in maintenance meanwhile.
const GATHER: Duration = Duration::from_secs(60);

enum Message {
    Issued(String),
    Asked {
        host: String,
        changes: SchemaChanges,
        until: Timestamp,
        state: WaitingState,
        reply: oneshot::Sender<Option<Answer>>,
    },
    Dropped(String),
}

/// Issues tickets.
#[derive(Clone)]
pub(super) struct ReviewQueue {
    sender: mpsc::UnboundedSender<Message>,
}

/// One lane's place in the queue. The queue no longer waits for a lane that drops it.
pub(super) struct Ticket {
    host: String,
    sender: mpsc::UnboundedSender<Message>,
}

/// The state of a host while it waits for an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct WaitingState {
    /// Whether its site is in maintenance.
    pub(super) closed: bool,
    /// Whether it goes back to its start if its changes are not approved.
    pub(super) goes_back: bool,
}

/// A lane that waits for an answer.
struct Waiting {
    state: WaitingState,
    host: String,
    changes: SchemaChanges,
    until: Timestamp,
    reply: oneshot::Sender<Option<Answer>>,
}

/// The task behind the queue.
struct Worker {
    receiver: mpsc::UnboundedReceiver<Message>,
    operator: Arc<dyn Operator>,
    events: RunEvents,
    origin: String,
    /// Hosts with a ticket whose question has no answer yet.
    holders: BTreeSet<String>,
    waiting: Vec<Waiting>,
    /// When the first of the waiting lanes asked.
    since: Option<Instant>,
    approved: Vec<(Fingerprint, Answer)>,
    /// The pending changes of every host that has asked.
    seen: Vec<(String, SchemaChanges)>,
}

impl ReviewQueue {
    /// Starts the queue; it ends when it and all its tickets are dropped.
    pub(super) fn start(operator: Arc<dyn Operator>, events: RunEvents, origin: String) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let worker = Worker {
            receiver,
            operator,
            events,
            origin,
            holders: BTreeSet::new(),
            waiting: Vec::new(),
            since: None,
            approved: Vec::new(),
            seen: Vec::new(),
        };
        tokio::spawn(Box::pin(worker.serve()));
        Self { sender }
    }

    /// Issues a ticket for a host whose lane has a review ahead.
    pub(super) fn ticket(&self, host: &str) -> Ticket {
        // If the worker has ended, `ask` returns no answer.
        let _ = self.sender.send(Message::Issued(host.to_owned()));
        Ticket { host: host.to_owned(), sender: self.sender.clone() }
    }
}

impl Ticket {
    /// Asks the operator whether `changes` may be executed; `None`: nobody answered. The lane stops waiting at `until`.
    pub(super) async fn ask(
        &self,
        changes: &SchemaChanges,
        until: Timestamp,
        state: WaitingState,
    ) -> Option<Answer> {
        let (reply, answer) = oneshot::channel();
        let (host, changes) = (self.host.clone(), changes.clone());
        self.sender.send(Message::Asked { host, changes, until, state, reply }).ok()?;
        answer.await.ok().flatten()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let _ = self.sender.send(Message::Dropped(std::mem::take(&mut self.host)));
    }
}

impl Worker {
    async fn serve(mut self) {
        loop {
            let patience = self.since.map(|since| since + GATHER);
            let message = tokio::select! {
                message = self.receiver.recv() => message,
                () = until(patience) => { self.ask().await; continue; }
            };
            match message {
                Some(message) => self.take(message),
                None => return,
            }
            let all_have_asked = self.holders.len() == self.waiting.len();
            if !self.waiting.is_empty() && all_have_asked && self.receiver.is_empty() {
                self.ask().await;
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Issued(host) => {
                self.holders.insert(host);
            }
            Message::Dropped(host) => {
                self.holders.remove(&host);
                self.waiting.retain(|waiting| waiting.host != host);
            }
            Message::Asked { host, changes, until, state, reply } => {
                self.seen.retain(|(known, _)| *known != host);
                self.seen.push((host.clone(), changes.clone()));
                if let Some((_, answer)) =
                    self.approved.iter().find(|(known, _)| *known == changes.fingerprint)
                {
                    self.holders.remove(&host);
                    // The lane may have stopped waiting.
                    let _ = reply.send(Some(answer.clone()));
                    return;
                }
                self.waiting.push(Waiting { state, host, changes, until, reply });
                self.since.get_or_insert_with(Instant::now);
            }
        }
        if self.waiting.is_empty() {
            self.since = None;
        }
    }

    /// Asks about every group of the hosts that wait now. Hosts that arrive meanwhile are asked about afterwards.
    async fn ask(&mut self) {
        self.since = None;
        let waiting = std::mem::take(&mut self.waiting);
        for asked in &waiting {
            self.holders.remove(&asked.host);
        }
        let groups = groups(&self.seen);
        let until = waiting.iter().map(|one| one.until).min().unwrap_or_default();
        let (mut waiting, mut is_first) = (waiting, true);
        for (asked, group) in groups.iter().enumerate() {
            let fingerprint = &group.changes.fingerprint;
            let (mut these, others): (Vec<Waiting>, _) =
                waiting.into_iter().partition(|one| one.changes.fingerprint == *fingerprint);
            waiting = others;
            if these.is_empty() {
                continue;
            }
            let hosts = these.iter().map(|one| one.host.clone()).collect();
            let question = ReviewQuestion {
                groups: groups.clone(),
                asked,
                waiting: hosts,
                is_first,
                until,
                closed: these.iter().any(|one| one.state.closed),
                goes_back: these.iter().all(|one| one.state.goes_back),
            };
            is_first = false;
            let answer = tokio::select! {
                // No question about hosts that have left.
                biased;
                () = nobody_waits(&mut these) => None,
                answer = self.operator.review(&question) => answer,
            };
            if let Some(answer) = answer.as_ref().filter(|answer| answer.yes) {
                self.approve(fingerprint, answer).await;
            }
            for one in these {
                // The lane may have stopped waiting.
                let _ = one.reply.send(answer.clone());
            }
        }
    }

    async fn approve(&mut self, fingerprint: &Fingerprint, answer: &Answer) {
        self.approved.push((fingerprint.clone(), answer.clone()));
        let approval = Approval { by: answer.by.clone(), origin: self.origin.clone(), reason: String::new() };
        let fingerprint = fingerprint.digits().to_owned();
        self.events.tell(RunEvent::SchemaApproved { fingerprint, approval }).await;
    }
}

/// The groups of equal changes; hosts are sorted by name, so that the order of arrival does not show.
fn groups(seen: &[(String, SchemaChanges)]) -> Vec<ReviewGroup> {
    let mut hosts: Vec<_> = seen.iter().map(|(host, changes)| (host.as_str(), changes.clone())).collect();
    hosts.sort_by_key(|(host, _)| *host);
    schema::group(hosts)
        .into_iter()
        .map(|group| ReviewGroup {
            changes: group.changes,
            hosts: group.hosts.into_iter().map(str::to_owned).collect(),
        })
        .collect()
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => futures::future::pending().await,
    }
}

/// Ends when all of them have stopped waiting.
async fn nobody_waits(waiting: &mut [Waiting]) {
    futures::future::join_all(waiting.iter_mut().map(|one| one.reply.closed().boxed())).await;
}
