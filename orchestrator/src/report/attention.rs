//! The hosts that need attention, the worst last; hosts with the same trouble are told once.

use std::fmt::Write;

use super::host::{last_lines, painted_word, plain_word, trouble};
use super::open_steps::Subject;
use super::versions::slowest;
use super::{Names, Paint, duration, obstacle, reason, step_reason};
use crate::event::{HostOutcome, RunHeader};
use crate::plan::{HostPlan, fold_names};
use crate::state::{HostState, RunState};

/// What is the same on hosts that are told together.
#[derive(Debug, PartialEq, Eq)]
struct Trouble {
    outcome: Option<HostOutcome>,
    word: &'static str,
    step: Option<String>,
    /// Reasons, last lines, and everything else that is told; without the host's own name.
    lines: Vec<String>,
    open_steps: Vec<String>,
}

/// The blocks of the hosts that need attention.
pub(super) fn attention(paint: Paint, names: &Names, header: &RunHeader, state: &RunState) -> String {
    let mut groups: Vec<(Trouble, Vec<&str>)> = Vec::new();
    for (_, plan) in header.plan.hosts() {
        let Some(host) = state.hosts.get(&plan.host).filter(|host| needs_attention(state, plan, host)) else {
            continue;
        };
        // While the run goes on, a host that works or waits for its turn is told in its wave.
        if names.going_on && host.outcome.is_none() && host.awaits.is_none() {
            continue;
        }
        let found = trouble_of(names, plan, host);
        match groups.iter_mut().find(|(known, _)| *known == found) {
            Some((_, hosts)) => hosts.push(&plan.host),
            None => groups.push((found, vec![&plan.host])),
        }
    }
    groups.sort_by_key(|(found, _)| found.outcome);
    groups.iter().map(|(found, hosts)| block(paint, names, state, found, hosts)).collect()
}

fn needs_attention(state: &RunState, plan: &HostPlan, host: &HostState) -> bool {
    let has_open_steps = !host.debts.is_empty() || host.is_owed_release();
    has_open_steps || !host.gaps.is_empty() || plan.stays_closed || !state.ended_well(&plan.host)
}

fn block(paint: Paint, names: &Names, state: &RunState, found: &Trouble, hosts: &[&str]) -> String {
    let Some(first) = hosts.first().copied() else { return String::new() };
    let folded = fold_names(hosts.iter().copied());
    let count = if hosts.len() > 1 { format!(" ({})", hosts.len()) } else { String::new() };
    let word = painted_word(paint, state, found.outcome, found.word);
    let mut text = format!("\n  {}{count}  {word}\n", paint.strong(&folded));
    text.push_str(&trouble(paint, names, state, Subject { host: first, limit: &folded }));
    let timed = hosts.iter().filter_map(|name| Some((*name, slowest(state.hosts.get(*name)?)?)));
    if let Some((name, (step, milliseconds))) = timed.max_by_key(|(_, (_, milliseconds))| *milliseconds) {
        let on = if hosts.len() > 1 { format!(" on {name}") } else { String::new() };
        let line = format!("slowest step: {} {}{on}", step.id, duration(milliseconds));
        let _ = writeln!(text, "    {}", paint.dim(&line));
    }
    if let Some(second) = hosts.get(1) {
        let line = format!(
            "shown: {first}; the other hosts have the same problem, for example: {} report {} --host {second}",
            names.program, names.run
        );
        let _ = writeln!(text, "    {}", paint.dim(&line));
    }
    text
}

fn trouble_of(names: &Names, plan: &HostPlan, host: &HostState) -> Trouble {
    let name = plan.host.as_str();
    let failing = host.failing_step();
    let mut lines: Vec<String> = vec![reason::text(&host.reasons)];
    if let Some(end) = failing.and_then(|step| step.end.as_ref()) {
        lines.push(step_reason::of(end));
        lines.extend(last_lines(end));
    }
    lines.extend(host.pending(plan).map(|changes| changes.fingerprint.to_string()));
    lines.extend(names.work_since(name).map(obstacle::since));
    lines.extend(host.held_by.as_ref().map(crate::facts::HostLock::holder));
    // These are told in words of their own; two hosts that differ in them are not alike.
    lines.push(format!(
        "{} {} {} {} {}",
        host.locked,
        host.unproven.is_some(),
        plan.stays_closed,
        host.has_unknown_step(),
        host.gaps.is_empty() && host.awaits.is_none()
    ));
    Trouble {
        outcome: host.outcome,
        word: plain_word(names, host),
        step: failing.map(|step| step.id.clone()),
        lines: lines.iter().map(|line| without_name(line, name)).collect(),
        open_steps: host
            .debts_in_order(Some(plan))
            .into_iter()
            .map(|debt| {
                let completed = names.is_completed(name, &debt.step);
                format!("{} since {} {completed}", debt.step, debt.since.as_deref().unwrap_or_default())
            })
            .collect(),
    }
}

/// The text with the host's own name replaced, as far as that is a word of its own.
fn without_name(text: &str, name: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut shown = String::new();
    let mut rest = text;
    let mut before = None;
    if name.is_empty() {
        return text.to_owned();
    }
    while let Some(at) = rest.find(name) {
        let (head, tail) = rest.split_at(at);
        let tail = tail.strip_prefix(name).unwrap_or_default();
        let left = head.chars().next_back().or(before);
        let is_word = !left.is_some_and(is_part) && !tail.chars().next().is_some_and(is_part);
        shown.push_str(head);
        shown.push_str(if is_word { "HOST" } else { name });
        before = name.chars().next_back();
        rest = tail;
    }
    shown + rest
}
