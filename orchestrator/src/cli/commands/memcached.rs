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
pub struct Memcached {
    /// What to do with it
    #[command(subcommand)]
    pub command: MemcachedCommand,
}

/// What to do with memcached.
#[derive(Debug, clap::Subcommand)]
pub enum MemcachedCommand {
    /// Restart it, and prove that it was started anew
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
