//! What persons decided about a run: approvals, skipped checks, accepted risks; and what was known before it began.

use std::fmt::Write;

use super::{Paint, unmet};
use crate::event::{Approval, RunHeader};
use crate::plan::fold_names;
use crate::preflight::{Finding, Severity};
use crate::schema::FINGERPRINT_DIGITS;
use crate::state::RunState;
use crate::text::harmless_line;

/// All of it; empty if nothing was decided and nothing was found.
pub(super) fn decisions(paint: Paint, header: &RunHeader, state: &RunState) -> String {
    let mut text = approvals(paint, state);
    text.push_str(&checks(paint, header));
    text.push_str(&risks(paint, state));
    text
}

/// A section with a heading; empty if it has no lines.
fn section(heading: &str, lines: &[String]) -> String {
    if lines.is_empty() { String::new() } else { format!("\n  {heading}\n    {}\n", lines.join("\n    ")) }
}

/// Who approved what.
fn approvals(paint: Paint, state: &RunState) -> String {
    let of_wave = |(wave, approval): &(String, Approval)| format!("wave {wave} by {}", word_of(approval));
    let of_schema = |(digits, approval): &(String, Approval)| {
        let shown = digits.get(..FINGERPRINT_DIGITS).unwrap_or(digits);
        format!("schema changes {shown} by {}", word_of(approval))
    };
    let mut lines: Vec<String> = state.approved_waves.iter().map(of_wave).collect();
    lines.extend(state.approved_schemas.iter().map(of_schema));
    // What was approved elsewhere, and is relied on here.
    let mut elsewhere: Vec<(String, Vec<&str>)> = Vec::new();
    for (name, host) in &state.hosts {
        let Some((fingerprint, by)) = host.approved.as_ref().zip(host.approved_by.as_ref()) else { continue };
        if state.approved_schemas.iter().any(|(digits, _)| fingerprint.is_named_by(digits)) {
            continue;
        }
        let what = format!("schema changes {fingerprint} by {}", harmless_line(by));
        match elsewhere.iter_mut().find(|(known, _)| *known == what) {
            Some((_, hosts)) => hosts.push(name),
            None => elsewhere.push((what, vec![name])),
        }
    }
    lines.extend(elsewhere.into_iter().map(|(what, hosts)| format!("{what}, on {}", fold_names(hosts))));
    section(&paint.strong("approved:"), &lines)
}

/// The checks that the operator skipped, and the warnings.
fn checks(paint: Paint, header: &RunHeader) -> String {
    let mut groups: Vec<(&Finding, Vec<&str>)> = Vec::new();
    for (_, host) in header.plan.hosts() {
        let is_told = |finding: &&Finding| finding.skipped.is_some() || finding.severity == Severity::Warning;
        for finding in host.findings.iter().filter(is_told) {
            match groups.iter_mut().find(|(known, _)| *known == finding) {
                Some((_, hosts)) => hosts.push(&host.host),
                None => groups.push((finding, vec![&host.host])),
            }
        }
    }
    groups.sort_by_key(|(finding, _)| (finding.severity, finding.id.clone()));
    let (mut skipped, mut warnings) = (Vec::new(), Vec::new());
    for (finding, hosts) in groups {
        let line = format!("{} on {}: {}", finding.id, fold_names(hosts), harmless_line(&finding.what));
        match &finding.skipped {
            Some(reason) => {
                skipped.push(line);
                skipped.push(format!("  skipped by {}: {}", header.operator, harmless_line(reason)));
            }
            None => warnings.push(line),
        }
    }
    let heading = |words: &str| paint.warn(words);
    section(&heading("skipped checks:"), &skipped)
        + &section(&heading("warnings of the preflight:"), &warnings)
}

/// The risks that persons accepted, and what for.
fn risks(paint: Paint, state: &RunState) -> String {
    let mut text = String::new();
    for taken in &state.risks_taken {
        let heading = format!("risk accepted for {} by {}:", taken.of(), word_of(&taken.approval));
        let _ = writeln!(text, "\n  {}", paint.warn(&heading));
        for line in unmet::lines(&taken.unmet) {
            let _ = writeln!(text, "    {line}");
        }
    }
    let is_unused = |risk: &&Approval| !state.risks_taken.iter().any(|taken| taken.approval == **risk);
    for risk in state.risks.iter().filter(is_unused) {
        let line = format!("risk accepted by {}; it was not needed", word_of(risk));
        let _ = writeln!(text, "\n  {}", paint.warn(&line));
    }
    text
}

fn word_of(approval: &Approval) -> String {
    let reason = if approval.reason.is_empty() { String::new() } else { format!(": {}", approval.reason) };
    harmless_line(&format!("{} on {}{reason}", approval.by, approval.origin))
}
