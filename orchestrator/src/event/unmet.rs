//! The parts of demanded evidence that are missing or do not match, as data.
//!
//! Owns what can be unmet. Nothing here is prose: `report` words it, once, and the JSON forms carry the code and the fields.
//! No value says when it was found: an accepted risk covers what is equal, however much later that is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EvidenceSource, HostOutcome};
use crate::facts::HostKind;
use crate::schema::Fingerprint;
use crate::text::RemoteText;
use crate::told::Told;

/// Why a host has no evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoEvidence {
    /// The run that gave the evidence left it out, and no other run is known that upgraded it.
    LeftOut,
    /// No run of this controller is known that upgraded it.
    NoRun,
    /// It could not be reached.
    Unreachable,
    /// Its code, PHP or database is another than the run that upgraded it left.
    Changed,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A part of the evidence that is missing or does not match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Unmet {
    /// The source has no host.
    NoHost {
        /// The source.
        source: EvidenceSource,
    },
    /// A host has no evidence.
    NoEvidence {
        /// The source that names the host.
        source: EvidenceSource,
        /// The host.
        host: String,
        /// Why.
        because: NoEvidence,
    },
    /// A host was upgraded, and its wave's soak did not end well.
    NotWatched {
        /// The source.
        source: EvidenceSource,
        /// The host.
        host: String,
    },
    /// A host was not upgraded.
    NotUpgraded {
        /// The source.
        source: EvidenceSource,
        /// The host.
        host: String,
        /// How it ended.
        outcome: HostOutcome,
    },
    /// The upgrade of a host has not ended.
    NotEnded {
        /// The source.
        source: EvidenceSource,
        /// The host.
        host: String,
    },
    /// A host was upgraded with another procedure, or with another text of it.
    OtherProcedure {
        /// The source.
        source: EvidenceSource,
        /// The host.
        host: String,
        /// The procedure of its upgrade.
        procedure: String,
        /// The digest of that procedure's text.
        procedure_digest: String,
        /// The procedure of this run.
        planned: String,
    },
    /// It is not known when the upgrade of a host ended.
    EndNotKnown {
        /// The source.
        source: EvidenceSource,
        /// The host.
        host: String,
    },
    /// The upgrade of a host ended in the future.
    InFuture {
        /// The source.
        source: EvidenceSource,
        /// The host.
        host: String,
        /// When it ended.
        ended: Timestamp,
    },
    /// The upgrade of a host ended too long ago.
    TooOld {
        /// The source.
        source: EvidenceSource,
        /// The host.
        host: String,
        /// When it ended.
        ended: Timestamp,
        /// The maximum age of evidence, in seconds.
        max_age_seconds: u64,
    },
    /// It is not known to which commit a host of the wave would go.
    TargetNotKnown {
        /// The host.
        host: String,
    },
    /// A host of the wave would go to another commit than a host with evidence reached.
    OtherCommit {
        /// The host.
        host: String,
        /// The commit that it would go to.
        target: String,
        /// The host with evidence.
        proved_by: String,
        /// The commit that it reached, if that is known.
        proved: Option<String>,
    },
    /// The kind of a host of the wave is not known.
    KindNotKnown {
        /// The host.
        host: String,
    },
    /// A host of the wave is of another kind than all hosts with evidence.
    OtherKind {
        /// The host.
        host: String,
        /// Its kind.
        kind: HostKind,
        /// The kinds of the hosts with evidence, as far as they are known.
        proved: Vec<HostKind>,
    },
    /// Schema changes are pending, and no host of the same kind executed any in a good upgrade.
    NoSchema {
        /// What is pending.
        pending: Fingerprint,
    },
    /// Other schema changes are pending than hosts of the same kind executed.
    OtherSchema {
        /// What is pending.
        pending: Fingerprint,
        /// A host of the same kind.
        proved_by: String,
        /// What it executed.
        proved: Fingerprint,
        /// The changes that only the pending ones have.
        only_here: Vec<RemoteText>,
        /// The changes that only the executed ones have.
        only_there: Vec<RemoteText>,
    },
    /// The evidence could not be read.
    NotRead {
        /// What failed.
        failure: RemoteText,
    },
    /// What an earlier version wrote.
    Told {
        /// The text.
        text: RemoteText,
    },
    /// A part that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Told for Unmet {
    fn told(text: RemoteText) -> Self {
        Self::Told { text }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::event::{Approval, Line, Reason, RunEvent};

    fn read(event: &Value) -> RunEvent {
        let mut line = json!({ "sequence": 7, "at": "2026-01-01T00:00:00Z" });
        line.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
        match Line::read(&line.to_string()).unwrap() {
            Line::Event(envelope) => envelope.event,
            skipped @ Line::Skipped { .. } => panic!("{skipped:?}"),
        }
    }

    fn told(text: &str) -> Unmet {
        Unmet::told(RemoteText::from(text))
    }

    #[test]
    fn the_texts_of_an_earlier_version_are_read_as_told() {
        let held = json!({ "event": "wave-held", "wave": "prod", "at_gate": true, "unmet": ["s1: it is old", "p1: no"] });
        let RunEvent::WaveHeld { unmet, .. } = read(&held) else { panic!() };
        assert_eq!(unmet, [told("s1: it is old"), told("p1: no")]);
        let approval = json!({ "by": "ada", "origin": "here" });
        let risk = json!({ "event": "risk-taken", "wave": "prod", "host": "p1", "unmet": ["a is pending\nonly here: b"], "approval": approval });
        let RunEvent::RiskTaken { unmet, .. } = read(&risk) else { panic!() };
        assert_eq!(unmet, [told("a is pending\nonly here: b")]);
        let reason = json!({ "code": "evidence-of-other", "difference": "a is pending" });
        let unmet = Box::new(told("a is pending"));
        assert_eq!(serde_json::from_value::<Reason>(reason).unwrap(), Reason::EvidenceOfOther { unmet });
    }

    #[test]
    fn what_is_written_is_read_and_what_a_newer_version_wrote_is_unknown() {
        let source = EvidenceSource::Wave("staging".to_owned());
        let missing = Unmet::NoEvidence { source, host: "s1".to_owned(), because: NoEvidence::NoRun };
        let approval = Approval { by: "ada".to_owned(), origin: "here".to_owned(), reason: String::new() };
        let unmet = vec![missing];
        let taken = RunEvent::RiskTaken { wave: "prod".to_owned(), host: None, unmet, approval };
        let mut written = serde_json::to_value(&taken).unwrap();
        assert_eq!(
            written["unmet"],
            json!([{ "code": "no-evidence", "source": { "wave": "staging" }, "host": "s1", "because": "no-run" }])
        );
        assert_eq!(read(&written), taken);
        written["unmet"] = json!([{ "code": "of-2031", "x": 1 }]);
        let RunEvent::RiskTaken { unmet, .. } = read(&written) else { panic!() };
        assert_eq!(unmet, [Unmet::Unknown]);
    }
}
