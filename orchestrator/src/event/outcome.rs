//! How steps and hosts end.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// It did its work, and its proof held.
    Succeeded,
    /// It did not do its work.
    Failed,
    /// The host ended it at its deadline.
    TimedOut,
    /// It was not needed.
    Skipped,
    /// Nobody saw its end.
    Unknown,
}

/// How a host ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostOutcome {
    /// There was nothing to do.
    Current,
    /// All steps of an upgrade are done.
    Upgraded,
    /// All steps of a run that is no upgrade are done.
    Done,
    /// Nothing was started on it.
    NotStarted,
    /// It waits at a gate, or was stopped between two steps.
    Held,
    /// It could not be reached, or not any more, and nothing runs there.
    Unreachable,
    /// A step failed, and what was done was taken back.
    RolledBack,
    /// A step failed.
    Failed,
    /// Nobody saw the end of a step.
    Unknown,
    /// Its lane broke down: a fault of ixporch.
    Crashed,
}

impl HostOutcome {
    /// The outcome in a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Upgraded => "upgraded",
            Self::Done => "done",
            Self::NotStarted => "not-started",
            Self::Held => "held",
            Self::Unreachable => "unreachable",
            Self::RolledBack => "rolled-back",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Crashed => "crashed",
        }
    }

    /// Whether the same run can still bring the host to an end.
    pub fn is_unfinished(self) -> bool {
        matches!(self, Self::NotStarted | Self::Held | Self::Unreachable | Self::Unknown | Self::Crashed)
    }

    /// Whether what was done was taken back.
    pub fn is_rolled_back(self) -> bool {
        self == Self::RolledBack
    }

    /// Whether the host ended where it should be.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Current | Self::Upgraded | Self::Done)
    }
}

impl fmt::Display for StepOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
            Self::Skipped => "skipped",
            Self::Unknown => "unknown",
        })
    }
}

impl fmt::Display for HostOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
