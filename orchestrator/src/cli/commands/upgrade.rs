//! `ixporch upgrade`: plan, confirm, run, report.

use std::time::Duration;

use clap::Args;

use crate::cli::args::{self, Preflight, Relying, RunOptions, Work, time};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::printer::Printer;
use crate::cli::request::Request;
use crate::cli::settings::Settings;
use crate::cli::start;
use crate::state::ExitCode;

/// Arguments of `upgrade`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ixporch upgrade --to v4.9.3
  ixporch upgrade --wave staging --yes
  ixporch upgrade --skip-check database-family --reason 'tested on a copy'")]
pub struct Upgrade {
    /// What is to be done
    #[command(flatten)]
    pub work: Work,

    /// How a run is carried out
    #[command(flatten)]
    pub options: RunOptions,

    /// How long to wait for hosts that another run has locked, such as 10m
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = time)]
    pub lock_wait: Duration,

    /// Start without asking; gates and schema reviews still need an approval
    ///
    /// At a terminal you are asked for these approvals. Without a terminal the run holds (exit code 7), unless
    /// --approve, --approve-schema or the setting `schema_approval` covers them.
    #[arg(short, long)]
    pub yes: bool,

    /// What is approved beforehand
    #[command(flatten)]
    pub approvals: args::Approvals,

    /// What is demanded of other runs
    #[command(flatten)]
    pub relying: Relying,

    /// How findings of the preflight are taken
    #[command(flatten)]
    pub preflight: Preflight,
}

pub(in crate::cli) fn run(
    arguments: &Upgrade,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let policy = arguments.preflight.policy(&arguments.approvals.reason)?;
    let mut request = Request::of_work(&arguments.work)?;
    request.options.preflight_policy = policy;
    request.yes = arguments.yes;
    request.run = arguments.options.clone();
    request.approvals = arguments.approvals.clone();
    request.relying = arguments.relying.clone();
    request.lock_wait = arguments.lock_wait;
    if !request.kind().is_upgrade() {
        refuse_evidence(arguments)?;
    }
    start::start(&request, settings, printer)
}

/// Evidence is about upgrades: where nobody can tell whether a procedure is one, it is not as if it were compared.
fn refuse_evidence(arguments: &Upgrade) -> Result<(), CliError> {
    let inventory = load::inventory(&arguments.work.selection.file)?;
    let requires = inventory.waves.iter().find(|wave| wave.requires.is_some());
    let what = match (&arguments.relying.requires_run, requires) {
        (Some(_), _) => "--requires-run demands evidence".to_owned(),
        (None, Some(wave)) => format!("wave `{}` requires evidence", wave.name),
        (None, None) => return Ok(()),
    };
    let procedure = &arguments.work.procedure;
    Err(CliError::usage(format!("{what}, and procedure {procedure} has no step that moves the code to a target"))
        .help(format!(
            "mark its steps that do with when = [\"target\"] or [\"no-target\"]; what is no upgrade: ixporch run {procedure}"
        )))
}
