//! Follow-ups: what may be done about a run that has been.
//!
//! Owns the decisions of `resume`, `resume --rerun`, `rollback` and `settle`, and which run they mean if none is named. Pure:
//! a history, a run and a request give what is to be run, or an obstacle. It must not know files, terminals or hosts.

pub mod choose;
pub mod rerun;
pub mod resume;
pub mod rollback;
pub mod settle;

#[cfg(test)]
mod tests;

use crate::event::{Candidate, LeftOut};
use crate::history::{HostRecord, RunRecord, Since};

/// A run as one that may be meant, with those of its hosts that are meant.
pub(crate) fn candidate(run: &RunRecord, is_meant: impl Fn(&HostRecord) -> bool) -> Candidate {
    Candidate {
        run: run.run.clone(),
        kind: run.kind,
        inventory: run.inventory.clone(),
        started: run.started,
        hosts: run.hosts.iter().filter(|host| is_meant(host)).map(|host| host.id.name.clone()).collect(),
    }
}

impl From<Since> for LeftOut {
    fn from(since: Since) -> Self {
        Self::WorkSince { run: since.run, deed: since.deed }
    }
}
