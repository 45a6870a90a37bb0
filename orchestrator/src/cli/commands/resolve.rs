//! `ixporch resolve`: a person's word on a step whose end nobody saw.

use clap::{Args, ValueEnum};
use ixporch_inventory::suggest;
use jiff::Timestamp;

use crate::cli::args::own_words;
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::cli::which::{self, Question};
use crate::event::{Envelope, FollowUpKind, RunEvent};
use crate::journal::LoadedRun;
use crate::procedure::Effect;
use crate::state::{ExitCode, StepState};

/// Arguments of `resolve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ixporch resolve latest ixp1 --step views --as done --reason 'the views exist'")]
pub struct Resolve {
    /// Run id, the beginning of it, or `latest`
    pub run: String,

    /// Host of the step
    pub host: String,

    /// Step whose result is unknown, or step of a release that is only partly done
    #[arg(long, value_name = "STEP")]
    pub step: String,

    /// Outcome that you found on the host
    #[arg(long = "as", value_enum, value_name = "HOW")]
    pub outcome: ResolvedOutcome,

    /// What you checked; recorded in the journal
    #[arg(long, value_name = "TEXT", value_parser = own_words)]
    pub reason: String,
}

/// The outcome of a step, as a person found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ResolvedOutcome {
    /// The step did its work: the run continues after it
    Done,
    /// The step left no changes: the run starts it again
    NotDone,
}

pub(in crate::cli) fn run(
    arguments: &Resolve,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let history = settings.store.history()?;
    let question = Question {
        follow_up: FollowUpKind::Resolve { host: arguments.host.clone() },
        wanted: &arguments.run,
        inventory: None,
        limit: None,
    };
    let id = which::followed(settings, &history, question)?.run.clone();
    let shown = settings.store.shorten(&id)?;
    let (mut journal, run) = match settings.store.take_up(&id)? {
        Some(taken) => taken,
        None if settings.store.is_going_on(&id)? => {
            let what =
                format!("run {shown} is in progress: it may still find the outcome of `{}`", arguments.step);
            return Err(CliError::new(ExitCode::Locked, what)
                .help(format!("{} report {shown} --host {}", settings.program, arguments.host)));
        }
        None => return Err(which::followed_up(&id, settings)),
    };
    let is_begun_once = run.state.hosts.get(&arguments.host).is_some_and(|host| {
        host.step(&arguments.step).is_some_and(StepState::is_begun_once)
            && is_of_release(&run, &arguments.host, &arguments.step)
    });
    // Only the run that began it can say that it is done.
    if let Some(by) = run.state.taken_over_by.as_ref().filter(|_| !is_begun_once) {
        return Err(CliError::invalid(format!("run {shown} was taken over by run {by}"))
            .help(format!("{} report {by}", settings.program)));
    }
    let Some(host) = run.state.hosts.get(&arguments.host) else {
        let mut error = CliError::usage(format!("run {shown} has no host `{}`", arguments.host));
        error.help = suggest::help(&arguments.host, run.state.hosts.keys().map(String::as_str));
        return Err(error);
    };
    let unknown: Vec<&str> = host
        .steps
        .iter()
        .filter(|step| {
            step.is_unknown() && step.resolution.is_none()
                || step.is_begun_once() && is_of_release(&run, &arguments.host, &step.id)
        })
        // A check that nobody saw the end of is simply made again.
        .filter(|step| is_change(&run, &arguments.host, &step.id))
        .map(|step| step.id.as_str())
        .collect();
    if !unknown.contains(&arguments.step.as_str()) {
        let error = CliError::usage(format!(
            "the result of `{}` on {} is known: there is nothing to resolve",
            arguments.step, arguments.host
        ));
        return Err(match unknown.as_slice() {
            [] => error.help(format!("{} report {shown} --host {}", settings.program, arguments.host)),
            steps => error.help(format!("steps with unknown results on this host: {}", steps.join(", "))),
        });
    }
    if arguments.reason.trim().is_empty() {
        return Err(CliError::usage("a reason is required; it is recorded in the journal")
            .help("add --reason \"SHOW TABLES lists the new table\""));
    }
    // What has failed is not taken up again by its run: the next one goes on.
    let next = if host.step(&arguments.step).is_some_and(StepState::is_unknown) {
        format!("resume {shown}")
    } else {
        let target = run.state.header.as_ref().and_then(|header| header.plan.target.clone());
        let to = target.map_or_else(String::new, |tag| format!(" --to {tag}"));
        format!("upgrade{to} --limit {}", arguments.host)
    };
    let event = RunEvent::StepResolved {
        host: arguments.host.clone(),
        step: arguments.step.clone(),
        done: arguments.outcome == ResolvedOutcome::Done,
        reason: arguments.reason.clone(),
        by: settings.user.clone(),
    };
    let sequence = run.events.last().map_or(0, |last| last.sequence) + 1;
    journal.append(&[Envelope { sequence, at: Timestamp::now(), event }], true)?;
    printer.say(&format!(
        "`{}` on {} is resolved as {}; next: {} {next}",
        arguments.step,
        arguments.host,
        if arguments.outcome == ResolvedOutcome::Done { "done" } else { "not done, and will run again" },
        settings.program
    ));
    Ok(ExitCode::Success)
}

/// Whether a step is done once: also what failed half-way is not run again before a person has looked.
fn is_of_release(run: &LoadedRun, host: &str, step: &str) -> bool {
    let planned = run.state.plan_of(host).and_then(|plan| plan.step(step));
    planned.is_some_and(|planned| planned.release.is_some())
}

fn is_change(run: &LoadedRun, host: &str, step: &str) -> bool {
    let planned = run.state.plan_of(host).and_then(|plan| plan.step(step));
    planned.is_some_and(|planned| planned.effect == Effect::Change)
}
