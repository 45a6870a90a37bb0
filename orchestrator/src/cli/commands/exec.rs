//! `ixporch exec`: one command on the hosts.

use std::time::Duration;

use clap::Args;

use super::run::{self, Looking};
use super::upgrade::Task;
use crate::cli::args::{Connecting, Selection, time};
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::procedure::{Effect, Procedure};
use crate::state::ExitCode;

/// Arguments of `exec`.
#[derive(Debug, Args)]
pub struct Exec {
    /// Which hosts
    #[command(flatten)]
    pub selection: Selection,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,

    /// The command changes something: it is run wave by wave, never repeated, and asked about first
    #[arg(long)]
    pub change: bool,

    /// With --change: start without asking
    #[arg(short, long)]
    pub yes: bool,

    /// How long it may take on a host
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
    pub timeout: Duration,

    /// Program and arguments, as the login user runs them; no shell takes part
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

pub(in crate::cli) fn run(
    arguments: &Exec,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let effect = if arguments.change { Effect::Change } else { Effect::Check };
    let procedure = Procedure::of_command(&arguments.command, effect, arguments.timeout);
    let looking = Looking {
        selection: &arguments.selection,
        connecting: &arguments.connecting,
        restart_memcached: false,
        yes: arguments.yes,
    };
    run::look_with("exec", &Task::of(procedure), looking, settings, printer)
}
