//! Errors as the user sees them: what, where, why, and what to type next.

mod code;

use std::fmt::Write;
use std::path::Path;

use ixporch_inventory::{Problems, SelectorError, suggest};
use serde::Serialize;

pub(super) use self::code::ErrorCode;
use super::output::Failure;
use super::problems::{self, ProblemDocument};
use crate::journal::JournalError;
use crate::plan::{PlanError, quote};
use crate::state::ExitCode;
use crate::text::harmless_json;

/// Stands for the program with the options that a person must repeat, in the help of an error that does not know the
/// settings; [`CliError::typed`] replaces it.
const PROGRAM: &str = "{program}";

/// An error that ends the program.
#[derive(Debug)]
pub(super) struct CliError {
    /// What the program exits with.
    pub(super) exit: ExitCode,
    /// What kind it is.
    pub(super) code: ErrorCode,
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
        Self { exit, code: exit.into(), what: What::Message(message.into()), help: None }
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

    /// A file could not be written.
    pub(super) fn not_written(message: impl Into<String>) -> Self {
        Self::internal(message).coded(ErrorCode::OutputFailed)
    }

    /// Standard output could not be written, although the command would have ended with `exit`. `record` is the command
    /// which shows what is recorded.
    pub(super) fn output_failed(why: &Failure, exit: ExitCode, record: Option<&str>) -> Self {
        let message = format!("standard output could not be written: {why}");
        match record {
            Some(record) => {
                Self::not_written(format!("{message}; the run is recorded, with exit code {}", exit.code()))
                    .help(format!("show its report with: {record}"))
            }
            None if *why == Failure::Closed => {
                Self::not_written(message).help("name a file for it: > FILE; to discard it: > /dev/null")
            }
            None => Self::not_written(message)
                .help("free space where it goes, or send it elsewhere; then repeat the command"),
        }
    }

    /// The same error of a command whose output could not be written besides.
    #[must_use]
    pub(super) fn and_output_failed(mut self, why: &Failure) -> Self {
        self.exit = ExitCode::Internal;
        if let What::Message(message) = &mut self.what {
            // A text has no error to give.
            let _ = write!(message, "; besides, standard output could not be written: {why}");
        }
        self
    }

    /// What went wrong, in a sentence.
    pub(super) fn message(&self) -> String {
        match &self.what {
            What::Message(message) => message.clone(),
            What::Problems(problems) => problems.to_string(),
        }
    }

    /// One line of JSON (`docs/exit-codes.md`), harmless at a terminal.
    pub(super) fn json(&self) -> String {
        let (message, problems) = match &self.what {
            What::Message(message) => (message.clone(), None),
            What::Problems(found) => (problems::count(found), Some(problems::documents(found))),
        };
        let error = ErrorBody {
            code: self.code,
            exit_code: self.exit.code(),
            message,
            help: self.help.as_deref(),
            problems,
        };
        // Words, numbers and texts can always be written as JSON.
        harmless_json(&serde_json::to_string(&ErrorDocument { error }).unwrap_or_default())
    }

    /// Says what kind it is, when the exit code alone does not.
    #[must_use]
    pub(super) fn coded(mut self, code: ErrorCode) -> Self {
        self.code = code;
        self
    }

    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same error with its commands as a person types them.
    #[must_use]
    pub(super) fn typed(mut self, program: &str) -> Self {
        self.help = self.help.map(|help| help.replace(PROGRAM, program));
        self
    }
}

#[derive(Serialize)]
struct ErrorDocument<'a> {
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: ErrorCode,
    exit_code: u8,
    message: String,
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<Vec<ProblemDocument<'a>>>,
}

impl From<Problems> for CliError {
    fn from(problems: Problems) -> Self {
        Self { exit: ExitCode::Invalid, code: ErrorCode::Invalid, what: What::Problems(problems), help: None }
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
        let list = format!("list the runs: {PROGRAM} runs");
        match error {
            JournalError::NoSuchRun(_) => Self::invalid(message).coded(ErrorCode::NoSuchRun).help(list),
            JournalError::Ambiguous(..) => Self::invalid(message).coded(ErrorCode::AmbiguousRun).help(list),
            JournalError::Line { path, .. }
            | JournalError::Shorter { path, .. }
            | JournalError::NoHeader(path) => {
                Self::invalid(message).coded(ErrorCode::JournalDamaged).help(format!(
                    "check all journals: {PROGRAM} runs verify\nor move the damaged run away: {}",
                    archive(&path)
                ))
            }
            JournalError::Newer { path, .. } | JournalError::Format { path, .. } => {
                Self::invalid(message).coded(ErrorCode::JournalNewer).help(format!(
                    "use the version of ixporch that wrote it\nor move the run away: {}",
                    archive(&path)
                ))
            }
            JournalError::Open { path, .. } => {
                let path = quote(&path.display().to_string());
                Self::invalid(message)
                    .coded(ErrorCode::JournalUnusable)
                    .help(format!("look at what is in it; then close it: chmod go-w {path}"))
            }
            JournalError::Foreign { .. } => Self::invalid(message)
                .coded(ErrorCode::JournalUnusable)
                .help("run ixporch as that user, or choose another folder with --state-dir"),
            JournalError::Io(_)
            | JournalError::Encode(_)
            | JournalError::Gone(_)
            | JournalError::Replaced(_) => Self::internal(message)
                .coded(ErrorCode::JournalUnusable)
                .help("make the folder writable, free space, or choose another one with --state-dir"),
        }
    }
}

/// The command that moves the run of a journal away.
fn archive(journal: &Path) -> String {
    let run = journal.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    format!("{PROGRAM} runs archive {}", quote(&run))
}

#[cfg(test)]
mod tests {
    use ixporch_inventory::Problem;

    use super::*;

    #[test]
    fn an_error_is_one_harmless_line_of_json() {
        let error = CliError::invalid("host \u{1b}[2J\nsaid \u{202e}no").help("run `ixporch runs`");
        let line = error.json();
        assert!(line.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{line}");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"error": {
                "code": "invalid",
                "exit_code": 3,
                "message": "host \u{1b}[2J\nsaid \u{202e}no",
                "help": "run `ixporch runs`",
            }})
        );
        assert!(line.starts_with(r#"{"error":{"code":"#), "{line}");
    }

    #[test]
    fn a_damaged_journal_names_the_commands_with_the_run_and_the_options() {
        let path = Path::new("/x/runs/01a2/journal.jsonl").to_owned();
        let error = JournalError::Line { path, line: 3, why: "no".to_owned() };
        let help = CliError::from(error).typed("ixporch --state-dir /x").help.unwrap();
        assert_eq!(
            help,
            "check all journals: ixporch --state-dir /x runs verify\n\
             or move the damaged run away: ixporch --state-dir /x runs archive 01a2"
        );
    }

    #[test]
    fn mistakes_in_a_file_keep_their_places() {
        let problem = Problem::new(4..5, "unknown key `b`").help("did you mean `c`?");
        let problems = Problems::new("x.toml", "a=1\nb=2\n", vec![problem, Problem::new(0..1, "twice")]);
        let value: serde_json::Value = serde_json::from_str(&CliError::from(problems).json()).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"error": {
                "code": "invalid",
                "exit_code": 3,
                "message": "2 mistakes in x.toml",
                "help": null,
                "problems": [
                    {"message": "twice", "file": "x.toml", "line": 1, "column": 1, "help": null},
                    {"message": "unknown key `b`", "file": "x.toml", "line": 2, "column": 1,
                     "help": "did you mean `c`?"},
                ],
            }})
        );
    }

    #[test]
    fn an_output_that_failed_is_the_worst_and_says_what_is_recorded() {
        let why = Failure::Encode("no".to_owned());
        let of_run = CliError::output_failed(&why, ExitCode::NeedsPerson, Some("ixporch report 01ab"));
        assert_eq!((of_run.exit, of_run.code), (ExitCode::Internal, ErrorCode::OutputFailed));
        assert_eq!(
            of_run.message(),
            "standard output could not be written: no; the run is recorded, with exit code 6"
        );
        assert_eq!(of_run.help.as_deref(), Some("show its report with: ixporch report 01ab"));
        let both = CliError::new(ExitCode::Locked, "held").and_output_failed(&why);
        assert_eq!((both.exit, both.code), (ExitCode::Internal, ErrorCode::Locked));
        assert_eq!(both.message(), "held; besides, standard output could not be written: no");
    }
}
