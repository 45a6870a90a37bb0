//! `ixporch procedure check|show`.

use clap::Args;
use ixporch_inventory::suggest;
use serde_json::json;

use crate::cli::args::Format;
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::printer::Printer;
use crate::procedure::{self, ArgumentText, BuiltInScript};
use crate::state::ExitCode;

/// Arguments of `procedure`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch procedure show > own.toml\n  ixporch procedure check own.toml")]
pub struct Procedure {
    /// What to do with it
    #[command(subcommand)]
    pub command: ProcedureCommand,
}

/// What to do with a procedure.
#[derive(Debug, clap::Subcommand)]
pub enum ProcedureCommand {
    /// Check a procedure and show all mistakes
    #[command(after_help = "Examples:\n  ixporch procedure check own.toml")]
    Check {
        /// Built-in procedure or procedure file
        procedure: String,
    },
    /// Print a built-in procedure or script
    #[command(after_help = "Examples:
  ixporch procedure show > own.toml
  ixporch procedure show memcached-restart")]
    Show {
        /// Name of the procedure or script; scripts end in .php
        #[arg(default_value = "ixp-manager-v4")]
        procedure: String,
    },
}

pub(in crate::cli) fn run(arguments: &Procedure, printer: Printer) -> Result<ExitCode, CliError> {
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
            let script = || BuiltInScript::by_file_name(procedure).map(|script| script.text().to_string());
            let argument = || ArgumentText::by_file_name(procedure).map(ArgumentText::text);
            let Some(text) = procedure::Procedure::built_in_text(procedure)
                .map(str::to_owned)
                .or_else(script)
                .or_else(argument)
            else {
                let mut error = CliError::usage(format!("there is no built-in procedure `{procedure}`"));
                let names = procedure::Procedure::built_in_names().map(str::to_owned);
                let known: Vec<String> = names
                    .chain(BuiltInScript::file_names())
                    .chain(ArgumentText::all().map(|text| text.file_name().to_owned()))
                    .collect();
                error.help = suggest::help(procedure, known.iter().map(String::as_str));
                return Err(error);
            };
            printer.result(&text);
        }
    }
    Ok(ExitCode::Success)
}
