//! Standard output carries results, standard error everything else.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use super::args::{Format, When};
use super::error::{CliError, What};
use super::problems;
use crate::report::Paint;
use crate::state::ExitCode;
use crate::text::{RemoteText, harmless_json};

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
        }
    }

    #[expect(clippy::unused_self, reason = "who may print is who holds the printer")]
    /// Prints a result. Whoever closed the pipe does not want the rest.
    pub(super) fn result(self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
    }

    /// Prints one JSON document: indented, or as a line.
    pub(super) fn json(self, value: &impl Serialize) {
        let text = match self.format {
            Format::Jsonl => serde_json::to_string(value),
            Format::Json | Format::Human => serde_json::to_string_pretty(value),
        };
        self.result(&format!("{}\n", harmless_json(&text.unwrap_or_default())));
    }

    #[expect(clippy::unused_self, reason = "who may print is who holds the printer")]
    /// Prints progress or a remark.
    pub(super) fn say(self, text: &str) {
        let mut err = std::io::stderr().lock();
        let _ = writeln!(err, "{}", text.trim_end_matches('\n'));
    }

    /// Ends the program: prints its error, if it has one, and gives its exit code.
    pub(super) fn end(self, result: Result<ExitCode, CliError>) -> ExitCode {
        match result {
            Ok(exit) => exit,
            Err(error) => {
                self.error(&error);
                error.exit
            }
        }
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
            self.say(&format!("{} {}", self.err.strong("help:"), RemoteText::from(help.as_str())));
        }
    }
}
