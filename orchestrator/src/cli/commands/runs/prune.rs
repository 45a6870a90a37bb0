//! `ixporch runs prune`: delete old runs that nothing depends on any more.

use std::time::Duration;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::cli::args::{Format, time};
use crate::cli::error::CliError;
use crate::cli::planning;
use crate::cli::printer::Printer;
use crate::cli::prompt;
use crate::cli::settings::Settings;
use crate::cli::start;
use crate::history::{Age, Kept, Pruning};
use crate::state::ExitCode;

/// Arguments of `runs prune`.
#[derive(Debug, Args)]
pub struct Prune {
    /// Keep the newest N runs
    #[arg(long, value_name = "N", required_unless_present = "older_than", conflicts_with = "older_than")]
    pub keep: Option<usize>,

    /// Delete runs whose last event is older than this, such as 90d
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub older_than: Option<Duration>,

    /// Start without asking
    #[arg(short, long)]
    pub yes: bool,
}

pub(super) fn run(arguments: &Prune, settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
    let history = settings.store.history()?;
    let pruning = history.pruning(age(arguments));
    for (run, why) in &pruning.keep {
        printer.say(&format!("kept: {}, because {}", settings.shorten(run), words(*why)));
    }
    for run in history.unreadable() {
        let shown = settings.shorten(&run.run);
        printer.say(&printer.err.warn(&format!("kept: {shown}, because its journal cannot be read")));
    }
    confirm(&pruning, arguments.yes)?;
    let mut deleted = Vec::new();
    for run in &pruning.prune {
        if settings.store.remove(run)? {
            deleted.push(run);
        }
    }
    match printer.format {
        Format::Human => {
            let plural = if deleted.len() == 1 { "" } else { "s" };
            printer.result(&format!(
                "{} run{plural} deleted, {} kept\n",
                deleted.len(),
                history.runs().len() - deleted.len()
            ));
        }
        Format::Json | Format::Jsonl => {
            let kept: Vec<_> =
                pruning.keep.iter().map(|(run, why)| json!({ "run": run, "why": words(*why) })).collect();
            printer.json(&json!({ "format": 1, "deleted": deleted, "kept": kept }));
        }
    }
    Ok(ExitCode::Success)
}

fn age(arguments: &Prune) -> Age {
    let Some(time) = arguments.older_than else { return Age::AllBut(arguments.keep.unwrap_or_default()) };
    let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    Age::Before(Timestamp::now().checked_sub(time).unwrap_or(Timestamp::MIN))
}

fn confirm(pruning: &Pruning, yes: bool) -> Result<(), CliError> {
    let count = pruning.prune.len();
    if count == 0 || yes {
        return Ok(());
    }
    if !prompt::is_attended() {
        return Err(
            CliError::usage("there is no terminal to confirm this at").help("run the same with --yes")
        );
    }
    let plural = if count == 1 { "" } else { "s" };
    let question = format!("Delete {count} run{plural} with journals, reports and logs?");
    match planning::runtime()?.block_on(prompt::ask(&question)) {
        Some(true) => Ok(()),
        _ => Err(start::not_confirmed()),
    }
}

pub(super) fn words(why: Kept) -> &'static str {
    match why {
        Kept::Unfinished => "it is unfinished",
        Kept::Owed => "it left steps open",
        Kept::Evidence => "it is the last upgrade or rollback of a host",
        Kept::LastOfHost => "it is the last run that changed a host",
        Kept::Completes => "it completed steps of another run, or rolled one back",
        Kept::Followed => "a run that is kept follows it",
    }
}
