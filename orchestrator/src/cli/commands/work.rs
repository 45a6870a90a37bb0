//! What `plan` and `upgrade` share: load, probe, plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ixporch_inventory::{Host, Inventory, Selector};
use jiff::Timestamp;
use serde::Serialize;

use super::upgrade::Task;
use crate::cli::access::Access;
use crate::cli::args::{Waves, Work};
use crate::cli::error::CliError;
use crate::cli::evidence;
use crate::cli::load;
use crate::cli::printer::Printer;
use crate::cli::probing::{self, Probes, Upstream};
use crate::cli::prompt::Passphrases;
use crate::cli::settings::Settings;
use crate::journal::{LoadedRun, Store};
use crate::plan::{self, History, HostPlan, Options, Plan, Request, WaveSelection};
use crate::preflight::PreflightPolicy;
use crate::procedure::{BACKUP_ONLY, SETTLE};
use crate::report::KnownRun;
use crate::state::GivenEvidence;
use crate::transport::ssh::SshTransport;
use crate::transport::{Target, Transport};

/// A plan with the means to carry it out.
pub(super) struct Planned {
    pub(super) plan: Plan,
    /// What other runs proved that it demands.
    pub(super) evidence: Vec<GivenEvidence>,
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

/// Loads, probes and plans; `requires_run` names evidence that every host must match, `earlier` a run whose hosts are taken
/// over.
pub(super) async fn plan(
    work: &Work,
    task: &Task,
    requires_run: Option<&str>,
    earlier: Option<&str>,
    preflight_policy: &PreflightPolicy,
    settings: &Settings,
    printer: Printer,
) -> Result<Planned, CliError> {
    let file = &work.selection.file.inventory;
    let inventory = load::inventory(&work.selection.file)?;
    let options = Options {
        target: work.to.clone(),
        limit: load::selector(&work.selection)?,
        waves: match wave_selection(&work.waves) {
            WaveSelection::All if !task.changes() => WaveSelection::Ignored,
            chosen => chosen,
        },
        restart_memcached: task.restart_memcached,
        backup: task.backup.clone(),
        preflight_policy: preflight_policy.clone(),
        own_run: earlier.map(str::to_owned),
    };
    // What cannot be believed is known before anybody is asked anything.
    let named =
        requires_run.map(|name| evidence::named(name, file, &inventory.evidence, settings)).transpose()?;
    let mut hosts = selected(&inventory, options.limit.as_ref())?;
    if matches!(options.waves, WaveSelection::Only(_) | WaveSelection::Range(..)) {
        let waves = plan::waves(&inventory, &options.waves)?;
        hosts.retain(|host| waves.iter().any(|wave| wave.hosts.contains(&host.name)));
    }
    if let Some(target) = &options.target
        && ixporch_inventory::value::branch(target).is_err()
    {
        return Err(plan::PlanError::Target(target.clone()).into());
    }
    let transport = transport(settings);
    let connecting = &work.connecting;
    let access = Access { settings, file, inventory: &inventory, connecting, transport };
    let upstream = match &options.target {
        _ if !task.procedure.moves_code() => Upstream::Unasked,
        Some(tag) => Upstream::Tag(tag),
        None => Upstream::Branch,
    };
    let facts = probe(&access, &hosts, upstream, printer).await;
    let request = Request {
        inventory: &inventory,
        procedure: &task.procedure,
        facts: &facts,
        history: &history(&settings.store, &hosts, earlier)?,
        options: &options,
        default_user: &settings.user,
    };
    let plan = plan::build(&request)?;
    let mut evidence = evidence::of_waves(&settings.store, &plan, &inventory, None, is_same)?;
    evidence.extend(named);
    let targets = hosts.iter().map(|host| (host.name.clone(), access.target(host))).collect();
    Ok(Planned { plan, evidence, targets, transport: access.transport })
}

fn wave_selection(waves: &Waves) -> WaveSelection {
    match (&waves.wave, &waves.from_wave, &waves.until_wave) {
        (Some(only), ..) => WaveSelection::Only(only.clone()),
        (None, None, None) => WaveSelection::All,
        (None, from, until) => WaveSelection::Range(from.clone(), until.clone()),
    }
}

/// The hosts that are meant, in the inventory's order.
pub(super) fn selected<'i>(
    inventory: &'i Inventory,
    limit: Option<&Selector>,
) -> Result<Vec<&'i Host>, CliError> {
    Ok(match limit {
        Some(selector) => inventory.select(selector)?,
        None => inventory.hosts.iter().collect(),
    })
}

/// Probes hosts and says that it does.
pub(super) async fn probe(
    access: &Access<'_>,
    hosts: &[&Host],
    upstream: Upstream<'_>,
    printer: Printer,
) -> Probes {
    let plural = if hosts.len() == 1 { "" } else { "s" };
    printer.say(&printer.err.dim(&format!("probing {} host{plural} …", hosts.len())));
    probing::probe(access, hosts, upstream).await
}

/// What the earlier runs left behind on the hosts: for each, the run tells that did something there last. One that is at
/// work now tells nothing yet, unless it is the one that is taken over; the host's lock keeps others away from what
/// it does.
fn history(
    store: &Store,
    hosts: &[&Host],
    earlier: Option<&str>,
) -> Result<BTreeMap<String, History>, CliError> {
    // What a journal that cannot be read says of debts is not known, so nothing is assumed.
    let last = last_of_hosts(store, hosts, |run| !run.going_on || earlier == Some(run.id.as_str()))?;
    let leaves = |(name, (run, plan)): (String, (Arc<LoadedRun>, HostPlan))| {
        let moves_code = run.state.header.as_ref().is_some_and(|header| header.plan.moves_code);
        Some((name, run.state.hosts.get(&plan.host)?.leaves(moves_code, &plan)))
    };
    Ok(last.into_iter().filter_map(leaves).collect())
}

/// What a host is still owed.
#[derive(Debug, Serialize)]
pub(super) struct Owed {
    /// The run whose journal says so last.
    pub(super) run: String,
    /// The steps that pay, in order.
    pub(super) steps: Vec<String>,
    /// That one of them which opens the site.
    #[serde(skip)]
    pub(super) opening: Option<String>,
}

/// What hosts are still owed.
pub(super) fn owed(store: &Store, hosts: &[&Host]) -> Result<BTreeMap<String, Owed>, CliError> {
    let owes = |(name, (run, plan)): (String, (Arc<LoadedRun>, HostPlan))| {
        let debts = run.state.hosts.get(&plan.host)?.debts_in_order(Some(&plan));
        let steps: Vec<String> = debts.into_iter().map(|debt| debt.step.clone()).collect();
        let opening = plan.opening.clone();
        (!steps.is_empty()).then(|| (name, Owed { run: run.id.clone(), steps, opening }))
    };
    Ok(last_of_hosts(store, hosts, |_| true)?.into_iter().filter_map(owes).collect())
}

/// For each host the run that did something there last, of those that tell anything, and its plan there. A run that did
/// nothing there only repeats what was known before it.
fn last_of_hosts(
    store: &Store,
    hosts: &[&Host],
    tells: impl Fn(&LoadedRun) -> bool,
) -> Result<BTreeMap<String, (Arc<LoadedRun>, HostPlan)>, CliError> {
    let mut last: BTreeMap<String, (Option<Timestamp>, Arc<LoadedRun>, HostPlan)> = BTreeMap::new();
    for id in store.ids()? {
        let run = Arc::new(store.load(&id)?);
        let Some(header) = run.state.header.as_ref().filter(|_| tells(&run)) else { continue };
        for (_, plan) in header.plan.hosts() {
            let Some(state) = run.state.hosts.get(&plan.host).filter(|state| state.was_touched()) else {
                continue;
            };
            let is_meant = hosts.iter().any(|host| host.name == plan.host && is_same(plan, host));
            if is_meant && last.get(&plan.host).is_none_or(|(heard, ..)| *heard < state.heard) {
                last.insert(plan.host.clone(), (state.heard, Arc::clone(&run), plan.clone()));
            }
        }
    }
    Ok(last.into_iter().map(|(name, (_, run, plan))| (name, (run, plan))).collect())
}

/// What a run is taken up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TakenUp {
    /// To go on with it.
    GoOn,
    /// To pay what it owes.
    Settle,
    /// To take it back: what was paid of its debts meanwhile is part of that, and so is another try that came to nothing.
    TakeBack,
}

/// The hosts of a run that it does not hold, and on which a run that began later has changed something: the plan of the
/// run that is taken up again knows nothing of that. `taken_up` is the run itself that is taken up, where it is another one.
pub(super) fn changed_since(
    store: &Store,
    run: &LoadedRun,
    taken_up: Option<&str>,
    purpose: TakenUp,
    settings: &Settings,
) -> Result<BTreeMap<String, String>, CliError> {
    let mut changed = BTreeMap::new();
    let free: Vec<&HostPlan> = run
        .state
        .header
        .iter()
        .flat_map(|header| header.plan.hosts())
        .map(|(_, plan)| plan)
        // What another run took over it does not hold any more, although its journal knows nothing of that.
        .filter(|plan| {
            let is_held = run.state.hosts.get(&plan.host).is_some_and(|host| host.locked);
            !is_held || run.state.taken_over_by.is_some()
        })
        .collect();
    for id in store.ids()? {
        let other = store.load(&id)?;
        let is_left_out = taken_up == Some(id.as_str())
            || other.state.header.as_ref().is_some_and(|header| {
                BACKUP_ONLY.contains(&header.procedure.as_str())
                    || purpose == TakenUp::TakeBack && header.procedure == SETTLE
            });
        if other.state.started <= run.state.started || free.is_empty() || is_left_out {
            continue;
        }
        for plan in &free {
            let theirs = other.state.plan_of(&plan.host).filter(|theirs| theirs.login == plan.login);
            let takes_this_back =
                theirs.and_then(|theirs| theirs.takes_back.as_ref()).is_some_and(|back| back.run == run.id);
            if purpose == TakenUp::TakeBack && takes_this_back && !other.state.is_taken_back(&plan.host) {
                continue;
            }
            let settles_this =
                theirs.is_some_and(|theirs| theirs.settles.as_deref() == Some(run.id.as_str()));
            if purpose == TakenUp::Settle && settles_this {
                continue;
            }
            let has_changed = theirs.zip(other.state.hosts.get(&plan.host)).is_some_and(|(theirs, host)| {
                match purpose {
                    // What was fetched, or taken back by itself, is no work that would be lost.
                    TakenUp::TakeBack => host.was_begun(theirs),
                    TakenUp::GoOn | TakenUp::Settle => host.has_changed(theirs),
                }
            });
            if has_changed {
                let is_back = other.state.is_taken_back(&plan.host);
                let other = store.shorten(&id)?;
                let why = if takes_this_back {
                    format!("run {other} {}", if is_back { "took it back" } else { "began to take it back" })
                } else {
                    format!(
                        "run {other} has been at work here since the plan was made: plan again ({} upgrade, or --rerun unfinished)",
                        settings.program
                    )
                };
                changed.entry(plan.host.clone()).or_insert(why);
            }
        }
    }
    Ok(changed)
}

/// The hosts on which a run that was to take this one back has changed something.
pub(super) fn tried_to_take_back(store: &Store, run: &LoadedRun) -> Result<BTreeSet<String>, CliError> {
    let mut tried = BTreeSet::new();
    for id in store.ids()? {
        let other = store.load(&id)?;
        for (_, plan) in other.state.header.iter().flat_map(|header| header.plan.hosts()) {
            let is_of_this = plan.takes_back.as_ref().is_some_and(|back| back.run == run.id);
            let state = other.state.hosts.get(&plan.host);
            if is_of_this && state.is_some_and(|host| host.has_changed(plan)) {
                tried.insert(plan.host.clone());
            }
        }
    }
    Ok(tried)
}

/// The hosts that another run has brought back to before this one.
pub(super) fn taken_back(store: &Store, run: &LoadedRun) -> Result<BTreeSet<String>, CliError> {
    let mut back = BTreeSet::new();
    for id in store.ids()? {
        let other = store.load(&id)?.state;
        let hosts = other.header.iter().flat_map(|header| header.plan.hosts()).map(|(_, plan)| plan);
        let is_of_this = |plan: &&HostPlan| plan.takes_back.as_ref().is_some_and(|back| back.run == run.id);
        let is_back = |plan: &&HostPlan| other.is_taken_back(&plan.host);
        back.extend(hosts.filter(is_of_this).filter(is_back).map(|plan| plan.host.clone()));
    }
    Ok(back)
}

/// The steps by which others have paid what a run owes a host.
pub(super) fn paid_since(store: &Store, run: &LoadedRun, host: &str) -> Result<BTreeSet<String>, CliError> {
    let mut paid = BTreeSet::new();
    for id in store.ids()? {
        paid.append(&mut store.load(&id)?.state.has_paid(host, &run.id));
    }
    Ok(paid)
}

/// What this controller's journals say of a run that a host names.
pub(super) fn known_run(settings: &Settings, run: &str) -> KnownRun {
    match settings.store.load(run) {
        Err(_) => KnownRun::Unknown,
        Ok(run) if run.going_on => KnownRun::GoingOn,
        Ok(run) if run.state.exit_code.is_some() && run.state.unfinished_hosts().is_empty() => {
            KnownRun::Ended
        }
        Ok(_) => KnownRun::Unfinished,
    }
}

/// Another inventory may call another machine by the same name.
pub(super) fn is_same(plan: &HostPlan, host: &Host) -> bool {
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
        Inventory::parse("test", &text).unwrap().hosts.first().unwrap().clone()
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
