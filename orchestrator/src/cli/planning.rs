//! From a request to a plan: load, probe, plan.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ixporch_inventory::{Host, Inventory, Selector};
use tokio::sync::mpsc;

use super::access::{Access, Progress};
use super::error::CliError;
use super::evidence;
use super::late::{self, Basis};
use super::load;
use super::printer::Printer;
use super::probing::{self, Probes, Upstream};
use super::request::Request;
use super::secrets::Secrets;
use super::settings::Settings;
use super::waiting::Waiting;
use super::which;
use crate::event::RunKind;
use crate::facts::Facts;
use crate::history::History;
use crate::plan::{self, HostId, LeftBehind, Options, Plan, WaveSelection};
use crate::procedure::Procedure;
use crate::state::GivenEvidence;
use crate::transport::{ChosenTransport, SecretSource, Target, Transport};

/// A plan with the means to carry it out.
pub(super) struct Planned {
    pub(super) plan: Plan,
    /// What other runs proved that it demands.
    pub(super) evidence: Vec<GivenEvidence>,
    pub(super) targets: BTreeMap<String, Target>,
    pub(super) transport: Arc<dyn Transport>,
    /// The plans of hosts that answer late.
    pub(super) late: Option<mpsc::Receiver<Plan>>,
}

/// A runtime for everything that waits for hosts.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::internal(format!("the runtime cannot be started: {error}")))
}

/// How hosts are reached.
pub(super) fn transport(settings: &Settings) -> Arc<dyn Transport> {
    let secrets: Arc<dyn SecretSource> = Arc::new(Secrets::new(settings.askpass.clone()));
    Arc::new(ChosenTransport::new(&secrets))
}

/// Loads, probes and plans; `earlier` is a run whose hosts are taken over.
pub(super) async fn plan(
    request: &Request,
    history: &History,
    earlier: Option<&str>,
    settings: &Settings,
    printer: Printer,
) -> Result<Planned, CliError> {
    let file = &request.selection.file.inventory;
    let inventory = load::fleet(&request.selection.file, request.options.limit.as_ref(), settings)?;
    let options = Options { own_run: earlier.map(str::to_owned), ..request.options.clone() };
    // What cannot be believed is known before anybody is asked anything.
    let rules = &inventory.evidence;
    let required = request.relying.requires_run.as_deref();
    let named = required.map(|name| evidence::named(name, file, rules, history, settings)).transpose()?;
    let hosts = hosts_of(&inventory, &options)?;
    if let Some(target) = &options.target
        && ixporch_inventory::value::branch(target).is_err()
    {
        return Err(plan::PlanError::Target(target.clone()).into());
    }
    let connecting = &request.connecting;
    let as_login = request.procedure.is_one_command();
    let access = Access { as_login, ..Access::new(settings, file, &inventory, connecting) };
    let kind = request.kind();
    let target = options.target.clone();
    let upstream = upstream(&request.procedure, kind, target.as_deref());
    let left = left_behind(history, &inventory, &hosts, earlier, file);
    let basis = Basis {
        store: settings.store.clone(),
        file: file.clone(),
        earlier: earlier.map(str::to_owned),
        inventory: inventory.clone(),
        procedure: request.procedure.clone(),
        options,
        default_user: settings.user.clone(),
    };
    let (plan, late) = if request.procedure.is_one_command() && !request.changes() {
        // Nothing of a host is needed to run a command as its login: each host starts when it is connected.
        let facts = |host: &&Host| {
            let login_user = host.user().unwrap_or(&settings.user).to_owned();
            (host.name.clone(), Ok(Facts { login_user: Some(login_user), ..Facts::default() }))
        };
        (basis.plan(&hosts.iter().map(facts).collect(), &left, &basis.options)?, None)
    } else {
        let mut waiting = Waiting::begin(hosts.len(), printer);
        let tell = &mut |progress: Progress<'_, Facts>| waiting.tell(&progress);
        let mut probing = probing::begin(&access, &hosts, upstream);
        if request.changes() && request.yes {
            late::in_time(&mut probing, tell).await;
        } else {
            // A person sees the whole plan before anything starts.
            while probing.next(tell).await.is_some() {}
        }
        let plan = basis.plan(&probing.answers, &left, &basis.options)?;
        let late = basis.plan_late(probing, &plan);
        (plan, late)
    };
    let mut evidence = evidence::of_waves(settings, history, kind, &plan, &inventory, None)?;
    evidence.extend(named);
    let targets = hosts.iter().map(|host| (host.name.clone(), access.target(host))).collect();
    Ok(Planned { plan, evidence, targets, transport: access.transport, late })
}

/// What is asked of the upstream of hosts.
pub(super) fn upstream<'t>(procedure: &Procedure, kind: RunKind, target: Option<&'t str>) -> Upstream<'t> {
    match target {
        _ if procedure.is_one_command() => Upstream::Nothing,
        _ if !kind.is_upgrade() => Upstream::Unasked,
        Some(tag) => Upstream::Tag(tag),
        None => Upstream::Branch,
    }
}

/// The hosts that are meant: those that are selected, and in one of the chosen waves.
fn hosts_of<'i>(inventory: &'i Inventory, options: &Options) -> Result<Vec<&'i Host>, CliError> {
    let mut hosts = selected(inventory, options.limit.as_ref())?;
    if matches!(options.waves, WaveSelection::Only(_) | WaveSelection::Range(..)) {
        let waves = plan::waves(inventory, &options.waves)?;
        hosts.retain(|host| waves.iter().any(|wave| wave.hosts.contains(&host.name)));
    }
    Ok(hosts)
}

/// The selected hosts, in the inventory's order.
pub(super) fn selected<'i>(
    inventory: &'i Inventory,
    limit: Option<&Selector>,
) -> Result<Vec<&'i Host>, CliError> {
    Ok(match limit {
        Some(selector) => inventory.select(selector)?,
        None => inventory.hosts.iter().collect(),
    })
}

/// Probes hosts, says that it does, and which hosts it waits for.
pub(super) async fn probe(
    access: &Access<'_>,
    hosts: &[&Host],
    upstream: Upstream<'_>,
    printer: Printer,
) -> Probes {
    let mut waiting = Waiting::begin(hosts.len(), printer);
    let tell = &mut |progress: Progress<'_, Facts>| waiting.tell(&progress);
    probing::probe(access, hosts, upstream, tell).await
}

/// What the earlier runs left behind on the hosts.
pub(super) fn left_behind(
    history: &History,
    inventory: &Inventory,
    hosts: &[&Host],
    earlier: Option<&str>,
    file: &Path,
) -> BTreeMap<String, LeftBehind> {
    let left = |host: &&Host| {
        let id = HostId::of(host);
        let former = which::former(history, &id, inventory, file);
        (host.name.clone(), LeftBehind { former, ..history.left_on(&id, earlier) })
    };
    hosts.iter().map(left).collect()
}
