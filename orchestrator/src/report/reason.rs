//! The words of a reason, and what to type next.
//!
//! Owns how reasons are told. Whatever a reason holds is shown without control bytes.

use ixporch_inventory::value::Amount;

use super::{HostWords, note, obstacle, step_reason, unmet};
use crate::event::{LeftOut, Reason, StepReason};
use crate::plan::quote;
use crate::text::RemoteText;

/// The messages of reasons, one after another.
pub(super) fn text<'r>(reasons: impl IntoIterator<Item = &'r Reason>) -> String {
    let messages: Vec<String> = reasons.into_iter().map(message).collect();
    RemoteText::from(messages.join("\n").as_str()).to_string()
}

/// The lines of reasons, each with what to type next; `run` is the run as a person types it, `words` the host.
pub(super) fn lines(reasons: &[Reason], run: &str, words: HostWords<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for reason in reasons {
        lines.extend(text([reason]).lines().map(str::to_owned));
        let help = help(reason, run, words).unwrap_or_default();
        lines.extend(help.lines().map(|help| format!("help: {help}")));
    }
    lines
}

/// The reasons of a reason, in its own line.
fn because(reasons: &[Reason]) -> String {
    reasons.iter().map(message).collect::<Vec<_>>().join("; ")
}

/// What a reason says.
#[expect(clippy::too_many_lines, reason = "a table: a line or two for each reason")]
fn message(reason: &Reason) -> String {
    match reason {
        Reason::TooManyFailures { wave, failures, total, allowed, max_failures } => {
            let count: usize = failures.values().sum();
            let kinds: Vec<String> =
                failures.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
            let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
            let of = match max_failures {
                Amount::Count(_) => String::new(),
                Amount::Percent(_) => format!(" of {total} hosts"),
            };
            format!(
                "wave `{wave}`: {count} of {total} hosts failed{kinds}; the limit is {allowed} (max_failures = {max_failures}{of})"
            )
        }
        Reason::SoakWithoutHealth { wave } => {
            format!("wave `{wave}` has a soak, and its procedure has no health checks")
        }
        Reason::NothingProven { wave } => {
            format!("wave `{wave}` upgraded no host; the next wave needs an approval")
        }
        Reason::GateHolds => "it waits for an approval (gate = hold)".to_owned(),
        Reason::GateUnattended => {
            "it waits for an approval (gate = confirm), and there is no terminal to ask at".to_owned()
        }
        Reason::EvidenceUnmet => "the evidence that it requires is missing, or does not match".to_owned(),
        Reason::Interrupted => "the run was interrupted".to_owned(),
        Reason::StartNotApproved { by } => format!("{by} did not approve its start"),
        Reason::StartUnanswered => "nobody answered".to_owned(),
        Reason::WaveNotBegun { wave } => format!("wave `{wave}` was not started"),
        Reason::WaveNotOver { wave } => format!("wave `{wave}` has not finished"),
        Reason::SoakInterrupted { wave } => {
            format!("the run was interrupted during the soak of wave `{wave}`")
        }
        Reason::Preflight { findings } => {
            let findings: Vec<String> =
                findings.iter().map(|found| format!("{}: {}", found.id, found.what)).collect();
            format!("blocked by preflight: {}", findings.join("\n"))
        }
        Reason::Blocked { blocking } => {
            format!("blocked by preflight: {}", note::blocking_text(blocking, &[]))
        }
        Reason::LeftOut { left_out } => obstacle::left_out(left_out, "", None, &obstacle::short_id).message,
        Reason::InterruptedBefore { step: Some(step) } => format!("the run was interrupted before `{step}`"),
        Reason::InterruptedBefore { step: None } => {
            "the run was interrupted before the host was connected".to_owned()
        }
        Reason::InterruptedWaiting => {
            "the run was interrupted while it waited for the lock of another run".to_owned()
        }
        Reason::InterruptedLocking => {
            "the run was interrupted twice; this run may hold the host's lock".to_owned()
        }
        Reason::Unreachable { failure } | Reason::LedgerNotCreated { failure } => failure.to_string(),
        Reason::LostLocking { failure } => format!("{failure} (this run may hold the host's lock)"),
        Reason::LostBefore { step, failure } => {
            format!("the connection was lost before `{step}`: {failure}")
        }
        Reason::JournalNotWritable { step: Some(step), failure } => {
            format!("the journal cannot be written, so `{step}` was not started: {failure}")
        }
        Reason::JournalNotWritable { step: None, failure } => {
            format!("the journal cannot be written: {failure}")
        }
        Reason::LockedBy { lock } => format!("locked by {}", lock.holder()),
        Reason::LockNotTaken { failure } => format!("the host's lock cannot be taken: {failure}"),
        Reason::EarlierRunAtWork { run } => {
            format!("a step of run {} is still running there", obstacle::short_id(run))
        }
        Reason::LockBroken => "its lock was broken, or another run held it since".to_owned(),
        Reason::WorkedOnSince => "another run was at work here since the plan was made".to_owned(),
        Reason::CommitDiffers { now, planned } => {
            format!("the installed commit is {now} now, and the plan was made at {planned}")
        }
        Reason::LedgerGone => {
            "the run's ledger is gone from the host, so the result of its step is lost".to_owned()
        }
        Reason::LockLeft { failure } => format!("its lock and ledger are still there: {failure}"),
        Reason::LockLeftUnrecorded => {
            "its lock and ledger are still there, since the journal cannot be written".to_owned()
        }
        Reason::ChangeNotReconciled { because: why } => {
            format!(
                "it is not known whether the schema change began, because the host did not answer: {}",
                because(why)
            )
        }
        Reason::Step { step, because, output } => step_failed(step, because.as_ref(), output.as_ref()),
        Reason::StepStillRuns { step } => format!("`{step}` is still running there"),
        Reason::Crashed => "ixporch crashed while it worked on this host: a fault of ixporch".to_owned(),
        Reason::RolledBack => "it was rolled back".to_owned(),
        Reason::BackAtStart => "it was restored to its state before the run".to_owned(),
        Reason::BackUnwell { because: why } => {
            format!("it was rolled back, and a health check failed: {}", because(why))
        }
        Reason::NotBack { because: why } => format!("the rollback failed: {}", because(why)),
        Reason::StartUnknown => {
            "not rolled back: an earlier run stopped on this host, so its state before this run is not known"
                .to_owned()
        }
        Reason::NotClosedAgain { because: why } if why.is_empty() => {
            "the site was open already, and could not be closed again".to_owned()
        }
        Reason::NotClosedAgain { because: why } => {
            format!("the site was open already, and closing it failed: {}", because(why))
        }
        Reason::Unwell { because: why } => {
            format!("it was upgraded, and a health check failed afterwards: {}", because(why))
        }
        Reason::ChangesNotRead { step } => {
            format!("the schema changes that `{step}` would make could not be determined")
        }
        Reason::ChangesDiffer { approved, pending, summary } => format!(
            "the pending schema changes are not the approved ones: {approved} was approved, {pending} is pending ({summary})"
        ),
        Reason::EvidenceOfOther { unmet } => {
            format!("the evidence is of another schema: {}", unmet::text(unmet))
        }
        Reason::ReviewUnattended { pending, summary } => format!(
            "pending schema changes ({pending}: {summary}) wait for a person, and there is no terminal to ask at"
        ),
        Reason::NoReviewer => "nobody is here to review the pending schema changes".to_owned(),
        Reason::ReviewTimedOut { seconds } => {
            format!("nobody answered the schema review within {seconds}s")
        }
        Reason::ReviewUnanswered => "nobody answered the schema review".to_owned(),
        Reason::ReviewNotApproved { by } => format!("{by} did not approve the pending schema changes"),
        Reason::Told { text } => text.raw().to_owned(),
        Reason::Unknown => "a reason that this version of ixporch does not know".to_owned(),
    }
}

/// A step that did not succeed, with its own words if they are known.
fn step_failed(step: &str, because: Option<&StepReason>, output: Option<&RemoteText>) -> String {
    match (because, output) {
        (Some(because @ StepReason::ExitCode { .. }), output) => {
            format!("`{step}`: {}", step_reason::with_words(because, output))
        }
        (because, output) => {
            let because = because.map(step_reason::text).unwrap_or_default();
            let output = output.map_or_else(String::new, |line| format!(" ({line})"));
            format!("`{step}`: {because}{output}")
        }
    }
}

/// What to type next, if the summary does not say that anyway; a line for each possibility.
fn help(reason: &Reason, run: &str, words: HostWords<'_>) -> Option<String> {
    let HostWords { program, inventory, host } = words;
    let inventory = quote(inventory);
    match reason {
        Reason::SoakWithoutHealth { .. } => {
            Some("add [[health]] to the procedure, or remove `soak` from the wave".to_owned())
        }
        Reason::LeftOut { left_out: LeftOut::NotInInventory } => {
            Some(format!("{program} inventory explain {host} --inventory {inventory}"))
        }
        Reason::LeftOut { left_out } => {
            obstacle::left_out(left_out, program, Some(run), &obstacle::short_id).help
        }
        Reason::Blocked { blocking } => note::blocking_help(blocking, program),
        Reason::LockBroken | Reason::WorkedOnSince | Reason::CommitDiffers { .. } => {
            Some(format!("plan again: {program} resume {run} --rerun unfinished"))
        }
        Reason::LockedBy { .. } => {
            Some(format!("show the lock: {program} lock show --limit {host} --inventory {inventory}"))
        }
        Reason::LedgerGone => Some(format!("look at the step: {program} report {run} --host {host}")),
        Reason::StepStillRuns { .. } => Some(format!("follow it to its end: {program} resume {run}")),
        Reason::Step { because: Some(because), .. } => step_reason::help(because, words),
        Reason::ReviewTimedOut { .. } => {
            Some("the setting `review_timeout` in the inventory is the time to wait".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
