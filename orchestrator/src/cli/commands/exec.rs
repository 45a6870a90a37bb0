//! `ixporch exec`: one command on the hosts.

use std::time::Duration;

use clap::Args;

use crate::cli::args::{Connecting, Selection, Waves, time};
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::request::Request;
use crate::cli::settings::Settings;
use crate::cli::start;
use crate::procedure::{EXEC, Effect, Procedure};
use crate::state::ExitCode;

/// Arguments of `exec`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ixporch exec -- uptime
  ixporch exec --change --limit @staging -- sudo apt-get --yes upgrade")]
pub struct Exec {
    /// Which hosts
    #[command(flatten)]
    pub selection: Selection,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,

    /// Run the command as a change: ask first, go wave by wave, never repeat it
    #[arg(long)]
    pub change: bool,

    /// With --change: start without asking
    #[arg(short, long)]
    pub yes: bool,

    /// Time limit on each host
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
    pub timeout: Duration,

    /// Program and its arguments; runs as the login user, without a shell
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
    let request = Request::new(procedure, EXEC, &arguments.selection, &arguments.connecting)?;
    let request = Request { yes: arguments.yes, ..request.in_waves(&Waves::default()) };
    start::start(&request, settings, printer)
}
