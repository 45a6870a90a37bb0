//! The summary of a run: what is well in brief, what is not in full and last.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::host::trouble;
use super::lines::outcome_word;
use super::output::shown;
use super::schema::{schema_groups, schema_line};
use super::{Names, Paint, duration, reason};
use crate::event::{Approval, EvidenceSource, HostOutcome, RunHeader, RunKind};
use crate::plan::{PlannedWave, fold_names, quote};
use crate::schema::Group;
use crate::state::{HostState, RunState};
use crate::text::harmless_line;

/// The summary of a run.
pub fn summary(paint: Paint, names: &Names, state: &RunState) -> String {
    let mut text = String::new();
    let Some(header) = &state.header else { return "the run has no events\n".to_owned() };
    text.push_str(&head(paint, names, header, state));
    for wave in &header.plan.waves {
        text.push_str(&wave_lines(paint, state, wave));
    }
    text.push_str(&shown(paint, state));
    text.push_str(&risks(paint, state));
    let groups = schema_groups(state);
    if header.kind.is_upgrade() && groups.iter().any(|group| !group.changes.changes.is_empty()) {
        let line = format!("schema changes   {}", schema_line(&groups));
        let _ = writeln!(text, "\n  {line}   all of it: {} schema {}", names.program, names.run);
    }
    let mut bad: Vec<(Option<HostOutcome>, &str)> = header
        .plan
        .hosts()
        .filter_map(|(_, host)| {
            let outcome = state.hosts.get(&host.host).and_then(|host| host.outcome);
            let owing = |host: &HostState| !host.debts.is_empty() || host.is_owed_release();
            let owes = state.hosts.get(&host.host).is_some_and(owing);
            let away = state.hosts.get(&host.host).is_some_and(|host| !host.gaps.is_empty());
            let wants_a_look = owes || away || host.stays_closed || !state.ended_well(&host.host);
            wants_a_look.then_some((outcome, host.host.as_str()))
        })
        .collect();
    bad.sort_by_key(|(outcome, _)| *outcome);
    for (outcome, name) in &bad {
        let word =
            outcome.map_or_else(|| paint.warn("unfinished"), |outcome| outcome_word(paint, state, outcome));
        let _ = writeln!(text, "\n  {}  {word}", paint.strong(name));
        text.push_str(&trouble(paint, names, state, name));
    }
    if !header.plan.unplaced.is_empty() {
        let folded = fold_names(header.plan.unplaced.iter().map(String::as_str));
        let _ = writeln!(text, "\n  {} {folded}", paint.warn("in no wave, so nothing was done:"));
    }
    text.push_str(&result_line(paint, names, state));
    if state.exit_code.is_some() {
        text.push_str(&next(names, header, state));
    } else {
        let _ = writeln!(text, "{}", paint.warn(names.not_ended()));
        if !names.going_on {
            let _ = writeln!(text, "next: {} resume {}", names.program, names.run);
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
    format!("{}\n", paint.dim(&line))
}

fn wave_lines(paint: Paint, state: &RunState, wave: &PlannedWave) -> String {
    let mut text = format!("{}\n", paint.strong(&format!("wave {}", wave.name)));
    let mut by_outcome: BTreeMap<Option<HostOutcome>, Vec<&str>> = BTreeMap::new();
    for host in &wave.hosts {
        let outcome = state.hosts.get(&host.host).and_then(|host| host.outcome);
        by_outcome.entry(outcome).or_default().push(&host.host);
    }
    for (outcome, hosts) in by_outcome {
        let word = outcome.map_or_else(|| "unfinished".to_owned(), |outcome| format!("{outcome:12}"));
        let painted =
            outcome.map_or_else(|| paint.warn(&word), |outcome| outcome_word(paint, state, outcome));
        let pad = " ".repeat(12usize.saturating_sub(word.trim_end().len()));
        let folded = fold_names(hosts.iter().copied());
        let count = if hosts.len() > 1 { format!(" ({})", hosts.len()) } else { String::new() };
        let _ = writeln!(text, "  {painted}{pad} {folded}{count}");
    }
    if let Some(held) = state.held_waves.iter().find(|held| held.wave == wave.name) {
        let how = if state.begun_waves.contains(&wave.name) { "held back" } else { "not begun" };
        let _ = writeln!(text, "  {how}: {}", reason::text(&held.reason));
        for line in &held.unmet {
            let _ = writeln!(text, "    {}", harmless_line(line));
        }
    }
    text
}

/// What persons took upon themselves, and what that was made use of for.
fn risks(paint: Paint, state: &RunState) -> String {
    let mut text = String::new();
    for taken in &state.risks_taken {
        let heading =
            format!("{} went on by the risk that {}, although:", taken.of(), word_of(&taken.approval));
        let _ = writeln!(text, "\n  {}", paint.warn(&heading));
        for line in taken.unmet.iter().flat_map(|line| line.lines()) {
            let _ = writeln!(text, "    {}", harmless_line(line));
        }
    }
    let is_unused = |risk: &&Approval| !state.risks_taken.iter().any(|taken| taken.approval == **risk);
    for risk in state.risks.iter().filter(is_unused) {
        let _ =
            writeln!(text, "\n  {}", paint.warn(&format!("a risk that was not needed: {}", word_of(risk))));
    }
    text
}

fn word_of(approval: &Approval) -> String {
    harmless_line(&format!("{} accepted on {}: {}", approval.by, approval.origin, approval.reason))
}

fn result_line(paint: Paint, names: &Names, state: &RunState) -> String {
    let mut counts: BTreeMap<Option<HostOutcome>, usize> = BTreeMap::new();
    for host in state.hosts.values() {
        *counts.entry(host.outcome).or_default() += 1;
    }
    let words: Vec<String> = counts
        .iter()
        .map(|(outcome, count)| {
            let word = outcome.map_or_else(|| "unfinished".to_owned(), |outcome| outcome.to_string());
            format!("{count} {word}")
        })
        .collect();
    let time = match (state.started, state.last) {
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

/// What to type next.
fn next(names: &Names, header: &RunHeader, state: &RunState) -> String {
    let (program, run) = (&names.program, &names.run);
    let mut text = String::new();
    if let Some(by) = &state.taken_over_by {
        let _ = writeln!(text, "next: its hosts were taken over by run {by}: {program} report {by}");
        return text;
    }
    for (_, plan) in header.plan.hosts() {
        let Some(host) = state.hosts.get(&plan.host) else { continue };
        let waits = host.steps.iter().any(|step| step.is_unknown() && step.resolution.is_none());
        if waits && matches!(host.outcome, Some(HostOutcome::Unknown)) {
            let _ = writeln!(
                text,
                "next: look at {name}, and say how it ended: {program} report {run} --host {name}",
                name = plan.host
            );
        }
    }
    let approvals = to_approve(names, state);
    let waits_for_a_person = !approvals.is_empty();
    text.push_str(&approvals);
    let goes_on = state.hosts.values().any(|host| {
        let ended = host.outcome.is_some_and(|outcome| !outcome.is_unfinished());
        host.is_owed_release() || host.was_touched() && !ended
    });
    let is_over =
        |host: &HostState| matches!(host.outcome, Some(HostOutcome::Failed | HostOutcome::RolledBack));
    let is_left = |name: &str| !state.ended_well(name) && !state.is_back(name);
    let failed = state.hosts.iter().any(|(name, host)| is_over(host) && is_left(name));
    let left = left_over(state) > 0;
    // Who was kept from its start by the preflight is so by the plan: only another one lets it begin.
    let is_blocked = |name: &str| state.plan_of(name).is_some_and(|plan| plan.blocked.is_some());
    let unfinished = state.unfinished_hosts();
    let all_blocked = !unfinished.is_empty() && unfinished.iter().all(|name| is_blocked(name));
    if goes_on
        || state.has_unfinished_soak()
        || (left && !failed && !waits_for_a_person && !all_blocked && unfinished.len() == left_over(state))
    {
        let _ = writeln!(text, "next: to go on with this run: {program} resume {run}");
    }
    text.push_str(&to_take_back(names, state));
    if failed || all_blocked || (left && !goes_on && unfinished.len() < left_over(state)) {
        let again = again(names, header, state);
        let _ = writeln!(text, "next: when what is named above is mended: {again}");
    }
    text
}

/// How the hosts are run again that did not end well.
fn again(names: &Names, header: &RunHeader, state: &RunState) -> String {
    let (program, run) = (&names.program, &names.run);
    let left: Vec<&str> = state
        .hosts
        .keys()
        .map(String::as_str)
        .filter(|name| !state.ended_well(name) && !state.is_back(name))
        .collect();
    match header.kind {
        RunKind::Rollback => format!("{program} rollback {run} --limit {}", left.join(",")),
        RunKind::Settle => format!("{program} status (what is still owed, and by which run)"),
        _ => format!("{program} resume {run} --rerun failed"),
    }
}

/// The hosts that failed, and that can be taken back.
fn to_take_back(names: &Names, state: &RunState) -> String {
    let is_failed =
        |name: &&str| state.hosts.get(*name).is_some_and(|host| host.outcome == Some(HostOutcome::Failed));
    let hosts: Vec<&str> = state.hosts_to_roll_back().into_iter().filter(is_failed).collect();
    if hosts.is_empty() {
        return String::new();
    }
    let (program, run) = (&names.program, &names.run);
    format!("next: to take back what was done: {program} rollback {run} --limit {}\n", hosts.join(","))
}

/// What a person may approve, each with the command that does.
fn to_approve(names: &Names, state: &RunState) -> String {
    let (program, run) = (&names.program, &names.run);
    let mut text = String::new();
    let held: Vec<_> = schema_groups(state)
        .into_iter()
        .filter(|group| {
            let is_held = |name: &&str| {
                state.hosts.get(*name).is_some_and(|host| host.outcome == Some(HostOutcome::Held))
            };
            let is_known = |(digits, _): &(String, _)| group.changes.fingerprint.is_named_by(digits);
            let is_approved = state.approved_schemas.iter().any(is_known);
            !group.changes.changes.is_empty()
                && group.hosts.iter().any(is_held)
                && (!is_approved || is_unproven(state, group))
        })
        .collect();
    if !held.is_empty() {
        let _ = writeln!(text, "next: to read what is pending: {program} schema {run}");
    }
    for group in held {
        let _ = writeln!(
            text,
            "next: to let that of {} pass{} ({}): {program} resume {run} --approve-schema {}{}",
            fold_names(group.hosts.iter().copied()),
            if is_unproven(state, &group) { " against the evidence" } else { "" },
            group.changes.summary(),
            group.changes.fingerprint,
            if is_unproven(state, &group) { " --accept-risk REASON" } else { "" },
        );
    }
    match state.held_waves.iter().find(|wave| wave.at_gate) {
        Some(wave) if wave.unmet.is_empty() => {
            let _ = writeln!(
                text,
                "next: to let wave {name} start: {program} resume {run} --approve {name}",
                name = wave.wave
            );
        }
        // Evidence that is missing is not approved.
        Some(wave) => {
            let file = state.evidence.iter().find_map(|given| match &given.source {
                EvidenceSource::File(path) => Some(path),
                EvidenceSource::Wave(_) | EvidenceSource::Run(_) => None,
            });
            let again = file.map_or(String::new(), |path| format!(" --requires-run {}", quote(path)));
            let _ = writeln!(
                text,
                "next: when the hosts that are named above prove it: {program} resume {run}{again}\n\
                 next: to let wave {} go on all the same: {program} resume {run} --accept-risk REASON",
                wave.wave
            );
        }
        None => {}
    }
    text
}

/// Whether a group's hosts were not let pass because the evidence is of something else.
fn is_unproven(state: &RunState, group: &Group<'_>) -> bool {
    let mut hosts = group.hosts.iter().filter_map(|name| state.hosts.get(*name));
    hosts.any(|host| host.unproven.as_ref() == Some(&group.changes.fingerprint))
}

/// How many hosts did not end well.
fn left_over(state: &RunState) -> usize {
    state.hosts.keys().filter(|name| !state.ended_well(name) && !state.is_back(name)).count()
}
