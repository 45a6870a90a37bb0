//! `ixporch views recreate`.

use clap::Args;

use super::run;
use crate::cli::args::Change;
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::state::ExitCode;

/// Arguments of `views`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch views recreate")]
pub struct Views {
    /// What to do with them
    #[command(subcommand)]
    pub command: ViewsCommand,
}

/// What to do with the views of databases.
#[derive(Debug, clap::Subcommand)]
pub enum ViewsCommand {
    /// Recreate the views and triggers of tools/sql/views.sql
    ///
    /// Privileges are checked first, so views are never left half dropped.
    #[command(after_help = "Examples:\n  ixporch views recreate\n  ixporch views recreate --limit @staging")]
    Recreate(Change),
}

pub(in crate::cli) fn run(
    arguments: &Views,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let ViewsCommand::Recreate(change) = &arguments.command;
    run::change("views-recreate", change, settings, printer)
}
