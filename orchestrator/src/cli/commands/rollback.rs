//! `ixporch rollback`: take the hosts of a run back to where they were before it, by a run of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use ixporch_inventory::{Inventory, Selector};
use jiff::Timestamp;

use super::execute::Execution;
use super::upgrade::Earlier;
use super::work::TakenUp;
use super::{resume, work};
use crate::cli::access::Access;
use crate::cli::args::{Connecting, InventoryFile, RunOptions};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::printer::Printer;
use crate::cli::prompt;
use crate::cli::settings::Settings;
use crate::engine::About;
use crate::event::RunHeader;
use crate::journal::LoadedRun;
use crate::plan::{HostPlan, Plan};
use crate::procedure::ROLLBACK;
use crate::report;
use crate::state::{ExitCode, HostState, TakeBack};

/// Arguments of `rollback`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch rollback\n  ixporch rollback 0198c2 --limit ixp1")]
pub struct Rollback {
    /// Run id, or the beginning of it
    #[arg(default_value = "latest")]
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
    let runtime = work::runtime()?;
    let exit = runtime.block_on(Box::pin(rollback(arguments, settings, printer)));
    // A question that nobody answered may still be waiting on a thread of its own.
    runtime.shutdown_background();
    exit
}

async fn rollback(arguments: &Rollback, settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
    let (journal, run) =
        resume::take_up(&origin(&settings.store.find(&arguments.run)?, settings)?, settings)?;
    let shown = settings.store.shorten(&run.id)?;
    let Some(header) = run.state.header.clone() else {
        return Err(CliError::invalid("the run has no events: it was cut off before it began"));
    };
    if let Some(by) = run.state.taken_over_by.as_ref().filter(|by| !takes_back(by, &run, settings)) {
        let by = settings.store.shorten(by)?;
        return Err(CliError::invalid(format!("run {shown} was taken over by run {by}"))
            .help(format!("{} rollback {by}", settings.program)));
    }
    let file = InventoryFile {
        inventory: arguments.inventory.clone().unwrap_or_else(|| PathBuf::from(&header.inventory)),
    };
    let inventory = load::inventory(&file)?;
    let Meant { hosts, left_out } = meant(arguments, &run, &inventory, settings)?;
    for (host, why) in &left_out {
        printer.say(&printer.err.warn(&format!("{host} is left out: {why}")));
    }
    if hosts.is_empty() && left_out.is_empty() {
        printer.say(&format!("run {shown} left nothing on such hosts that could be taken back"));
        return Ok(ExitCode::Success);
    }
    if hosts.is_empty() {
        return Err(CliError::invalid(format!("run {shown} cannot be taken back on such hosts"))
            .help(format!("{} report {shown}", settings.program)));
    }
    refuse_what_is_left(&hosts, &run, &shown, settings)?;
    let tried = work::tried_to_take_back(&settings.store, &run)?;
    let mut paid = BTreeMap::new();
    for host in &hosts {
        paid.insert(host.clone(), work::paid_since(&settings.store, &run, host)?);
    }
    let how = TakeBack {
        digest: &header.plan.procedure_digest,
        discard_writes_since: arguments.discard_writes_since,
        tried: &tried,
        paid: &paid,
    };
    let plan =
        run.state.plan_to_take_back(&hosts, how).ok_or_else(|| CliError::internal("the run has no plan"))?;
    printer.say(&report::plan(printer.err, &plan, false));
    if !arguments.yes {
        confirm(&plan, &shown).await?;
    }
    let access = Access {
        settings,
        file: &file.inventory,
        inventory: &inventory,
        connecting: &arguments.connecting,
        transport: work::transport(settings),
    };
    let id = uuid::Uuid::now_v7().to_string();
    let about = about(&id, &run, &header, settings, arguments);
    let new = settings.store.create(&id)?;
    // The earlier run's journal is held until this one has ended: nobody takes it up meanwhile.
    let sequence = run.events.last().map_or(0, |last| last.sequence) + 1;
    let mut earlier = Earlier { run: run.id.clone(), journal, sequence, evidence: Vec::new() };
    if is_unfinished(&hosts, &run) {
        earlier.hand_over(&id)?;
    }
    let execution =
        Execution { live: arguments.options.live, ..Execution::of_journal(plan, about, access, new) };
    let exit = Box::pin(execution.run(settings, printer)).await;
    drop(earlier);
    // Who was left out was meant, too.
    exit.map(
        |exit| if exit == ExitCode::Success && !left_out.is_empty() { ExitCode::Unreachable } else { exit },
    )
}

/// The run that is meant: where one is named that was to take back another, or to pay what it owed, that one.
fn origin(run: &str, settings: &Settings) -> Result<String, CliError> {
    let Some(header) = settings.store.load(run)?.state.header else { return Ok(run.to_owned()) };
    let settles = header.plan.hosts().find_map(|(_, plan)| plan.settles.clone());
    let of = if header.procedure == ROLLBACK { header.instead_of } else { settles };
    match of {
        Some(of) => origin(&of, settings),
        None => Ok(run.to_owned()),
    }
}

fn about(id: &str, run: &LoadedRun, header: &RunHeader, settings: &Settings, arguments: &Rollback) -> About {
    About {
        run: id.to_owned(),
        operator: settings.user.clone(),
        inventory: header.inventory.clone(),
        procedure: ROLLBACK.to_owned(),
        origin: settings.origin.clone(),
        instead_of: Some(run.id.clone()),
        keep_ledger: arguments.options.keep_ledger,
        restart_memcached: false,
    }
}

/// Whether a run is one that takes this one back: another may do so again.
fn takes_back(by: &str, run: &LoadedRun, settings: &Settings) -> bool {
    let header = settings.store.load(by).ok().and_then(|by| by.state.header);
    header.is_some_and(|by| by.procedure == ROLLBACK && by.instead_of.as_deref() == Some(&run.id))
}

/// Which hosts are to be taken back.
struct Meant {
    hosts: Vec<String>,
    /// Those that cannot be, each with why.
    left_out: Vec<(String, String)>,
}

fn meant(
    arguments: &Rollback,
    run: &LoadedRun,
    inventory: &Inventory,
    settings: &Settings,
) -> Result<Meant, CliError> {
    let selector = arguments.limit.as_deref().map(Selector::parse).transpose()?;
    let chosen = work::selected(inventory, selector.as_ref())?;
    let mut changed = work::changed_since(&settings.store, run, None, TakenUp::TakeBack, settings)?;
    let back = work::taken_back(&settings.store, run)?;
    let (mut hosts, mut left_out) = (Vec::new(), Vec::new());
    for (name, can_be) in run.state.hosts_to_take_back() {
        if inventory.host(name).is_none() {
            if selector.is_none() {
                left_out.push((name.to_owned(), "the inventory does not name it any more".to_owned()));
            }
            continue;
        }
        if back.contains(name) || !chosen.iter().any(|host| host.name == name) {
            continue;
        }
        match changed.remove(name) {
            Some(why) => left_out.push((name.to_owned(), why)),
            None if can_be => hosts.push(name.to_owned()),
            None => left_out.push((
                name.to_owned(),
                "where it began is not known: an earlier run broke off there".to_owned(),
            )),
        }
    }
    Ok(Meant { hosts, left_out })
}

fn is_unfinished(hosts: &[String], run: &LoadedRun) -> bool {
    let unfinished = run.state.unfinished_hosts();
    hosts.iter().any(|host| unfinished.contains(&host.as_str()))
}

/// Taking over a run ends it: whom it holds, and who is not meant, would be left behind.
fn refuse_what_is_left(
    hosts: &[String],
    run: &LoadedRun,
    shown: &str,
    settings: &Settings,
) -> Result<(), CliError> {
    let is_held = |name: &&str| run.state.hosts.get(*name).is_some_and(HostState::was_touched);
    let left: Vec<&str> = run
        .state
        .unfinished_hosts()
        .into_iter()
        .filter(is_held)
        .filter(|name| !hosts.iter().any(|host| host == name))
        .collect();
    if left.is_empty() || !is_unfinished(hosts, run) {
        return Ok(());
    }
    Err(CliError::invalid(format!(
        "run {shown} has not ended on {}: they would be left behind",
        left.join(", ")
    ))
    .help(format!("first {} resume {shown}; or name them too", settings.program)))
}

async fn confirm(plan: &Plan, run: &str) -> Result<(), CliError> {
    let hosts: Vec<&HostPlan> = plan.hosts().map(|(_, host)| host).collect();
    let plural = if hosts.len() == 1 { "" } else { "s" };
    match prompt::ask(&format!("\nTake {} host{plural} back to before run {run}?", hosts.len())).await {
        Some(true) => Ok(()),
        _ => Err(CliError::usage("not confirmed; nothing was started").help("answer `y`, or run with --yes")),
    }
}
