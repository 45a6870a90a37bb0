//! `ixporch memcached restart`.

use clap::Args;

use super::run;
use crate::cli::args::Change;
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::state::ExitCode;

/// Arguments of `memcached`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch memcached restart")]
pub struct Memcached {
    /// What to do with it
    #[command(subcommand)]
    pub command: MemcachedCommand,
}

/// What to do with memcached.
#[derive(Debug, clap::Subcommand)]
pub enum MemcachedCommand {
    /// Restart memcached and verify that it restarted
    #[command(after_help = "Examples:
  ixporch memcached restart
  ixporch memcached restart --limit @staging --yes")]
    Restart(Change),
}

pub(in crate::cli) fn run(
    arguments: &Memcached,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let MemcachedCommand::Restart(change) = &arguments.command;
    run::change("memcached-restart", change, settings, printer)
}
