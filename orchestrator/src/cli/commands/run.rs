//! `ixporch run`, and what every command shares that runs a procedure besides the upgrade.

use clap::Args;

use crate::cli::args::{Change, Connecting, Selection};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::printer::Printer;
use crate::cli::request::Request;
use crate::cli::settings::Settings;
use crate::cli::start;
use crate::state::ExitCode;

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ixporch run memcached-restart --limit @staging
  ixporch run own.toml --wave staging")]
pub struct Run {
    /// Built-in procedure or procedure file
    pub procedure: String,

    /// On what, and how
    #[command(flatten)]
    pub change: Change,
}

pub(in crate::cli) fn run(
    arguments: &Run,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    change(&arguments.procedure, &arguments.change, settings, printer)
}

/// Runs a procedure that changes hosts, wave by wave.
pub(super) fn change(
    procedure: &str,
    change: &Change,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    start::start(&changing(procedure, change)?, settings, printer)
}

/// The request of a command that changes hosts.
pub(super) fn changing(procedure: &str, change: &Change) -> Result<Request, CliError> {
    let loaded = load::procedure(procedure)?;
    let mut request =
        Request::new(loaded, procedure, &change.selection, &change.connecting)?.in_waves(&change.waves);
    request.yes = change.yes;
    request.run = change.options.clone();
    request.approvals = change.approvals.clone();
    Ok(request)
}

/// The request of a command that looks at hosts.
pub(super) fn looking(
    procedure: &str,
    selection: &Selection,
    connecting: &Connecting,
) -> Result<Request, CliError> {
    Request::new(load::procedure(procedure)?, procedure, selection, connecting)
}

/// Runs a procedure that looks at hosts.
pub(super) fn look(
    procedure: &str,
    selection: &Selection,
    connecting: &Connecting,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    start::start(&unwaved(looking(procedure, selection, connecting)?), settings, printer)
}

/// What only looks, or what is asked of hosts one by one, needs no waves, unless it changes something after all.
pub(super) fn unwaved(request: Request) -> Request {
    request.in_waves(&crate::cli::args::Waves::default())
}
