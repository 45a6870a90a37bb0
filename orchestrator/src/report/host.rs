//! One host of a run, in full: every step, the failing one's last lines, open steps and what to type.

use std::fmt::Write;

use super::lines::outcome_word;
use super::next::next_while_going_on;
use super::open_steps::{Subject, open_steps};
use super::schema::schema_group;
use super::versions::{backup, slowest, versions};
use super::{HostWords, Names, Paint, duration, note, obstacle, reason, step_reason};
use crate::event::{HostOutcome, RunKind, StepEnd, StepOutcome};
use crate::facts::SCRIPT_REASON_MARK;
use crate::plan::HostPlan;
use crate::schema::Group;
use crate::state::{Debt, HostState, RunState, StepState, Undo};
use crate::text::harmless_line;

/// How many of the failing step's last lines are shown.
const LAST_LINES: usize = 8;

/// The report of one host with all its steps.
pub fn host(paint: Paint, names: &Names, state: &RunState, name: &str) -> String {
    let mut text = String::new();
    let Some(host) = state.hosts.get(name) else { return text };
    let plan = state.plan_of(name);
    let word = painted_word(paint, state, host.outcome, plain_word(names, host));
    let _ = writeln!(text, "{}  {word}", paint.strong(name));
    if let Some(plan) = plan {
        text.push_str(&facts(paint, names, state, plan, host));
    }
    for step in &host.steps {
        text.push_str(&step_lines(paint, names, plan, step));
    }
    let planned = plan.map(HostPlan::steps).unwrap_or_default();
    let is_to_come = names.going_on && host.outcome.is_none();
    let word = if is_to_come { "to do" } else { "not reached" };
    for step in planned.iter().filter(|step| !host.steps.iter().any(|known| known.id == step.id)) {
        let line = format!("{:26} {:9}  {word:18}  {}", step.id, "", step.title);
        let _ = writeln!(text, "  {}", paint.dim(&line));
    }
    if let Some((step, milliseconds)) = slowest(host) {
        let line = format!("slowest step: {} {}", step.id, duration(milliseconds));
        let _ = writeln!(text, "  {}", paint.dim(&line));
    }
    if !host.keeper.is_empty() {
        let line = format!("each step runs in a process of its own, kept by {}", host.keeper);
        let _ = writeln!(text, "  {}", paint.dim(&line));
    }
    text.push_str(&trouble(paint, names, state, Subject { host: name, limit: name }));
    if names.going_on {
        text.push_str(&next_while_going_on(names, state));
    }
    text
}

/// What the run did to the host as a whole: its release, its commit, its backup; and what was known before.
fn facts(paint: Paint, names: &Names, state: &RunState, plan: &HostPlan, host: &HostState) -> String {
    let mut text = String::new();
    let header = state.header.as_ref();
    let mut fact = |word: &str, what: &str| {
        let _ = writeln!(text, "  {} {what}", paint.dim(&format!("{word:8}")));
    };
    let moved = versions(state, plan, host);
    if let Some(releases) = moved.releases() {
        fact("release", &releases);
    }
    if let Some(commits) = moved.commits() {
        fact("commit", &commits);
    }
    let is_rollback = state.kind() == RunKind::Rollback;
    if let Some(backup) = backup(state, host) {
        fact(
            "backup",
            &if is_rollback { format!("{backup}, of the run that is rolled back") } else { backup },
        );
        let is_meant = !names.going_on && names.work_since(&plan.host).is_none();
        if !is_rollback && is_meant && state.undo_of(&plan.host) == Undo::Possible {
            let Names { program, run, .. } = names;
            fact("", &format!("restore it: {program} rollback {run} --limit {}", plan.host));
        }
    }
    if let Some(by) = &host.approved_by {
        let what = host.approved.as_ref().map(ToString::to_string).unwrap_or_default();
        fact("approved", &format!("schema changes {what} by {}", harmless_line(by)));
    }
    for finding in &plan.findings {
        let what = format!("{}: {}", finding.id, harmless_line(&finding.what));
        match (&finding.skipped, finding.severity) {
            (Some(reason), _) => {
                let by = header.map_or("", |header| header.operator.as_str());
                fact("skipped", &format!("{what} (by {by}: {})", harmless_line(reason)));
            }
            (None, severity) => fact(&severity.to_string(), &what),
        }
    }
    for note in &plan.notes {
        fact("note", &note::text(note));
    }
    text
}

/// One step: when it began, how it ended, how long it took.
fn step_lines(paint: Paint, names: &Names, plan: Option<&HostPlan>, step: &StepState) -> String {
    let mut text = String::new();
    let title = plan.and_then(|plan| plan.step(&step.id)).map_or("", |planned| &planned.title);
    let mark = match plan {
        Some(plan) if is_way_back(plan, step) => paint.dim("  rollback"),
        _ if step.undone => paint.dim("  undone"),
        _ => String::new(),
    };
    let started = step.started.map_or_else(String::new, |at| at.strftime("%H:%M:%SZ").to_string());
    let end = step.end.as_ref().map_or_else(|| without_end(paint, names, step), |end| end_words(paint, end));
    let _ = writeln!(text, "  {:26} {started:9}  {end}  {}{mark}", step.id, paint.dim(title));
    // A step that ended well and has something to say all the same.
    if let Some(end) =
        step.end.as_ref().filter(|end| end.outcome == StepOutcome::Succeeded && end.reason.is_some())
    {
        let _ = writeln!(text, "  {:26} {}", "", paint.warn(&step_reason::of(end)));
    }
    if let Some(said) = &step.resolution {
        let how = if said.done { "done" } else { "not done" };
        let _ =
            writeln!(text, "  {:26} resolved as {how} by {}: {}", "", said.by, harmless_line(&said.reason));
    }
    text
}

/// Whether a step is one that takes others back; they are no part of what is undone.
pub(super) fn is_way_back(plan: &HostPlan, step: &StepState) -> bool {
    plan.back.iter().any(|back| back.id == step.id) && !plan.steps().iter().any(|there| there.id == step.id)
}

fn without_end(paint: Paint, names: &Names, step: &StepState) -> String {
    if names.going_on { paint.strong(&running(names, step)) } else { paint.bad("its result is unknown") }
}

/// How long a step has been running.
fn running(names: &Names, step: &StepState) -> String {
    let Some(started) = step.started else { return "running".to_owned() };
    match names.now.duration_since(started).as_secs().max(0) {
        seconds @ 0..60 => format!("running for {seconds} s"),
        seconds => {
            format!("running for {}", duration(u64::try_from(seconds).unwrap_or(0).saturating_mul(1000)))
        }
    }
}

/// Where a host stands, in a word.
pub(super) fn plain_word(names: &Names, host: &HostState) -> &'static str {
    match host.outcome {
        Some(outcome) => outcome.word(),
        None if !names.going_on => "unfinished",
        None if host.awaits.is_some() => "in review",
        None if host.was_touched() => "running",
        None => "waiting",
    }
}

/// The word of [`plain_word`] in its colour.
pub(super) fn painted_word(
    paint: Paint,
    state: &RunState,
    outcome: Option<HostOutcome>,
    word: &str,
) -> String {
    outcome.map_or_else(|| paint.warn(word), |outcome| outcome_word(paint, state, outcome))
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

/// The last lines of a failed step.
pub(super) fn last_lines(end: &StepEnd) -> Vec<String> {
    let stream = if end.stderr.tail.is_blank() { &end.stdout } else { &end.stderr };
    // What a script tells as data is worded as the reason.
    let mut lines = stream.tail.last_lines(LAST_LINES + 1);
    lines.retain(|line| !line.starts_with(SCRIPT_REASON_MARK));
    let skip = lines.len().saturating_sub(LAST_LINES);
    lines.split_off(skip)
}

/// What went wrong on a host, its open steps, and what to type; empty if all is well.
pub(super) fn trouble(paint: Paint, names: &Names, state: &RunState, subject: Subject<'_>) -> String {
    let name = subject.host;
    let mut text = String::new();
    let Some(host) = state.hosts.get(name) else { return text };
    let plan = state.plan_of(name);
    text.push_str(&reasons(paint, names, state, name, host));
    if let Some(since) = names.work_since(name) {
        let _ = writeln!(text, "    {} {}", paint.warn("since then:"), obstacle::since(since));
    }
    text.push_str(&awaited(paint, names, host));
    if host.outcome == Some(HostOutcome::Held) {
        text.push_str(&pending(paint, names, state, host, name));
    }
    if host.outcome.is_none() && plan.is_some_and(HostPlan::is_planned_later) {
        let _ = writeln!(text, "    it has not answered since the run began; nothing was done on it");
    }
    if plan.is_some_and(|plan| plan.stays_closed) {
        let _ = writeln!(
            text,
            "    {} since before the run; ixporch leaves it closed",
            paint.warn("in maintenance:")
        );
    }
    text.push_str(&gaps(paint, names, host));
    if let Some(plan) = plan {
        text.push_str(&unknown(names, host, plan, state.taken_over_by.is_some()));
    }
    if !names.going_on {
        text.push_str(&lock_lines(paint, names, state, host));
    }
    let opening = plan.and_then(|plan| plan.opening.as_deref());
    let is_open = |debt: &Debt| opening == Some(debt.step.as_str()) && !names.is_completed(name, &debt.step);
    if names.work_since(name).is_none() && host.debts.iter().any(is_open) {
        let until = if names.going_on {
            "closed by this run"
        } else {
            "ixporch closed the site, and it is still closed"
        };
        let _ = writeln!(text, "    {} {until}", paint.warn("in maintenance:"));
    }
    text + &open_steps(paint, names, state, subject, host)
}

/// Why the host ended so; while the run goes on, without what to type.
fn reason_lines(names: &Names, state: &RunState, name: &str, host: &HostState) -> Vec<String> {
    if names.going_on {
        return reason::text(&host.reasons).lines().map(str::to_owned).collect();
    }
    let inventory = state.header.as_ref().map_or("", |header| header.inventory.as_str());
    let words = HostWords { program: &names.program, inventory, host: name };
    reason::lines(&host.reasons, &names.run, words)
}

/// The failing step with its last lines, and why the host ended so.
fn reasons(paint: Paint, names: &Names, state: &RunState, name: &str, host: &HostState) -> String {
    let mut text = String::new();
    let failing = host.failing_step().filter(|_| !state.ended_well(name));
    let Some(step) = failing else {
        for line in reason_lines(names, state, name, host) {
            let _ = writeln!(text, "    {line}");
        }
        return text;
    };
    let why = match &step.end {
        Some(end) => step_reason::of(end),
        None if names.going_on => running(names, step),
        None => "its result is unknown".to_owned(),
    };
    let _ = writeln!(text, "    step {}: {why}", paint.strong(&step.id));
    let lines = step.end.as_ref().map(last_lines).unwrap_or_default();
    // What is all of its output has been told.
    let is_told = matches!(lines.as_slice(), [only] if why.starts_with(only.trim()));
    for line in lines.iter().filter(|_| !is_told) {
        let _ = writeln!(text, "      {} {line}", paint.dim("|"));
    }
    let _ = writeln!(text, "    full output: {} logs {} {name} {}", names.program, names.run, step.id);
    // The step's own reason has been told.
    let told = format!("`{}`: {why}", step.id);
    for line in reason_lines(names, state, name, host).iter().filter(|line| !told.contains(*line)) {
        let _ = writeln!(text, "    {line}");
    }
    text
}

/// The review that a host waits for, while the run goes on.
fn awaited(paint: Paint, names: &Names, host: &HostState) -> String {
    let Some(review) = host.awaits.as_ref().filter(|_| names.going_on) else { return String::new() };
    let (since, until) = (review.since.strftime("%H:%M:%SZ"), review.until.strftime("%H:%M:%SZ"));
    let words = paint.warn(&format!("waiting for review since {since}"));
    format!("    {words} of {}, until {until}\n", review.fingerprint)
}

/// The lock that the run still has there.
fn lock_lines(paint: Paint, names: &Names, state: &RunState, host: &HostState) -> String {
    let Names { program, run, .. } = names;
    if host.is_owed_release() {
        let command = match &state.taken_over_by {
            Some(by) => format!("{program} report {by}"),
            None => format!("{program} resume {run}"),
        };
        return format!("    {} the run still has it; release it: {command}\n", paint.warn("locked:"));
    }
    if host.locked && host.outcome.is_some() && state.taken_over_by.is_none() {
        let words = "by this run, until it is resumed or another run takes the host over";
        return format!("    {} {words}\n", paint.warn("locked:"));
    }
    String::new()
}

/// When there was no connection.
fn gaps(paint: Paint, names: &Names, host: &HostState) -> String {
    let mut text = String::new();
    for gap in &host.gaps {
        let away = match gap.to {
            Some(to) => {
                let milliseconds = u64::try_from(to.duration_since(gap.from).as_millis()).unwrap_or(0);
                format!("for {}", duration(milliseconds))
            }
            None if names.going_on => "and not restored yet".to_owned(),
            None => "and not restored".to_owned(),
        };
        let during = gap.step.as_ref().map_or_else(String::new, |step| format!(", during {step}"));
        let from = gap.from.strftime("%H:%M:%SZ");
        let _ = writeln!(text, "    {} lost at {from} {away}{during}", paint.dim("connection:"));
    }
    text
}

/// What a person needs to find out how a step ended, and to record it.
fn unknown(names: &Names, host: &HostState, plan: &HostPlan, is_elsewhere: bool) -> String {
    let mut text = String::new();
    let Some(step) = host.steps.iter().find(|step| step.is_unknown() && step.resolution.is_none()) else {
        return text;
    };
    if host.outcome != Some(HostOutcome::Unknown) || names.going_on || is_elsewhere {
        return text;
    }
    let (program, run, name, id) = (&names.program, &names.run, &plan.host, &step.id);
    let home = plan.place.state_dir.as_deref().unwrap_or("~/.ixporch");
    let _ = writeln!(
        text,
        "    look at the files and processes of the step: ssh {} 'ls -l {home}/runs/*/*-{id}*; ps -ef'",
        plan.login
    );
    let _ =
        writeln!(text, "    ask the host again, and continue if the step has ended: {program} resume {run}");
    for (word, what) in
        [("done", "the step did its work"), ("not-done", "the step changed nothing, and is to run again")]
    {
        let _ = writeln!(
            text,
            "    if {what}: {program} resolve {run} {name} --step {id} --as {word} --reason TEXT"
        );
    }
    text
}

/// The pending changes that a person must approve on a held host.
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
        _ if names.going_on => return text,
        true => (" against the evidence", " --accept-risk REASON"),
        false if is_approved => return text,
        false => ("", ""),
    };
    let _ = writeln!(
        text,
        "    approve it{how} ({}): {} resume {} --approve-schema {fingerprint}{risk}",
        group.changes.summary(),
        names.program,
        names.run
    );
    text
}
