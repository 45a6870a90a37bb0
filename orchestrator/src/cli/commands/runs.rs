//! `ixporch runs`: the runs of this controller.

mod archive;
mod prune;
mod verify;

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::Args;
use serde_json::{Value, json};

use self::archive::Archive;
use self::prune::Prune;

use crate::cli::args::Format;
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::history::{History, RunRecord, Unreadable};
use crate::report;
use crate::state::ExitCode;
use crate::text::harmless_line;

/// The columns.
const HEADING: [&str; 9] = ["run", "kind", "target", "who", "started", "took", "hosts", "exit", "inventory"];

/// Arguments of `runs`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ixporch runs
  ixporch runs verify
  ixporch runs prune --older-than 90d")]
pub struct Runs {
    /// What to do with runs; without it they are listed
    #[command(subcommand)]
    pub command: Option<RunsCommand>,
}

/// What to do with runs.
#[derive(Debug, clap::Subcommand)]
pub enum RunsCommand {
    /// Read all journals to their end, and report damaged ones; exit code 3 if there are any
    #[command(after_help = "\
Examples:
  ixporch runs verify")]
    Verify,
    /// Move a run to the archive, for instance a damaged one that blocks hosts
    #[command(after_help = "\
Examples:
  ixporch runs archive 01a2033f-6de1")]
    Archive(Archive),
    /// Delete old runs that nothing depends on; unfinished runs, open steps and evidence in use are kept
    #[command(after_help = "\
Examples:
  ixporch runs prune --keep 50
  ixporch runs prune --older-than 90d --yes")]
    Prune(Prune),
}

pub(in crate::cli) fn run(
    arguments: &Runs,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    match &arguments.command {
        None => list(settings, printer),
        Some(RunsCommand::Verify) => verify::run(settings, printer),
        Some(RunsCommand::Archive(arguments)) => archive::run(arguments, settings, printer),
        Some(RunsCommand::Prune(arguments)) => prune::run(arguments, settings, printer),
    }
}

fn list(settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
    let history = settings.store.history()?;
    let newest_first = || history.runs().iter().rev();
    match printer.format {
        Format::Human => printer.result(&text(&history, settings, printer)),
        Format::Json => {
            let runs: Vec<Value> =
                newest_first().map(value).chain(history.unreadable().iter().map(unreadable_value)).collect();
            printer.json(&json!({ "format": 1, "runs": runs }));
        }
        Format::Jsonl => {
            newest_first().for_each(|run| printer.json(&value(run)));
            history.unreadable().iter().for_each(|run| printer.json(&unreadable_value(run)));
        }
    }
    Ok(ExitCode::Success)
}

/// The table, and below it why runs cannot be read.
fn text(history: &History, settings: &Settings, printer: Printer) -> String {
    let readable = history.runs().iter().rev().map(|run| row(run, settings.shorten(&run.run)));
    let unreadable = history.unreadable().iter().map(|run| {
        let mut row = vec![settings.shorten(&run.run), "unreadable".to_owned()];
        row.resize(HEADING.len(), String::new());
        row
    });
    let rows: Vec<Vec<String>> = readable.chain(unreadable).collect();
    let mut text = report::table(&HEADING, &rows);
    for run in history.unreadable() {
        let shown = settings.shorten(&run.run);
        let _ = writeln!(text, "{} {shown}: {}", printer.out.warn("unreadable:"), harmless_line(&run.why));
    }
    if !history.unreadable().is_empty() {
        let _ = writeln!(text, "{} {} runs verify", printer.out.dim("help:"), settings.program);
    }
    text
}

/// How many hosts ended how.
fn outcomes(run: &RunRecord) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for host in &run.hosts {
        *counts.entry(host.outcome.map_or("unfinished", crate::event::HostOutcome::word)).or_default() += 1;
    }
    counts
}

/// How long the run took, in milliseconds; for one that goes on, up to its last event.
fn took(run: &RunRecord) -> Option<u64> {
    let (from, to) = run.started.zip(run.last)?;
    u64::try_from(to.duration_since(from).as_millis()).ok()
}

fn row(run: &RunRecord, shown: String) -> Vec<String> {
    let hosts = outcomes(run).iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>();
    let started = run.started.map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
    let exit = match run.exit_code {
        _ if run.going_on => "going on".to_owned(),
        None => "cut off".to_owned(),
        Some(code) => code.to_string(),
    };
    vec![
        shown,
        run.kind.to_string(),
        run.target.as_deref().map(harmless_line).unwrap_or_default(),
        harmless_line(&run.operator),
        started.unwrap_or_default(),
        took(run).map(report::duration).unwrap_or_default(),
        hosts.join(", "),
        exit,
        harmless_line(&run.inventory),
    ]
}

fn value(run: &RunRecord) -> Value {
    json!({
        "run": run.run,
        "readable": true,
        "kind": run.kind,
        "follows": run.follows,
        "target": run.target,
        "operator": run.operator,
        "started": run.started,
        "milliseconds": took(run),
        "hosts": outcomes(run),
        "exit_code": run.exit_code,
        "going_on": run.going_on,
        "taken_over_by": run.taken_over_by,
        "inventory": run.inventory,
    })
}

fn unreadable_value(run: &Unreadable) -> Value {
    let hosts = run.hosts.as_ref().map(|hosts| hosts.iter().map(|host| &host.name).collect::<Vec<_>>());
    json!({ "run": run.run, "readable": false, "why": run.why, "may_have_changed": hosts })
}
