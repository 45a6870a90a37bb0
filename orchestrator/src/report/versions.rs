//! What a run did to the release of a host: from what to what, its backup, and its slowest step.

use crate::event::{HostOutcome, RunKind, StepOutcome};
use crate::plan::HostPlan;
use crate::state::{HostState, RunState, StepState};
use crate::text::harmless_line;

/// The step that makes the backup.
const BACKUP: &str = "backup";

/// How many digits of a commit are shown.
const COMMIT_DIGITS: usize = 12;

/// The release and the commit of a host before and after a run, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Versions {
    pub(super) release_before: Option<String>,
    pub(super) release_after: Option<String>,
    pub(super) commit_before: Option<String>,
    pub(super) commit_after: Option<String>,
}

/// The release and the commit of a host before and after the run.
pub(super) fn versions(state: &RunState, plan: &HostPlan, host: &HostState) -> Versions {
    let mut ends = host.steps.iter().rev().filter(|step| !step.undone).filter_map(|step| step.end.as_ref());
    let read = ends.clone().find_map(|end| end.version.as_ref());
    let read = read.map(|version| release_name(&version.to_string()));
    let found = ends.find_map(|end| end.composition.as_ref()?.commit.clone());
    if state.kind() == RunKind::Rollback {
        // The plan still says where the run began that is rolled back.
        let is_back = state.is_back(&plan.host);
        let began = plan.composition.as_ref().and_then(|composition| composition.commit.clone());
        return Versions {
            release_before: None,
            release_after: plan.release.clone().filter(|_| is_back).or(read),
            commit_before: plan.commit.clone(),
            commit_after: found.or(began.filter(|_| is_back)),
        };
    }
    let is_upgraded = host.outcome == Some(HostOutcome::Upgraded);
    let is_at_start = !host.was_begun(plan) || host.outcome == Some(HostOutcome::RolledBack);
    let target = state.header.as_ref().and_then(|header| header.plan.target.clone());
    let (release_after, commit_after) = match state.kind() {
        // Some tags contain the version of an older one: the target is what was checked out.
        RunKind::Upgrade if is_upgraded => (target.or(read), found.or_else(|| plan.upstream.clone())),
        _ if is_at_start => (plan.release.clone(), plan.commit.clone()),
        _ => (read, found),
    };
    Versions {
        release_before: plan.release.clone(),
        release_after,
        commit_before: plan.commit.clone(),
        commit_after,
    }
}

/// A version as tags call it.
fn release_name(version: &str) -> String {
    let version = harmless_line(version.trim());
    if version.starts_with(|c: char| c.is_ascii_digit()) { format!("v{version}") } else { version }
}

/// The first digits of a commit.
fn short(commit: &str) -> String {
    harmless_line(&commit.chars().take(COMMIT_DIGITS).collect::<String>())
}

impl Versions {
    /// From what to what, in a few words: the release, or the commit if that tells more; empty if nothing is known.
    pub(super) fn brief(&self) -> String {
        let releases = arrow(self.release_before.as_deref(), self.release_after.as_deref());
        let commits = self.commits();
        let is_moved = self.release_after.is_some() && self.release_before != self.release_after;
        match (releases, commits) {
            (Some(releases), _) if is_moved => releases,
            (Some(releases), Some(commits)) if self.commit_before != self.commit_after => {
                format!("{releases}, {commits}")
            }
            (Some(releases), _) => releases,
            (None, commits) => commits.unwrap_or_default(),
        }
    }

    /// From which commit to which.
    pub(super) fn commits(&self) -> Option<String> {
        let (before, after) =
            (self.commit_before.as_deref().map(short), self.commit_after.as_deref().map(short));
        arrow(before.as_deref(), after.as_deref())
    }

    /// From which release to which.
    pub(super) fn releases(&self) -> Option<String> {
        arrow(self.release_before.as_deref(), self.release_after.as_deref())
    }
}

fn arrow(before: Option<&str>, after: Option<&str>) -> Option<String> {
    match (before, after) {
        (Some(before), Some(after)) if before == after => Some(before.to_owned()),
        (Some(before), Some(after)) => Some(format!("{before} → {after}")),
        (Some(before), None) => Some(format!("{before} before the run")),
        (None, Some(after)) => Some(format!("→ {after}")),
        (None, None) => None,
    }
}

/// The run by whose id the backup of a host is called: this one, or for a rollback the one that it restores.
pub(super) fn backup(state: &RunState, host: &HostState) -> Option<String> {
    let header = state.header.as_ref()?;
    if let Some(of) = header.rolls_back() {
        return Some(of.to_owned());
    }
    let end = host.step(BACKUP)?.end.as_ref()?;
    (end.outcome == StepOutcome::Succeeded).then(|| header.run.clone())
}

/// The step that took longest.
pub(super) fn slowest(host: &HostState) -> Option<(&StepState, u64)> {
    let timed = host.steps.iter().filter_map(|step| Some((step, step.end.as_ref()?.milliseconds)));
    timed.filter(|(_, milliseconds)| *milliseconds > 0).max_by_key(|(_, milliseconds)| *milliseconds)
}
