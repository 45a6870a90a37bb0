//! The exit code of a run: the worst that happened, by the table of `docs/exit-codes.md`.

use super::RunState;
use crate::event::{HostOutcome, Obstacle};
use crate::plan::HostPlan;

/// Every exit code of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Every selected host is upgraded or current.
    Success,
    /// A fault of ixporch itself.
    Internal,
    /// The command line is wrong.
    Usage,
    /// An inventory, procedure or run is invalid.
    Invalid,
    /// Only unreachable or not-started hosts keep it from success.
    Unreachable,
    /// Some host failed.
    Failed,
    /// Some host needs a person: unknown, crashed, or with a debt open.
    NeedsPerson,
    /// Some host or wave is held at a gate.
    Held,
    /// Another run is at work on a host.
    Locked,
    /// `plan --exit-code`: there is something to do.
    SomethingToDo,
    /// The run was interrupted.
    Interrupted,
}

impl ExitCode {
    /// The number that the program exits with.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Invalid => 3,
            Self::Unreachable => 4,
            Self::Failed => 5,
            Self::NeedsPerson => 6,
            Self::Held => 7,
            Self::Locked => 8,
            Self::SomethingToDo => 10,
            Self::Interrupted => 130,
        }
    }

    /// The code of one host. A held host's debts wait with it: what it needs is its gate's answer.
    fn of_host(outcome: Option<HostOutcome>, owes: bool, held_by_another: bool) -> Self {
        match outcome {
            // What such a host is owed is the other run's to pay.
            Some(HostOutcome::NotStarted) if held_by_another => Self::Locked,
            Some(HostOutcome::Held) if held_by_another && !owes => Self::Locked,
            Some(HostOutcome::Held) => Self::Held,
            Some(HostOutcome::Unknown | HostOutcome::Crashed) => Self::NeedsPerson,
            _ if owes => Self::NeedsPerson,
            Some(HostOutcome::Failed | HostOutcome::RolledBack) => Self::Failed,
            Some(HostOutcome::Unreachable | HostOutcome::NotStarted) | None => Self::Unreachable,
            Some(HostOutcome::Upgraded | HostOutcome::Done | HostOutcome::Current) => Self::Success,
        }
    }

    /// How bad it is: 1 > 6 > 5 > 7 > 8 > 4 > 0.
    fn severity(self) -> u8 {
        match self {
            Self::Internal => 7,
            Self::NeedsPerson => 6,
            Self::Failed => 5,
            Self::Held => 4,
            Self::Locked => 3,
            Self::Unreachable => 2,
            _ => 0,
        }
    }
}

impl RunState {
    /// The exit code that this state asks for.
    pub fn exit(&self) -> ExitCode {
        // Whoever pressed Ctrl-C when everything was done has interrupted nothing.
        if self.interrupted && (!self.unfinished_hosts().is_empty() || self.has_unfinished_soak()) {
            return ExitCode::Interrupted;
        }
        let hosts = self.hosts.iter().map(|(name, host)| {
            // A lock that nobody gave back is owed like anything else.
            let owes = !host.debts.is_empty() || host.is_owed_release();
            if self.ended_well(name) && !owes {
                return ExitCode::Success;
            }
            // A person has to look at what was begun there.
            let is_begun = self.plan_of(name).is_some_and(|plan| {
                matches!(plan.blocked, Some(crate::plan::Blocking::ReleaseStepBegun { .. }))
            });
            if host.outcome == Some(HostOutcome::NotStarted) && is_begun {
                return ExitCode::NeedsPerson;
            }
            // A person's word is all that it waits for.
            let waits = self.plan_of(name).is_some_and(HostPlan::waits_for_gates);
            if host.outcome == Some(HostOutcome::NotStarted) && waits && !owes && host.held_by.is_none() {
                return ExitCode::Held;
            }
            ExitCode::of_host(host.outcome, owes, host.held_by.is_some())
        });
        let waves = self.held_waves.iter().filter(|wave| wave.at_gate).map(|_| ExitCode::Held);
        hosts.chain(waves).max_by_key(|code| code.severity()).unwrap_or(ExitCode::Success)
    }
}

impl Obstacle {
    /// What the program exits with.
    pub fn exit(&self) -> ExitCode {
        match self {
            Self::NoSuchHost { .. } | Self::NoneSelected { .. } => ExitCode::Usage,
            // A person has to resume the run.
            Self::NotEnded { .. } => ExitCode::NeedsPerson,
            _ => ExitCode::Invalid,
        }
    }
}
