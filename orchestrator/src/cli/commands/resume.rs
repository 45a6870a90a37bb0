//! `ixporch resume`: go on with a run that has no end, or start a new one for the hosts that it left.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ixporch_inventory::Host;

use super::approve;
use super::execute::{self, Execution};
use super::upgrade::{self, Earlier, How, Task};
use super::work::{self, TakenUp};
use crate::cli::access::Access;
use crate::cli::args::{Approvals, Connecting, InventoryFile, Relying, RunOptions, Selection, Waves, Work};
use crate::cli::error::CliError;
use crate::cli::evidence;
use crate::cli::load;
use crate::cli::printer::Printer;
use crate::cli::probing::Upstream;
use crate::cli::settings::Settings;
use crate::engine::About;
use crate::event::{EvidenceSource, HostOutcome, RunHeader};
use crate::facts::{Facts, HostKind};
use crate::gate;
use crate::journal::{LoadedRun, Writer};
use crate::plan::{BackupChoice, HostAction, HostPlan};
use crate::procedure::{EXEC, ROLLBACK, SETTLE};
use crate::report::Names;
use crate::state::{ExitCode, HostState, RunState};

/// Arguments of `resume`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ixporch resume
  ixporch resume 0198c2 --approve prod --reason 'staging is well'
  ixporch resume latest --rerun failed")]
pub struct Resume {
    /// Run id, or the beginning of it
    #[arg(default_value = "latest")]
    pub run: String,

    /// Only these hosts of the run [default: all]
    #[arg(short, long, value_name = "SELECTOR")]
    pub limit: Option<String>,

    /// Start a new run for these hosts instead; hosts that were never started are always included
    #[arg(long, value_enum, value_name = "WHICH")]
    pub rerun: Option<Rerun>,

    /// Inventory file, if it has moved since the run
    #[arg(short, long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,

    /// How a run is carried out
    #[command(flatten)]
    pub options: RunOptions,

    /// What is approved
    #[command(flatten)]
    pub approvals: Approvals,

    /// What is demanded of other runs
    #[command(flatten)]
    pub relying: Relying,

    /// Start without asking; only --rerun asks
    #[arg(short, long)]
    pub yes: bool,
}

/// Which hosts of a run are run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rerun {
    /// Hosts that failed, were unreachable or were not started
    Failed,
    /// All hosts that are neither upgraded nor current
    Unfinished,
}

pub(in crate::cli) fn run(
    arguments: &Resume,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let runtime = work::runtime()?;
    let exit = runtime.block_on(async {
        let (mut journal, mut run) = take_up(&settings.store.find(&arguments.run)?, settings)?;
        approve::take_letters(&mut journal, &mut run)?;
        let Some(header) = run.state.header.clone() else {
            return Err(CliError::invalid("the run has no events: it was cut off before it began"));
        };
        match arguments.rerun {
            None => Box::pin(resume(arguments, journal, run, header, settings, printer)).await,
            Some(rerun) => Box::pin(again(arguments, rerun, journal, &run, &header, settings, printer)).await,
        }
    });
    // A question that nobody answered may still be waiting on a thread of its own.
    runtime.shutdown_background();
    exit
}

async fn resume(
    arguments: &Resume,
    journal: Writer,
    run: LoadedRun,
    header: RunHeader,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let shown = settings.store.shorten(&run.id)?;
    if let Some(by) = &run.state.taken_over_by {
        let by = settings.store.shorten(by)?;
        return Err(CliError::invalid(format!("run {shown} was taken over by run {by}")).help(format!(
            "{program} resume {by}; where that run never began: {program} resume {shown} --rerun unfinished",
            program = settings.program
        )));
    }
    if run.torn {
        printer
            .say(&printer.err.warn("the journal's last line was cut off; it goes on from the line before"));
    }
    let unfinished: Vec<String> = run.state.unfinished_hosts().into_iter().map(str::to_owned).collect();
    if unfinished.is_empty() && !run.state.has_unfinished_soak() && run.state.exit_code.is_some() {
        drop(journal);
        printer.say(&format!("run {shown} has ended on every host: there is nothing to resume"));
        let names = Names { program: settings.program.clone(), run: shown, going_on: false };
        execute::show(&run.state, &names, printer);
        return Ok(run.state.exit());
    }
    let placeless = |name: &String| header.plan.host(name).is_some_and(|plan| plan.place.ixp_root.is_empty());
    if unfinished.iter().any(placeless) {
        return Err(CliError::invalid(format!(
            "run {shown} was made by a version that kept no ledgers on the hosts"
        ))
        .help(format!("{} resume {shown} --rerun unfinished", settings.program)));
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
    let targets = access.targets_of(&header.plan);
    let about = About {
        run: run.id.clone(),
        operator: settings.user.clone(),
        inventory: header.inventory.clone(),
        procedure: header.procedure.clone(),
        origin: settings.origin.clone(),
        instead_of: header.instead_of.clone(),
        keep_ledger: header.keep_ledger || arguments.options.keep_ledger,
        restart_memcached: header.restart_memcached,
    };
    let mut refused = changed_since(&run, &header, settings)?;
    for (host, why) in without_proof(&run, settings)? {
        refused.entry(host).or_insert(why);
    }
    let approvals =
        upgrade::approvals(&arguments.approvals, arguments.relying.accept_risk.as_ref(), &header.plan)?;
    // Others may have proved something since, and hosts may have become others than those that were compared.
    let mut evidence =
        evidence::of_waves(&settings.store, &header.plan, &inventory, Some(&run.id), work::is_same)?;
    let rules = &inventory.evidence;
    let named = |name: &str| evidence::named(name, &file.inventory, rules, settings);
    let own = run.state.evidence.iter().find(|given| matches!(given.source, EvidenceSource::Run(_)));
    if let Some(name) = &arguments.relying.requires_run {
        evidence.push(named(name)?);
    } else if let Some(own) = own {
        // A run of this controller may have come further; where it is gone, or a file, it stays what it was.
        evidence.extend(named(&own.evidence.run).ok());
    }
    evidence.retain(|given| !run.state.evidence.contains(given));
    let demands = evidence.iter().chain(&run.state.evidence).next().is_some()
        || header.plan.waves.iter().any(|wave| wave.requires.is_some());
    if demands && header.plan.moves_code {
        refused.extend(of_another_kind(&access, &run.state, &header, printer).await);
    }
    let execution = Execution {
        plan: header.plan,
        about,
        approvals,
        evidence,
        refused,
        resumed: Some(run.state),
        targets,
        transport: access.transport,
        journal,
        connecting: &arguments.connecting,
        lock_wait: Duration::ZERO,
        live: arguments.options.live,
    };
    execution.run(settings, printer).await
}

/// Hosts that nothing was begun on, and whose PHP or database server is not that of the plan any more.
async fn of_another_kind(
    access: &Access<'_>,
    state: &RunState,
    header: &RunHeader,
    printer: Printer,
) -> BTreeMap<String, String> {
    let untouched: Vec<&Host> = state
        .unfinished_hosts()
        .into_iter()
        .filter(|name| !state.hosts.get(*name).is_some_and(HostState::was_touched))
        .filter_map(|name| access.inventory.host(name))
        .collect();
    if untouched.is_empty() {
        return BTreeMap::new();
    }
    let upstream = header.plan.target.as_deref().map_or(Upstream::Branch, Upstream::Tag);
    let probes = work::probe(access, &untouched, upstream, printer).await;
    let differs = |(name, facts): (String, Result<Facts, String>)| {
        let now = match facts {
            Ok(facts) => facts.composition.and_then(|composition| composition.kind()),
            Err(why) => return Some((name, format!("it could not be asked what it is made of: {why}"))),
        };
        let planned = gate::kind_of(header.plan.host(&name)?);
        if now == planned && now.is_some() {
            return None;
        }
        let word = |kind: Option<HostKind>| kind.map_or("not known".to_owned(), |kind| kind.to_string());
        let why = format!(
            "it was {} when this was planned, and is {}: plan again (resume --rerun unfinished)",
            word(planned),
            word(now)
        );
        Some((name, why))
    };
    probes.into_iter().filter_map(differs).collect()
}

/// The hosts on which another run changed something since: where this one takes a run back, since that one.
fn changed_since(
    run: &LoadedRun,
    header: &RunHeader,
    settings: &Settings,
) -> Result<BTreeMap<String, String>, CliError> {
    match &header.instead_of {
        Some(origin) if header.procedure == ROLLBACK => {
            let origin = settings.store.load(origin)?;
            work::changed_since(&settings.store, &origin, Some(&run.id), TakenUp::TakeBack, settings)
        }
        _ => work::changed_since(&settings.store, run, None, TakenUp::GoOn, settings),
    }
}

/// The hosts that an upgraded run has not begun, where another of its hosts was taken back since: what was proved there
/// holds no longer, and nothing begins by it.
fn without_proof(run: &LoadedRun, settings: &Settings) -> Result<BTreeMap<String, String>, CliError> {
    let mut refused = BTreeMap::new();
    for id in settings.store.ids()? {
        let other = settings.store.load(&id)?;
        let plans = other.state.header.iter().flat_map(|header| header.plan.hosts()).map(|(_, plan)| plan);
        let was_upgraded = |plan: &&HostPlan| {
            let outcome = run.state.hosts.get(&plan.host).and_then(|host| host.outcome);
            let began = other.state.hosts.get(&plan.host).is_some_and(|host| host.has_changed(plan));
            plan.takes_back.as_ref().is_some_and(|back| back.run == run.id)
                && outcome == Some(HostOutcome::Upgraded)
                && began
        };
        let taken: Vec<&str> = plans.filter(was_upgraded).map(|plan| plan.host.as_str()).collect();
        if taken.is_empty() {
            continue;
        }
        let why = format!(
            "{} was taken back by run {}: what was proved there holds no longer: plan again (--rerun unfinished)",
            taken.join(", "),
            settings.store.shorten(&id)?
        );
        let not_begun = run.state.hosts.iter().filter(|(_, host)| !host.was_touched());
        refused.extend(not_begun.map(|(name, _)| (name.clone(), why.clone())));
    }
    Ok(refused)
}

/// The journal of a run whose controller has ended.
pub(super) fn take_up(id: &str, settings: &Settings) -> Result<(Writer, LoadedRun), CliError> {
    let shown = settings.store.shorten(id)?;
    settings.store.take_up(id)?.ok_or_else(|| {
        CliError::new(ExitCode::Locked, format!("run {shown} is going on: its controller is at work"))
            .help(format!("wait for its end; how far it is: {} report {shown}", settings.program))
    })
}

/// A new run for the hosts that an ended one left.
async fn again(
    arguments: &Resume,
    rerun: Rerun,
    journal: Writer,
    run: &LoadedRun,
    header: &RunHeader,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let hosts = hosts_of(rerun, run, header);
    let left_out: Vec<&str> = run
        .state
        .unfinished_hosts()
        .into_iter()
        .filter(|name| run.state.hosts.get(*name).is_some_and(HostState::was_touched))
        .filter(|name| !hosts.iter().any(|host| host == name))
        .collect();
    if !hosts.is_empty() && !left_out.is_empty() {
        let shown = settings.store.shorten(&run.id)?;
        return Err(CliError::invalid(format!(
            "run {shown} has not ended on {}: a new run would leave them behind",
            left_out.join(", ")
        ))
        .help(format!(
            "first {program} resume {shown}; or all of them: {program} resume {shown} --rerun unfinished",
            program = settings.program
        )));
    }
    if hosts.is_empty() {
        printer.say("the run left no such host: there is nothing to run again");
        return Ok(run.state.exit());
    }
    if header.procedure == EXEC {
        let message = "a command is not run again by its journal";
        return Err(CliError::invalid(message).help(format!(
            "type it again: {} exec … --limit {}",
            settings.program,
            hosts.join(",")
        )));
    }
    if header.procedure == SETTLE {
        return Err(CliError::invalid("a settling is not run again by its journal")
            .help(format!("{} settle RUN HOST, with the run that owes it", settings.program)));
    }
    if header.procedure == ROLLBACK {
        let of = header
            .instead_of
            .as_deref()
            .map(|run| settings.store.shorten(run))
            .transpose()?
            .unwrap_or_default();
        return Err(CliError::invalid("a rollback is not run again by its journal").help(format!(
            "{} rollback {of} --limit {}",
            settings.program,
            hosts.join(",")
        )));
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
        waves: Waves::default(),
    };
    let keep_ledger = header.keep_ledger || arguments.options.keep_ledger;
    let options = RunOptions { keep_ledger, live: arguments.options.live };
    // The earlier run's journal is held until the new one has ended: nobody takes it up meanwhile.
    let sequence = run.events.last().map_or(0, |last| last.sequence) + 1;
    let evidence = run.state.evidence.iter().filter(|given| given.source.is_for_all()).cloned().collect();
    let instead_of = Some(Earlier { run: run.id.clone(), journal, sequence, evidence });
    let how = How {
        yes: arguments.yes,
        options: &options,
        approvals: &arguments.approvals,
        relying: &arguments.relying,
        lock_wait: Duration::ZERO,
        // What a person let pass for these hosts, they let pass still.
        preflight_policy: &header.plan.preflight_policy,
    };
    let task = Task {
        procedure: load::procedure(&work.procedure)?,
        restart_memcached: header.restart_memcached,
        backup: BackupChoice::default(),
    };
    upgrade::upgrade(&work, &task, how, instead_of, settings, printer).await
}

/// The hosts of a rerun. Those that nothing was started on are always among them.
fn hosts_of(rerun: Rerun, run: &LoadedRun, header: &RunHeader) -> Vec<String> {
    let wanted = |outcome: Option<HostOutcome>| match rerun {
        Rerun::Failed => matches!(
            outcome,
            Some(
                HostOutcome::Failed
                    | HostOutcome::RolledBack
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
        // Who went back to its start and waits for an approval is no less left.
        let waits = outcome == Some(HostOutcome::Held) && state.is_some_and(|host| !host.was_touched());
        waits
            || wanted(outcome)
            || (outcome.is_none() && nothing_started && plan.action != HostAction::Current)
    });
    hosts.map(|(_, plan)| plan.host.clone()).collect()
}
