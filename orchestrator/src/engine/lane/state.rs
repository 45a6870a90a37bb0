//! What a lane has found out and done so far. It must not know how steps are run.

use crate::engine::review_queue::Ticket;
use crate::event::{Reason, StepEnd};
use crate::plan::PlannedStep;
use crate::procedure::Reads;
use crate::schema::{Fingerprint, Narrowed};

/// What a lane has found out and done so far.
#[derive(Default)]
pub(in crate::engine) struct LaneState {
    /// The pending statements, once a step has read them.
    pub(in crate::engine) pending: Option<Vec<String>>,
    /// The columns that they narrow, once a step has read them.
    pub(super) narrowed: Option<Narrowed>,
    /// The fingerprint of the approved ones.
    pub(in crate::engine) approved: Option<Fingerprint>,
    /// The installed version, according to the host.
    pub(in crate::engine) version: Option<String>,
    /// Its place in the review queue; dropped as soon as no question is ahead any more.
    pub(in crate::engine) ticket: Option<Ticket>,
    /// The step that failed.
    pub(in crate::engine) failed: Option<String>,
    /// Why the host goes back to its start.
    pub(in crate::engine) turns_back: Option<Reason>,
    /// Whether a step may have begun that cannot be undone.
    pub(in crate::engine) changed_the_schema: bool,
    /// Whether its site was closed, and opened again.
    pub(in crate::engine) was_opened: bool,
    /// Whether a step was started.
    pub(in crate::engine) touched: bool,
}

impl LaneState {
    /// The columns that the pending statements narrow.
    pub(in crate::engine) fn narrowed(&self) -> Narrowed {
        self.narrowed.clone().unwrap_or_default()
    }

    /// Remembers the results that later steps need.
    pub(super) fn learn(&mut self, step: &PlannedStep, end: Option<&StepEnd>) {
        if step.reads == Some(Reads::DoctrinePendingSql)
            && let Some(statements) = end.and_then(|end| end.pending_statements.as_ref())
        {
            let statements: Vec<String> =
                statements.iter().map(|statement| statement.raw().to_owned()).collect();
            // The columns were read for other statements.
            if self.narrowed.is_some() && self.pending.as_ref() != Some(&statements) {
                self.narrowed = Some(Narrowed::unknown());
            }
            self.pending = Some(statements);
        }
        if let Some(version) = end.and_then(|end| end.version.as_ref()) {
            self.version = Some(version.to_string());
        }
        if let Some(narrowed) = end.and_then(|end| end.narrowed.as_ref()) {
            self.narrowed = Some(narrowed.clone());
        }
    }
}
