//! `ixporch settle`: complete the steps that a run left open on a host, as far as that can be done.

use std::path::PathBuf;

use clap::Args;

use crate::cli::access::Access;
use crate::cli::args::{Connecting, InventoryFile};
use crate::cli::carry_out::Execution;
use crate::cli::error::CliError;
use crate::cli::planning;
use crate::cli::printer::Printer;
use crate::cli::prompt;
use crate::cli::settings::Settings;
use crate::cli::start::{self, NewRun};
use crate::cli::which::{self, Question};
use crate::event::{FollowUpKind, RunKind};
use crate::follow_up::choose;
use crate::follow_up::settle;
use crate::history::RunRecord;
use crate::procedure::SETTLE;
use crate::report;
use crate::state::ExitCode;

/// Arguments of `settle`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch settle latest ixp1")]
pub struct Settle {
    /// Run id, the beginning of it, or `latest`
    pub run: String,

    /// Host with open steps
    pub host: String,

    /// Inventory file, if it has moved since the run
    #[arg(short, long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,

    /// Start without asking
    #[arg(short, long)]
    pub yes: bool,
}

pub(in crate::cli) fn run(
    arguments: &Settle,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    if !arguments.yes && !prompt::is_attended() {
        return Err(
            CliError::usage("there is no terminal to confirm this at").help("run the same with --yes")
        );
    }
    let runtime = planning::runtime()?;
    let exit = runtime.block_on(Box::pin(complete(arguments, settings, printer)));
    // A question that nobody answered may still be waiting on a thread of its own.
    runtime.shutdown_background();
    exit
}

async fn complete(arguments: &Settle, settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
    let host = &arguments.host;
    let history = settings.store.history()?;
    let question = Question {
        follow_up: FollowUpKind::Settle { host: host.clone() },
        wanted: &arguments.run,
        inventory: arguments.inventory.as_deref(),
        limit: None,
    };
    let named = which::followed(settings, &history, question)?;
    // A settlement of another run is completed by settling that run again.
    let record = if named.kind == RunKind::Settle { choose::origin(&history, named) } else { named };
    let (journal, run) = which::take_up(&record.run, settings)?;
    // Held until this has ended: nobody takes the run up meanwhile.
    let _held = journal.hold();
    let settlement = settle::settle(&history, record, &run.state, host)
        .map_err(|found| which::obstacle(&found, settings))?;
    let shown = settings.shorten(&run.id);
    tell_left(&settlement.left, record, host, settings, printer);
    let Some(plan) = settlement.plan else {
        if settlement.left.is_empty() {
            printer.say(&format!("run {shown} left no step open on {host}"));
            return Ok(ExitCode::Success);
        }
        return Ok(ExitCode::NeedsPerson);
    };
    printer.say(&report::plan(printer.err, RunKind::Settle, &plan, false));
    if !arguments.yes && prompt::ask(&format!("\nComplete these steps on {host}?")).await != Some(true) {
        return Err(start::not_confirmed());
    }
    let file = InventoryFile {
        inventory: arguments.inventory.clone().unwrap_or_else(|| PathBuf::from(&record.inventory)),
    };
    let inventory = which::inventory_of(&file, "settle", &format!("{shown} {host}"), record, settings)?;
    let access = Access::new(settings, &file.inventory, &inventory, &arguments.connecting);
    let new = NewRun {
        kind: RunKind::Settle,
        follows: Some(&run.id),
        inventory: record.inventory.clone(),
        procedure: SETTLE.to_owned(),
        keep_ledger: false,
        restart_memcached: false,
        backup: crate::plan::BackupChoice::default(),
    };
    // A question may wait for hours.
    let now = settings.store.history()?;
    let again = now.run(&record.run).map(|record| settle::settle(&now, record, &run.state, host));
    if again.and_then(Result::ok).and_then(|again| again.plan).as_ref() != Some(&plan) {
        return Err(CliError::invalid(format!("another run was at work on {host} since this was planned"))
            .help("nothing was started: run the same command again"));
    }
    let header = start::header(new, plan, &now, settings)?;
    let journal = settings.store.create(&header.run)?;
    Box::pin(Execution::of_journal(header, access, journal).run(settings, printer)).await
}

/// Tells which steps cannot be completed yet, and what can be done instead.
fn tell_left(left: &[String], record: &RunRecord, host: &str, settings: &Settings, printer: Printer) {
    if left.is_empty() {
        return;
    }
    let program = &settings.program;
    for step in left {
        printer.say(&printer.err.warn(&format!(
            "{host}: {step} cannot be completed yet, because an earlier step of the run is not done"
        )));
    }
    if let (Some(origin), RunKind::Rollback) = (&record.follows, record.kind) {
        let origin = settings.shorten(origin);
        printer.say(&format!("help: roll it back again: {program} rollback {origin} --limit {host}"));
        return;
    }
    let run = settings.shorten(&record.run);
    printer.say(&format!("help: roll it back: {program} rollback {run} --limit {host}"));
    printer.say(&format!("help: or run it again: {program} resume {run} --rerun unfinished --limit {host}"));
}
