//! The kinds of errors, as words that scripts can rely on.

use serde::Serialize;

use crate::state::ExitCode;

/// What kind of error it is, for scripts (`docs/exit-codes.md`). A word is never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cli) enum ErrorCode {
    /// The command line is wrong, or was not confirmed.
    Usage,
    /// An inventory, procedure, run or evidence is invalid or does not allow it.
    Invalid,
    /// A file that is named on the command line cannot be read.
    Unreadable,
    /// No run has this id.
    NoSuchRun,
    /// Several runs have ids that begin like this.
    AmbiguousRun,
    /// There is no run at all.
    NoRuns,
    /// A journal is damaged.
    JournalDamaged,
    /// A journal was written by a newer version.
    JournalNewer,
    /// A journal or its folder cannot be read or written.
    JournalUnusable,
    /// Another run, or the run's own controller, is at work.
    Locked,
    /// A host could not be reached.
    Unreachable,
    /// A host was reached, and what was asked of it failed.
    Failed,
    /// A host needs a person.
    NeedsPerson,
    /// An approval or evidence is missing.
    Held,
    /// Standard output or a file could not be written.
    OutputFailed,
    /// A fault of ixporch itself.
    Internal,
}

impl From<ExitCode> for ErrorCode {
    fn from(exit: ExitCode) -> Self {
        match exit {
            ExitCode::Usage => Self::Usage,
            ExitCode::Invalid => Self::Invalid,
            ExitCode::Locked => Self::Locked,
            ExitCode::Unreachable => Self::Unreachable,
            ExitCode::Failed => Self::Failed,
            ExitCode::NeedsPerson => Self::NeedsPerson,
            ExitCode::Held => Self::Held,
            // Nothing that ends well, or is only interrupted, is an error.
            ExitCode::Internal | ExitCode::Success | ExitCode::SomethingToDo | ExitCode::Interrupted => {
                Self::Internal
            }
        }
    }
}
