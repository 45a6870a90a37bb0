//! `ixporch rollback`: restore the hosts of a run to their state before it, by a run of its own.

use std::path::PathBuf;

use clap::Args;
use ixporch_inventory::Selector;
use jiff::Timestamp;

use crate::cli::access::Access;
use crate::cli::args::{Connecting, InventoryFile, RunOptions};
use crate::cli::carry_out::Execution;
use crate::cli::error::CliError;
use crate::cli::planning;
use crate::cli::printer::Printer;
use crate::cli::prompt;
use crate::cli::settings::Settings;
use crate::cli::start::{self, Earlier, NewRun};
use crate::cli::which::{self, Question};
use crate::event::{FollowUpKind, LeftOut, RunKind};
use crate::follow_up::choose::origin;
use crate::follow_up::rollback;
use crate::plan::HostId;
use crate::procedure::ROLLBACK;
use crate::report;
use crate::state::ExitCode;

/// Arguments of `rollback`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch rollback\n  ixporch rollback 0198c2 --limit ixp1")]
pub struct Rollback {
    /// Run id, or the beginning of it [default: the last run, if it can be rolled back]
    #[arg(default_value = "latest", hide_default_value = true)]
    pub run: String,

    /// Only these hosts of the run [default: all]
    #[arg(short, long, value_name = "SELECTOR")]
    pub limit: Option<String>,

    /// Discard database writes made since this time, such as 2026-11-24T12:31:07Z
    ///
    /// Without it, a database is not restored if it was written to after its site was opened again.
    #[arg(long, value_name = "TIME")]
    pub discard_writes_since: Option<Timestamp>,

    /// Inventory file, if it has moved since the run
    #[arg(short, long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,

    /// How a run is carried out
    #[command(flatten)]
    pub options: RunOptions,

    /// Start without asking
    #[arg(short, long)]
    pub yes: bool,
}

pub(in crate::cli) fn run(
    arguments: &Rollback,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    if !arguments.yes && !prompt::is_attended() {
        return Err(CliError::usage("there is no terminal to confirm the rollback at")
            .help("run the same with --yes"));
    }
    let runtime = planning::runtime()?;
    let exit = runtime.block_on(Box::pin(roll_back(arguments, settings, printer)));
    // A question that nobody answered may still be waiting on a thread of its own.
    runtime.shutdown_background();
    exit
}

async fn roll_back(
    arguments: &Rollback,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let history = settings.store.history()?;
    let question = Question {
        follow_up: FollowUpKind::Rollback,
        wanted: &arguments.run,
        inventory: arguments.inventory.as_deref(),
        limit: arguments.limit.as_deref(),
    };
    let record = origin(&history, which::followed(settings, &history, question)?);
    let (journal, run) = which::take_up(&record.run, settings)?;
    // Held until the rollback has ended: nobody takes the run up meanwhile.
    let journal = journal.hold();
    let file = InventoryFile {
        inventory: arguments.inventory.clone().unwrap_or_else(|| PathBuf::from(&record.inventory)),
    };
    let inventory = which::inventory_of(&file, "rollback", &settings.shorten(&record.run), record, settings)?;
    let selector = arguments.limit.as_deref().map(Selector::parse).transpose()?;
    let selected = planning::selected(&inventory, selector.as_ref())?;
    let request = rollback::Request {
        selected: &|name| selected.iter().any(|host| host.name == name),
        is_limited: selector.is_some(),
        known: &|name| inventory.host(name).map(HostId::of),
        discard_writes_since: arguments.discard_writes_since,
    };
    let decided = rollback::rollback(&history, record, &run.state, &request)
        .map_err(|found| which::obstacle(&found, settings))?;
    let shown = settings.shorten(&run.id);
    tell_left_out(&decided.left_out, settings, printer);
    let Some(plan) = decided.plan else {
        printer.say(&format!("run {shown} changed nothing on the selected hosts; nothing to roll back"));
        return Ok(ExitCode::Success);
    };
    printer.say(&format!("rolling back run {shown}, of {}", record.inventory));
    printer.say(&report::plan(printer.err, RunKind::Rollback, &plan, false));
    if !arguments.yes {
        confirm(plan.hosts().count(), &shown).await?;
    }
    let access = Access::new(settings, &file.inventory, &inventory, &arguments.connecting);
    let new = NewRun {
        kind: RunKind::Rollback,
        follows: Some(&run.id),
        inventory: record.inventory.clone(),
        procedure: ROLLBACK.to_owned(),
        keep_ledger: arguments.options.keep_ledger,
        restart_memcached: false,
        backup: crate::plan::BackupChoice::default(),
    };
    // A question may wait for hours.
    let now = settings.store.history()?;
    let again = now.run(&record.run).map(|record| rollback::rollback(&now, record, &run.state, &request));
    if again.and_then(Result::ok).and_then(|again| again.plan).as_ref() != Some(&plan) {
        return Err(changed_meanwhile());
    }
    let header = start::header(new, plan, &now, settings)?;
    let new = settings.store.create(&header.run)?;
    let sequence = run.events.last().map_or(0, |last| last.sequence) + 1;
    let mut earlier = Earlier { run: run.id.clone(), journal, sequence, evidence: Vec::new() };
    if decided.takes_over {
        earlier.hand_over(&header.run)?;
    }
    let execution = Execution { live: arguments.options.live, ..Execution::of_journal(header, access, new) };
    let exit = Box::pin(execution.run(settings, printer)).await?;
    drop(earlier);
    // Hosts that were left out were meant, too.
    let is_whole = decided.left_out.is_empty();
    Ok(if exit == ExitCode::Success && !is_whole { ExitCode::Unreachable } else { exit })
}

fn tell_left_out(left_out: &[(String, LeftOut)], settings: &Settings, printer: Printer) {
    let shorten = |run: &str| settings.shorten(run);
    for (host, why) in left_out {
        let words = report::left_out(why, &settings.program, None, &shorten);
        printer.say(&printer.err.warn(&format!("{host} is left out: {}", words.message)));
        if let Some(help) = words.help {
            printer.say(&format!("  help: {help}"));
        }
    }
}

fn changed_meanwhile() -> CliError {
    CliError::invalid("another run was at work on these hosts since the rollback was planned")
        .help("nothing was started: run the same command again")
}

async fn confirm(hosts: usize, run: &str) -> Result<(), CliError> {
    let plural = if hosts == 1 { "" } else { "s" };
    let question = format!("\nRestore {hosts} host{plural} to the state before run {run}?");
    match prompt::ask(&question).await {
        Some(true) => Ok(()),
        _ => Err(start::not_confirmed()),
    }
}
