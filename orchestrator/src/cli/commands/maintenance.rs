//! `ixporch maintenance on`, `off`, `status`.

use clap::Args;

use super::run;
use crate::cli::args::{Change, Connecting, Selection};
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::state::ExitCode;

/// Arguments of `maintenance`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch maintenance status\n  ixporch maintenance on --limit ixp1")]
pub struct Maintenance {
    /// What to do with it
    #[command(subcommand)]
    pub command: MaintenanceCommand,
}

/// What to do with maintenance mode.
#[derive(Debug, clap::Subcommand)]
pub enum MaintenanceCommand {
    /// Turn maintenance mode on; a later upgrade leaves it on
    #[command(after_help = "Examples:\n  ixporch maintenance on --limit ixp1")]
    On(Change),
    /// Turn maintenance mode off, even if a run turned it on
    #[command(after_help = "Examples:\n  ixporch maintenance off --limit ixp1")]
    Off(Change),
    /// Show which sites are in maintenance mode, and since when
    #[command(after_help = "Examples:\n  ixporch maintenance status")]
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
            run::look("maintenance-status", selection, connecting, settings, printer)
        }
    }
}
