//! `ixporch upgrade`: plan, confirm, run, report.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use ixporch_inventory::suggest;
use jiff::Timestamp;

use super::execute::Execution;
use super::work::{self, Planned};
use crate::cli::args::{self, Preflight, Relying, RunOptions, Work, time};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::printer::Printer;
use crate::cli::prompt;
use crate::cli::settings::Settings;
use crate::engine::{About, Approvals};
use crate::event::{Envelope, RunEvent};
use crate::journal::Writer;
use crate::plan::{BackupChoice, Plan};
use crate::preflight::PreflightPolicy;
use crate::procedure::{EXEC, Procedure};
use crate::report;
use crate::state::{ExitCode, GivenEvidence};

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
    let preflight_policy = arguments.preflight.policy(&arguments.approvals.reason)?;
    let how = How {
        preflight_policy: &preflight_policy,
        yes: arguments.yes,
        options: &arguments.options,
        approvals: &arguments.approvals,
        relying: &arguments.relying,
        lock_wait: arguments.lock_wait,
    };
    let task = Task::of(load::procedure(&arguments.work.procedure)?);
    if !task.procedure.moves_code() {
        refuse_evidence(arguments)?;
    }
    start(&arguments.work, &task, how, settings, printer)
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

/// What is to be run.
pub(super) struct Task {
    pub(super) procedure: Procedure,
    /// Whether memcached is restarted first, where the procedure leaves that to the user.
    pub(super) restart_memcached: bool,
    /// Which backup is meant, by procedures that are about backups.
    pub(super) backup: BackupChoice,
}

/// Plans, asks, and runs, in a runtime of its own.
pub(super) fn start(
    work: &Work,
    task: &Task,
    how: How<'_>,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let runtime = work::runtime()?;
    let exit = runtime.block_on(upgrade(work, task, how, None, settings, printer));
    // A question that nobody answered may still be waiting on a thread of its own.
    runtime.shutdown_background();
    exit
}

/// How a run is to be carried out.
#[derive(Clone, Copy)]
pub(super) struct How<'a> {
    /// Whether it starts without a question.
    pub(super) yes: bool,
    pub(super) options: &'a RunOptions,
    pub(super) approvals: &'a args::Approvals,
    pub(super) relying: &'a args::Relying,
    pub(super) lock_wait: Duration,
    /// How findings of the preflight are taken.
    pub(super) preflight_policy: &'a PreflightPolicy,
}

/// A run whose hosts are taken over.
pub(super) struct Earlier {
    pub(super) run: String,
    pub(super) journal: Writer,
    /// The number of the next event in its journal.
    pub(super) sequence: u64,
    /// What it relied on that was named for all of it.
    pub(super) evidence: Vec<GivenEvidence>,
}

impl Earlier {
    /// Writes down that another run has its hosts now.
    pub(super) fn hand_over(&mut self, to: &str) -> Result<(), CliError> {
        let event = RunEvent::RunTakenOver { by: to.to_owned() };
        let envelope = Envelope { sequence: self.sequence, at: Timestamp::now(), event };
        Ok(self.journal.append(&[envelope], true)?)
    }
}

/// Plans, asks, and runs; `earlier` is the run whose hosts are taken over.
pub(super) async fn upgrade(
    work: &Work,
    task: &Task,
    how: How<'_>,
    mut earlier: Option<Earlier>,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let asks = task.changes() && !how.yes;
    if asks && !prompt::is_attended() {
        return Err(CliError::usage("there is no terminal to confirm the plan at").help(
            if task.procedure.moves_code() {
                "read it with `ixporch plan`, then run `ixporch upgrade --yes`"
            } else {
                "run the same with --yes"
            },
        ));
    }
    if task.changes() {
        refuse_everything(work)?;
    }
    settings.store.prepare()?;
    let planned = Box::pin(work::plan(
        work,
        task,
        how.relying.requires_run.as_deref(),
        earlier.as_ref().map(|earlier| earlier.run.as_str()),
        how.preflight_policy,
        settings,
        printer,
    ))
    .await?;
    let approvals = approvals(how.approvals, how.relying.accept_risk.as_ref(), &planned.plan)?;
    let mut evidence = planned.evidence.clone();
    if how.relying.requires_run.is_none() {
        evidence.extend(earlier.iter().flat_map(|earlier| earlier.evidence.iter().cloned()));
    }
    if task.changes() {
        printer.say(&report::plan(printer.err, &planned.plan, false));
    }
    if planned.plan.hosts_to_upgrade() > 0 && asks {
        confirm(&planned.plan).await?;
    }
    let is_built_in = Procedure::built_in_text(&work.procedure).is_some() || task.procedure.name == EXEC;
    let procedure = if is_built_in { work.procedure.clone() } else { absolute(work.procedure.as_ref()) };
    let run = uuid::Uuid::now_v7().to_string();
    let journal = settings.store.create(&run)?;
    if let Some(earlier) = &mut earlier {
        earlier.hand_over(&run)?;
    }
    let Planned { plan, targets, transport, .. } = planned;
    let about = About {
        run,
        operator: settings.user.clone(),
        inventory: absolute(&work.selection.file.inventory),
        procedure,
        origin: settings.origin.clone(),
        instead_of: earlier.as_ref().map(|earlier| earlier.run.clone()),
        keep_ledger: how.options.keep_ledger,
        restart_memcached: task.restart_memcached,
    };
    let connecting = &work.connecting;
    let execution = Execution {
        plan,
        about,
        approvals,
        evidence,
        resumed: None,
        refused: BTreeMap::new(),
        targets,
        transport,
        journal,
        connecting,
        lock_wait: how.lock_wait,
        live: how.options.live,
    };
    Box::pin(execution.run(settings, printer)).await
}

/// What was approved on the command line; a wave that the plan does not have is a mistake.
pub(super) fn approvals(
    given: &args::Approvals,
    accept_risk: Option<&String>,
    plan: &Plan,
) -> Result<Approvals, CliError> {
    let known: Vec<&str> = plan.waves.iter().map(|wave| wave.name.as_str()).collect();
    if let Some(wave) = given.approve.iter().find(|wave| !known.contains(&wave.as_str())) {
        let mut error = CliError::usage(format!("the run has no wave `{wave}` to approve"));
        error.help = suggest::help(wave, known);
        return Err(error);
    }
    Ok(Approvals {
        waves: given.approve.clone(),
        schemas: given.approve_schema.clone(),
        risk: accept_risk.cloned(),
        reason: given.reason.clone(),
    })
}

/// Without waves and without a selection, an upgrade is of one host.
fn refuse_everything(work: &Work) -> Result<(), CliError> {
    let inventory = load::inventory(&work.selection.file)?;
    let is_chosen = work.selection.limit.is_some() || work.selection.limit_file.is_some();
    if is_chosen || !inventory.waves.is_empty() || inventory.hosts.len() < 2 {
        return Ok(());
    }
    let count = inventory.hosts.len();
    let message =
        format!("the inventory has {count} hosts and declares no waves: all at once is not assumed");
    Err(CliError::usage(message)
        .help("name the hosts: --limit SELECTOR (all of them: --limit '*'); or declare [[waves]]"))
}

/// A path that means the same in every folder.
fn absolute(path: &std::path::Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

async fn confirm(plan: &Plan) -> Result<(), CliError> {
    let hosts = plan.hosts_to_upgrade();
    let plural = if hosts == 1 { "" } else { "s" };
    let question = if plan.moves_code {
        format!("\nUpgrade {hosts} host{plural}?")
    } else {
        format!("\nRun {} on {hosts} host{plural}?", plan.procedure)
    };
    match prompt::ask(&question).await {
        Some(true) => Ok(()),
        _ => Err(CliError::usage("not confirmed; nothing was started").help("answer `y`, or run with --yes")),
    }
}
