//! How a step ended: its outcome, its output, and what it found out.

use serde::{Deserialize, Serialize};

use super::outcome::StepOutcome;
use super::step_reason::StepReason;
use crate::facts::Composition;
use crate::schema::Narrowed;
use crate::text::RemoteText;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEnd {
    /// The outcome.
    pub outcome: StepOutcome,
    /// Why; none if the outcome says it all.
    #[serde(default, alias = "why", deserialize_with = "super::step_reason::read")]
    pub reason: Option<StepReason>,
    /// Whether it may have begun on the host; what certainly did not begin made no debt.
    #[serde(default = "may_have_begun")]
    pub begun: bool,
    /// The exit code on the host, where there was one.
    pub exit_code: Option<i32>,
    /// Whether its proof held; `None`: it has none, or nobody looked.
    pub proven: Option<bool>,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// What it wrote to standard output.
    pub stdout: Captured,
    /// What it wrote to standard error.
    pub stderr: Captured,
    /// The SQL that is pending, where the step found that out.
    pub pending_statements: Option<Vec<RemoteText>>,
    /// What the installation is made of, where the step found that out.
    #[serde(default)]
    pub composition: Option<Composition>,
    /// The version that the installation says it has, where the step found that out.
    #[serde(default)]
    pub version: Option<RemoteText>,
    /// The columns that the pending statements narrow, where the step was to find that out.
    #[serde(default)]
    pub narrowed: Option<Narrowed>,
}

/// One of the two streams of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What is kept of a stream; the whole of it, as far as it was kept, is in a file beside the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// How many bytes the step wrote.
    pub bytes: u64,
    /// How many of them were not kept (from the middle).
    pub dropped: u64,
    /// The last lines.
    pub tail: RemoteText,
}

fn may_have_begun() -> bool {
    true
}

impl StepEnd {
    /// A step that certainly did not begin, although it was to be run.
    pub fn not_begun(reason: StepReason) -> Self {
        Self { begun: false, ..Self::without_output(StepOutcome::Failed, Some(reason)) }
    }

    /// Whether it succeeded, and memcached does not run all the same.
    pub fn leaves_memcached_down(&self) -> bool {
        self.outcome == StepOutcome::Succeeded && self.reason == Some(StepReason::MemcachedDown)
    }

    /// A step that is not run.
    pub fn skipped(reason: StepReason) -> Self {
        Self::without_output(StepOutcome::Skipped, Some(reason))
    }

    /// An end of which nothing was seen.
    pub fn without_output(outcome: StepOutcome, reason: Option<StepReason>) -> Self {
        Self {
            outcome,
            reason,
            begun: may_have_begun(),
            exit_code: None,
            proven: None,
            milliseconds: 0,
            stdout: Captured::default(),
            stderr: Captured::default(),
            pending_statements: None,
            composition: None,
            version: None,
            narrowed: None,
        }
    }
}
