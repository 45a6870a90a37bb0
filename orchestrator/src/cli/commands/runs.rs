//! `ixporch runs`: the runs of this controller.

mod archive;
mod prune;
mod verify;

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;

use self::archive::Archive;
use self::prune::Prune;

use crate::cli::args::Format;
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::journal::LoadedRun;
use crate::report;
use crate::state::ExitCode;

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
    let mut rows = Vec::new();
    let mut values = Vec::new();
    for id in settings.store.ids()? {
        match settings.store.load(&id) {
            Ok(run) => {
                rows.push(row(&run, settings.store.shorten(&id)?));
                values.push(json!({
                    "run": id, "started": run.state.started, "exit_code": run.state.exit_code,
                    "going_on": run.going_on, "inventory": run.state.header.as_ref().map(|header| &header.inventory), "hosts": outcomes(&run),
                }));
            }
            Err(error) => printer.say(&format!("{} {error}", printer.err.warn("warning:"))),
        }
    }
    match printer.format {
        Format::Human => {
            printer.result(&report::table(&["run", "started", "hosts", "exit", "inventory"], &rows));
        }
        Format::Json => printer.json(&json!({ "format": 1, "runs": values })),
        Format::Jsonl => values.iter().for_each(|value| printer.json(value)),
    }
    Ok(ExitCode::Success)
}

fn outcomes(run: &LoadedRun) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for host in run.state.hosts.values() {
        let word = host.outcome.map_or_else(|| "unfinished".to_owned(), |outcome| outcome.to_string());
        *counts.entry(word).or_default() += 1;
    }
    counts
}

fn row(run: &LoadedRun, id: String) -> Vec<String> {
    let hosts =
        outcomes(run).iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ");
    let started =
        run.state.started.map_or_else(String::new, |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
    let unfinished = if run.going_on { "going on" } else { "cut off" };
    let exit = run.state.exit_code.map_or_else(|| unfinished.to_owned(), |code| code.to_string());
    let inventory = run.state.header.as_ref().map(|header| header.inventory.clone()).unwrap_or_default();
    vec![id, started, hosts, exit, inventory]
}
