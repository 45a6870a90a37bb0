//! The fuzz target of journals: read, folded, told in every form.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::store::read_lines;
use crate::fuzzing::assert_harmless;
use crate::report::{self, Names, Paint};
use crate::state::RunState;

/// A journal.
pub(crate) fn journal(bytes: &[u8]) {
    let Ok(lines) = read_lines(Path::new("journal.jsonl"), bytes) else { return };
    let paint = Paint::new(false);
    let mut state = RunState::default();
    for envelope in &lines.events {
        if let Some(line) = report::line(paint, &state, envelope) {
            assert_harmless(&line);
        }
        state.apply(envelope);
    }
    let now = Timestamp::UNIX_EPOCH;
    let names = |going_on| Names {
        program: "ixporch".to_owned(),
        run: "run".to_owned(),
        going_on,
        now,
        since: BTreeMap::new(),
    };
    for going_on in [false, true] {
        assert_harmless(&report::summary(paint, &names(going_on), &state));
        let _ = report::document(&names(going_on), &state).to_string();
    }
    for host in state.hosts.keys() {
        assert_harmless(&report::host_report(paint, &names(false), &state, host));
    }
    assert_harmless(&report::schema(paint, &report::schema_groups(&state)));
}
