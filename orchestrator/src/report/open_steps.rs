//! Open steps of a host, and the commands that complete them.
//!
//! Owns which command completes an open step. While a controller is at work on the run there is none: the run completes its
//! own steps.

use std::fmt::Write;

use super::{Names, Paint};
use crate::event::Deed;
use crate::plan::{HostPlan, PlannedStep, quote};
use crate::state::{Debt, HostState, RunState};

/// A longer command is no help to a person: `ixporch` runs it.
const SHORT: usize = 200;

/// The hosts that a text is about, as commands name them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    /// The host of which details are shown.
    pub(super) host: &'a str,
    /// All of them, as `--limit` takes them.
    pub(super) limit: &'a str,
}

/// How an open step is completed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Completion {
    /// The command that completes it with everything before it.
    pub(super) command: Option<String>,
    /// The command that does only this, once everything before it is done.
    pub(super) alone: Option<String>,
    /// The step's own command, if a person can type it.
    pub(super) by_hand: Option<String>,
}

/// How an open step of a host is completed; nothing is to be typed while the run goes on.
pub(super) fn completion(names: &Names, state: &RunState, subject: Subject<'_>, debt: &Debt) -> Completion {
    let Some((header, plan)) = state.header.as_ref().zip(state.plan_of(subject.host)) else {
        return Completion::default();
    };
    if names.going_on || names.work_since(subject.host).is_some() {
        return Completion::default();
    }
    let Subject { host, limit } = subject;
    let Names { program, run, .. } = names;
    let known = state.hosts.get(host);
    let is_this_runs = known.is_some_and(|known| known.locked || known.is_unfinished(plan));
    let has_worked = header.kind.changes_installations() && known.is_some_and(HostState::was_touched);
    let command = match (&state.taken_over_by, header.settles()) {
        (Some(by), _) => format!("{program} report {by}"),
        (None, _) if is_this_runs => format!("{program} resume {run}"),
        (None, Some(of)) => format!("{program} settle {of} {host}"),
        // An earlier run left it open, and this one changed nothing: `latest` finds that run.
        (None, None) if debt.since.is_none() && !has_worked => format!("{program} settle latest {host}"),
        (None, None) => format!("{program} settle {run} {host}"),
    };
    let words = match debt.step.as_str() {
        // The lock keeps other runs away.
        _ if is_this_runs || state.taken_over_by.is_some() => None,
        "views" => Some("views recreate"),
        "memcached-after-schema" => Some("memcached restart"),
        _ => None,
    };
    let (inventory, limit) = (quote(&header.inventory), quote(limit));
    let alone = words.map(|words| format!("{program} {words} --limit {limit} --inventory {inventory}"));
    Completion {
        command: Some(command),
        alone,
        by_hand: plan.step(&debt.step).and_then(|step| by_hand(plan, step)),
    }
}

/// What a person can type instead; none if that is a script or long.
fn by_hand(plan: &HostPlan, step: &PlannedStep) -> Option<String> {
    let line = plan.by_hand(step);
    let is_short = step.probe.is_none() && step.command.script().is_none() && line.chars().count() <= SHORT;
    is_short.then_some(line)
}

/// The open steps of a host, in the order in which they are completed.
pub(super) fn open_steps(
    paint: Paint,
    names: &Names,
    state: &RunState,
    subject: Subject<'_>,
    host: &HostState,
) -> String {
    let mut text = String::new();
    let mut told: Option<String> = None;
    let since = names.work_since(subject.host);
    if since.is_some_and(|since| since.deed == Deed::RolledBack) {
        // What the run left open is undone with it.
        return text;
    }
    for debt in host.debts_in_order(state.plan_of(subject.host)) {
        let made = match &debt.since {
            Some(step) => format!("since step {step}"),
            None => "since an earlier run".to_owned(),
        };
        if names.is_completed(subject.host, &debt.step) {
            let _ =
                writeln!(text, "    {} {} ({made})", paint.dim("completed since by another run:"), debt.step);
            continue;
        }
        let word = if since.is_some() { "left open:" } else { "open step:" };
        let _ = writeln!(text, "    {} {} ({made})", paint.warn(word), debt.step);
        let Completion { command, alone, by_hand } = completion(names, state, subject, debt);
        // One command completes all of them: it is told once.
        if let Some(command) = command.filter(|command| told.as_ref() != Some(command)) {
            let word = match host.debts.len() {
                _ if state.taken_over_by.is_some() => "another run has this host",
                1 => "complete it",
                _ => "complete all open steps",
            };
            let _ = writeln!(text, "      {word}: {command}");
            told = Some(command);
        }
        if let Some(alone) = alone {
            let _ = writeln!(text, "      or only this step: {alone}");
        }
        if let Some(by_hand) = by_hand {
            let _ = writeln!(text, "      or by hand, after all steps before it: {by_hand}");
        }
    }
    text
}
