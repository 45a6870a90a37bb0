//! `ixporch upgrade`: plan, confirm, run, report.

use std::sync::Arc;

use jiff::Timestamp;

use super::work::{self, Planned};
use crate::cli::args::{self, Format};
use crate::cli::attendant::{Screen, Terminal};
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::prompt;
use crate::cli::settings::Settings;
use crate::engine::{self, About, Brake, BrakeState, Dispatched, Job, Limits, Reporter};
use crate::event::Envelope;
use crate::procedure::Procedure;
use crate::report::{self, Names};
use crate::state::{ExitCode, RunState};

pub(in crate::cli) fn run(
    arguments: &args::Upgrade,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let runtime = work::runtime()?;
    let exit = runtime.block_on(upgrade(arguments, settings, printer));
    // A question that nobody answered may still be waiting on a thread of its own.
    runtime.shutdown_background();
    exit
}

async fn upgrade(
    arguments: &args::Upgrade,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    if !arguments.yes && !prompt::is_attended() {
        return Err(CliError::usage("there is no terminal to confirm the plan at")
            .help("read it with `ixporch plan`, then run `ixporch upgrade --yes`"));
    }
    settings.store.prepare()?;
    let planned = Box::pin(work::plan(&arguments.work, settings, printer)).await?;
    printer.say(&report::plan(printer.err, &planned.plan, false));
    if planned.plan.hosts_to_upgrade() > 0 && !arguments.yes {
        confirm(planned.plan.hosts_to_upgrade())?;
    }
    let inventory = absolute(&arguments.work.selection.file.inventory);
    let wanted = &arguments.work.procedure;
    let is_built_in = Procedure::built_in_text(wanted).is_some();
    let procedure = if is_built_in { wanted.clone() } else { absolute(wanted.as_ref()) };
    let run = uuid::Uuid::now_v7().to_string();
    let journal = settings.store.create(&run)?;
    let folder = journal.folder().to_owned();
    let brake = Brake::default();
    let screen = Screen::default();
    let signals = tokio::spawn(watch_signals(brake.clone(), printer));
    let Planned { plan, targets, transport } = planned;
    let job = Job {
        plan,
        about: About { run: run.clone(), operator: settings.user.clone(), inventory, procedure },
        targets,
        transport,
        attendant: Arc::new(Terminal::new(&settings.user, printer, screen.clone())),
        limits: Limits {
            forks: usize::try_from(arguments.work.connecting.forks).unwrap_or(1),
            connecting: usize::try_from(arguments.work.connecting.connecting).unwrap_or(1),
        },
        brake,
    };
    let reporters: Vec<Box<dyn Reporter>> = vec![Box::new(Progress { printer, screen })];
    let dispatched = engine::run(job, journal, reporters, Timestamp::now)
        .await
        .map_err(|error| CliError::internal(format!("the run broke down: {error}")))?;
    signals.abort();
    let names =
        Names { program: settings.program.clone(), run: settings.store.shorten(&run)?, going_on: false };
    show(&dispatched.state, &names, printer);
    end(&dispatched, &folder)
}

/// A path that means the same in every folder.
fn absolute(path: &std::path::Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

fn show(state: &RunState, names: &Names, printer: Printer) {
    match printer.format {
        Format::Human => printer.result(&format!("\n{}", report::summary(printer.out, names, state))),
        Format::Json => printer.json(&report::document(state)),
        // The events were the result.
        Format::Jsonl => {}
    }
}

fn end(dispatched: &Dispatched, folder: &std::path::Path) -> Result<ExitCode, CliError> {
    match &dispatched.journal_failure {
        None => Ok(dispatched.state.exit()),
        Some(why) => Err(CliError::internal(format!("the journal could not be written: {why}"))
            .help(format!("nothing new was started; free space where {} is", folder.display()))),
    }
}

fn confirm(hosts: usize) -> Result<(), CliError> {
    let plural = if hosts == 1 { "" } else { "s" };
    match prompt::ask(&format!("\nUpgrade {hosts} host{plural}?")) {
        Some(true) => Ok(()),
        _ => Err(CliError::usage("not confirmed; nothing was started").help("answer `y`, or run with --yes")),
    }
}

/// Each Ctrl-C (or SIGTERM, or SIGHUP of a closed terminal) presses the brake one notch harder. Signals that
/// this process was started to ignore, as nohup(1) does with SIGHUP, stay ignored.
async fn watch_signals(brake: Brake, printer: Printer) {
    use tokio::signal::unix::{SignalKind, signal};
    let ignored = ignored_signals();
    let watched = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
        .into_iter()
        .filter(|kind| !ignored.contains(&kind.as_raw_value()))
        .filter_map(|kind| signal(kind).ok());
    let (hand, mut presses) = tokio::sync::mpsc::channel(1);
    for mut signal in watched {
        let hand = hand.clone();
        tokio::spawn(async move { while signal.recv().await.is_some() && hand.send(()).await.is_ok() {} });
    }
    drop(hand);
    while presses.recv().await.is_some() {
        brake.press_harder();
        printer.say(&printer.err.warn(match brake.state() {
            BrakeState::Go | BrakeState::Drain => {
                "stopping: nothing new is started, steps in flight go on to their end (Ctrl-C again: leave them to the hosts)"
            }
            BrakeState::Detach => "leaving: steps in flight are left to the hosts, and their ends stay unseen",
        }));
    }
}

/// The signals that this process was started to ignore: `SigIgn` of proc(5), a bit for each, from 1.
fn ignored_signals() -> Vec<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    (1..=64).filter(|signal| mask & (1 << (signal - 1)) != 0).collect()
}

/// Progress on standard error; with `--format jsonl` the events themselves on standard output.
struct Progress {
    printer: Printer,
    screen: Screen,
}

impl Reporter for Progress {
    fn on_event(&mut self, state: &RunState, envelope: &Envelope) {
        if self.printer.format == Format::Jsonl {
            self.printer.json(envelope);
        }
        if let Some(line) = report::line(self.printer.err, state, envelope) {
            self.screen.show(self.printer, line);
        }
    }
}
