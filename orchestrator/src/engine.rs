//! The engine: rollout, wave, lane, step.
//!
//! Owns what runs when, and that one host's misfortune stays its own (law 1). It speaks to the
//! outside only by events; it must not know a terminal, a file or russh.

mod approvals;
mod before_wave;
mod brake;
mod claim;
mod dispatch;
mod evidence_match;
mod judge;
mod lane;
mod link;
mod progress;
mod reconcile;
mod review;
mod review_queue;
mod rollout;
mod site;
mod soak;
mod way_back;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

pub use brake::{Brake, BrakeState};
pub use dispatch::{Dispatched, Reporter};
pub use rollout::run;

use crate::event::{Approval, HostOutcome, RunHeader, Stream};
use crate::schema::SchemaChanges;
use crate::state::{GivenEvidence, RunState};
use crate::transport::{Target, Transport};

/// Everything that a run needs.
pub struct Job {
    /// What the run is, and what is done: its first event.
    pub header: RunHeader,
    /// What the command line approves.
    pub approvals: Approvals,
    /// What other runs proved, as far as this one relies on it.
    pub evidence: Vec<GivenEvidence>,
    /// Approvals that arrive while it goes on.
    pub late_approvals: Option<mpsc::Receiver<LateApproval>>,
    /// Where the run stands, where it is one that is taken up again.
    pub resumed: Option<RunState>,
    /// How long another run's lock on a host is waited for.
    pub lock_wait: Duration,
    /// Hosts on which nothing may be done any more, with the reason.
    pub refused: BTreeMap<String, String>,
    /// How to reach each host.
    pub targets: BTreeMap<String, Target>,
    /// The way to the hosts.
    pub transport: Arc<dyn Transport>,
    /// Who answers questions while it runs; [`About::operator`] is the name of who started it.
    pub operator: Arc<dyn Operator>,
    /// Who looks at web sites from here.
    pub prober: Arc<dyn SiteProber>,
    /// Bounds.
    pub limits: Limits,
    /// Who is shown what steps print, as they print it.
    pub live: Option<Arc<dyn LiveOutput>>,
    /// What stops it.
    pub brake: Brake,
}

/// What a person approved on the command line.
#[derive(Debug, Clone, Default)]
pub struct Approvals {
    /// Waves whose start is approved.
    pub waves: Vec<String>,
    /// Schema changes whose execution is approved, by the digits of their fingerprints.
    pub schemas: Vec<String>,
    /// Why the risk of missing evidence is accepted; `None`: it is not.
    pub risk: Option<String>,
    /// The reason; empty if none was given.
    pub reason: String,
}

/// An approval that arrives while a run goes on, from another terminal.
#[derive(Debug)]
pub struct LateApproval {
    /// What is approved.
    pub subject: ApprovalSubject,
    /// By whom, and why.
    pub approval: Approval,
    /// Is told when the approval is in the journal.
    pub recorded: oneshot::Sender<()>,
}

/// What a person approves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalSubject {
    /// A wave.
    Wave(String),
    /// Schema changes, by the digits of their fingerprint.
    Schema(String),
}

/// Is shown what steps print. It must not wait: a step would wait with it.
pub trait LiveOutput: Send + Sync + 'static {
    /// Some more of a stream.
    fn output(&self, host: &str, step: &str, stream: Stream, bytes: &[u8]);
}

/// How much may happen at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Running lanes.
    pub forks: usize,
    /// Lanes that are connecting.
    pub connecting: usize,
}

/// Answers questions while a run goes on: a person at a terminal, or nobody.
pub trait Operator: Send + Sync + 'static {
    /// Whether anybody can be asked.
    fn is_present(&self) -> bool;

    /// Shows the pending schema changes, and asks whether one group of them may be executed. `None`: nobody answered.
    fn review<'a>(&'a self, question: &'a ReviewQuestion) -> BoxFuture<'a, Option<Answer>>;

    /// Asks whether a wave may start. `None`: nobody answered.
    fn start_wave<'a>(&'a self, wave: &'a str) -> BoxFuture<'a, Option<Answer>>;
}

/// Looks at web sites from the controller.
pub trait SiteProber: Send + Sync + 'static {
    /// Looks once; `version` is the one that is installed, where that is known.
    fn look<'a>(&'a self, url: &'a str, version: Option<&'a str>) -> BoxFuture<'a, SiteLook>;
}

/// What a look at a web site found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteLook {
    /// It is well.
    Well,
    /// It answers, and something is wrong with it.
    Unwell(String),
    /// Nobody answers at its address.
    Unreachable(String),
}

/// What is pending on the hosts that have come to their review, and which of it is asked about now.
#[derive(Debug, Clone)]
pub struct ReviewQuestion {
    /// All groups, the largest first; among their hosts are those that were let pass before.
    pub groups: Vec<ReviewGroup>,
    /// The place of the one that is asked about.
    pub asked: usize,
    /// The hosts of it that wait.
    pub waiting: Vec<String>,
    /// Whether it is the first of the questions that are asked at once.
    pub is_first: bool,
    /// When the first of these hosts does not wait any more.
    pub until: Timestamp,
    /// Whether their sites are in maintenance meanwhile.
    pub closed: bool,
    /// Whether they are taken back to their start where they are not let pass.
    pub goes_back: bool,
}

/// Hosts on which the same is pending.
#[derive(Debug, Clone)]
pub struct ReviewGroup {
    /// What is pending.
    pub changes: SchemaChanges,
    /// The hosts.
    pub hosts: Vec<String>,
}

/// A person's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Yes or no.
    pub yes: bool,
    /// Who said so.
    pub by: String,
}

/// How a host's lane ended. There is no error: whatever went wrong is an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostReport {
    /// The host.
    pub host: String,
    /// How it ended.
    pub outcome: HostOutcome,
    /// Why, for people.
    pub why: String,
}

#[cfg(test)]
mod tests;
