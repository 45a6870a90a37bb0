//! `ixporch memcached restart`.

use super::run;
use crate::cli::args::{self, MemcachedCommand};
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::state::ExitCode;

pub(in crate::cli) fn run(
    arguments: &args::Memcached,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let MemcachedCommand::Restart(change) = &arguments.command;
    run::change("memcached-restart", change, settings, printer)
}
