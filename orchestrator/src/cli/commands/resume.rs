//! `ixporch resume`: go on with a run that has no end, or start a new one for the hosts that it left.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::execute::{self, Execution};
use super::{upgrade, work};
use crate::cli::access::Access;
use crate::cli::args::{self, InventoryFile, Rerun, RunOptions, Selection, Work};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::engine::About;
use crate::event::{HostOutcome, RunHeader};
use crate::journal::{LoadedRun, Writer};
use crate::plan::HostAction;
use crate::report::Names;
use crate::state::ExitCode;

pub(in crate::cli) fn run(
    arguments: &args::Resume,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let runtime = work::runtime()?;
    let exit = runtime.block_on(async {
        let run = settings.store.load(&settings.store.find(&arguments.run)?)?;
        let Some(header) = run.state.header.clone() else {
            return Err(CliError::invalid("the run has no events: it was cut off before it began"));
        };
        match arguments.rerun {
            None => Box::pin(resume(arguments, run, header, settings, printer)).await,
            Some(rerun) => Box::pin(again(arguments, rerun, &run, &header, settings, printer)).await,
        }
    });
    // A question that nobody answered may still be waiting on a thread of its own.
    runtime.shutdown_background();
    exit
}

async fn resume(
    arguments: &args::Resume,
    run: LoadedRun,
    header: RunHeader,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let journal = take_up(&run, settings)?;
    let shown = settings.store.shorten(&run.id)?;
    if run.torn {
        printer
            .say(&printer.err.warn("the journal's last line was cut off; it goes on from the line before"));
    }
    let unfinished: Vec<String> = run.state.unfinished_hosts().into_iter().map(str::to_owned).collect();
    if unfinished.is_empty() && run.state.exit_code.is_some() {
        drop(journal);
        printer.say(&format!("run {shown} has ended on every host: there is nothing to resume"));
        let names = Names { program: settings.program.clone(), run: shown, going_on: false };
        execute::show(&run.state, &names, printer);
        return Ok(run.state.exit());
    }
    let plural = if unfinished.len() == 1 { "" } else { "s" };
    printer.say(&printer.err.strong(&format!("resuming run {shown}: {} host{plural}", unfinished.len())));
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
    // A host that the inventory calls by another address now is another machine.
    let targets: BTreeMap<_, _> = header
        .plan
        .hosts()
        .filter_map(|(_, plan)| inventory.host(&plan.host).filter(|host| work::is_same(plan, host)))
        .map(|host| (host.name.clone(), access.target(host)))
        .collect();
    let about = About {
        run: run.id.clone(),
        operator: settings.user.clone(),
        inventory: header.inventory.clone(),
        procedure: header.procedure.clone(),
        origin: settings.origin.clone(),
        instead_of: header.instead_of.clone(),
        keep_ledger: header.keep_ledger || arguments.options.keep_ledger,
    };
    let execution = Execution {
        plan: header.plan,
        about,
        resumed: Some(run.state),
        targets,
        transport: access.transport,
        journal,
        connecting: &arguments.connecting,
        lock_wait: Duration::ZERO,
    };
    execution.run(settings, printer).await
}

/// The journal of a run whose controller has ended.
fn take_up(run: &LoadedRun, settings: &Settings) -> Result<Writer, CliError> {
    let shown = settings.store.shorten(&run.id)?;
    settings.store.reopen(run)?.ok_or_else(|| {
        CliError::new(ExitCode::Locked, format!("run {shown} is going on: its controller is at work"))
            .help(format!("wait for its end, or end it: {} report {shown}", settings.program))
    })
}

/// A new run for the hosts that an ended one left.
async fn again(
    arguments: &args::Resume,
    rerun: Rerun,
    run: &LoadedRun,
    header: &RunHeader,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    // Held until the new run has ended: nobody resumes the old one meanwhile.
    let _journal = take_up(run, settings)?;
    let hosts = hosts_of(rerun, run, header);
    if hosts.is_empty() {
        printer.say("the run left no such host: there is nothing to run again");
        return Ok(run.state.exit());
    }
    let inventory = arguments.inventory.clone().unwrap_or_else(|| PathBuf::from(&header.inventory));
    let work = Work {
        selection: Selection {
            file: InventoryFile { inventory },
            limit: Some(hosts.join(",")),
            limit_file: None,
        },
        connecting: arguments.connecting.clone(),
        procedure: header.procedure.clone(),
        to: header.plan.target.clone(),
    };
    let options = RunOptions { keep_ledger: header.keep_ledger || arguments.options.keep_ledger };
    let instead_of = Some(run.id.clone());
    upgrade::upgrade(&work, arguments.yes, &options, Duration::ZERO, instead_of, settings, printer).await
}

/// The hosts of a rerun. Those that nothing was started on are always among them.
fn hosts_of(rerun: Rerun, run: &LoadedRun, header: &RunHeader) -> Vec<String> {
    let wanted = |outcome: Option<HostOutcome>| match rerun {
        Rerun::Failed => matches!(
            outcome,
            Some(
                HostOutcome::Failed
                    | HostOutcome::Crashed
                    | HostOutcome::Unreachable
                    | HostOutcome::NotStarted
            )
        ),
        Rerun::Unfinished => !outcome.is_some_and(HostOutcome::is_good),
    };
    let hosts = header.plan.hosts().filter(|(_, plan)| {
        let state = run.state.hosts.get(&plan.host);
        let nothing_started = state.is_none_or(|host| host.steps.is_empty());
        let outcome = state.and_then(|host| host.outcome);
        wanted(outcome) || (outcome.is_none() && nothing_started && plan.action != HostAction::Current)
    });
    hosts.map(|(_, plan)| plan.host.clone()).collect()
}
