//! `ixporch maintenance on`, `off`, `status`.

use super::run::{self, Looking};
use crate::cli::args::{self, MaintenanceCommand};
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::state::ExitCode;

pub(in crate::cli) fn run(
    arguments: &args::Maintenance,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    match &arguments.command {
        MaintenanceCommand::On(change) => run::change("maintenance-on", change, settings, printer),
        MaintenanceCommand::Off(change) => run::change("maintenance-off", change, settings, printer),
        MaintenanceCommand::Status { selection, connecting } => {
            let looking = Looking { selection, connecting, restart_memcached: false, yes: false };
            run::look("maintenance-status", looking, settings, printer)
        }
    }
}
