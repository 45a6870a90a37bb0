//! `ixporch entities regenerate`.

use super::run;
use crate::cli::args::{self, EntitiesCommand};
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::state::ExitCode;

pub(in crate::cli) fn run(
    arguments: &args::Entities,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let EntitiesCommand::Regenerate(change) = &arguments.command;
    run::change("entities-regenerate", change, settings, printer)
}
