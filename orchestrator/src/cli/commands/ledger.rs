//! `ixporch ledger`: what runs left on the hosts.

use std::fmt::Write;

use clap::Args;
use ixporch_inventory::Host;
use serde_json::{Value, json};

use super::status::Status;
use crate::cli::access::{Access, Answers, Question};
use crate::cli::args::Format;
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::planning;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::facts::Leftovers;
use crate::ledger;
use crate::report;
use crate::state::ExitCode;

/// Arguments of `ledger`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch ledger list\n  ixporch ledger clean")]
pub struct Ledger {
    /// What to do with ledgers
    #[command(subcommand)]
    pub command: LedgerCommand,
}

/// What to do with ledgers.
#[derive(Debug, clap::Subcommand)]
pub enum LedgerCommand {
    /// List the ledgers on the hosts, with their steps
    #[command(after_help = "Examples:\n  ixporch ledger list")]
    List(Status),
    /// Delete the ledgers of runs that hold no lock and have no running step
    #[command(after_help = "Examples:\n  ixporch ledger clean\n  ixporch ledger clean --limit ixp1")]
    Clean(Status),
}

pub(in crate::cli) fn run(
    arguments: &Ledger,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    match &arguments.command {
        LedgerCommand::List(arguments) => list(arguments, settings, printer),
        LedgerCommand::Clean(arguments) => clean(arguments, settings, printer),
    }
}

/// The question for a host's lock and ledgers.
pub(super) fn survey() -> Question<Leftovers> {
    Box::new(|ledger, place| {
        Box::pin(async move { ledger::survey(ledger, place).await.map_err(|error| error.to_string()) })
    })
}

/// Asks the selected hosts for their locks and ledgers.
pub(super) fn leftovers_of(arguments: &Status, settings: &Settings) -> Result<Answers<Leftovers>, CliError> {
    ask(arguments, settings, |_| survey())
}

fn ask<T: Send + 'static>(
    arguments: &Status,
    settings: &Settings,
    question: fn(&Host) -> Question<T>,
) -> Result<Answers<T>, CliError> {
    let selection = &arguments.selection;
    let selector = load::selector(selection)?;
    let inventory = load::fleet(&selection.file, selector.as_ref(), settings)?;
    let hosts = planning::selected(&inventory, selector.as_ref())?;
    let access = Access::new(settings, &selection.file.inventory, &inventory, &arguments.connecting);
    Ok(planning::runtime()?.block_on(access.ask(&hosts, question)))
}

/// What the program exits with when hosts were asked.
pub(super) fn reached<T>(answers: &Answers<T>) -> ExitCode {
    if answers.values().all(Result::is_ok) { ExitCode::Success } else { ExitCode::Unreachable }
}

/// Prints hosts as one document or as lines.
pub(super) fn print(printer: Printer, hosts: &[Value]) {
    match printer.format {
        Format::Jsonl => hosts.iter().for_each(|host| printer.json(host)),
        Format::Human | Format::Json => printer.json(&json!({ "format": 1, "hosts": hosts })),
    }
}

fn list(arguments: &Status, settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
    let leftovers = leftovers_of(arguments, settings)?;
    match printer.format {
        Format::Human => {
            let mut text = String::new();
            for (host, leftovers) in &leftovers {
                let _ = write!(text, "{}  ", printer.out.strong(host));
                match leftovers {
                    Err(why) => {
                        let _ = writeln!(text, "unreachable: {}", why.replace('\n', "\n  "));
                    }
                    Ok(leftovers) if leftovers.ledgers.is_empty() => text.push_str("no ledgers\n"),
                    Ok(leftovers) => {
                        text.push('\n');
                        text.push_str(&report::ledgers(printer.out, leftovers));
                    }
                }
            }
            printer.result(&text);
        }
        Format::Json | Format::Jsonl => {
            let hosts: Vec<_> = leftovers
                .iter()
                .map(|(host, leftovers)| match leftovers {
                    Ok(leftovers) => json!({ "host": host, "reachable": true, "ledgers": leftovers.ledgers }),
                    Err(why) => json!({ "host": host, "reachable": false, "why": why }),
                })
                .collect();
            print(printer, &hosts);
        }
    }
    Ok(reached(&leftovers))
}

/// A run's ledger is left alone as long as the run holds the host: it is what `resume` goes on from.
fn clean(arguments: &Status, settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
    let cleaned: Answers<Vec<(String, Result<(), String>)>> = ask(arguments, settings, |host| {
        let name = host.name.clone();
        Box::new(move |ledger, place| {
            Box::pin(async move {
                let leftovers = ledger::survey(ledger, place).await.map_err(|error| error.to_string())?;
                let holder = leftovers.lock.map(|lock| lock.run);
                let mut cleaned = Vec::new();
                for left in leftovers.ledgers {
                    let removed = if Some(&left.run) == holder.as_ref() {
                        Err("its run holds the lock of the host".to_owned())
                    } else if left.host != name {
                        Err(format!("it belongs to another installation, {}", left.host))
                    } else {
                        let removed = ledger::remove_folder(ledger, &left.folder).await;
                        removed.map_err(|error| error.to_string())?
                    };
                    cleaned.push((left.run, removed));
                }
                Ok(cleaned)
            })
        })
    })?;
    let mut text = String::new();
    for (host, runs) in &cleaned {
        match runs {
            Err(why) => {
                let _ = writeln!(text, "{}  unreachable: {why}", printer.out.strong(host));
            }
            Ok(runs) if runs.is_empty() => {
                let _ = writeln!(text, "{}  no ledgers", printer.out.strong(host));
            }
            Ok(runs) => {
                for (run, removed) in runs {
                    let what = match removed {
                        Ok(()) => "deleted".to_owned(),
                        Err(why) => format!("kept: {why}"),
                    };
                    let _ = writeln!(text, "{}  run {run}  {what}", printer.out.strong(host));
                }
            }
        }
    }
    match printer.format {
        Format::Human => printer.result(&text),
        Format::Json | Format::Jsonl => {
            let hosts: Vec<_> = cleaned
                .iter()
                .map(|(host, runs)| match runs {
                    Ok(runs) => {
                        let runs: Vec<_> = runs
                            .iter()
                            .map(|(run, removed)| json!({ "run": run, "removed": removed.is_ok(), "why": removed.as_ref().err() }))
                            .collect();
                        json!({ "host": host, "reachable": true, "runs": runs })
                    }
                    Err(why) => json!({ "host": host, "reachable": false, "why": why }),
                })
                .collect();
            print(printer, &hosts);
        }
    }
    Ok(reached(&cleaned))
}
