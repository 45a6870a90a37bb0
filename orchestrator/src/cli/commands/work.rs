//! What `plan` and `upgrade` share: load, probe, plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use ixporch_inventory::{Host, Inventory};

use crate::cli::args::{Connecting, Work};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::printer::Printer;
use crate::cli::probing::{Prober, Probes};
use crate::cli::prompt::Passphrases;
use crate::cli::settings::Settings;
use crate::cli::targets;
use crate::event::HostOutcome;
use crate::journal::Store;
use crate::plan::{self, History, Options, Plan, Request};
use crate::state::ExitCode;
use crate::transport::ssh::SshTransport;
use crate::transport::{Target, Transport};

/// A plan with the means to carry it out.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) targets: BTreeMap<String, Target>,
    pub(super) transport: Arc<dyn Transport>,
}

/// A runtime for everything that waits for hosts.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::internal(format!("the runtime cannot be started: {error}")))
}

/// The way to hosts.
pub(super) fn transport(settings: &Settings) -> Arc<dyn Transport> {
    Arc::new(SshTransport::new(Arc::new(Passphrases { askpass: settings.askpass.clone() })))
}

/// Loads, probes and plans.
pub(super) async fn plan(work: &Work, settings: &Settings, printer: Printer) -> Result<Planned, CliError> {
    let file = &work.selection.file.inventory;
    let inventory = load::inventory(&work.selection.file)?;
    let procedure = load::procedure(&work.procedure)?;
    let options = Options { target: work.to.clone(), limit: load::selector(&work.selection)? };
    let hosts: Vec<&Host> = match &options.limit {
        Some(selector) => inventory.select(selector)?,
        None => inventory.hosts.iter().collect(),
    };
    if let Some(target) = &options.target
        && ixporch_inventory::value::branch(target).is_err()
    {
        return Err(plan::PlanError::Target(target.clone()).into());
    }
    let transport = transport(settings);
    let to = options.target.as_deref();
    let facts = probe(&hosts, to, file, &inventory, &work.connecting, settings, &transport, printer).await;
    let request = Request {
        inventory: &inventory,
        procedure: &procedure,
        facts: &facts,
        history: &history(&settings.store, &hosts)?,
        options: &options,
        default_user: &settings.user,
    };
    let plan = plan::build(&request)?;
    let accept_new = work.connecting.accept_new;
    let targets = hosts
        .iter()
        .map(|host| (host.name.clone(), targets::target(settings, file, &inventory, host, accept_new)))
        .collect();
    Ok(Planned { plan, targets, transport })
}

/// Probes hosts and says that it does.
#[expect(
    clippy::too_many_arguments,
    reason = "the prober's fields, given by two commands that hold them apart"
)]
pub(super) async fn probe(
    hosts: &[&Host],
    to: Option<&str>,
    file: &Path,
    inventory: &Inventory,
    connecting: &Connecting,
    settings: &Settings,
    transport: &Arc<dyn Transport>,
    printer: Printer,
) -> Probes {
    let plural = if hosts.len() == 1 { "" } else { "s" };
    printer.say(&printer.err.dim(&format!("probing {} host{plural} …", hosts.len())));
    let transport = Arc::clone(transport);
    Prober { settings, file, inventory, connecting, transport, to }.probe(hosts).await
}

/// What the last runs that touched the hosts left behind.
fn history(store: &Store, hosts: &[&Host]) -> Result<BTreeMap<String, History>, CliError> {
    /// How far back is looked; a host that was not touched in so many runs has no open run of ours.
    const RUNS: usize = 200;
    let mut open: BTreeMap<&str, &Host> = hosts.iter().map(|host| (host.name.as_str(), *host)).collect();
    let mut history = BTreeMap::new();
    for id in store.ids()?.into_iter().take(RUNS) {
        if open.is_empty() {
            break;
        }
        // What a journal that cannot be read says of debts is not known, so nothing is assumed.
        let run = store.load(&id)?;
        for (name, host) in &run.state.hosts {
            // Another inventory may call another machine by the same name.
            let same = run
                .state
                .plan_of(name)
                .zip(open.get(name.as_str()))
                .is_some_and(|(plan, host)| plan.login.ends_with(&format!("@{}", host.address())));
            if same && run.going_on {
                let shown = store.shorten(&id)?;
                return Err(CliError::new(ExitCode::Locked, format!("run {shown} is at work on `{name}`"))
                    .help(format!("wait for its end: ixporch report {shown}")));
            }
            if same && host.was_changed(run.state.plan_of(name)) {
                open.remove(name.as_str());
                let owed: BTreeSet<String> = host.debts.iter().map(|debt| debt.step.clone()).collect();
                let opening = run.state.plan_of(name).and_then(|plan| plan.opening.as_ref());
                let closed = opening.is_some_and(|opening| owed.contains(opening));
                let unfinished = !host.outcome.is_some_and(HostOutcome::is_good);
                history.insert(name.clone(), History { owed, closed, unfinished });
            }
        }
    }
    Ok(history)
}
