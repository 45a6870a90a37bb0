//! `ixporch resume`: go on with an interrupted run, or start a new one for the hosts that it did not bring to a good end.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::approve;
use crate::cli::args::{Approvals, Connecting, InventoryFile, Relying, RunOptions, confirmable};
use crate::cli::error::CliError;
use crate::cli::planning;
use crate::cli::printer::Printer;
use crate::cli::resuming::{self, Given, Resuming};
use crate::cli::settings::Settings;
use crate::cli::which::{self, Question};
use crate::event::{FollowUpKind, Obstacle};
use crate::follow_up::rerun::Which;
use crate::state::ExitCode;

/// Arguments of `resume`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ixporch resume
  ixporch resume 0198c2 --approve prod --reason 'staging is well'
  ixporch resume latest --rerun failed")]
pub struct Resume {
    /// Run id, or the beginning of it [default: the last unfinished run; with --rerun the last run]
    #[arg(default_value = "latest", hide_default_value = true)]
    pub run: String,

    /// Only these hosts of the run [default: all]
    #[arg(short, long, value_name = "SELECTOR")]
    pub limit: Option<String>,

    /// Start a new run for these hosts instead; hosts that were never started are always included
    #[arg(long, value_enum, value_name = "WHICH")]
    pub rerun: Option<Rerun>,

    /// With --rerun, confirm that what this release asks of you is known and done, such as v4.9.0
    #[arg(long, value_name = "TAG", requires = "rerun")]
    pub confirm_release: Vec<String>,

    /// Inventory file, if it has moved since the run
    #[arg(short, long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,

    /// How a run is carried out
    #[command(flatten)]
    pub options: RunOptions,

    /// What is approved
    #[command(flatten)]
    pub approvals: Approvals,

    /// What is demanded of other runs
    #[command(flatten)]
    pub relying: Relying,

    /// Do not ask before --rerun starts; resume itself never asks
    #[arg(short, long)]
    pub yes: bool,
}

/// Which hosts of a run are run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rerun {
    /// Hosts that failed, crashed, were rolled back, were unreachable or were not started
    Failed,
    /// All hosts that are neither upgraded nor current
    Unfinished,
}

pub(in crate::cli) fn run(
    arguments: &Resume,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let runtime = planning::runtime()?;
    let exit = runtime.block_on(Box::pin(take_up(arguments, settings, printer)));
    // A question that nobody answered may still be waiting on a thread of its own.
    runtime.shutdown_background();
    exit
}

async fn take_up(arguments: &Resume, settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
    confirmable(&arguments.confirm_release)?;
    let history = settings.store.history()?;
    let rerun = arguments.rerun.map(|rerun| Which::from(rerun).into());
    let question = Question {
        follow_up: rerun.unwrap_or(FollowUpKind::Resume),
        wanted: &arguments.run,
        inventory: arguments.inventory.as_deref(),
        limit: arguments.limit.as_deref(),
    };
    let record = which::followed(settings, &history, question)?;
    let (mut journal, mut run) = which::take_up(&record.run, settings)?;
    approve::take_letters(&mut journal, &mut run)?;
    let Some(header) = run.state.header.clone() else {
        return Err(which::obstacle(&Obstacle::NotBegun { run: run.id }, settings));
    };
    let file = InventoryFile {
        inventory: arguments.inventory.clone().unwrap_or_else(|| PathBuf::from(&header.inventory)),
    };
    let given = Given {
        connecting: &arguments.connecting,
        options: &arguments.options,
        approvals: &arguments.approvals,
        relying: &arguments.relying,
        limit: arguments.limit.as_deref(),
        confirmed: &arguments.confirm_release,
        yes: arguments.yes,
    };
    let resuming =
        Resuming { given, history: &history, record, header: &header, file: &file, settings, printer };
    match arguments.rerun {
        None => Box::pin(resuming::resume(resuming, journal, run)).await,
        Some(rerun) => Box::pin(resuming::rerun(resuming, rerun.into(), journal, run)).await,
    }
}

impl From<Rerun> for Which {
    fn from(rerun: Rerun) -> Self {
        match rerun {
            Rerun::Failed => Self::Failed,
            Rerun::Unfinished => Self::Unfinished,
        }
    }
}
