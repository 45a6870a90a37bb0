//! `ixporch procedure check|show`.

use ixporch_inventory::suggest;
use serde_json::json;

use crate::cli::args::{self, Format, ProcedureCommand};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::printer::Printer;
use crate::procedure::{BuiltInScript, Procedure};
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
            let script = || BuiltInScript::by_file_name(procedure).map(BuiltInScript::text);
            let Some(text) = Procedure::built_in_text(procedure).map(str::to_owned).or_else(script) else {
                let mut error = CliError::usage(format!("there is no built-in procedure `{procedure}`"));
                let names = Procedure::built_in_names().map(str::to_owned);
                let known: Vec<String> = names.chain(BuiltInScript::file_names()).collect();
                error.help = suggest::help(procedure, known.iter().map(String::as_str));
                return Err(error);
            };
            printer.result(&text);
        }
    }
    Ok(ExitCode::Success)
}
