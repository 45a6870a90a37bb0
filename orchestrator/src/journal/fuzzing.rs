//! The fuzz target of journals: read, folded, told in every form.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::store::read_lines;
use crate::fuzzing::assert_harmless;
use crate::report::{self, Names, Paint};
use crate::state::RunState;
use crate::text::harmless_shown;

/// A journal.
pub(crate) fn journal(bytes: &[u8]) {
    let Ok(lines) = read_lines(Path::new("journal.jsonl"), bytes) else { return };
    let paint = Paint::new(false);
    let mut state = RunState::default();
    for envelope in &lines.events {
        if let Some(line) = report::line(paint, &state, envelope) {
            shown(&line);
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
        shown(&report::summary(paint, &names(going_on), &state));
        let _ = report::document(&names(going_on), &state).to_string();
    }
    for host in state.hosts.keys() {
        shown(&report::host_report(paint, &names(false), &state, host));
    }
    shown(&report::schema(paint, &report::schema_groups(&state)));
}

/// What the printer does to all that is shown: a name in a journal may be anything.
fn shown(text: &str) {
    assert_harmless(&harmless_shown(text));
}
