//! `ixporch runs archive`: move a run away, so that no command looks at it.

use clap::Args;

use super::prune::words;
use crate::cli::error::CliError;
use crate::cli::planning;
use crate::cli::printer::Printer;
use crate::cli::prompt;
use crate::cli::settings::Settings;
use crate::cli::start;
use crate::cli::which;
use crate::history::{Age, Kept};
use crate::state::ExitCode;

/// Arguments of `runs archive`.
#[derive(Debug, Args)]
pub struct Archive {
    /// Run id, or the beginning of it
    pub run: String,

    /// Start without asking
    #[arg(short, long)]
    pub yes: bool,
}

pub(super) fn run(arguments: &Archive, settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
    let id = settings.store.find(&arguments.run)?;
    let shown = settings.shorten(&id);
    let history = settings.store.history()?;
    let is_damaged = history.unreadable().iter().any(|unreadable| unreadable.run == id);
    if !is_damaged {
        refuse_what_is_used(&id, &shown, settings)?;
    }
    if !arguments.yes {
        let what = if is_damaged {
            "what it did, and which steps it left open, is not known then"
        } else {
            "reports, resume and rollback do not find it then"
        };
        let question = format!("Move run {shown} to the archive? ({what})");
        if !prompt::is_attended() {
            return Err(
                CliError::usage("there is no terminal to confirm this at").help("run the same with --yes")
            );
        }
        if planning::runtime()?.block_on(prompt::ask(&question)) != Some(true) {
            return Err(start::not_confirmed());
        }
    }
    let to = settings.store.archive(&id)?.ok_or_else(|| which::going_on(&id, settings))?;
    printer.say(&format!("run {shown} is in {}; move it back to undo this", to.display()));
    Ok(ExitCode::Success)
}

/// A run that can be read and that something depends on stays where it is.
fn refuse_what_is_used(id: &str, shown: &str, settings: &Settings) -> Result<(), CliError> {
    let history = settings.store.history()?;
    let kept = history.pruning(Age::AllBut(0)).keep;
    let program = &settings.program;
    match kept.iter().find(|(run, _)| run == id).map(|(_, why)| why) {
        Some(Kept::Unfinished) => Err(CliError::invalid(format!("run {shown} is unfinished"))
            .help(format!("complete it first: {program} resume {shown}"))),
        Some(Kept::Owed) => {
            let run = history.run(id);
            let owing = run.iter().flat_map(|run| &run.hosts).find(|host| !host.owed.is_empty());
            let host = owing.map_or("HOST", |host| host.id.name.as_str());
            Err(CliError::invalid(format!("run {shown} left steps open on {host}"))
                .help(format!("complete them first: {program} settle {shown} {host}")))
        }
        Some(why) => Err(CliError::invalid(format!("run {shown} is still used: {}", words(*why)))
            .help(format!("delete the runs that are not: {program} runs prune --older-than 90d"))),
        None => Ok(()),
    }
}
