//! `ixporch views recreate`.

use super::run;
use crate::cli::args::{self, ViewsCommand};
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::state::ExitCode;

pub(in crate::cli) fn run(
    arguments: &args::Views,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let ViewsCommand::Recreate(change) = &arguments.command;
    run::change("views-recreate", change, settings, printer)
}
