//! `ixporch schema`: what is pending on the hosts of a run, or was before its update.

use crate::cli::args::{self, Format};
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::report;
use crate::state::ExitCode;

pub(in crate::cli) fn run(
    arguments: &args::Schema,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let run = settings.store.load(&settings.store.find(&arguments.run)?)?;
    let groups = report::schema_groups(&run.state);
    match printer.format {
        Format::Human if groups.is_empty() => {
            printer.say("no host of this run has come to its schema review");
        }
        Format::Human => {
            printer.result(&format!("{}\n", report::schema_line(&groups)));
            printer.result(&report::schema(printer.out, &groups));
        }
        Format::Json => printer.json(&report::schema_document(&groups)),
        Format::Jsonl => {
            for group in report::schema_document(&groups).as_array().into_iter().flatten() {
                printer.json(group);
            }
        }
    }
    Ok(ExitCode::Success)
}
