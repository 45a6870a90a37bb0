//! One host of a run, in full: every step, the failing one's last lines, debts and what to type.

use std::fmt::Write;

use super::lines::outcome_word;
use super::schema::schema_group;
use super::{Names, Paint, duration, reason};
use crate::event::{HostOutcome, StepEnd, StepOutcome};
use crate::plan::HostPlan;
use crate::schema::Group;
use crate::state::{HostState, RunState};
use crate::text::harmless_line;

/// How many of the failing step's last lines are shown.
const LAST_LINES: usize = 8;

/// The report of one host with all its steps.
pub fn host(paint: Paint, names: &Names, state: &RunState, name: &str) -> String {
    let mut text = String::new();
    let Some(host) = state.hosts.get(name) else { return text };
    let _ = writeln!(text, "{}  {}", paint.strong(name), word(paint, state, host));
    for step in &host.steps {
        let title =
            state.plan_of(name).and_then(|plan| plan.step(&step.id)).map_or("", |planned| &planned.title);
        let undone = if step.undone { paint.dim("  taken back") } else { String::new() };
        let end = step.end.as_ref().map_or_else(|| paint.bad("no end was seen"), |end| end_words(paint, end));
        let _ = writeln!(text, "  {:26} {end}  {}{undone}", step.id, paint.dim(title));
        // A step that ended well and has something to say all the same.
        if let Some(end) =
            step.end.as_ref().filter(|end| end.outcome == StepOutcome::Succeeded && !end.why.is_blank())
        {
            let _ = writeln!(text, "  {:26} {}", "", paint.warn(&end.why.to_string()));
        }
        if let Some(said) = &step.resolution {
            let how = if said.done { "done" } else { "not done" };
            let _ = writeln!(
                text,
                "  {:26} resolved as {how} by {}: {}",
                "",
                said.by,
                harmless_line(&said.reason)
            );
        }
    }
    let planned = state.plan_of(name).map(HostPlan::steps).unwrap_or_default();
    for step in planned.iter().filter(|step| !host.steps.iter().any(|known| known.id == step.id)) {
        let line = format!("{:26} not reached         {}", step.id, step.title);
        let _ = writeln!(text, "  {}", paint.dim(&line));
    }
    if !host.keeper.is_empty() {
        let line = format!("each step in a process of its own, kept by: {}", host.keeper);
        let _ = writeln!(text, "  {}", paint.dim(&line));
    }
    text.push_str(&trouble(paint, names, state, name));
    text
}

fn word(paint: Paint, state: &RunState, host: &HostState) -> String {
    host.outcome.map_or_else(|| paint.warn("unfinished"), |outcome| outcome_word(paint, state, outcome))
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
    let bad = !state.ended_well(name);
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
        // The step's own reason has been told.
        let told = format!("`{}`: {why}", step.id);
        for line in reason::lines(&host.reasons, names).iter().filter(|line| !told.contains(*line)) {
            let _ = writeln!(text, "    {line}");
        }
    } else {
        for line in reason::lines(&host.reasons, names) {
            let _ = writeln!(text, "    {line}");
        }
    }
    if host.outcome == Some(HostOutcome::Held) {
        text.push_str(&pending(paint, names, state, host, name));
    }
    if state.plan_of(name).is_some_and(|plan| plan.stays_closed) {
        let _ = writeln!(text, "    {} it was so before the run", paint.warn("in maintenance:"));
    }
    let plan = state.plan_of(name);
    text.push_str(&gaps(paint, host));
    if let Some(plan) = plan {
        text.push_str(&unknown(names, host, plan));
    }
    if host.locked && !host.is_owed_release() && host.outcome.is_some() {
        let _ =
            writeln!(text, "    {} by this run, until it goes on or is taken over", paint.warn("locked:"));
    }
    if host.is_owed_release() {
        let _ = writeln!(
            text,
            "    {} its lock; give it back with: {} resume {}",
            paint.warn("still owed:"),
            names.program,
            names.run
        );
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
            let payer = if host.locked {
                "resuming the run".to_owned()
            } else {
                format!("the next upgrade, or {} settle {} {name}", names.program, names.run)
            };
            let _ = writeln!(text, "      {payer} pays it; by hand, once every step before it is done:");
            let _ = writeln!(text, "      {}", plan.by_hand(step));
        }
    }
    text
}

/// When there was no connection.
fn gaps(paint: Paint, host: &HostState) -> String {
    let mut text = String::new();
    for gap in &host.gaps {
        let away = match gap.to {
            Some(to) => {
                let milliseconds = u64::try_from(to.duration_since(gap.from).as_millis()).unwrap_or(0);
                format!("for {}", duration(milliseconds))
            }
            None => "and not made again".to_owned(),
        };
        let during = gap.step.as_ref().map_or_else(String::new, |step| format!(", during {step}"));
        let from = gap.from.strftime("%H:%M:%SZ");
        let _ = writeln!(text, "    {} lost at {from} {away}{during}", paint.dim("connection:"));
    }
    text
}

/// What a person needs to find out how a step ended, and to say so.
fn unknown(names: &Names, host: &HostState, plan: &HostPlan) -> String {
    let mut text = String::new();
    let Some(step) = host.steps.iter().find(|step| step.is_unknown() && step.resolution.is_none()) else {
        return text;
    };
    if host.outcome != Some(HostOutcome::Unknown) {
        return text;
    }
    let (program, run, name, id) = (&names.program, &names.run, &plan.host, &step.id);
    let home = plan.place.state_dir.as_deref().unwrap_or("~/.ixporch");
    let _ = writeln!(
        text,
        "    what is left of it there: ssh {} 'ls -l {home}/runs/*/*-{id}*; ps -ef'",
        plan.login
    );
    let _ = writeln!(text, "    look again, and go on where it has ended: {program} resume {run}");
    for (word, what) in
        [("done", "it did its work"), ("not-done", "it did nothing that stays; it is run again")]
    {
        let _ = writeln!(
            text,
            "    where {what}: {program} resolve {run} {name} --step {id} --as {word} --reason TEXT"
        );
    }
    text
}

/// What a held host waits for a person to look at.
fn pending(paint: Paint, names: &Names, state: &RunState, host: &HostState, name: &str) -> String {
    let mut text = String::new();
    let Some(changes) =
        state.plan_of(name).and_then(|plan| host.pending(plan)).filter(|changes| !changes.changes.is_empty())
    else {
        return text;
    };
    let group = Group { changes, hosts: vec![name] };
    for line in schema_group(paint, 1, &group, None).lines().skip(1) {
        let _ = writeln!(text, "    {line}");
    }
    let fingerprint = &group.changes.fingerprint;
    let is_approved = state.approved_schemas.iter().any(|(digits, _)| fingerprint.is_named_by(digits));
    let (how, risk) = match host.unproven.as_ref() == Some(fingerprint) {
        true => (" against the evidence", " --accept-risk REASON"),
        false if is_approved => return text,
        false => ("", ""),
    };
    let _ = writeln!(
        text,
        "    to let this pass{how} ({}): {} resume {} --approve-schema {fingerprint}{risk}",
        group.changes.summary(),
        names.program,
        names.run
    );
    text
}
