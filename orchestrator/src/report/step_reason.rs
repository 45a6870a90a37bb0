//! The words of why a step ended as it did, and what to type next.
//!
//! Owns how such reasons are told. Whatever a reason holds is shown without control bytes.

use super::{HostWords, obstacle};
use crate::event::{StepEnd, StepReason};
use crate::plan::PlannedProof;
use crate::text::RemoteText;

/// Why a step ended as it did; empty if its outcome says it all.
pub(super) fn of(end: &StepEnd) -> String {
    end.reason.as_ref().map(|reason| with_words(reason, end.own_words().as_ref())).unwrap_or_default()
}

/// What a reason says, and the step's own words where it says no more than a number.
pub(super) fn with_words(reason: &StepReason, words: Option<&RemoteText>) -> String {
    match (reason, words) {
        (StepReason::ExitCode { exit }, Some(words)) => format!("{words} (exit code {exit})"),
        _ => text(reason),
    }
}

/// What a reason says.
pub(super) fn text(reason: &StepReason) -> String {
    RemoteText::from(message(reason).as_str()).to_string()
}

fn message(reason: &StepReason) -> String {
    match reason {
        StepReason::ExitCode { exit } => format!("exit code {exit}"),
        StepReason::TimedOut { seconds } => format!("the host ended it after {seconds}s"),
        StepReason::EarlierTryRuns => "an earlier try of it is still running".to_owned(),
        StepReason::HostRebooted => {
            "the host was rebooted before it recorded the start, so it is not known if the step ran"
                .to_owned()
        }
        StepReason::ProcessGone { proof } => {
            let gone =
                "its process disappeared without reporting a result (killed, or the host was rebooted)";
            match proof {
                Some(true) => format!("{gone}; its proof shows that it is done"),
                Some(false) => format!("{gone}, and its proof shows that it is not wholly done"),
                None => format!("{gone}, and no proof shows if it is done"),
            }
        }
        StepReason::PathMissing { path } => format!("{path} is not there"),
        StepReason::PathPresent { path } => {
            format!("{path} exists already, and this run did not create it")
        }
        StepReason::PathNotChecked { path, user } => {
            let user = user.as_deref().unwrap_or("the login user");
            format!("{user} could not check if {path} exists (sudo, runuser?)")
        }
        StepReason::NotStarted { failure } => failure.raw().to_owned(),
        StepReason::NotDetermined { because } => {
            format!("nothing could be read from the host: {}", message(because))
        }
        StepReason::OutputIncomplete => "not all of its output arrived".to_owned(),
        StepReason::OutputLost => {
            "its output was lost on the host (is a disk full?), and its exit code alone proves nothing"
                .to_owned()
        }
        StepReason::OutputTooLong => "its output is too long to be read".to_owned(),
        StepReason::PendingSqlUnreadable => {
            "its output is not what doctrine:schema:update --sql prints".to_owned()
        }
        StepReason::UpdateNotConfirmed => {
            "its output does not confirm that the schema was updated".to_owned()
        }
        StepReason::NotValid { exit } => not_valid(*exit),
        StepReason::ProofFailed { proof } => format!("it reported success, but {}", proof_failed(proof)),
        StepReason::ProofNotChecked => "it reported success, but its proof could not be checked".to_owned(),
        StepReason::StillPending { summary } => {
            format!("still pending after the update, and not executed by it: {summary}")
        }
        StepReason::NeverConverges { summary, .. } => format!(
            "never-converges: still pending although executed: {summary} (the database reports these columns in another way than they were given)"
        ),
        StepReason::NothingPending => "no schema change is pending".to_owned(),
        StepReason::WritesSince { since, .. } => {
            format!("nothing was changed: the rollback would discard all writes since {since:.0}")
        }
        StepReason::RestoreIncomplete { run } => {
            format!("a restore of the backup of run {} is incomplete", obstacle::short_id(run))
        }
        StepReason::MemcachedDown => "memcached does not run, and could not be started".to_owned(),
        StepReason::Interrupted => "the run was interrupted".to_owned(),
        StepReason::EndNotSeen { failure } => {
            format!("the connection was lost before it ended: {}", failure.raw())
        }
        StepReason::NoAnswer { seconds } => format!("no answer within {seconds}s"),
        StepReason::SiteUnwell { url, trouble } => format!("{url}: {trouble}"),
        StepReason::SiteUnreachable { url, trouble } => {
            format!("{url} cannot be reached from here: {trouble}")
        }
        StepReason::Told { text } => text.raw().to_owned(),
        StepReason::Unknown => "a reason that this version of ixporch does not know".to_owned(),
    }
}

/// What to type next, if there is something.
pub(super) fn help(reason: &StepReason, words: HostWords<'_>) -> Option<String> {
    let HostWords { program, host, .. } = words;
    match reason {
        StepReason::WritesSince { run, since } => {
            let run = obstacle::short_id(run);
            Some(format!(
                "to discard them: {program} rollback {run} --limit {host} --discard-writes-since {since:.0}"
            ))
        }
        StepReason::RestoreIncomplete { run } => {
            let run = obstacle::short_id(run);
            Some(format!("complete it: {program} rollback {run} --limit {host}"))
        }
        StepReason::NeverConverges { accepted: false, .. } => Some(
            "if that is known and harmless, set schema_never_converges = \"accept\" in the inventory"
                .to_owned(),
        ),
        _ => None,
    }
}

/// What the exit code of `doctrine:schema:validate` says.
fn not_valid(exit: i32) -> String {
    match exit {
        0 => "exit code 0, but its output does not confirm that mapping and database are valid".to_owned(),
        1 => "the mapping is wrong; the database is in sync with it (exit code 1)".to_owned(),
        2 => "the mapping is correct; the database is not in sync with it (exit code 2)".to_owned(),
        3 => "the mapping is wrong, and the database is not in sync with it (exit code 3)".to_owned(),
        other => format!("exit code {other}, which doctrine:schema:validate does not have"),
    }
}

fn proof_failed(proof: &PlannedProof) -> String {
    match proof {
        PlannedProof::Exists(path) => format!("{path} is not there"),
        PlannedProof::Absent(path) => format!("{path} is still there"),
        PlannedProof::MemcachedRestarted { .. } => "memcached did not restart".to_owned(),
        PlannedProof::NoRows { query, .. } => {
            let query = query.split_whitespace().collect::<Vec<_>>().join(" ");
            format!("there is still something to be done: {query}")
        }
    }
}
