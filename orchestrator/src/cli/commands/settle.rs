//! `ixporch settle`: pay what a run still owes a host, as far as that can be paid.

use std::path::PathBuf;

use clap::Args;

use super::execute::Execution;
use super::work::TakenUp;
use super::{resume, work};
use crate::cli::access::Access;
use crate::cli::args::{Connecting, InventoryFile};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::printer::Printer;
use crate::cli::prompt;
use crate::cli::settings::Settings;
use crate::engine::About;
use crate::procedure::{ROLLBACK, SETTLE};
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
    let runtime = work::runtime()?;
    let exit = runtime.block_on(Box::pin(settle(arguments, settings, printer)));
    // A question that nobody answered may still be waiting on a thread of its own.
    runtime.shutdown_background();
    exit
}

async fn settle(arguments: &Settle, settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
    let (program, host) = (&settings.program, &arguments.host);
    // Its journal is held until this has ended: nobody takes it up meanwhile.
    let (_journal, run) =
        resume::take_up(&origin(&settings.store.find(&arguments.run)?, host, settings)?, settings)?;
    let shown = settings.store.shorten(&run.id)?;
    let Some(header) = run.state.header.clone() else {
        return Err(CliError::invalid("the run has no events: it was cut off before it began"));
    };
    if run.state.unfinished_hosts().contains(&host.as_str()) {
        return Err(CliError::invalid(format!(
            "run {shown} has not ended on {host}: what it owes is paid by going on"
        ))
        .help(format!("{program} resume {shown}")));
    }
    let paid = work::paid_since(&settings.store, &run, host)?;
    let settlement = run.state.settlement(host, &paid).ok_or_else(|| {
        let names = run.state.hosts.keys().map(String::as_str);
        let mut error = CliError::usage(format!("run {shown} has no host `{host}`"));
        error.help = ixporch_inventory::suggest::help(host, names);
        error
    })?;
    let others = work::changed_since(&settings.store, &run, None, TakenUp::Settle, settings)?;
    if let Some(why) = others.get(host) {
        return Err(CliError::invalid(format!("{host}: {why}")));
    }
    let instead = match &header.instead_of {
        Some(origin) if header.procedure == ROLLBACK => {
            format!("{program} rollback {} --limit {host}", settings.store.shorten(origin)?)
        }
        _ => format!("{program} rollback {shown} --limit {host}, or {program} resume {shown} --rerun failed"),
    };
    for step in &settlement.left {
        printer.say(&printer.err.warn(&format!(
            "{host}: {step} cannot be paid yet, since something before it is not done: {instead}"
        )));
    }
    let Some(plan) = settlement.plan else {
        let owes = !settlement.left.is_empty();
        if !owes {
            printer.say(&format!("run {shown} owes {host} nothing"));
        }
        return Ok(if owes { ExitCode::NeedsPerson } else { ExitCode::Success });
    };
    printer.say(&report::plan(printer.err, &plan, false));
    if !arguments.yes && prompt::ask(&format!("\nPay this on {host}?")).await != Some(true) {
        return Err(
            CliError::usage("not confirmed; nothing was started").help("answer `y`, or run with --yes")
        );
    }
    let file = InventoryFile {
        inventory: arguments.inventory.clone().unwrap_or_else(|| PathBuf::from(&header.inventory)),
    };
    let inventory = load::inventory(&file)?;
    let access = Access {
        settings,
        file: &file.inventory,
        inventory: &inventory,
        connecting: &arguments.connecting,
        transport: work::transport(settings),
    };
    let id = uuid::Uuid::now_v7().to_string();
    let about = About {
        run: id.clone(),
        operator: settings.user.clone(),
        inventory: header.inventory.clone(),
        procedure: SETTLE.to_owned(),
        origin: settings.origin.clone(),
        instead_of: None,
        keep_ledger: false,
        restart_memcached: false,
    };
    let journal = settings.store.create(&id)?;
    Box::pin(Execution::of_journal(plan, about, access, journal).run(settings, printer)).await
}

/// The run that owes: where one is named that was to settle another, that one.
fn origin(run: &str, host: &str, settings: &Settings) -> Result<String, CliError> {
    let run = settings.store.load(run)?;
    let of = run.state.plan_of(host).and_then(|plan| plan.settles.clone());
    Ok(of.unwrap_or(run.id))
}
