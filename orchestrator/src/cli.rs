//! The command line: arguments, settings, one small file per subcommand, errors, exit codes.
//!
//! Owns the terminal and the environment; nothing else reads or writes them.

mod access;
pub mod args;
mod carry_out;
pub mod command_line;
mod commands;
mod error;
mod evidence;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod late;
mod limits;
mod live;
mod load;
mod openssh;
mod operator;
mod output;
mod planning;
mod printer;
mod probing;
mod problems;
mod prompt;
mod request;
mod resuming;
mod secrets;
mod settings;
mod signals;
mod site;
mod ssh_arguments;
mod start;
mod targets;
mod usage;
mod waiting;
mod which;

use std::process::ExitCode as ProcessExit;

use clap::Parser;

use self::command_line::{Arguments, Subcommand};
use self::commands::inventory::InventoryCommand;
use self::commands::procedure::ProcedureCommand;
use self::error::CliError;
use self::printer::Printer;
use self::settings::Settings;
use crate::state::ExitCode;

/// Runs the program: reads arguments and environment, does what is asked, gives the exit code.
pub fn main() -> ProcessExit {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return code(usage::end(&error, std::env::args_os())),
    };
    limits::raise_open_files();
    let printer = Printer::new(arguments.format, arguments.color);
    let result = Settings::resolve(arguments.state_dir.as_deref()).and_then(|settings| {
        run(&arguments.command, &settings, printer).map_err(|error| error.typed(&settings.program))
    });
    code(printer.end(result, only_prints(&arguments.command)))
}

/// Whether a command does nothing but print: its exit code carries no result.
fn only_prints(command: &Subcommand) -> bool {
    match command {
        Subcommand::Report(_) | Subcommand::Logs(_) | Subcommand::Evidence(_) => true,
        Subcommand::Runs(runs) => runs.command.is_none(),
        Subcommand::Inventory(inventory) => !matches!(inventory.command, InventoryCommand::Check { .. }),
        Subcommand::Procedure(procedure) => matches!(procedure.command, ProcedureCommand::Show { .. }),
        Subcommand::Schema(schema) => schema.command.is_none(),
        _ => false,
    }
}

fn code(exit: ExitCode) -> ProcessExit {
    ProcessExit::from(exit.code())
}

fn run(command: &Subcommand, settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
    match command {
        Subcommand::Init(arguments) => commands::init::run(arguments, printer),
        Subcommand::Inventory(arguments) => commands::inventory::run(arguments, settings, printer),
        Subcommand::Procedure(arguments) => commands::procedure::run(arguments, printer),
        Subcommand::Status(arguments) => commands::status::run(arguments, settings, printer),
        Subcommand::Ssh(arguments) => commands::ssh::run(arguments, settings, printer),
        Subcommand::Check(arguments) => commands::check::run(arguments, settings, printer),
        Subcommand::Plan(arguments) => commands::plan::run(arguments, settings, printer),
        Subcommand::Sudoers(arguments) => commands::sudoers::run(arguments, settings, printer),
        Subcommand::Upgrade(arguments) => commands::upgrade::run(arguments, settings, printer),
        Subcommand::Resume(arguments) => commands::resume::run(arguments, settings, printer),
        Subcommand::Backup(arguments) => commands::backup::run(arguments, settings, printer),
        Subcommand::Rollback(arguments) => commands::rollback::run(arguments, settings, printer),
        Subcommand::Settle(arguments) => commands::settle::run(arguments, settings, printer),
        Subcommand::Resolve(arguments) => commands::resolve::run(arguments, settings, printer),
        Subcommand::Lock(arguments) => commands::lock::run(arguments, settings, printer),
        Subcommand::Ledger(arguments) => commands::ledger::run(arguments, settings, printer),
        Subcommand::Approve(arguments) => commands::approve::run(arguments, settings, printer),
        Subcommand::Evidence(arguments) => commands::evidence::run(arguments, settings, printer),
        Subcommand::Views(arguments) => commands::views::run(arguments, settings, printer),
        Subcommand::Memcached(arguments) => commands::memcached::run(arguments, settings, printer),
        Subcommand::Maintenance(arguments) => commands::maintenance::run(arguments, settings, printer),
        Subcommand::Entities(arguments) => commands::entities::run(arguments, settings, printer),
        Subcommand::Run(arguments) => commands::run::run(arguments, settings, printer),
        Subcommand::Exec(arguments) => commands::exec::run(arguments, settings, printer),
        Subcommand::Schema(arguments) => commands::schema::run(arguments, settings, printer),
        Subcommand::Runs(arguments) => commands::runs::run(arguments, settings, printer),
        Subcommand::Report(arguments) => commands::report::run(arguments, settings, printer),
        Subcommand::Logs(arguments) => commands::logs::run(arguments, settings, printer),
    }
}
