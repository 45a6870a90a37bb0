//! `ixporch procedure check|show`.

use ixporch_inventory::suggest;
use serde_json::json;

use crate::cli::args::{self, Format, ProcedureCommand};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::printer::Printer;
use crate::procedure::Procedure;
use crate::state::ExitCode;

pub(in crate::cli) fn run(arguments: &args::Procedure, printer: Printer) -> Result<ExitCode, CliError> {
    match &arguments.command {
        ProcedureCommand::Check { procedure } => {
            let checked = load::procedure(procedure)?;
            match printer.format {
                Format::Human => {
                    printer.result(&format!("{procedure}: no mistakes; {} steps\n", checked.steps.len()));
                }
                Format::Json | Format::Jsonl => printer.json(
                    &json!({ "format": 1, "name": checked.name, "digest": checked.digest, "steps": checked.steps.len() }),
                ),
            }
        }
        ProcedureCommand::Show { procedure } => {
            let Some(text) = Procedure::built_in_text(procedure) else {
                let mut error = CliError::usage(format!("there is no built-in procedure `{procedure}`"));
                error.help = suggest::help(procedure, Procedure::built_in_names());
                return Err(error);
            };
            printer.result(text);
        }
    }
    Ok(ExitCode::Success)
}
