//! What is remembered of one run: a few KiB that stand beside its journal, so that no command reads all journals.
//!
//! Owns the form of `summary.json` (`docs/journal.md`) and how it follows from a run's state. It is a cache: the journal is
//! what counts, and a summary that does not fit its journal is made again.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{HostOutcome, RunKind};
use crate::plan::{HostId, HostPlan, LeftBehind};
use crate::state::{RunState, Undo};

/// The version of the summary's form; one of another version is made again from its journal.
pub const SUMMARY_FORMAT: u32 = 3;

/// What is remembered of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The version of this form.
    pub format: u32,
    /// How many bytes of whole lines the journal had, of which this is made.
    pub journal_bytes: u64,
    /// The run's id.
    pub run: String,
    /// What it is for.
    pub kind: RunKind,
    /// The run that it follows up.
    pub follows: Option<String>,
    /// Its place among all sessions of the controller; 0 in journals of format 1.
    pub order: u64,
    /// The place of its last session.
    pub last_order: u64,
    /// Its inventory, as a path.
    pub inventory: String,
    /// The name of its procedure.
    pub procedure: String,
    /// The tag that it goes to.
    pub target: Option<String>,
    /// Who started it.
    pub operator: String,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When its last event was written.
    pub last: Option<Timestamp>,
    /// The exit code that it ended with.
    pub exit_code: Option<u8>,
    /// Whether it was interrupted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub interrupted: bool,
    /// Whether hosts were to be watched longer than they were.
    #[serde(default, skip_serializing_if = "is_false")]
    pub soak_unfinished: bool,
    /// The run that took hosts of it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_over_by: Option<String>,
    /// Whether its controller is at work on it now. Never written: it is asked each time.
    #[serde(skip)]
    pub going_on: bool,
    /// Its hosts.
    pub hosts: Vec<HostRecord>,
}

/// What is remembered of a host of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that later runs ask for")]
pub struct HostRecord {
    /// Which host it is.
    pub id: HostId,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<HostOutcome>,
    /// When something was done there last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Timestamp>,
    /// The place of that among all sessions and locks of the controller.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub heard_in: u64,
    /// Whether that place is of its lock; in journals of earlier versions it is of the session.
    #[serde(default, skip_serializing_if = "is_false")]
    pub by_lock: bool,
    /// Whether the run did anything there: only then does it tell what was left behind.
    #[serde(default, skip_serializing_if = "is_false")]
    pub touched: bool,
    /// Whether a change was begun there, undone or not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub changed: bool,
    /// Whether something was changed from the closing of the site on, and is not undone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub begun: bool,
    /// Whether all that was changed completes open steps of other runs.
    #[serde(default, skip_serializing_if = "is_false")]
    pub only_completes: bool,
    /// Whether the run can still bring the host to an end.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unfinished: bool,
    /// Whether the run holds the host's lock.
    #[serde(default, skip_serializing_if = "is_false")]
    pub locked: bool,
    /// Whether a rollback could bring it back.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub undo: Undo,
    /// Whether this run, a rollback, brought it back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub back: bool,
    /// The open steps of other runs that it completed there.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub completed: BTreeSet<String>,
    /// The steps that are still open there, in the order in which they are to be completed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owed: Vec<OpenStep>,
    /// What the next plan has to know.
    #[serde(default, skip_serializing_if = "leaves_nothing")]
    pub leaves: LeftBehind,
}

/// A step that a run left open on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenStep {
    /// Its id.
    pub step: String,
    /// Whether this run made it necessary; if not, an earlier one did.
    #[serde(default, skip_serializing_if = "is_false")]
    pub own: bool,
    /// Whether it opens the site.
    #[serde(default, skip_serializing_if = "is_false")]
    pub opens: bool,
}

impl RunRecord {
    /// What is remembered of a run whose journal has `journal_bytes` of whole lines; `None`: it has no header.
    pub fn of(state: &RunState, journal_bytes: u64) -> Option<Self> {
        let header = state.header.as_ref()?;
        Some(Self {
            format: SUMMARY_FORMAT,
            journal_bytes,
            run: header.run.clone(),
            kind: header.kind,
            follows: header.follows.clone(),
            order: header.order,
            last_order: state.order,
            inventory: header.inventory.clone(),
            procedure: header.plan.procedure.clone(),
            target: header.plan.target.clone(),
            operator: header.operator.clone(),
            started: state.started,
            last: state.last,
            exit_code: state.exit_code,
            interrupted: state.interrupted,
            soak_unfinished: state.has_unfinished_soak(),
            taken_over_by: state.taken_over_by.clone(),
            going_on: false,
            hosts: header.plan.hosts().map(|(_, plan)| HostRecord::of(state, plan)).collect(),
        })
    }

    /// Its record of a host.
    pub fn host(&self, id: &HostId) -> Option<&HostRecord> {
        self.hosts.iter().find(|host| host.id == *id)
    }

    /// Whether `resume` has anything to do on it.
    pub fn is_unfinished(&self) -> bool {
        let hosts = self.hosts.iter().any(|host| host.unfinished || host.locked);
        self.kind.changes()
            && self.taken_over_by.is_none()
            && (hosts || self.soak_unfinished || self.exit_code.is_none())
    }
}

impl HostRecord {
    fn of(state: &RunState, plan: &HostPlan) -> Self {
        let id = plan.id();
        let Some(host) = state.hosts.get(&plan.host) else { return Self { id, ..Self::default() } };
        let name = plan.host.as_str();
        let owed = host.debts_in_order(Some(plan)).into_iter().map(|debt| OpenStep {
            step: debt.step.clone(),
            own: debt.since.is_some(),
            opens: plan.opening.as_ref() == Some(&debt.step) || plan.closed.as_ref() == Some(&debt.step),
        });
        Self {
            id,
            outcome: host.outcome,
            heard: host.heard,
            heard_in: host.heard_in,
            by_lock: host.locked_in != 0,
            touched: host.was_touched(),
            changed: host.has_changed(plan),
            begun: host.was_begun(plan),
            only_completes: state.only_completes(name),
            unfinished: host.is_unfinished(plan),
            locked: host.locked,
            undo: state.undo_of(name),
            back: state.is_back(name),
            completed: state.completed(name),
            owed: owed.collect(),
            leaves: host.leaves(
                &state.header.as_ref().map(|header| header.run.clone()).unwrap_or_default(),
                state.kind(),
                plan,
            ),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_nothing(undo: &Undo) -> bool {
    *undo == Undo::Nothing
}

fn leaves_nothing(left: &LeftBehind) -> bool {
    *left == LeftBehind::default()
}
