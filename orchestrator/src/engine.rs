//! The engine: rollout, wave, lane, step.
//!
//! Owns what runs when, and that a failure on one host never affects the others (law 1). It reports by events only; it
//! must
//! not know a terminal, a file or russh.

mod approvals;
mod before_wave;
mod brake;
mod claim;
mod dispatch;
mod evidence_match;
mod heavy;
mod judge;
mod lane;
mod late_plans;
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

use crate::event::{Approval, HostOutcome, LeftOut, RunHeader, Stream};
use crate::facts::SiteTrouble;
use crate::plan::Plan;
use crate::schema::SchemaChanges;
use crate::state::{GivenEvidence, RunState};
use crate::transport::{Target, Transport};

/// Everything that a run needs.
pub struct Job {
    /// The header of the run, with its plan; its first event.
    pub header: RunHeader,
    /// What the command line approves.
    pub approvals: Approvals,
    /// Evidence of other runs, as far as this one relies on it.
    pub evidence: Vec<GivenEvidence>,
    /// Approvals that arrive while it goes on.
    pub late_approvals: Option<mpsc::Receiver<LateApproval>>,
    /// The plans of hosts that had not answered when it began, as they come: each the plan with that host alone.
    pub late_plans: Option<mpsc::Receiver<Plan>>,
    /// The state of the run, if it is resumed.
    pub resumed: Option<RunState>,
    /// How long to wait for another run's lock on a host.
    pub lock_wait: Duration,
    /// Hosts on which nothing may be done, and why.
    pub refused: BTreeMap<String, LeftOut>,
    /// How to reach each host.
    pub targets: BTreeMap<String, Target>,
    /// Opens connections to hosts.
    pub transport: Arc<dyn Transport>,
    /// Who answers questions while it runs; [`RunHeader::operator`] is the name of who started it.
    pub operator: Arc<dyn Operator>,
    /// Checks web sites from the controller.
    pub prober: Arc<dyn SiteProber>,
    /// How much may happen at once.
    pub limits: Limits,
    /// Shows the output of steps live.
    pub live: Option<Arc<dyn LiveOutput>>,
    /// Interrupts the run.
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

/// Shows the output of steps live. It must not block: the step would wait for it.
pub trait LiveOutput: Send + Sync + 'static {
    /// More bytes of a stream.
    fn output(&self, host: &str, step: &str, stream: Stream, bytes: &[u8]);
}

/// How much may happen at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The maximum number of running lanes.
    pub forks: usize,
    /// The maximum number of logins at the same time, and of connections being made to one address.
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

/// Checks web sites from the controller.
pub trait SiteProber: Send + Sync + 'static {
    /// Checks a site once; `version` is the installed one, if it is known.
    fn look<'a>(&'a self, url: &'a str, version: Option<&'a str>) -> BoxFuture<'a, SiteLook>;
}

/// What a check of a web site found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteLook {
    /// It is healthy.
    Well,
    /// It answers, but something is wrong.
    Unwell(SiteTrouble),
    /// It cannot be reached.
    Unreachable(SiteTrouble),
}

/// The pending schema changes of the hosts that have reached their review, and the group that is asked about now.
#[derive(Debug, Clone)]
pub struct ReviewQuestion {
    /// All groups, the largest first. They include hosts whose changes are approved already.
    pub groups: Vec<ReviewGroup>,
    /// The position of the group that is asked about.
    pub asked: usize,
    /// The hosts of this group that wait for the answer.
    pub waiting: Vec<String>,
    /// Whether it is the first of several questions in a row.
    pub is_first: bool,
    /// When the first of these hosts stops waiting.
    pub until: Timestamp,
    /// Whether their sites are in maintenance meanwhile.
    pub closed: bool,
    /// Whether they go back to their start if the changes are not approved.
    pub goes_back: bool,
}

/// Hosts with the same pending changes.
#[derive(Debug, Clone)]
pub struct ReviewGroup {
    /// The pending changes.
    pub changes: SchemaChanges,
    /// The hosts.
    pub hosts: Vec<String>,
}

/// The operator's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Yes or no.
    pub yes: bool,
    /// Who answered.
    pub by: String,
}

/// How a host's lane ended. It is never an error: whatever goes wrong is an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostReport {
    /// The host.
    pub host: String,
    /// How it ended.
    pub outcome: HostOutcome,
}

#[cfg(test)]
mod tests;
