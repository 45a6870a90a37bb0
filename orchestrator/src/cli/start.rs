//! From a request to a run: plan, show, confirm, carry out.

use std::collections::BTreeMap;

use ixporch_inventory::suggest;
use jiff::Timestamp;

use super::args;
use super::carry_out::Execution;
use super::error::CliError;
use super::load;
use super::planning::{self, Planned};
use super::printer::Printer;
use super::prompt;
use super::request::Request;
use super::settings::Settings;
use super::which::absolute;
use crate::engine::Approvals;
use crate::event::{Envelope, FORMAT, RunEvent, RunHeader, RunKind};
use crate::gate;
use crate::history::History;
use crate::journal::Hold;
use crate::plan::{BackupChoice, HostPlan, Plan, fold_names};
use crate::procedure::Procedure;
use crate::report;
use crate::state::{ExitCode, GivenEvidence};

/// A run whose hosts are taken over. It is held until the new run has ended: nobody takes it up meanwhile.
pub(super) struct Earlier {
    pub(super) run: String,
    pub(super) journal: Hold,
    /// The number of the next event in its journal.
    pub(super) sequence: u64,
    /// What it relied on that was named for all of it.
    pub(super) evidence: Vec<GivenEvidence>,
}

impl Earlier {
    /// Writes down that another run has its hosts now.
    pub(super) fn hand_over(&mut self, to: &str) -> Result<(), CliError> {
        let event = RunEvent::RunTakenOver { by: to.to_owned() };
        let envelope = Envelope { sequence: self.sequence, at: Timestamp::now(), event };
        Ok(self.journal.append(&[envelope])?)
    }
}

/// What a new run is, besides its plan.
pub(super) struct NewRun<'a> {
    pub(super) kind: RunKind,
    /// The run that it follows up.
    pub(super) follows: Option<&'a str>,
    pub(super) inventory: String,
    /// The procedure as it was named.
    pub(super) procedure: String,
    pub(super) keep_ledger: bool,
    pub(super) restart_memcached: bool,
    /// Which backup is meant, and what for.
    pub(super) backup: BackupChoice,
}

/// The header of a new run.
///
/// # Errors
/// Its place among the runs cannot be drawn.
pub(super) fn header(
    new: NewRun<'_>,
    plan: Plan,
    history: &History,
    settings: &Settings,
) -> Result<RunHeader, CliError> {
    Ok(RunHeader {
        format: FORMAT,
        run: uuid::Uuid::now_v7().to_string(),
        kind: new.kind,
        follows: new.follows.map(str::to_owned),
        order: settings.store.draw_order(history.last_order())?,
        ixporch: env!("CARGO_PKG_VERSION").to_owned(),
        operator: settings.user.clone(),
        inventory: new.inventory,
        procedure: new.procedure,
        plan_digest: plan.digest(),
        origin: settings.origin.clone(),
        keep_ledger: new.keep_ledger,
        restart_memcached: new.restart_memcached,
        backup: new.backup,
        plan,
    })
}

/// Plans, asks, and runs, in a runtime of its own.
pub(super) fn start(request: &Request, settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
    let runtime = planning::runtime()?;
    let exit = runtime.block_on(async {
        let history = settings.store.history()?;
        Box::pin(run(request, &history, None, settings, printer)).await
    });
    // A question that nobody answered may still be waiting on a thread of its own.
    runtime.shutdown_background();
    exit
}

/// Plans, asks, and runs; `earlier` is a run whose hosts are taken over.
pub(super) async fn run(
    request: &Request,
    history: &History,
    mut earlier: Option<Earlier>,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let kind = request.kind();
    let asks = request.changes() && !request.yes;
    if asks && !prompt::is_attended() {
        let help = match kind {
            RunKind::Exec => "repeat the command with --yes before the `--`",
            RunKind::Upgrade if earlier.is_none() => {
                "read the plan first (`ixporch plan`), then repeat the command with --yes at its end"
            }
            _ => "repeat the command with --yes at its end",
        };
        return Err(CliError::usage("there is no terminal to confirm the plan at").help(help));
    }
    if request.changes() {
        refuse_everything(request)?;
    }
    settings.store.prepare()?;
    let taken_over = earlier.as_ref().map(|earlier| earlier.run.clone());
    let planned =
        Box::pin(planning::plan(request, history, taken_over.as_deref(), settings, printer)).await?;
    let Planned { mut plan, mut evidence, targets, transport, late } = planned;
    let accept_risk = request.relying.accept_risk.as_ref();
    let approvals = approvals(&request.approvals, accept_risk, &plan)?;
    if request.relying.requires_run.is_none() {
        evidence.extend(earlier.iter().flat_map(|earlier| earlier.evidence.iter().cloned()));
    }
    if request.changes() {
        printer.say(&report::plan(printer.err, kind, &plan, false));
    }
    if asks {
        if !plan.open_gates().is_empty() {
            confirm_releases(&mut plan, settings).await?;
        }
        confirm(kind, &plan, &approvals.waves).await?;
    }
    let new = NewRun {
        kind,
        follows: taken_over.as_deref(),
        inventory: absolute(&request.selection.file.inventory),
        procedure: named(request),
        keep_ledger: request.run.keep_ledger,
        restart_memcached: request.options.restart_memcached,
        backup: request.options.backup.clone(),
    };
    let now = settings.store.history()?;
    refuse_what_changed(&plan, history, &now, taken_over.as_deref())?;
    let header = header(new, plan, &now, settings)?;
    let journal = settings.store.create(&header.run)?;
    if let Some(earlier) = &mut earlier {
        earlier.hand_over(&header.run)?;
    }
    let execution = Execution {
        header,
        approvals,
        evidence,
        late_plans: late,
        resumed: None,
        refused: BTreeMap::new(),
        targets,
        transport,
        journal,
        connecting: &request.connecting,
        lock_wait: request.lock_wait,
        live: request.run.live,
    };
    Box::pin(execution.run(settings, printer)).await
}

/// A question may wait for hours: what other runs did to the hosts meanwhile is no part of the plan.
fn refuse_what_changed(
    plan: &Plan,
    then: &History,
    now: &History,
    taken_over: Option<&str>,
) -> Result<(), CliError> {
    let left = |history: &History, host: &HostPlan| history.left_on(&host.id(), taken_over);
    let hosts = plan.hosts().map(|(_, host)| host).filter(|host| left(then, host) != left(now, host));
    let changed = fold_names(hosts.map(|host| host.host.as_str()));
    if changed.is_empty() {
        return Ok(());
    }
    Err(CliError::invalid(format!("another run was at work on {changed} since the plan was made"))
        .help("nothing was started; repeat the command: it makes a new plan"))
}

/// How the procedure is named so that it means the same in every folder.
fn named(request: &Request) -> String {
    let is_built_in =
        Procedure::built_in_text(&request.named).is_some() || request.procedure.is_one_command();
    if is_built_in { request.named.clone() } else { absolute(request.named.as_ref()) }
}

/// What was approved on the command line; a wave that the plan does not have is a mistake.
pub(super) fn approvals(
    given: &args::Approvals,
    accept_risk: Option<&String>,
    plan: &Plan,
) -> Result<Approvals, CliError> {
    let known: Vec<&str> = plan.waves.iter().map(|wave| wave.name.as_str()).collect();
    if let Some(wave) = given.approve.iter().find(|wave| !known.contains(&wave.as_str())) {
        let mut error = CliError::usage(format!("the run has no wave `{wave}` to approve"));
        error.help = suggest::help(wave, known);
        return Err(error);
    }
    Ok(Approvals {
        waves: given.approve.clone(),
        schemas: given.approve_schema.clone(),
        risk: accept_risk.cloned(),
        reason: given.reason.clone(),
    })
}

/// Without waves and without a selection, an upgrade is of one host.
fn refuse_everything(request: &Request) -> Result<(), CliError> {
    let inventory = load::inventory(&request.selection.file)?;
    let is_chosen = request.selection.limit.is_some() || request.selection.limit_file.is_some();
    if is_chosen || !inventory.waves.is_empty() || inventory.hosts.len() < 2 {
        return Ok(());
    }
    let count = inventory.hosts.len();
    let message =
        format!("the inventory has {count} hosts and declares no waves: refusing to take all hosts at once");
    Err(CliError::usage(message)
        .help("select hosts: --limit SELECTOR (all of them: --limit '*'); or declare [[waves]]"))
}

/// Asks only if the answer can start anything: hosts behind a wave in which nothing can go well are not started by it.
async fn confirm(kind: RunKind, plan: &Plan, approved: &[String]) -> Result<(), CliError> {
    let hosts = gate::may_start(plan, approved);
    if hosts == 0 {
        return Ok(());
    }
    let plural = if hosts == 1 { "" } else { "s" };
    let question = if kind.is_upgrade() {
        format!("\nUpgrade {hosts} host{plural}?")
    } else {
        format!("\nRun {} on {hosts} host{plural}?", plan.procedure)
    };
    match prompt::ask(&question).await {
        Some(true) => Ok(()),
        _ => Err(not_confirmed()),
    }
}

/// What releases ask for is shown with the plan; a person says that it is known and done.
async fn confirm_releases(plan: &mut Plan, settings: &Settings) -> Result<(), CliError> {
    let hosts = plan.open_gates();
    let question = format!(
        "\nHave you done what the releases ask for on {}?",
        fold_names(hosts.iter().map(String::as_str))
    );
    match prompt::ask(&question).await {
        Some(true) => plan.confirm_gates(&format!("confirmed at the terminal by {}", settings.user)),
        Some(false) => {}
        None => return Err(not_confirmed()),
    }
    Ok(())
}

/// The person said no, or nothing.
pub(super) fn not_confirmed() -> CliError {
    CliError::usage("not confirmed; nothing was started").help("answer `y`, or repeat the command with --yes")
}
