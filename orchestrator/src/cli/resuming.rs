//! Takes a run up again, or runs its hosts again: from the decision to the run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ixporch_inventory::{Host, Inventory, Selector};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::access::Access;
use super::args::{Approvals, Connecting, InventoryFile, Relying, RunOptions, Selection, Waves};
use super::carry_out::{self, Execution};
use super::error::CliError;
use super::evidence;
use super::late::Basis;
use super::load;
use super::planning;
use super::printer::Printer;
use super::probing::{self, Upstream};
use super::request::Request;
use super::settings::Settings;
use super::start::{self, Earlier};
use super::which;
use crate::event::{EvidenceSource, LeftOut, RunHeader};
use crate::facts::Facts;
use crate::follow_up::rerun::{self, Which};
use crate::follow_up::resume::{self, Resumption};
use crate::gate;
use crate::history::{History, RunRecord};
use crate::journal::{LoadedRun, Writer};
use crate::plan::{HostPlan, Options as PlanOptions, Plan};
use crate::report::Names;
use crate::state::{ExitCode, GivenEvidence, HostState, RunState};
use crate::text::RemoteText;

/// What a person gives when a run is taken up.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) connecting: &'a Connecting,
    pub(super) options: &'a RunOptions,
    pub(super) approvals: &'a Approvals,
    pub(super) relying: &'a Relying,
    /// Only these of its hosts.
    pub(super) limit: Option<&'a str>,
    /// The releases that a person confirms, with `--rerun`.
    pub(super) confirmed: &'a [String],
    pub(super) yes: bool,
}

impl Given<'_> {
    /// The hosts that are selected, by name; `None`: all.
    fn selected(&self, inventory: &Inventory) -> Result<Option<BTreeSet<String>>, CliError> {
        let Some(limit) = self.limit else { return Ok(None) };
        let hosts = planning::selected(inventory, Some(&Selector::parse(limit)?))?;
        Ok(Some(hosts.into_iter().map(|host| host.name.clone()).collect()))
    }
}

/// What is known when a run is taken up.
#[derive(Clone, Copy)]
pub(super) struct Resuming<'a> {
    pub(super) given: Given<'a>,
    pub(super) history: &'a History,
    pub(super) record: &'a RunRecord,
    pub(super) header: &'a RunHeader,
    pub(super) file: &'a InventoryFile,
    pub(super) settings: &'a Settings,
    pub(super) printer: Printer,
}

/// Goes on with a run.
pub(super) async fn resume(
    taken: Resuming<'_>,
    journal: Writer,
    run: LoadedRun,
) -> Result<ExitCode, CliError> {
    let Resuming { given, history, record, header, file, settings, printer } = taken;
    let shown = settings.shorten(&run.id);
    if run.torn {
        printer.say(&printer.err.warn(
            "the last line of the journal is incomplete, which is normal after a crash; it is ignored",
        ));
    }
    let inventory = which::inventory_of(file, "resume", &shown, record, settings)?;
    let selected = given.selected(&inventory)?;
    let decided = resume::resume(history, record, &run.state, selected.as_ref())
        .map_err(|found| which::obstacle(&found, settings))?;
    let Resumption::GoOn { hosts, left_out } = decided else {
        drop(journal);
        printer.say(&format!("run {shown} has ended on every host: there is nothing to resume"));
        let (program, now) = (settings.program.clone(), Timestamp::now());
        let names = Names { program, run: shown, going_on: false, now, since: history.since(record) };
        carry_out::show(&run.state, &names, printer);
        return Ok(run.state.exit());
    };
    let plural = if hosts.len() == 1 { "" } else { "s" };
    let what =
        format!("resuming run {shown} ({}, {}): {} host{plural}", record.kind, record.inventory, hosts.len());
    printer.say(&printer.err.strong(&what));
    let access = Access::new(settings, &file.inventory, &inventory, given.connecting);
    let targets = access.targets_of(&header.plan);
    let mut refused = BTreeMap::from_iter(left_out);
    let accept_risk = given.relying.accept_risk.as_ref();
    let approvals = start::approvals(given.approvals, accept_risk, &header.plan)?;
    let evidence = evidence_since(taken, &inventory, &run.state)?;
    let demands = evidence.iter().chain(&run.state.evidence).next().is_some()
        || header.plan.waves.iter().any(|wave| wave.requires.is_some());
    if demands && header.kind.is_upgrade() {
        refused.extend(of_another_kind(&access, &run.state, header, printer).await);
    }
    let is_worked_on = |host: &str| targets.contains_key(host) && !refused.contains_key(host);
    let late_plans = plan_late(taken, &access, is_worked_on);
    let header = RunHeader {
        operator: settings.user.clone(),
        origin: settings.origin.clone(),
        ixporch: env!("CARGO_PKG_VERSION").to_owned(),
        order: settings.store.draw_order(history.last_order())?,
        keep_ledger: header.keep_ledger || given.options.keep_ledger,
        ..header.clone()
    };
    let execution = Execution {
        header,
        approvals,
        evidence,
        refused,
        late_plans,
        resumed: Some(run.state),
        targets,
        transport: access.transport,
        journal,
        connecting: given.connecting,
        lock_wait: Duration::ZERO,
        live: given.options.live,
    };
    execution.run(settings, printer).await
}

/// Plans the hosts that had not answered when the run was cut off, as far as they are worked on. Where its procedure is
/// another one now, they stay without a plan, and the run says so.
fn plan_late(
    taken: Resuming<'_>,
    access: &Access<'_>,
    is_worked_on: impl Fn(&str) -> bool,
) -> Option<mpsc::Receiver<Plan>> {
    let Resuming { record, header, file, .. } = taken;
    let late = header.plan.hosts().map(|(_, plan)| plan).filter(|plan| plan.is_planned_later());
    let worked_on = late.filter(|plan| is_worked_on(&plan.host));
    let hosts: Vec<&Host> = worked_on.filter_map(|plan| access.inventory.host(&plan.host)).collect();
    let procedure = load::procedure(&header.procedure).ok()?;
    if hosts.is_empty() || procedure.digest != header.plan.procedure_digest {
        return None;
    }
    let own_run = header.takes_over().unwrap_or(&record.run).to_owned();
    let options = PlanOptions {
        target: header.plan.target.clone(),
        restart_memcached: header.restart_memcached,
        backup: header.backup.clone(),
        preflight_policy: header.plan.preflight_policy.clone(),
        own_run: Some(own_run),
        ..PlanOptions::default()
    };
    let upstream = planning::upstream(&procedure, header.kind, options.target.as_deref());
    let asking = probing::begin(access, &hosts, upstream);
    let basis = Basis {
        store: access.settings.store.clone(),
        file: file.inventory.clone(),
        earlier: Some(record.run.clone()),
        inventory: access.inventory.clone(),
        procedure,
        options,
        default_user: access.settings.user.clone(),
    };
    basis.plan_late(asking, &header.plan)
}

/// What others have proved since: hosts may have become others than those that were compared.
fn evidence_since(
    taken: Resuming<'_>,
    inventory: &Inventory,
    state: &RunState,
) -> Result<Vec<GivenEvidence>, CliError> {
    let Resuming { given, history, record, header, file, settings, .. } = taken;
    let (plan, kind) = (&header.plan, header.kind);
    let mut evidence = evidence::of_waves(settings, history, kind, plan, inventory, Some(&record.run))?;
    let rules = &inventory.evidence;
    let named = |name: &str| evidence::named(name, &file.inventory, rules, history, settings);
    let own = state.evidence.iter().find(|given| matches!(given.source, EvidenceSource::Run(_)));
    if let Some(name) = &given.relying.requires_run {
        evidence.push(named(name)?);
    } else if let Some(own) = own {
        // A run of this controller may have come further; if it is gone, or a file, it stays what it was.
        evidence.extend(named(&own.evidence.run).ok());
    }
    evidence.retain(|given| !state.evidence.contains(given));
    Ok(evidence)
}

/// Starts a new run for the hosts that a run left.
pub(super) async fn rerun(
    taken: Resuming<'_>,
    which: Which,
    journal: Writer,
    run: LoadedRun,
) -> Result<ExitCode, CliError> {
    let Resuming { given, history, record, header, file, settings, printer } = taken;
    let selected = given.selected(&which::inventory_of(
        file,
        "resume",
        &settings.shorten(&run.id),
        record,
        settings,
    )?)?;
    let hosts = rerun::rerun(record, &run.state, which, selected.as_ref())
        .map_err(|found| which::obstacle(&found, settings))?;
    let shown = settings.shorten(&run.id);
    if hosts.is_empty() {
        printer.say(&format!("run {shown} left no such host: there is nothing to run again"));
        return Ok(run.state.exit());
    }
    let selection = Selection { file: file.clone(), limit: Some(hosts.join(",")), limit_file: None };
    let procedure = load::procedure(&header.procedure)?;
    let mut request = Request::new(procedure, &header.procedure, &selection, given.connecting)?;
    request.options.target.clone_from(&header.plan.target);
    request.options.restart_memcached = header.restart_memcached;
    request.options.backup.clone_from(&header.backup);
    // What a person let pass for these hosts still passes.
    request.options.preflight_policy = header.plan.preflight_policy.clone();
    request.options.preflight_policy.confirmed.extend_from_slice(given.confirmed);
    request = request.in_waves(&Waves::default());
    let keep_ledger = header.keep_ledger || given.options.keep_ledger;
    request.run = RunOptions { keep_ledger, live: given.options.live };
    request.yes = given.yes;
    request.approvals = given.approvals.clone();
    request.relying = given.relying.clone();
    let sequence = run.events.last().map_or(0, |last| last.sequence) + 1;
    let evidence = run.state.evidence.iter().filter(|given| given.source.is_for_all()).cloned().collect();
    let earlier = Earlier { run: run.id.clone(), journal: journal.hold(), sequence, evidence };
    start::run(&request, history, Some(earlier), settings, printer).await
}

/// Hosts that nothing was begun on, and whose PHP or database server is not that of the plan any more.
async fn of_another_kind(
    access: &Access<'_>,
    state: &RunState,
    header: &RunHeader,
    printer: Printer,
) -> BTreeMap<String, LeftOut> {
    let untouched: Vec<&Host> = state
        .unfinished_hosts()
        .into_iter()
        .filter(|name| !state.hosts.get(*name).is_some_and(HostState::was_touched))
        // What it is made of is found out when it is planned.
        .filter(|name| !header.plan.host(name).is_some_and(HostPlan::is_planned_later))
        .filter_map(|name| access.inventory.host(name))
        .collect();
    if untouched.is_empty() {
        return BTreeMap::new();
    }
    let upstream = header.plan.target.as_deref().map_or(Upstream::Branch, Upstream::Tag);
    let probes = planning::probe(access, &untouched, upstream, printer).await;
    let differs = |(name, facts): (String, Result<Facts, String>)| {
        let now = match facts {
            Ok(facts) => facts.composition.and_then(|composition| composition.kind()),
            Err(why) => {
                let failure = RemoteText::from(why.as_str());
                return Some((name, LeftOut::KindUnknown { failure }));
            }
        };
        let planned = gate::kind_of(header.plan.host(&name)?);
        if now == planned && now.is_some() {
            return None;
        }
        Some((name, LeftOut::OtherKind { planned, now }))
    };
    probes.into_iter().filter_map(differs).collect()
}
