//! `ixporch lock`: who holds the hosts.

use std::fmt::Write;

use clap::Args;
use serde_json::json;

use super::ledger;
use super::status::Status;
use crate::cli::access::{Access, Answers};
use crate::cli::args::{Connecting, Format, InventoryFile, own_words};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::planning;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::cli::which::known_run;
use crate::facts::Leftovers;
use crate::history::History;
use crate::ledger::break_lock;
use crate::report::{self, HostWords};
use crate::state::ExitCode;

/// Arguments of `lock`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ixporch lock show
  ixporch lock break ixp1 --reason 'controller ctl1 was reinstalled'")]
pub struct Lock {
    /// What to do with locks
    #[command(subcommand)]
    pub command: LockCommand,
}

/// What to do with locks.
#[derive(Debug, clap::Subcommand)]
pub enum LockCommand {
    /// Show which hosts are locked, and by which run
    #[command(after_help = "Examples:\n  ixporch lock show")]
    Show(Status),
    /// Break a lock that will never be released
    #[command(after_help = "Examples:\n  ixporch lock break ixp1 --reason 'controller ctl1 was reinstalled'")]
    Break {
        /// Which inventory
        #[command(flatten)]
        file: InventoryFile,

        /// How hosts are reached
        #[command(flatten)]
        connecting: Connecting,

        /// Host with the lock
        host: String,

        /// Reason; printed, not recorded
        #[arg(long, value_name = "TEXT", value_parser = own_words)]
        reason: String,

        /// Break the lock even if a step of its run is still running
        #[arg(long)]
        even_if_running: bool,
    },
}

pub(in crate::cli) fn run(
    arguments: &Lock,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    match &arguments.command {
        LockCommand::Show(arguments) => show(arguments, settings, printer),
        LockCommand::Break { file, connecting, host, reason, even_if_running } => {
            let broken = Break { file, connecting, host, reason, even_if_running: *even_if_running };
            broken.run(settings, printer)
        }
    }
}

fn show(arguments: &Status, settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
    let leftovers = ledger::leftovers_of(arguments, settings)?;
    match printer.format {
        Format::Human => {
            let history = settings.store.history()?;
            printer.result(&text(arguments, &leftovers, &history, settings, printer));
        }
        Format::Json | Format::Jsonl => {
            let hosts: Vec<_> = leftovers
                .iter()
                .map(|(host, leftovers)| match leftovers {
                    Ok(leftovers) => json!({ "host": host, "reachable": true, "lock": leftovers.lock }),
                    Err(why) => json!({ "host": host, "reachable": false, "why": why }),
                })
                .collect();
            ledger::print(printer, &hosts);
        }
    }
    Ok(ledger::reached(&leftovers))
}

fn text(
    arguments: &Status,
    leftovers: &Answers<Leftovers>,
    history: &History,
    settings: &Settings,
    printer: Printer,
) -> String {
    let mut text = String::new();
    let inventory = arguments.selection.file.inventory.display().to_string();
    for (host, leftovers) in leftovers {
        let _ = write!(text, "{}  ", printer.out.strong(host));
        match leftovers {
            Err(why) => {
                let _ = writeln!(text, "unreachable: {}", why.replace('\n', "\n  "));
            }
            Ok(Leftovers { lock: None, .. }) => text.push_str("not locked\n"),
            Ok(leftovers) => {
                text.push('\n');
                let words = HostWords { program: &settings.program, inventory: &inventory, host };
                let known = |run: &str| known_run(history, run);
                text.push_str(&report::lock(printer.out, words, leftovers, &known));
            }
        }
    }
    text
}

struct Break<'a> {
    file: &'a InventoryFile,
    connecting: &'a Connecting,
    host: &'a str,
    reason: &'a str,
    even_if_running: bool,
}

impl Break<'_> {
    fn run(&self, settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
        if self.reason.trim().is_empty() {
            return Err(CliError::usage("breaking a lock needs a reason")
                .help("add --reason \"controller ctl1 was reinstalled\""));
        }
        let inventory = load::for_host(self.file, self.host, settings)?;
        let Some(host) = inventory.host(self.host) else {
            let names = inventory.hosts.iter().map(|host| host.name.as_str());
            let mut error = CliError::usage(format!("the inventory has no host `{}`", self.host));
            error.help = ixporch_inventory::suggest::help(self.host, names);
            return Err(error);
        };
        let access = Access::new(settings, &self.file.inventory, &inventory, self.connecting);
        let runtime = planning::runtime()?;
        let unreachable =
            |why: &String| CliError::new(ExitCode::Unreachable, format!("{}: {why}", self.host));
        let found = runtime.block_on(access.ask(&[host], |_| ledger::survey()));
        let found = found.get(self.host).ok_or_else(|| CliError::internal("the host was not asked"))?;
        let leftovers = found.as_ref().map_err(unreachable)?;
        let Some(lock) = &leftovers.lock else {
            printer.say(&format!("{} is not locked", self.host));
            return Ok(ExitCode::Success);
        };
        let running = match leftovers.of_the_lock() {
            _ if lock.strange.is_some() => None,
            Some(ledger) if ledger.is_running() => {
                Some(format!("a step of run {} is still running", lock.run))
            }
            Some(_) => None,
            None => {
                Some(format!("this login cannot see whether a step of run {} is still running", lock.run))
            }
        };
        if let Some(running) = running.filter(|_| !self.even_if_running) {
            return Err(CliError::new(ExitCode::Locked, format!("{}: {running}", self.host))
                .help("wait until it ends, or break the lock anyway with --even-if-running"));
        }
        if known_run(&settings.store.history()?, &lock.run) == report::KnownRun::GoingOn
            && !self.even_if_running
        {
            return Err(CliError::new(
                ExitCode::Locked,
                format!("run {} is in progress on this controller", lock.run),
            )
            .help("wait until it ends, or break the lock anyway with --even-if-running"));
        }
        let run = lock.run.clone();
        let broken = runtime.block_on(access.ask(&[host], |_| {
            let run = run.clone();
            Box::new(move |ledger, place| {
                Box::pin(
                    async move { break_lock(ledger, place, &run).await.map_err(|error| error.to_string())? },
                )
            })
        }));
        match broken.get(self.host) {
            Some(Ok(())) => {
                let known = match settings.store.load(&lock.run) {
                    Ok(known) if !known.going_on => format!(
                        "\nthe open steps of that run are in its report: {} report {}",
                        settings.program, lock.run
                    ),
                    _ => String::new(),
                };
                printer.say(&format!(
                    "{}: broke the lock of {}, by {}: {}{known}",
                    self.host,
                    lock.holder(),
                    settings.user,
                    self.reason
                ));
                Ok(ExitCode::Success)
            }
            Some(Err(why)) => Err(unreachable(why)),
            None => Err(CliError::internal("the host was not asked")),
        }
    }
}
