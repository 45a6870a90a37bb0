//! What the shown steps of a procedure printed: the same output once, with all hosts that printed it.

use std::fmt::Write;

use super::schema::{schema, schema_groups};
use super::{Names, Paint};
use crate::event::{StepEnd, StepOutcome};
use crate::plan::fold_names;
use crate::procedure::Reads;
use crate::state::RunState;

/// What is shown for a host that printed nothing.
const NOTHING: &str = "(nothing)";

/// What the hosts printed, folded; empty if no step of the plan is shown, or none ended well.
pub(super) fn shown(paint: Paint, names: &Names, state: &RunState) -> String {
    let mut steps: Vec<(&str, Option<Reads>)> = Vec::new();
    for (_, host) in state.header.iter().flat_map(|header| header.plan.hosts()) {
        for step in host.steps().iter().filter(|step| step.show) {
            if !steps.iter().any(|(id, _)| *id == step.id) {
                steps.push((&step.id, step.reads));
            }
        }
    }
    let mut text = String::new();
    for (id, reads) in steps {
        if reads == Some(Reads::DoctrinePendingSql) {
            text.push_str(&schema(paint, &schema_groups(state)));
        } else {
            text.push_str(&printed(paint, names, state, id));
        }
    }
    text
}

/// What a step printed, in the order in which hosts printed it first.
fn printed(paint: Paint, names: &Names, state: &RunState, step: &str) -> String {
    let is_upgrade = state.kind().is_upgrade();
    let mut groups: Vec<(Printed, Vec<&str>)> = Vec::new();
    for (name, host) in &state.hosts {
        let end = host.step(step).and_then(|step| step.end.as_ref());
        let Some(end) = end.filter(|end| end.outcome == StepOutcome::Succeeded) else { continue };
        let printed = words(end);
        // An upgrade is not run for its output: hosts without any are left out.
        if is_upgrade && printed.words == NOTHING {
            continue;
        }
        match groups.iter_mut().find(|(known, _)| *known == printed) {
            Some((_, hosts)) => hosts.push(name),
            None => groups.push((printed, vec![name])),
        }
    }
    let mut text = String::new();
    for (Printed { words, is_cut }, hosts) in groups {
        let folded = fold_names(hosts.iter().copied());
        let count = if hosts.len() > 1 { format!(" ({})", hosts.len()) } else { String::new() };
        let _ = writeln!(text, "{}{count}", paint.strong(&folded));
        for line in words.lines() {
            let _ = writeln!(text, "  {line}");
        }
        if let Some(host) = hosts.first().filter(|_| is_cut) {
            let of = if hosts.len() > 1 { format!(" of {host}") } else { String::new() };
            let _ = writeln!(text, "  full output{of}: {} logs {} {host} {step}", names.program, names.run);
        }
    }
    text
}

/// What is shown of a host's output.
#[derive(PartialEq, Eq)]
struct Printed {
    words: String,
    /// Whether there is more than that.
    is_cut: bool,
}

/// The last lines of both streams; a host's text is harmless here.
fn words(end: &StepEnd) -> Printed {
    let (mut words, mut is_cut) = (String::new(), false);
    for stream in [&end.stdout, &end.stderr] {
        let tail = stream.tail.to_string();
        let shown = u64::try_from(stream.tail.raw().len()).unwrap_or(u64::MAX);
        if shown < stream.bytes {
            let _ = writeln!(words, "… {} bytes before this are not shown", stream.bytes - shown);
            is_cut = true;
        }
        // Progress is shown while the step runs.
        let lines: Vec<&str> =
            tail.trim_end().lines().filter(|line| !line.starts_with("progress ")).collect();
        let tail = lines.join("\n");
        words.push_str(tail.trim_end());
        if !tail.trim_end().is_empty() {
            words.push('\n');
        }
    }
    if words.is_empty() {
        NOTHING.clone_into(&mut words);
    }
    Printed { words, is_cut }
}
