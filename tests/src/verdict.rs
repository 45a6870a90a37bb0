//! What must hold of a host after a disturbed run: it ended as an undisturbed one, and every change ran once.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::embedded::EmbeddedHost;

/// The steps of the v4 procedure that an upgrade to the branch's head runs, in order.
pub const STEPS: [&str; 29] = [
    "tree-check",
    "fetch",
    "target-check",
    "release-check",
    "maintenance-on",
    "closed-check",
    "quiet",
    "backup-folder",
    "owners-record",
    "backup",
    "proxies-restore",
    "code-pull",
    "ownership",
    "composer",
    "frontend",
    "memcached-before-schema",
    "schema-review",
    "schema-columns",
    "schema-recheck",
    "schema-update",
    "memcached-after-schema",
    "schema-verify",
    "views",
    "caches",
    "health-application",
    "opening-mark",
    "maintenance-off",
    "error-log",
    "composition",
];

/// Those of them that fault matrices disturb, each on a host of its own. `schema-recheck` and `schema-verify` ask what
/// `schema-review` asks, and have a smaller test, `schema-columns` asks beside it; after `composition`, which only looks, nothing
/// follows. `backup-folder`, `owners-record`, `ownership`, `views`, `caches` and `opening-mark` are as other changes are.
pub const DISTURBED: [&str; 15] = [
    "tree-check",
    "fetch",
    "target-check",
    "maintenance-on",
    "closed-check",
    "backup",
    "proxies-restore",
    "code-pull",
    "composer",
    "frontend",
    "memcached-before-schema",
    "schema-review",
    "schema-update",
    "memcached-after-schema",
    "maintenance-off",
];

/// Those of them that only look, and may look again.
pub const CHECKS: [&str; 12] = [
    "tree-check",
    "target-check",
    "release-check",
    "closed-check",
    "quiet",
    "schema-review",
    "schema-columns",
    "schema-recheck",
    "schema-verify",
    "health-application",
    "error-log",
    "composition",
];

/// Whether a host ended as an undisturbed one by its report and by its own state. `more` says of steps how many times
/// more a person let them run.
///
/// # Errors
/// What is wrong, for people.
pub fn undisturbed(
    host: &EmbeddedHost,
    report: &Value,
    more: &BTreeMap<String, usize>,
) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{}: {what}: {report:#}", host.name));
    if report["outcome"] != "upgraded" {
        return wrong("it is not upgraded");
    }
    if report["debts"] != serde_json::json!([]) {
        return wrong("something is still owed");
    }
    let wanted: Vec<(String, String)> =
        STEPS.iter().map(|step| ((*step).to_owned(), "succeeded".to_owned())).collect();
    if outcomes(report) != wanted {
        return wrong("the report differs from an undisturbed one's");
    }
    if host.describe() != "v4.5.0" || host.in_maintenance() {
        return wrong("it is not at the release, or still closed");
    }
    if !host.leftovers().is_empty() {
        return wrong("something of the run is left on it");
    }
    counted(&host.bodies(), more).map_err(|what| format!("{}: {what}", host.name))
}

/// Whether every body ran, and those of changes once.
///
/// # Errors
/// Which did not, or too often.
pub fn counted(bodies: &[String], more: &BTreeMap<String, usize>) -> Result<(), String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for body in bodies {
        *counts.entry(body).or_default() += 1;
    }
    for step in STEPS {
        let ran = counts.get(step).copied().unwrap_or(0);
        let allowed = 1 + more.get(step).copied().unwrap_or(0);
        if ran == 0 {
            return Err(format!("{step} was lost"));
        }
        if ran > allowed && !CHECKS.contains(&step) {
            return Err(format!("{step} ran {ran} times, {allowed} may"));
        }
    }
    Ok(())
}

/// What a report says of a host's steps, without times. A step that a person judged to be done counts as done; one that
/// there was nothing to do for is left out.
fn outcomes(host: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    let outcome = |step: &Value| {
        if step["resolution"]["done"] == true { "succeeded".to_owned() } else { text(&step["outcome"]) }
    };
    let steps = host["steps"].as_array().into_iter().flatten();
    steps
        .map(|step| (text(&step["step"]), outcome(step)))
        .filter(|(_, outcome)| outcome != "skipped")
        .collect()
}
