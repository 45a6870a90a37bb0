//! The summary of a run: what is well in brief, what is not in full and last.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::attention::attention;
use super::decisions::decisions;
use super::host::{painted_word, plain_word};
use super::next::{next, next_while_going_on};
use super::output::shown;
use super::schema::{schema_groups, schema_line};
use super::versions::{backup, versions};
use super::{Names, Paint, duration, reason, unmet};
use crate::event::{HostOutcome, RunHeader, RunKind, StepReason};
use crate::plan::{PlannedWave, fold_names, quote};
use crate::state::{RunState, Undo};

/// The summary of a run.
pub fn summary(paint: Paint, names: &Names, state: &RunState) -> String {
    let mut text = String::new();
    let Some(header) = &state.header else { return "the run has no events\n".to_owned() };
    text.push_str(&head(paint, names, header, state));
    for wave in &header.plan.waves {
        text.push_str(&wave_lines(paint, names, state, wave));
    }
    text.push_str(&shown(paint, names, state));
    text.push_str(&decisions(paint, header, state));
    let groups = schema_groups(state);
    if header.kind.is_upgrade() && groups.iter().any(|group| !group.changes.changes.is_empty()) {
        let line = format!("schema changes   {}", schema_line(&groups));
        let _ = writeln!(text, "\n  {line}   all schema changes: {} schema {}", names.program, names.run);
    }
    text.push_str(&never_converging(paint, state));
    text.push_str(&backups(paint, names, header, state));
    text.push_str(&attention(paint, names, header, state));
    if !header.plan.unplaced.is_empty() {
        let folded = fold_names(header.plan.unplaced.iter().map(String::as_str));
        let _ = writeln!(text, "\n  {} {folded}", paint.warn("in no wave, so nothing was done:"));
    }
    text.push_str(&result_line(paint, names, state));
    if names.going_on {
        let _ = writeln!(text, "{}", paint.warn(names.not_ended()));
        text.push_str(&next_while_going_on(names, state));
    } else if state.exit_code.is_some() {
        text.push_str(&next(names, header, state));
    } else {
        let _ = writeln!(text, "{}", paint.warn(names.not_ended()));
        if state.taken_over_by.is_some() {
            text.push_str(&next(names, header, state));
        } else if header.kind.changes() {
            let _ = writeln!(text, "next: resume this run: {} resume {}", names.program, names.run);
        }
    }
    text
}

/// What the run is.
fn head(paint: Paint, names: &Names, header: &RunHeader, state: &RunState) -> String {
    let started = state.started.map_or_else(String::new, |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
    let target = match &header.plan.target {
        _ if !header.kind.is_upgrade() => String::new(),
        Some(tag) => format!(" to {tag}"),
        None => " to the head of each host's branch".to_owned(),
    };
    let line = format!(
        "run {}   {started} by {}   {} with {}{target}",
        names.run, header.operator, header.inventory, header.procedure
    );
    let mut text = format!("{}\n", paint.dim(&line));
    if let Some(of) = &header.follows {
        let what = match header.kind {
            RunKind::Rollback => {
                format!("restores hosts to their state before run {of}, from the backup {of}")
            }
            RunKind::Settle => format!("completes the open steps of run {of}"),
            _ => format!("continues run {of}"),
        };
        let _ = writeln!(text, "{}", paint.dim(&what));
    }
    text
}

/// The hosts of a wave by outcome, and by the releases that they moved between.
fn wave_lines(paint: Paint, names: &Names, state: &RunState, wave: &PlannedWave) -> String {
    let mut text = format!("{}\n", paint.strong(&format!("wave {}", wave.name)));
    let mut groups: BTreeMap<(Option<HostOutcome>, &'static str, String), Vec<&str>> = BTreeMap::new();
    for plan in &wave.hosts {
        let Some(host) = state.hosts.get(&plan.host) else { continue };
        let tells_versions = match host.outcome {
            Some(HostOutcome::Upgraded) => true,
            Some(HostOutcome::RolledBack) => state.kind() == RunKind::Rollback,
            _ => false,
        };
        let moved = if tells_versions { versions(state, plan, host).brief() } else { String::new() };
        groups.entry((host.outcome, plain_word(names, host), moved)).or_default().push(&plan.host);
    }
    for ((outcome, word, moved), hosts) in groups {
        let painted = painted_word(paint, state, outcome, word);
        let pad = " ".repeat(12usize.saturating_sub(word.len()));
        let folded = fold_names(hosts.iter().copied());
        let count = if hosts.len() > 1 { format!(" ({})", hosts.len()) } else { String::new() };
        let moved = if moved.is_empty() { moved } else { paint.dim(&format!("   {moved}")) };
        let _ = writeln!(text, "  {painted}{pad} {folded}{count}{moved}");
    }
    if let Some(held) = state.held_waves.iter().find(|held| held.wave == wave.name) {
        let how = if state.begun_waves.contains(&wave.name) { "held back" } else { "not started" };
        let _ = writeln!(text, "  {how}: {}", reason::text(&held.reason));
        for line in unmet::lines(&held.unmet) {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

/// The hosts with schema changes that stay pending for ever, as was accepted.
fn never_converging(paint: Paint, state: &RunState) -> String {
    let mut hosts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, host) in &state.hosts {
        let mut ends = host.steps.iter().filter(|step| !step.undone).filter_map(|step| step.end.as_ref());
        let summary = ends.find_map(|end| match &end.reason {
            Some(StepReason::NeverConverges { summary, accepted: true }) => Some(summary.as_str()),
            _ => None,
        });
        if let Some(summary) = summary {
            hosts.entry(summary).or_default().push(name);
        }
    }
    let lines = hosts.into_iter().map(|(summary, hosts)| {
        let folded = fold_names(hosts);
        format!(
            "\n  {} {folded}: still pending although executed, as accepted in the inventory: {summary}\n",
            paint.warn("never-converges")
        )
    });
    lines.collect()
}

/// The backups of the run, and how they come back.
fn backups(paint: Paint, names: &Names, header: &RunHeader, state: &RunState) -> String {
    if names.going_on || !header.kind.changes() || header.kind == RunKind::Rollback {
        return String::new();
    }
    let has_backup = |name: &&str| state.hosts.get(*name).is_some_and(|host| backup(state, host).is_some());
    let planned = header.plan.hosts().map(|(_, plan)| plan.host.as_str());
    let hosts: Vec<&str> = planned
        .filter(has_backup)
        .filter(|name| state.undo_of(name) == Undo::Possible && names.work_since(name).is_none())
        .collect();
    if hosts.is_empty() {
        return String::new();
    }
    let folded = fold_names(hosts);
    let (Names { program, run, .. }, limit) = (names, quote(&folded));
    format!(
        "\n  {} {} on {folded}\n    to roll back all of these hosts, also upgraded ones: {program} rollback {run} --limit {limit}\n",
        paint.strong("backup"),
        header.run
    )
}

fn result_line(paint: Paint, names: &Names, state: &RunState) -> String {
    let mut counts: BTreeMap<(Option<HostOutcome>, &'static str), usize> = BTreeMap::new();
    for host in state.hosts.values() {
        *counts.entry((host.outcome, plain_word(names, host))).or_default() += 1;
    }
    let words: Vec<String> = counts.iter().map(|((_, word), count)| format!("{count} {word}")).collect();
    let until = if names.going_on { Some(names.now) } else { state.last };
    let time = match (state.started, until) {
        (Some(from), Some(to)) => u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0),
        _ => 0,
    };
    let end = if state.interrupted { "   interrupted" } else { "" };
    format!(
        "\n{}   run {}   {}   {}{end}\n",
        paint.strong("RESULT"),
        names.run,
        duration(time),
        words.join("   ")
    )
}
