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
pub struct Views {
    /// What to do with them
    #[command(subcommand)]
    pub command: ViewsCommand,
}

/// What to do with the views of databases.
#[derive(Debug, clap::Subcommand)]
pub enum ViewsCommand {
    /// Make the views and triggers of tools/sql/views.sql anew; they are never left half dropped for want of a right
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
