//! `ixporch maintenance on`, `off`, `status`.

use clap::Args;

use super::run::{self, Looking};
use crate::cli::args::{Change, Connecting, Selection};
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::state::ExitCode;

/// Arguments of `maintenance`.
#[derive(Debug, Args)]
pub struct Maintenance {
    /// What to do with it
    #[command(subcommand)]
    pub command: MaintenanceCommand,
}

/// What to do with maintenance mode.
#[derive(Debug, clap::Subcommand)]
pub enum MaintenanceCommand {
    /// Close sites; an upgrade leaves a site closed that it found closed
    On(Change),
    /// Open sites, whoever closed them
    Off(Change),
    /// Tell which sites are closed, and since when
    Status {
        /// Which hosts
        #[command(flatten)]
        selection: Selection,

        /// How hosts are reached
        #[command(flatten)]
        connecting: Connecting,
    },
}

pub(in crate::cli) fn run(
    arguments: &Maintenance,
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
