//! `ixporch run`, and what every command shares that runs a procedure besides the upgrade.

use std::time::Duration;

use clap::Args;

use super::upgrade::{self, How, Task};
use crate::cli::args::{self, Change, Connecting, Relying, RunOptions, Selection, Waves, Work};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::plan::BackupChoice;
use crate::preflight::PreflightPolicy;
use crate::procedure::Procedure;
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
    let task = Task {
        procedure: load::procedure(procedure)?,
        restart_memcached: false,
        backup: BackupChoice::default(),
    };
    let preflight_policy = PreflightPolicy::default();
    let how = How {
        yes: change.yes,
        options: &change.options,
        approvals: &change.approvals,
        relying: &Relying::default(),
        lock_wait: Duration::ZERO,
        preflight_policy: &preflight_policy,
    };
    let work = work(procedure, &change.selection, &change.connecting, &change.waves);
    upgrade::start(&work, &task, how, settings, printer)
}

/// What a look at hosts is given.
#[derive(Clone, Copy)]
pub(super) struct Looking<'a> {
    pub(super) selection: &'a Selection,
    pub(super) connecting: &'a Connecting,
    pub(super) restart_memcached: bool,
    pub(super) yes: bool,
}

/// Runs a procedure that looks at hosts.
pub(super) fn look(
    procedure: &str,
    looking: Looking<'_>,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let loaded = load::procedure(procedure)?;
    let task = Task {
        procedure: loaded,
        restart_memcached: looking.restart_memcached,
        backup: BackupChoice::default(),
    };
    look_with(procedure, &task, looking, settings, printer)
}

/// The same with a procedure that is known already, and is called `named`.
pub(super) fn look_with(
    named: &str,
    task: &Task,
    looking: Looking<'_>,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let options = RunOptions { keep_ledger: false, live: false };
    let approvals = args::Approvals::default();
    let relying = Relying::default();
    let preflight_policy = PreflightPolicy::default();
    let how = How {
        yes: looking.yes,
        options: &options,
        approvals: &approvals,
        relying: &relying,
        lock_wait: Duration::ZERO,
        preflight_policy: &preflight_policy,
    };
    let work = work(named, looking.selection, looking.connecting, &Waves::default());
    upgrade::start(&work, task, how, settings, printer)
}

pub(super) fn work(procedure: &str, selection: &Selection, connecting: &Connecting, waves: &Waves) -> Work {
    Work {
        selection: selection.clone(),
        connecting: connecting.clone(),
        procedure: procedure.to_owned(),
        to: None,
        waves: waves.clone(),
    }
}

impl Task {
    /// Whether it changes anything: then it is asked about, and waves and gates stand before it.
    pub(super) fn changes(&self) -> bool {
        self.procedure.changes(self.restart_memcached)
    }

    /// What the user asks for, as a procedure alone.
    pub(super) fn of(procedure: Procedure) -> Self {
        Self { procedure, restart_memcached: false, backup: BackupChoice::default() }
    }
}
