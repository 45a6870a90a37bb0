//! One host of a run, in full: every step, the failing one's last lines, debts and what to type.

use std::fmt::Write;

use super::lines::outcome_word;
use super::{Names, Paint, duration};
use crate::event::{HostOutcome, StepEnd, StepOutcome};
use crate::plan::HostPlan;
use crate::state::{HostState, RunState};

/// How many of the failing step's last lines are shown.
const LAST_LINES: usize = 8;

/// How many pending statements are shown.
const PENDING: usize = 20;

/// The report of one host with all its steps.
pub fn host(paint: Paint, names: &Names, state: &RunState, name: &str) -> String {
    let mut text = String::new();
    let Some(host) = state.hosts.get(name) else { return text };
    let _ = writeln!(text, "{}  {}", paint.strong(name), word(paint, host));
    for step in &host.steps {
        let title =
            state.plan_of(name).and_then(|plan| plan.step(&step.id)).map_or("", |planned| &planned.title);
        let end = step.end.as_ref().map_or_else(|| paint.bad("no end was seen"), |end| end_words(paint, end));
        let _ = writeln!(text, "  {:26} {end}  {}", step.id, paint.dim(title));
    }
    let planned = state.plan_of(name).map(HostPlan::steps).unwrap_or_default();
    for step in planned.iter().filter(|step| !host.steps.iter().any(|known| known.id == step.id)) {
        let line = format!("{:26} not reached         {}", step.id, step.title);
        let _ = writeln!(text, "  {}", paint.dim(&line));
    }
    text.push_str(&trouble(paint, names, state, name));
    text
}

fn word(paint: Paint, host: &HostState) -> String {
    host.outcome.map_or_else(|| paint.warn("unfinished"), |outcome| outcome_word(paint, outcome))
}

fn end_words(paint: Paint, end: &StepEnd) -> String {
    let word = format!("{:9}", end.outcome);
    let time = format!("{:>8}", duration(end.milliseconds));
    match end.outcome {
        StepOutcome::Succeeded => format!("{} {time}", paint.good(&word)),
        StepOutcome::Skipped => paint.dim(&format!("{word} {:>8}", "")),
        StepOutcome::Failed | StepOutcome::TimedOut | StepOutcome::Unknown => {
            format!("{} {time}", paint.bad(&word))
        }
    }
}

/// What went wrong on a host and what it is owed; empty where all is well.
pub(super) fn trouble(paint: Paint, names: &Names, state: &RunState, name: &str) -> String {
    let mut text = String::new();
    let Some(host) = state.hosts.get(name) else { return text };
    let bad = !host.outcome.is_some_and(HostOutcome::is_good);
    if bad && let Some(step) = host.failing_step() {
        let why = step.end.as_ref().map_or_else(|| "no end was seen".to_owned(), |end| end.why.to_string());
        let _ = writeln!(text, "    step {}: {why}", paint.strong(&step.id));
        if let Some(end) = &step.end {
            let stream = if end.stderr.tail.is_blank() { &end.stdout } else { &end.stderr };
            for line in stream.tail.last_lines(LAST_LINES) {
                let _ = writeln!(text, "      {} {line}", paint.dim("|"));
            }
        }
        let _ = writeln!(text, "    all of it: {} logs {} {name} {}", names.program, names.run, step.id);
    } else if bad {
        for line in host.why.to_string().lines() {
            let _ = writeln!(text, "    {line}");
        }
    }
    if host.outcome == Some(HostOutcome::Held) {
        text.push_str(&pending(paint, names, host, name));
    }
    if state.plan_of(name).is_some_and(|plan| plan.stays_closed) {
        let _ = writeln!(text, "    {} it was so before the run", paint.warn("in maintenance:"));
    }
    let plan = state.plan_of(name);
    if host.outcome == Some(HostOutcome::Unknown)
        && let Some(plan) = plan
    {
        let _ = writeln!(text, "    it may still be running there: ssh {} 'ps -ef'", plan.login);
    }
    let opening = plan.and_then(|plan| plan.opening.as_deref());
    if host.debts.iter().any(|debt| opening == Some(debt.step.as_str())) {
        let _ =
            writeln!(text, "    {} closed by ixporch, and not opened again", paint.warn("in maintenance:"));
    }
    for debt in host.debts_in_order(plan) {
        let since = debt.since.as_deref().unwrap_or("an earlier run");
        let _ = writeln!(text, "    {} {} (since {since})", paint.warn("still owed:"), debt.step);
        if let Some(plan) = state.plan_of(name)
            && let Some(step) = plan.step(&debt.step)
        {
            let _ =
                writeln!(text, "      the next upgrade pays it; by hand, once every step before it is done:");
            let _ = writeln!(text, "      {}", plan.by_hand(step));
        }
    }
    text
}

/// What a held host waits for a person to look at.
fn pending(paint: Paint, names: &Names, host: &HostState, name: &str) -> String {
    let mut text = String::new();
    let found =
        host.steps.iter().find_map(|step| Some((&step.id, step.end.as_ref()?.pending_statements.as_ref()?)));
    let Some((step, statements)) = found else { return text };
    let count = statements.len();
    for statement in statements.iter().take(PENDING) {
        let _ = writeln!(text, "      {} {statement};", paint.dim("|"));
    }
    let plural = if count == 1 { "" } else { "s" };
    let _ = writeln!(
        text,
        "    {count} pending statement{plural}: {} logs {} {name} {step}",
        names.program, names.run
    );
    let _ = writeln!(
        text,
        "    run the upgrade again at a terminal to approve them, or set schema_approval = \"any\""
    );
    text
}
