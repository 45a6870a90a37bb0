//! Reads one line of a journal, of this version, of an older one, or of a newer one.
//!
//! Owns what older formats looked like; nothing else in the program knows. Format 1 had no kind of run in its header: that
//! stood in the name of the procedure, in the plan's `moves_code`, and in `takes_back` and `settles` of its hosts; and hosts
//! had a rendered login instead of an address and a port.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::{Envelope, FORMAT, RunEvent, RunKind};
use crate::plan::address_of_login;
use crate::procedure::{ROLLBACK, SETTLE};

/// The event that begins a journal.
const HEADER: &str = "run-started";

/// What a line holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// An event.
    Event(Box<Envelope>),
    /// An event that this version does not know, and that its writer marked as one that may be skipped.
    Skipped {
        /// Its number.
        sequence: u64,
        /// What it is called.
        event: String,
    },
}

/// Why a line cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It is no event.
    #[error("{0}")]
    Damaged(String),
    /// It is an event of a newer version, and may not be skipped.
    #[error("the event `{0}` is unknown to this version")]
    Newer(String),
}

impl Line {
    /// Reads a line.
    pub fn read(text: &str) -> Result<Self, LineError> {
        let damaged = |error: serde_json::Error| LineError::Damaged(error.to_string());
        let header = HeaderForm::of(text);
        if header.as_ref().is_some_and(HeaderForm::is_format_1) {
            let mut line = serde_json::from_str(text).map_err(damaged)?;
            header_of_format_1(&mut line);
            let envelope = serde_json::from_value(Value::Object(line)).map_err(damaged)?;
            return Ok(Self::Event(Box::new(envelope)));
        }
        match serde_json::from_str::<Envelope>(text) {
            Ok(Envelope { event: RunEvent::Unknown, sequence, .. }) => unknown(text, sequence),
            Ok(envelope) => Ok(Self::Event(Box::new(envelope))),
            Err(_) if header.is_some_and(|header| header.format > FORMAT) => {
                Err(LineError::Newer(HEADER.to_owned()))
            }
            Err(error) => Err(damaged(error)),
        }
    }
}

/// What tells a header's format. The rest of the line, which may be long, is passed over.
#[derive(Deserialize)]
struct HeaderForm {
    event: String,
    #[serde(default)]
    format: u32,
    kind: Option<IgnoredAny>,
}

impl HeaderForm {
    /// The form of a line that is a header.
    fn of(text: &str) -> Option<Self> {
        if !text.contains(HEADER) {
            return None;
        }
        serde_json::from_str(text).ok().filter(|form: &Self| form.event == HEADER)
    }

    fn is_format_1(&self) -> bool {
        self.format <= FORMAT && self.kind.is_none()
    }
}

/// An event that only its name is known of.
fn unknown(text: &str, sequence: u64) -> Result<Line, LineError> {
    #[derive(Deserialize)]
    struct Named {
        event: String,
        #[serde(default)]
        skippable: bool,
    }
    let named: Named = serde_json::from_str(text).map_err(|error| LineError::Damaged(error.to_string()))?;
    if named.skippable {
        return Ok(Line::Skipped { sequence, event: named.event });
    }
    Err(LineError::Newer(named.event))
}

/// Brings the header of a journal of format 1 into today's form.
fn header_of_format_1(header: &mut Map<String, Value>) {
    let text =
        |header: &Map<String, Value>, key: &str| header.get(key).and_then(Value::as_str).map(str::to_owned);
    let procedure = text(header, "procedure").unwrap_or_default();
    let mut follows = text(header, "instead_of");
    let (mut moves_code, mut changes) = (false, false);
    if let Some(plan) = header.get_mut("plan") {
        moves_code = plan.get("moves_code").and_then(Value::as_bool).unwrap_or_default();
        let waves = plan.get_mut("waves").and_then(Value::as_array_mut).into_iter().flatten();
        let hosts = waves.filter_map(|wave| wave.get_mut("hosts")?.as_array_mut()).flatten();
        let completes = completes(&procedure);
        for host in hosts.filter_map(Value::as_object_mut) {
            for step in steps_of(host).filter(|_| completes.is_some()).filter_map(Value::as_object_mut) {
                step.insert("completes".to_owned(), json!([completes]));
            }
            changes |= changes_anything(host);
            follows = follows.or_else(|| text(host, "settles"));
            host_of_format_1(host);
        }
    }
    let kind = match procedure.as_str() {
        ROLLBACK => RunKind::Rollback,
        SETTLE => RunKind::Settle,
        _ => RunKind::from_facts(moves_code, changes, &procedure),
    };
    header.insert("kind".to_owned(), json!(kind));
    header.insert("follows".to_owned(), json!(follows));
}

/// The open step that a built-in procedure completes; format 1 did not say so of its steps.
fn completes(procedure: &str) -> Option<&'static str> {
    match procedure {
        "views-recreate" => Some("views"),
        "memcached-restart" => Some("memcached-after-schema"),
        "maintenance-off" => Some("maintenance-off"),
        _ => None,
    }
}

fn steps_of(host: &mut Map<String, Value>) -> impl Iterator<Item = &mut Value> {
    let steps = host.get_mut("action").and_then(|action| action.get_mut("upgrade"));
    steps.and_then(Value::as_array_mut).into_iter().flatten()
}

fn host_of_format_1(host: &mut Map<String, Value>) {
    let (address, port) = address_of_login(host.get("login").and_then(Value::as_str).unwrap_or_default());
    host.insert("address".to_owned(), json!(address));
    host.insert("port".to_owned(), json!(port));
    if let Some(cleared) = host.get("takes_back").and_then(|back| back.get("settles")).cloned() {
        host.insert("cleared_when_back".to_owned(), cleared);
    }
}

fn changes_anything(host: &Map<String, Value>) -> bool {
    let steps = host.get("action").and_then(|action| action.get("upgrade")).and_then(Value::as_array);
    steps.into_iter().flatten().any(|step| step.get("effect") == Some(&json!("change")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::{Argument, Plan};

    /// A journal that version 0.1.0 wrote.
    const OLDER: &str =
        include_str!("../../../tests/it/journals/0.1.0/01a21a1a-9d24-7198-b0a0-3b75a3253f6a/journal.jsonl");

    #[test]
    fn the_plan_of_a_journal_of_format_1_is_read_and_its_scripts_are_shared() {
        let Line::Event(envelope) = Line::read(OLDER.lines().next().unwrap()).unwrap() else { panic!() };
        let RunEvent::RunStarted(header) = envelope.event else { panic!() };
        let steps = header.plan.hosts().flat_map(|(_, host)| host.steps());
        let arguments = steps.flat_map(|step| &step.command.argv);
        let long: Vec<&str> = arguments.map(Argument::as_str).filter(|text| text.len() > 128).collect();
        let texts: BTreeSet<&str> = long.iter().copied().collect();
        let held: BTreeSet<_> = long.iter().map(|text| text.as_ptr()).collect();
        assert!(long.len() > texts.len());
        assert_eq!(held.len(), texts.len());
        let again: Plan = serde_json::from_str(&serde_json::to_string(&header.plan).unwrap()).unwrap();
        assert_eq!(again, header.plan);
    }

    #[test]
    fn an_unknown_event_is_skipped_only_where_its_writer_says_that_this_is_safe() {
        let line = |more: &str| {
            format!("{{\"sequence\":7,\"at\":\"2026-01-01T00:00:00Z\",\"event\":\"moon-rose\"{more}}}")
        };
        let skipped = Line::Skipped { sequence: 7, event: "moon-rose".to_owned() };
        assert_eq!(Line::read(&line(",\"skippable\":true")).unwrap(), skipped);
        assert!(matches!(Line::read(&line("")), Err(LineError::Newer(event)) if event == "moon-rose"));
        assert!(matches!(Line::read("{\"sequence\":7,"), Err(LineError::Damaged(_))));
        assert!(matches!(
            Line::read("{\"event\":\"interrupted\",\"sequence\":1}"),
            Err(LineError::Damaged(_))
        ));
    }
}
