//! Standard output carries results, standard error everything else.

use std::io::IsTerminal;

use serde::Serialize;

use super::args::{Format, When};
use super::error::{CliError, What};
use super::output::{self, Failure, Output};
use super::problems;
use crate::report::Paint;
use crate::state::ExitCode;
use crate::text::{RemoteText, harmless_json, harmless_shown};

/// Where and how things are printed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Printer {
    /// How results are shown.
    pub(super) format: Format,
    /// Colours on standard output.
    pub(super) out: Paint,
    /// Colours on standard error.
    pub(super) err: Paint,
    colours_on_err: bool,
    output: &'static Output,
}

impl Printer {
    pub(super) fn new(format: Format, color: When) -> Self {
        let wanted = |is_terminal: bool| match color {
            When::Always => true,
            When::Never => false,
            When::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        let colours_on_err = wanted(std::io::stderr().is_terminal());
        Self {
            format,
            out: Paint::new(wanted(std::io::stdout().is_terminal())),
            err: Paint::new(colours_on_err),
            colours_on_err,
            // The process has one, which lives as long as it does.
            output: Box::leak(Box::new(Output::new())),
        }
    }

    /// Remembers the command that shows the report of a run, which is recorded whatever becomes of the output.
    pub(super) fn recorded(self, command: String) {
        self.output.recorded(command);
    }

    /// Ends the program: prints its error, if it has one, and gives its exit code.
    pub(super) fn end(self, result: Result<ExitCode, CliError>, only_prints: bool) -> ExitCode {
        match self.judged(result, only_prints) {
            Ok(exit) => exit,
            Err(error) => {
                self.error(&error);
                error.exit
            }
        }
    }

    /// How the command ends: output that could not be written is worse than any other end, unless nobody reads it.
    /// A closed standard output counts only if `only_prints`: Python, Node and daemons discard output in a way that
    /// looks the same, and what they want to know is the exit code.
    fn judged(self, result: Result<ExitCode, CliError>, only_prints: bool) -> Result<ExitCode, CliError> {
        let why = match self.output.finish() {
            None | Some(Failure::Unread) => return result,
            Some(Failure::Closed) if !only_prints => return result,
            Some(why) => why,
        };
        match result {
            Ok(exit) => Err(CliError::output_failed(why, exit, self.output.record())),
            Err(error) => Err(error.and_output_failed(why)),
        }
    }

    /// Prints a result. If that fails, the output remembers it, and the program ends with it.
    pub(super) fn result(self, text: &str) {
        self.output.write(harmless_shown(text).as_bytes());
    }

    /// Prints one JSON document: indented, or as a line.
    pub(super) fn json(self, value: &impl Serialize) {
        let text = match self.format {
            Format::Jsonl => serde_json::to_string(value),
            Format::Json | Format::Human => serde_json::to_string_pretty(value),
        };
        match text {
            Ok(text) => self.result(&format!("{}\n", harmless_json(&text))),
            Err(why) => self.output.fail(Failure::Encode(why.to_string())),
        }
    }

    #[expect(clippy::unused_self, reason = "who may print is who holds the printer")]
    /// Prints progress or a remark.
    pub(super) fn say(self, text: &str) {
        output::write_error(harmless_shown(&format!("{}\n", text.trim_end_matches('\n'))).as_bytes());
    }

    /// Prints an error: for people, or as one line of JSON.
    fn error(self, error: &CliError) {
        if self.format != Format::Human {
            self.say(&error.json());
            return;
        }
        match &error.what {
            What::Message(message) => {
                self.say(&format!("{} {}", self.err.bad("error:"), RemoteText::from(message.as_str())));
            }
            What::Problems(found) => self.say(&problems::render(found, self.colours_on_err)),
        }
        if let Some(help) = &error.help {
            for line in RemoteText::from(help.as_str()).to_string().lines() {
                self.say(&format!("{} {line}", self.err.strong("help:")));
            }
        }
    }
}
