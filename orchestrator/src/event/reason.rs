//! Why a wave, a host or a step is where it is, as data.
//!
//! Owns the reasons of events. Nothing here is prose: `report` words a reason, once. Earlier journals have the text `why`
//! instead of a reason; it is read as [`Reason::Told`].

use std::collections::BTreeMap;

use ixporch_inventory::value::Amount;
use serde::{Deserialize, Deserializer, Serialize};

use super::HostOutcome;
use crate::text::RemoteText;

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
