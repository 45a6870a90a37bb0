//! `ixporch entities regenerate`.

use clap::Args;

use super::run;
use crate::cli::args::Change;
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::state::ExitCode;

/// Arguments of `entities`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch entities regenerate --limit @development")]
pub struct Entities {
    /// What to do with them
    #[command(subcommand)]
    pub command: EntitiesCommand,
}

/// What to do with Doctrine's entities.
#[derive(Debug, clap::Subcommand)]
pub enum EntitiesCommand {
    /// Regenerate entities and proxies from the mapping files; refused unless `development = true`
    #[command(after_help = "Examples:\n  ixporch entities regenerate --limit @development")]
    Regenerate(Change),
}

pub(in crate::cli) fn run(
    arguments: &Entities,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let EntitiesCommand::Regenerate(change) = &arguments.command;
    run::change("entities-regenerate", change, settings, printer)
}
