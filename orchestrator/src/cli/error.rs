//! Errors as the user sees them: what, where, why, and what to type next.

use ixporch_inventory::{Problems, SelectorError, suggest};

use crate::journal::JournalError;
use crate::plan::PlanError;
use crate::state::ExitCode;

/// An error that ends the program.
#[derive(Debug)]
pub(super) struct CliError {
    /// What the program exits with.
    pub(super) exit: ExitCode,
    /// What went wrong.
    pub(super) what: What,
    /// What to type next.
    pub(super) help: Option<String>,
}

/// What went wrong.
#[derive(Debug)]
pub(super) enum What {
    /// A sentence.
    Message(String),
    /// Mistakes in a file.
    Problems(Problems),
}

impl CliError {
    pub(super) fn new(exit: ExitCode, message: impl Into<String>) -> Self {
        Self { exit, what: What::Message(message.into()), help: None }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Invalid, message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Internal, message)
    }

    /// What went wrong, in a sentence.
    pub(super) fn message(&self) -> String {
        match &self.what {
            What::Message(message) => message.clone(),
            What::Problems(problems) => problems.to_string(),
        }
    }

    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<Problems> for CliError {
    fn from(problems: Problems) -> Self {
        Self { exit: ExitCode::Invalid, what: What::Problems(problems), help: None }
    }
}

impl From<SelectorError> for CliError {
    fn from(error: SelectorError) -> Self {
        let mut cli = Self::usage(error.message);
        cli.help = error.help;
        cli
    }
}

impl From<PlanError> for CliError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Selector(error) => error.into(),
            PlanError::Wave { ref name, ref known } => {
                let mut cli = Self::usage(error.to_string());
                let declared = known.iter().map(String::as_str);
                cli.help = suggest::help(name, declared).or_else(|| {
                    known
                        .is_empty()
                        .then(|| "the inventory has no waves: choose hosts with --limit".to_owned())
                });
                cli
            }
            error @ PlanError::Production { .. } => Self::usage(error.to_string())
                .help("for a development or test host, set in the inventory: development = true"),
            error @ PlanError::WavesBackwards { .. } => Self::usage(error.to_string())
                .help("name the earlier wave with --from-wave and the later one with --until-wave"),
            error @ PlanError::Target(_) => {
                Self::usage(error.to_string()).help("tags look like v4.5.0; `git tag` on a host lists them")
            }
        }
    }
}

impl From<JournalError> for CliError {
    fn from(error: JournalError) -> Self {
        let message = error.to_string();
        match error {
            JournalError::NoSuchRun(_) | JournalError::Ambiguous(..) => {
                Self::invalid(message).help("list the runs: ixporch runs")
            }
            JournalError::Line { .. } => Self::invalid(message).help(
                "it is damaged: `ixporch runs verify` checks all journals; `ixporch runs archive RUN` moves one away, and what \
                 that run left open is not known then",
            ),
            JournalError::Newer { .. } | JournalError::Format { .. } => Self::invalid(message).help(
                "it was written by a newer version of ixporch: use that one, or move the run away with `ixporch runs archive RUN`",
            ),
            JournalError::Io(_) | JournalError::Encode(_) | JournalError::Gone(_) | JournalError::Replaced(_) => Self::internal(message)
                .help("make the folder writable, free space, or choose another one with --state-dir"),
        }
    }
}
