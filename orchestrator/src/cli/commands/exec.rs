//! `ixporch exec`: one command on the hosts.

use super::run::{self, Looking};
use super::upgrade::Task;
use crate::cli::args;
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::procedure::{Effect, Procedure};
use crate::state::ExitCode;

pub(in crate::cli) fn run(
    arguments: &args::Exec,
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
