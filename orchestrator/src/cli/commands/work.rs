//! What `plan` and `upgrade` share: load, probe, plan.

use std::collections::BTreeMap;
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
use crate::journal::Store;
use crate::plan::{self, History, HostPlan, Options, Plan, Request};
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

/// What the earlier runs left behind on the hosts: for each, the last run that names it tells.
fn history(store: &Store, hosts: &[&Host]) -> Result<BTreeMap<String, History>, CliError> {
    let mut open: BTreeMap<&str, &Host> = hosts.iter().map(|host| (host.name.as_str(), *host)).collect();
    let mut history = BTreeMap::new();
    for id in store.ids()? {
        if open.is_empty() {
            break;
        }
        // What a journal that cannot be read says of debts is not known, so nothing is assumed.
        let run = store.load(&id)?;
        let Some(header) = &run.state.header else { continue };
        for (_, plan) in header.plan.hosts() {
            let Some(state) = run.state.hosts.get(&plan.host) else { continue };
            if !open.get(plan.host.as_str()).is_some_and(|host| is_same(plan, host)) {
                continue;
            }
            if run.going_on {
                let shown = store.shorten(&id)?;
                return Err(CliError::new(
                    ExitCode::Locked,
                    format!("run {shown} is at work on `{}`", plan.host),
                )
                .help(format!("wait for its end: ixporch report {shown}")));
            }
            open.remove(plan.host.as_str());
            history.insert(plan.host.clone(), state.leaves(header.plan.moves_code, plan));
        }
    }
    Ok(history)
}

/// Another inventory may call another machine by the same name.
fn is_same(plan: &HostPlan, host: &Host) -> bool {
    let port = if host.port() == 22 {
        !plan.login.contains("-p ")
    } else {
        plan.login.contains(&format!("-p {} ", host.port()))
    };
    port && plan.login.ends_with(&format!("@{}", host.address()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    fn host(settings: &str) -> Host {
        let text = format!("format = 1\n[hosts.a]\n{settings}");
        Inventory::parse("test", &text).unwrap().hosts.remove(0)
    }

    #[test]
    fn a_host_is_the_same_by_its_address_and_port() {
        let plan = |login: &str| HostPlan { login: login.to_owned(), ..sample::host("a") };
        assert!(is_same(&plan("ops@192.0.2.1"), &host("address = \"192.0.2.1\"")));
        assert!(is_same(&plan("-J b -p 2222 ops@192.0.2.1"), &host("address = \"192.0.2.1\"\nport = 2222")));
        assert!(!is_same(&plan("-p 2222 ops@192.0.2.1"), &host("address = \"192.0.2.1\"")));
        assert!(!is_same(&plan("ops@192.0.2.1"), &host("address = \"192.0.2.1\"\nport = 2222")));
        assert!(!is_same(&plan("ops@192.0.2.11"), &host("address = \"192.0.2.1\"")));
    }
}
