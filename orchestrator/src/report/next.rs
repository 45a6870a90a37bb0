//! What to type next about a run.
//!
//! Owns the `next:` lines. While a controller is at work on the run, nothing that would disturb it is among them.

use std::fmt::Write;

use super::Names;
use super::schema::schema_groups;
use crate::event::{EvidenceSource, HostOutcome, Reason, RunHeader, RunKind};
use crate::plan::{fold_names, quote};
use crate::schema::Group;
use crate::state::{HeldWave, HostState, RunState};

/// What to type next while the run goes on: approve what it waits for, or look again.
pub(super) fn next_while_going_on(names: &Names, state: &RunState) -> String {
    let (program, run) = (&names.program, &names.run);
    let mut text = String::new();
    let mut reviews: Vec<(String, Vec<&str>)> = Vec::new();
    for (name, host) in state.hosts.iter().filter(|(_, host)| host.outcome.is_none()) {
        let Some(review) = &host.awaits else { continue };
        let fingerprint = review.fingerprint.to_string();
        match reviews.iter_mut().find(|(known, _)| *known == fingerprint) {
            Some((_, hosts)) => hosts.push(name),
            None => reviews.push((fingerprint, vec![name])),
        }
    }
    if !reviews.is_empty() {
        let _ = writeln!(text, "next: read the pending SQL: {program} schema {run}");
    }
    for (fingerprint, hosts) in reviews {
        let hosts = fold_names(hosts);
        let _ = writeln!(
            text,
            "next: approve the schema changes of {hosts}: {program} approve {run} --schema {fingerprint} --reason TEXT"
        );
    }
    let is_held =
        |wave: &&HeldWave| wave.at_gate && wave.unmet.is_empty() && !state.begun_waves.contains(&wave.wave);
    for held in state.held_waves.iter().filter(is_held) {
        let wave = &held.wave;
        let _ =
            writeln!(text, "next: approve wave {wave}: {program} approve {run} --wave {wave} --reason TEXT");
    }
    let _ = writeln!(text, "next: see how far it is: {program} report {run}");
    text
}

/// What to type next.
pub(super) fn next(names: &Names, header: &RunHeader, state: &RunState) -> String {
    let (program, run) = (&names.program, &names.run);
    let mut text = String::new();
    if let Some(by) = &state.taken_over_by {
        let _ = writeln!(text, "next: run {by} has taken over its hosts: {program} report {by}");
        return text;
    }
    for (_, plan) in header.plan.hosts() {
        let Some(host) = state.hosts.get(&plan.host) else { continue };
        let waits = host.steps.iter().any(|step| step.is_unknown() && step.resolution.is_none());
        if waits && matches!(host.outcome, Some(HostOutcome::Unknown)) {
            let _ = writeln!(
                text,
                "next: find out how the step on {name} ended, and record it: {program} report {run} --host {name}",
                name = plan.host
            );
        }
    }
    text.push_str(&to_resolve(names, header, state));
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
    let failed =
        state.hosts.iter().any(|(name, host)| is_over(host) && is_left(name) && names.is_as_left(name, host));
    let left = left_over(names, state) > 0;
    // The preflight's word is part of the plan: only another plan lets a blocked host begin.
    let is_blocked = |name: &str| state.plan_of(name).is_some_and(|plan| plan.blocked.is_some());
    let is_as_left = |name: &str| state.hosts.get(name).is_some_and(|host| names.is_as_left(name, host));
    let mut unfinished = state.unfinished_hosts();
    unfinished.retain(|name| is_as_left(name));
    let all_blocked = !unfinished.is_empty() && unfinished.iter().all(|name| is_blocked(name))
        || state.held_waves.iter().any(|wave| is_behind_blocked(state, wave));
    if goes_on
        || state.has_unfinished_soak()
        || (left
            && !failed
            && !waits_for_a_person
            && !all_blocked
            && unfinished.len() == left_over(names, state))
    {
        let _ = writeln!(text, "next: resume this run: {program} resume {run}");
    }
    text.push_str(&to_roll_back(names, state));
    if failed || all_blocked || (left && !goes_on && unfinished.len() < left_over(names, state)) {
        text.extend(again(names, header, state).map(|again| format!("next: {again}\n")));
    }
    text
}

/// What to do about the hosts that did not end well, and the command for it.
fn again(names: &Names, header: &RunHeader, state: &RunState) -> Option<String> {
    let (program, run) = (&names.program, &names.run);
    let left: Vec<&str> = state
        .hosts
        .keys()
        .map(String::as_str)
        .filter(|name| !state.ended_well(name) && !state.is_back(name))
        .collect();
    let fixed = "after fixing the problems above";
    Some(match header.kind {
        // Such a command is typed again.
        RunKind::Exec | RunKind::Look => return None,
        RunKind::Rollback => format!("{fixed}: {program} rollback {run} --limit {}", left.join(",")),
        RunKind::Settle => {
            format!("show all open steps: {program} status --inventory {}", quote(&header.inventory))
        }
        _ => format!("{fixed}: {program} resume {run} --rerun failed"),
    })
}

/// The steps of releases that ended half-way: no run begins them again before a person says how they ended.
fn to_resolve(names: &Names, header: &RunHeader, state: &RunState) -> String {
    let (program, run) = (&names.program, &names.run);
    let mut text = String::new();
    for (_, plan) in header.plan.hosts().filter(|(_, plan)| !state.is_back(&plan.host)) {
        let Some(host) = state.hosts.get(&plan.host).filter(|host| host.outcome == Some(HostOutcome::Failed))
        else {
            continue;
        };
        for (step, _) in host.begun_once(run, plan).into_iter().filter(|(_, begun)| begun == run) {
            let name = &plan.host;
            let _ = writeln!(
                text,
                "next: when `{step}` is done on {name}: {program} resolve {run} {name} --step {step} --as done --reason TEXT"
            );
        }
    }
    text
}

/// The failed hosts that can be rolled back.
fn to_roll_back(names: &Names, state: &RunState) -> String {
    let is_failed =
        |name: &&str| state.hosts.get(*name).is_some_and(|host| host.outcome == Some(HostOutcome::Failed));
    let is_as_left = |name: &&str| state.hosts.get(*name).is_some_and(|host| names.is_as_left(name, host));
    let is_left = |name: &&str| is_failed(name) && is_as_left(name);
    let hosts: Vec<&str> = state.hosts_to_roll_back().into_iter().filter(is_left).collect();
    if hosts.is_empty() {
        return String::new();
    }
    let (program, run) = (&names.program, &names.run);
    format!("next: roll back the failed hosts: {program} rollback {run} --limit {}\n", hosts.join(","))
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
        let _ = writeln!(text, "next: read the pending SQL: {program} schema {run}");
    }
    for group in held {
        let _ = writeln!(
            text,
            "next: approve the schema changes of {}{} ({}): {program} resume {run} --approve-schema {}{}",
            fold_names(group.hosts.iter().copied()),
            if is_unproven(state, &group) { " against the evidence" } else { "" },
            group.changes.summary(),
            group.changes.fingerprint,
            if is_unproven(state, &group) { " --accept-risk REASON" } else { "" },
        );
    }
    match state.held_waves.iter().find(|wave| wave.at_gate && !is_behind_blocked(state, wave)) {
        Some(wave) if wave.unmet.is_empty() => {
            let _ = writeln!(
                text,
                "next: approve wave {name}: {program} resume {run} --approve {name}",
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
                "next: when the hosts named above have the evidence: {program} resume {run}{again}\n\
                 next: start wave {} without the evidence: {program} resume {run} --accept-risk REASON",
                wave.wave
            );
        }
        None => {}
    }
    text
}

/// Whether a wave is held because the preflight blocked hosts of the wave before it, which upgraded none: then the problem is
/// fixed, and nothing is approved.
fn is_behind_blocked(state: &RunState, held: &HeldWave) -> bool {
    let Some(Reason::NothingProven { wave }) = &held.reason else { return false };
    let waves = state.header.iter().flat_map(|header| &header.plan.waves);
    let mut hosts = waves.filter(|planned| planned.name == *wave).flat_map(|planned| &planned.hosts);
    hosts.any(|host| host.blocked.is_some())
}

/// Whether the changes of a group are not approved because the evidence is for other ones.
fn is_unproven(state: &RunState, group: &Group<'_>) -> bool {
    let mut hosts = group.hosts.iter().filter_map(|name| state.hosts.get(*name));
    hosts.any(|host| host.unproven.as_ref() == Some(&group.changes.fingerprint))
}

/// How many hosts did not end well.
fn left_over(names: &Names, state: &RunState) -> usize {
    let is_left = |name: &str| !state.ended_well(name) && !state.is_back(name);
    state.hosts.iter().filter(|(name, host)| is_left(name) && names.is_as_left(name, host)).count()
}
