//! The desk: where the schema reviews of all hosts of a wave meet, so that a person looks once at what is the same.
//!
//! Every lane that has a review ahead has a [`Seat`]. When all seated lanes have come to their review or to their end,
//! or when the first of them has waited long enough for the others, the desk groups what is pending by fingerprint and
//! asks about each group. It owns the approvals of the run; it must not know what a lane does with an answer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::dispatch::RunEvents;
use super::{Answer, Attendant, ReviewGroup, ReviewQuestion};
use crate::event::{Approval, RunEvent};
use crate::schema::{self, Fingerprint, SchemaChanges};

/// How long a host that waits in maintenance waits for the others to come to the same point.
const GATHER: Duration = Duration::from_secs(60);

/// What a person said to a lane's pending changes; `None`: nobody answered.
type Verdict = Option<Answer>;

enum Message {
    Sat(String),
    Asked {
        host: String,
        changes: SchemaChanges,
        until: Timestamp,
        stands: Stands,
        reply: oneshot::Sender<Verdict>,
    },
    Left(String),
}

/// Where lanes take their seats.
#[derive(Clone)]
pub(super) struct Desk {
    sender: mpsc::UnboundedSender<Message>,
}

/// The seat of one lane; whoever drops it is not waited for any more.
pub(super) struct Seat {
    host: String,
    sender: mpsc::UnboundedSender<Message>,
}

/// How a host stands while it waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stands {
    /// Whether its site is in maintenance.
    pub(super) closed: bool,
    /// Whether it is taken back where it is not let pass.
    pub(super) goes_back: bool,
}

/// A lane that waits for an answer.
struct Waiting {
    stands: Stands,
    host: String,
    changes: SchemaChanges,
    until: Timestamp,
    reply: oneshot::Sender<Verdict>,
}

struct Clerk {
    receiver: mpsc::UnboundedReceiver<Message>,
    attendant: Arc<dyn Attendant>,
    events: RunEvents,
    origin: String,
    seated: BTreeSet<String>,
    waiting: Vec<Waiting>,
    /// When the first of those that wait began to.
    since: Option<Instant>,
    approved: Vec<(Fingerprint, Answer)>,
    /// What was pending on every host that came here.
    seen: Vec<(String, SchemaChanges)>,
}

impl Desk {
    /// Opens the desk; it closes when it and all its seats are gone.
    pub(super) fn open(attendant: Arc<dyn Attendant>, events: RunEvents, origin: String) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let clerk = Clerk {
            receiver,
            attendant,
            events,
            origin,
            seated: BTreeSet::new(),
            waiting: Vec::new(),
            since: None,
            approved: Vec::new(),
            seen: Vec::new(),
        };
        tokio::spawn(Box::pin(clerk.serve()));
        Self { sender }
    }

    /// A seat for a host whose lane has a review ahead.
    pub(super) fn seat(&self, host: &str) -> Seat {
        // Without a clerk every question ends with no answer.
        let _ = self.sender.send(Message::Sat(host.to_owned()));
        Seat { host: host.to_owned(), sender: self.sender.clone() }
    }
}

impl Seat {
    /// Asks a person whether `changes` may be executed; `until` is when the lane will not wait any more.
    pub(super) async fn ask(&self, changes: &SchemaChanges, until: Timestamp, stands: Stands) -> Verdict {
        let (reply, answer) = oneshot::channel();
        let (host, changes) = (self.host.clone(), changes.clone());
        self.sender.send(Message::Asked { host, changes, until, stands, reply }).ok()?;
        answer.await.ok().flatten()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _ = self.sender.send(Message::Left(std::mem::take(&mut self.host)));
    }
}

impl Clerk {
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
            let all_are_here = self.seated.len() == self.waiting.len();
            if !self.waiting.is_empty() && all_are_here && self.receiver.is_empty() {
                self.ask().await;
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Sat(host) => {
                self.seated.insert(host);
            }
            Message::Left(host) => {
                self.seated.remove(&host);
                self.waiting.retain(|waiting| waiting.host != host);
            }
            Message::Asked { host, changes, until, stands, reply } => {
                self.seen.retain(|(known, _)| *known != host);
                self.seen.push((host.clone(), changes.clone()));
                if let Some((_, answer)) =
                    self.approved.iter().find(|(known, _)| *known == changes.fingerprint)
                {
                    self.seated.remove(&host);
                    // A lane that does not wait any more has no use for it.
                    let _ = reply.send(Some(answer.clone()));
                    return;
                }
                self.waiting.push(Waiting { stands, host, changes, until, reply });
                self.since.get_or_insert_with(Instant::now);
            }
        }
        if self.waiting.is_empty() {
            self.since = None;
        }
    }

    /// Asks about every group of those that wait now; who comes meanwhile is asked about afterwards.
    async fn ask(&mut self) {
        self.since = None;
        let waiting = std::mem::take(&mut self.waiting);
        for asked in &waiting {
            self.seated.remove(&asked.host);
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
                closed: these.iter().any(|one| one.stands.closed),
                goes_back: these.iter().all(|one| one.stands.goes_back),
            };
            is_first = false;
            let answer = tokio::select! {
                // Nobody is asked about hosts that have left.
                biased;
                () = nobody_waits(&mut these) => None,
                answer = self.attendant.review(&question) => answer,
            };
            if let Some(answer) = answer.as_ref().filter(|answer| answer.yes) {
                self.approve(fingerprint, answer).await;
            }
            for one in these {
                // As above: a lane that left has no use for it.
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

/// What is asked about; hosts by their names, whoever came first.
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

/// Ends when none of them waits for an answer any more.
async fn nobody_waits(waiting: &mut [Waiting]) {
    futures::future::join_all(waiting.iter_mut().map(|one| one.reply.closed().boxed())).await;
}
