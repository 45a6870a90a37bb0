//! Why a wave, a host or a step is where it is, as data.
//!
//! Owns the reasons of events. Nothing here is prose: `report` words a reason, once. Earlier journals have the text `why`
//! instead of a reason; it is read as [`Reason::Told`].

use std::collections::BTreeMap;

use ixporch_inventory::value::Amount;
use serde::{Deserialize, Deserializer, Serialize};

use super::{HostOutcome, LeftOut, StepReason, Unmet};
use crate::facts::HostLock;
use crate::plan::Blocking;
use crate::schema::Fingerprint;
use crate::text::RemoteText;
use crate::told;

/// A finding of the preflight that keeps a host from being started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocker {
    /// The kind of finding.
    pub id: String,
    /// The problem.
    pub what: RemoteText,
}

/// Why something is where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Reason {
    /// More hosts of a wave failed than allowed.
    TooManyFailures {
        /// The wave.
        wave: String,
        /// How many hosts failed, by outcome.
        failures: BTreeMap<HostOutcome, usize>,
        /// How many hosts the wave has.
        total: usize,
        /// How many of them may fail.
        allowed: usize,
        /// The setting that this follows from.
        max_failures: Amount,
    },
    /// A wave has a soak, and its procedure has no health checks.
    SoakWithoutHealth {
        /// The wave.
        wave: String,
    },
    /// A wave upgraded no host, so nothing follows it unless a person approves that.
    NothingProven {
        /// The wave.
        wave: String,
    },
    /// The gate of the wave is `hold`.
    GateHolds,
    /// The gate of the wave is `confirm`, and nobody can be asked.
    GateUnattended,
    /// The evidence that the wave requires is missing or does not match.
    EvidenceUnmet,
    /// The run was interrupted.
    Interrupted,
    /// A person did not approve the start of the wave.
    StartNotApproved {
        /// The person.
        by: String,
    },
    /// Nobody answered whether the wave may start.
    StartUnanswered,
    /// An earlier wave was not started.
    WaveNotBegun {
        /// That wave.
        wave: String,
    },
    /// An earlier wave has hosts that were held back.
    WaveNotOver {
        /// That wave.
        wave: String,
    },
    /// The run was interrupted while the hosts of an earlier wave were watched.
    SoakInterrupted {
        /// That wave.
        wave: String,
    },
    /// The preflight found something that blocks the host.
    Preflight {
        /// What it found.
        findings: Vec<Blocker>,
    },
    /// The plan blocks the host, for another reason than a finding.
    Blocked {
        /// That reason; earlier versions wrote it as a text.
        #[serde(alias = "text", deserialize_with = "told::one")]
        blocking: Blocking,
    },
    /// The host is left out of a run that is resumed.
    LeftOut {
        /// Why.
        left_out: LeftOut,
    },
    /// The run was interrupted before a step, or before the host was connected to.
    InterruptedBefore {
        /// The step.
        step: Option<String>,
    },
    /// The run was interrupted while it waited for the host's lock.
    InterruptedWaiting,
    /// The run was interrupted twice while it took the host's lock.
    InterruptedLocking,
    /// The host cannot be reached.
    Unreachable {
        /// What failed.
        failure: RemoteText,
    },
    /// The connection was lost while the host's lock was taken.
    LostLocking {
        /// What failed.
        failure: RemoteText,
    },
    /// The connection was lost before a step.
    LostBefore {
        /// The step.
        step: String,
        /// What failed.
        failure: RemoteText,
    },
    /// The journal cannot be written, so nothing was done.
    JournalNotWritable {
        /// The step that was not started; `None`: not even the lock was taken.
        step: Option<String>,
        /// What failed.
        failure: RemoteText,
    },
    /// Another run has the host's lock.
    LockedBy {
        /// The lock.
        lock: Box<HostLock>,
    },
    /// The lock cannot be taken.
    LockNotTaken {
        /// What failed.
        failure: RemoteText,
    },
    /// A step of the run that this one follows is still running.
    EarlierRunAtWork {
        /// That run.
        run: String,
    },
    /// The lock of the run was broken, or another run had it meanwhile.
    LockBroken,
    /// Another run was at work on the host since the plan was made.
    WorkedOnSince,
    /// Another commit is installed than when the plan was made.
    CommitDiffers {
        /// The commit now.
        now: String,
        /// The commit in the plan.
        planned: String,
    },
    /// The ledger of the run is gone from the host: the result of a step is lost.
    LedgerGone,
    /// The ledger cannot be created.
    LedgerNotCreated {
        /// What failed.
        failure: RemoteText,
    },
    /// The lock and the ledger are left on the host.
    LockLeft {
        /// What failed.
        failure: RemoteText,
    },
    /// The lock and the ledger are left on the host, since the journal cannot be written.
    LockLeftUnrecorded,
    /// Whether a schema change began in an earlier session could not be found out.
    ChangeNotReconciled {
        /// Why not.
        because: Vec<Reason>,
    },
    /// A step did not succeed.
    Step {
        /// The step.
        step: String,
        /// Why, if the outcome does not say it all.
        #[serde(default, alias = "failure", deserialize_with = "super::step_reason::read")]
        because: Option<StepReason>,
        /// The line of its output that says why, if that is worth telling.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<RemoteText>,
    },
    /// A step that a person resolved is still running.
    StepStillRuns {
        /// The step.
        step: String,
    },
    /// The lane of the host crashed: a fault of ixporch.
    Crashed,
    /// The host was rolled back.
    RolledBack,
    /// The host is back at its start, and waits there.
    BackAtStart,
    /// The host is back at its start, and its site is not healthy.
    BackUnwell {
        /// What is wrong.
        because: Vec<Reason>,
    },
    /// The host could not go back to its start.
    NotBack {
        /// What failed.
        because: Vec<Reason>,
    },
    /// The host is not rolled back, since its start is not known.
    StartUnknown,
    /// Its site had been opened, and could not be closed again.
    NotClosedAgain {
        /// What failed; empty: an earlier session failed to close it.
        because: Vec<Reason>,
    },
    /// The host was upgraded, and failed its health checks during the soak.
    Unwell {
        /// What is wrong.
        because: Vec<Reason>,
    },
    /// The pending schema changes are not known, so nobody can approve them.
    ChangesNotRead {
        /// The step that would execute them.
        step: String,
    },
    /// Other schema changes are pending than were approved.
    ChangesDiffer {
        /// What was approved.
        approved: Fingerprint,
        /// What is pending.
        pending: Fingerprint,
        /// The pending changes in brief.
        summary: String,
    },
    /// The evidence is of other schema changes.
    EvidenceOfOther {
        /// How they differ; earlier versions wrote it as a text.
        #[serde(alias = "difference", deserialize_with = "told::one")]
        unmet: Box<Unmet>,
    },
    /// The pending schema changes must be reviewed, and nobody can be asked.
    ReviewUnattended {
        /// What is pending.
        pending: Fingerprint,
        /// The pending changes in brief.
        summary: String,
    },
    /// Nobody is there to review the pending schema changes.
    NoReviewer,
    /// Nobody answered the schema review in time.
    ReviewTimedOut {
        /// The time.
        seconds: u64,
    },
    /// Nobody answered the schema review.
    ReviewUnanswered,
    /// A person did not approve the pending schema changes.
    ReviewNotApproved {
        /// The person.
        by: String,
    },
    /// What an earlier version wrote, or what somebody else says.
    Told {
        /// The text.
        text: RemoteText,
    },
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Reason {
    /// A text as a reason; none if it is empty.
    pub fn told(text: &str) -> Option<Self> {
        (!text.trim().is_empty()).then(|| Self::Told { text: RemoteText::from(text) })
    }
}

/// What stands in an event: a text of an earlier version, one reason, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Nothing,
    Text(String),
    One(Reason),
    Several(Vec<Reason>),
}

/// Reads several reasons.
pub(super) fn several<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Reason>, D::Error> {
    Ok(match Written::deserialize(from)? {
        Written::Nothing => Vec::new(),
        Written::Text(text) => Reason::told(&text).into_iter().collect(),
        Written::One(reason) => vec![reason],
        Written::Several(reasons) => reasons,
    })
}

/// Reads at most one reason.
pub(super) fn one<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Reason>, D::Error> {
    Ok(several(from)?.into_iter().next())
}

#[cfg(test)]
mod tests {
    use crate::event::{Line, Reason, RunEvent};

    fn read(fields: &str) -> RunEvent {
        let line = format!("{{\"sequence\":7,\"at\":\"2026-01-01T00:00:00Z\",{fields}}}");
        match Line::read(&line).unwrap() {
            Line::Event(envelope) => envelope.event,
            skipped @ Line::Skipped { .. } => panic!("{skipped:?}"),
        }
    }

    fn of_host(event: RunEvent) -> Vec<Reason> {
        let RunEvent::HostFinished { reasons, .. } = event else { panic!("{event:?}") };
        reasons
    }

    #[test]
    fn a_text_of_an_earlier_version_is_read_as_told() {
        let ended = |why: &str| {
            let fields = "\"event\":\"host-finished\",\"host\":\"a\",\"outcome\":\"failed\"";
            of_host(read(&format!("{fields}{why}")))
        };
        assert_eq!(ended(",\"why\":\"no\\nroom\""), Vec::from_iter(Reason::told("no\nroom")));
        assert_eq!(ended(",\"why\":\"\""), []);
        assert_eq!(ended(""), []);
        assert_eq!(ended(",\"reasons\":[{\"code\":\"of-2031\",\"x\":1}]"), [Reason::Unknown]);
        let held =
            read("\"event\":\"wave-held\",\"wave\":\"w\",\"why\":\"its gate is `hold`\",\"at_gate\":true");
        let RunEvent::WaveHeld { reason, .. } = held else { panic!("{held:?}") };
        assert_eq!(reason, Reason::told("its gate is `hold`"));
    }

    #[test]
    fn what_is_written_is_read() {
        let held = RunEvent::WaveHeld {
            wave: "w".to_owned(),
            reason: Some(Reason::WaveNotBegun { wave: "v".to_owned() }),
            at_gate: true,
            unmet: Vec::new(),
        };
        let text = serde_json::to_string(&held).unwrap();
        assert_eq!(
            text,
            "{\"event\":\"wave-held\",\"wave\":\"w\",\"reason\":{\"code\":\"wave-not-begun\",\"wave\":\"v\"},\"at_gate\":true,\"unmet\":[]}"
        );
        assert_eq!(read(&text[1..text.len() - 1]), held);
    }
}
