//! Progress as lines: one for each thing that happens.

use super::{Paint, bytes, duration, reason, step_reason};
use crate::event::{
    Envelope, Evidence, EvidenceSource, HostOutcome, Reason, RunEvent, RunKind, StepEnd, StepOutcome,
};
use crate::plan::{Plan, fold_names};
use crate::schema::FINGERPRINT_DIGITS;
use crate::state::RunState;
use crate::text::harmless_line;

/// The line for an event, where it deserves one. `state` has the event folded in.
pub fn line(paint: Paint, state: &RunState, envelope: &Envelope) -> Option<String> {
    let width = state.hosts.keys().map(String::len).max().unwrap_or(0);
    Some(match &envelope.event {
        RunEvent::WaveStarted { wave } => paint.strong(&format!("wave {wave}")),
        RunEvent::HostPlanned { host, plan } => format!("{host:width$}  {}", planned(paint, plan)),
        RunEvent::WaveHeld { wave, reason: why, unmet, .. } => {
            let heading = paint.warn(&format!("wave {wave} is not started: {}", reason::text(why)));
            super::unmet::below(heading, unmet)
        }
        RunEvent::EvidenceGiven { source, signer, evidence, .. } => {
            evidence_line(source, signer.as_deref(), evidence)
        }
        RunEvent::RiskAccepted { approval } => {
            paint.warn(&format!("risk accepted by {}{}", approval.by, because(&approval.reason)))
        }
        RunEvent::RiskTaken { wave, host, unmet, .. } => {
            let what = host.clone().unwrap_or_else(|| format!("wave {wave}"));
            let heading = paint.warn(&format!("{what} continues with an accepted risk; not met:"));
            super::unmet::below(heading, unmet)
        }
        RunEvent::StepStarted { host, step, .. } => {
            paint.dim(&format!("{host:width$}  {} {step} …", place(state, host, step)))
        }
        RunEvent::StepProgressed { host, step, done, total, what } => {
            let head = format!("{host:width$}  {} {step}", place(state, host, step));
            paint.dim(&format!("{head}: {what}: {}", how_far(*done, *total)))
        }
        RunEvent::StepFinished { host, step, end } => {
            format!("{host:width$}  {} {step} {}", place(state, host, step), step_end(paint, end))
        }
        RunEvent::ReviewAnswered { host, approved, by, .. } => {
            let answer = if *approved { "approved" } else { "not approved" };
            format!("{host:width$}  schema changes {answer} by {by}")
        }
        RunEvent::HostFinished { host, outcome, reasons } => {
            let text = outcome_word(paint, state, *outcome);
            let first = first_line(reasons);
            if first.is_empty() {
                format!("{host:width$}  {text}")
            } else {
                format!("{host:width$}  {text}: {first}")
            }
        }
        RunEvent::RunResumed { operator, .. } => paint.strong(&format!("resumed by {operator}")),
        RunEvent::HostRefused { host, lock } => {
            format!("{host:width$}  {} {}", paint.warn("locked by"), lock.holder())
        }
        RunEvent::LinkLost { host, why, .. } => {
            let what = format!("connection lost; running steps continue on the host: {why}");
            format!("{host:width$}  {}", paint.warn(&what))
        }
        RunEvent::LinkRestored { host } => format!("{host:width$}  {}", paint.dim("connected again")),
        RunEvent::StepAdopted { host, step } => {
            paint.dim(&format!("{host:width$}  {} {step}: asking the host …", place(state, host, step)))
        }
        RunEvent::StepResolved { host, step, done, by, .. } => {
            let how = if *done { "done" } else { "not done" };
            format!("{host:width$}  {} {step} resolved as {how} by {by}", place(state, host, step))
        }
        RunEvent::ReviewAwaited { host, fingerprint, until, closed, .. } => {
            let until = until.strftime("%H:%M:%SZ");
            let closed = if *closed { " in maintenance" } else { "" };
            let what = format!("waits{closed} for the review of {fingerprint} until {until}");
            format!("{host:width$}  {}", paint.warn(&what))
        }
        RunEvent::SchemaApproved { fingerprint, approval } => {
            let shown = fingerprint.get(..FINGERPRINT_DIGITS).unwrap_or(fingerprint);
            format!("schema changes {shown} approved by {}{}", approval.by, because(&approval.reason))
        }
        RunEvent::WaveApproved { wave, approval } => {
            format!("wave {wave} approved by {}{}", approval.by, because(&approval.reason))
        }
        RunEvent::SoakStarted { wave, until, .. } => {
            let until = until.strftime("%H:%M:%SZ");
            paint.strong(&format!("wave {wave}: its upgraded hosts are watched until {until}"))
        }
        RunEvent::SoakFinished { wave } => paint.dim(&format!("wave {wave} has been watched")),
        RunEvent::HostUnwell { host, reasons } => {
            format!("{host:width$}  {}: {}", paint.bad("unhealthy"), reason::text(reasons))
        }
        RunEvent::GoingBack { host, reasons, rolls_back } => {
            let first = first_line(reasons);
            let what = if *rolls_back { "rolling back" } else { "restoring its state before the run" };
            format!("{host:width$}  {}", paint.warn(&format!("{what}: {first}")))
        }
        RunEvent::WentBack { host } => format!("{host:width$}  restored to its state before the run"),
        RunEvent::ReviewUnproven { host, fingerprint, .. } => {
            let what = format!("{fingerprint} is pending, but the evidence is for other schema changes");
            format!("{host:width$}  {}", paint.warn(&what))
        }
        RunEvent::Interrupted => paint.warn("interrupted"),
        RunEvent::RunStarted(_)
        | RunEvent::WaveFinished { .. }
        | RunEvent::HostConnected { .. }
        | RunEvent::RunTakenOver { .. }
        | RunEvent::HostLocked { .. }
        | RunEvent::HostReleased { .. }
        | RunEvent::RunFinished { .. }
        | RunEvent::Unknown => return None,
    })
}

/// What is to be done on a host that is planned late.
fn planned(paint: Paint, plan: &Plan) -> String {
    let actions = plan.hosts().map(|(_, host)| super::plan::action_words(paint, &host.action));
    let heading = format!("planned:{}", actions.collect::<String>());
    let has_findings = plan.hosts().any(|(_, host)| !host.findings.is_empty());
    if !has_findings {
        return heading;
    }
    format!("{heading}\n{}", super::findings(paint, plan, false, None).trim_end())
}

/// The first line of reasons.
fn first_line(reasons: &[Reason]) -> String {
    reason::text(reasons).lines().next().unwrap_or_default().to_owned()
}

/// The evidence that a run relies on, and who signed it.
fn evidence_line(source: &EvidenceSource, signer: Option<&str>, evidence: &Evidence) -> String {
    let hosts = fold_names(evidence.hosts.iter().map(|host| host.host.as_str()));
    let whose = match signer {
        Some(signer) => format!(", signed by {signer}"),
        None if !matches!(source, EvidenceSource::File(_)) => String::new(),
        None => ", not signed: anybody who can write the file could have made it".to_owned(),
    };
    harmless_line(&format!("relies on evidence of {source} for {hosts}{whose}"))
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {}", harmless_line(reason)) }
}

fn how_far(done: u64, total: u64) -> String {
    match total {
        0 => bytes(done),
        total => format!("{} of about {}", bytes(done), bytes(total)),
    }
}

/// The step's place among those of its host: ` 3/10`.
fn place(state: &RunState, host: &str, step: &str) -> String {
    let plan = state.plan_of(host);
    let going_back = state.hosts.get(host).is_some_and(|host| host.going_back.is_some());
    let steps = match plan {
        Some(plan) if going_back => &plan.back,
        Some(plan) => plan.steps(),
        None => &[],
    };
    let at = steps.iter().position(|planned| planned.id == step).map_or(0, |index| index + 1);
    format!("{at:2}/{}", steps.len())
}

fn step_end(paint: Paint, end: &StepEnd) -> String {
    let why = step_reason::of(end);
    match end.outcome {
        StepOutcome::Succeeded => {
            let note = if why.is_empty() { String::new() } else { format!(": {}", paint.warn(&why)) };
            format!("{} {}{note}", paint.good("succeeded"), paint.dim(&duration(end.milliseconds)))
        }
        StepOutcome::Skipped => paint.dim(&format!("skipped: {why}")),
        StepOutcome::Failed | StepOutcome::TimedOut | StepOutcome::Unknown => {
            format!("{}: {why}", paint.bad(&end.outcome.to_string()))
        }
    }
}

/// An outcome in its colour.
pub(super) fn outcome_word(paint: Paint, state: &RunState, outcome: HostOutcome) -> String {
    let word = outcome.to_string();
    match outcome {
        HostOutcome::Upgraded | HostOutcome::Done | HostOutcome::Current => paint.good(&word),
        HostOutcome::RolledBack if state.kind() == RunKind::Rollback => paint.good(&word),
        HostOutcome::Held | HostOutcome::NotStarted => paint.warn(&word),
        HostOutcome::Unreachable
        | HostOutcome::RolledBack
        | HostOutcome::Failed
        | HostOutcome::Unknown
        | HostOutcome::Crashed => paint.bad(&word),
    }
}
