//! Reports: text and JSON out of plans, facts and a run's state.
//!
//! Owns how things look. It is pure: everything is a function of data and gives a string, so every
//! report can be tested from a journal alone.

mod attention;
mod decisions;
mod document;
mod findings;
mod host;
mod leftovers;
mod lines;
mod next;
mod note;
mod obstacle;
mod open_steps;
mod output;
mod paint;
mod plan;
mod reached;
mod reason;
mod schema;
mod status;
mod step_reason;
mod sudoers;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod unmet;
mod versions;

pub use document::{document, host_document};
pub use findings::findings;
pub use host::host as host_report;
pub use leftovers::{HostWords, KnownRun, ledgers, lock};
pub use lines::line;
pub use obstacle::{Words, left_out, obstacle};
pub use paint::Paint;
pub use plan::{command_line, plan};
pub use reached::{PassedPhase, Reached, Users, reached};
pub use schema::{schema, schema_document, schema_group, schema_groups, schema_line};
pub use status::status;
pub use sudoers::sudoers;
pub use summary::summary;
pub use table::{bytes, duration, table};

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::history::{HostSince, Since};
use crate::state::HostState;

/// What reports call runs, so that they can say what to type next.
#[derive(Debug, Clone)]
pub struct Names {
    /// The program with the options that a person must repeat, as a person would type it.
    pub program: String,
    /// The run as a person would type it.
    pub run: String,
    /// Whether its controller is at work on it now.
    pub going_on: bool,
    /// When the report is made.
    pub now: Timestamp,
    /// What other runs did on its hosts since, by host.
    pub since: BTreeMap<String, HostSince>,
}

impl Names {
    /// What another run changed on a host since. Nothing is typed about such a host for this run.
    fn work_since(&self, host: &str) -> Option<&Since> {
        self.since.get(host)?.work.as_ref()
    }

    /// Whether a host that did not end well is as the run left it: nothing was changed there since, and it was not settled.
    fn is_as_left(&self, host: &str, known: &HostState) -> bool {
        let is_settled =
            !known.debts.is_empty() && known.debts.iter().all(|debt| self.is_completed(host, &debt.step));
        self.work_since(host).is_none() && !is_settled
    }

    /// Whether another run completed an open step of a host since.
    fn is_completed(&self, host: &str, step: &str) -> bool {
        self.since.get(host).is_some_and(|since| since.completed.contains(step))
    }

    /// The line about a run that has no end.
    fn not_ended(&self) -> &'static str {
        if self.going_on {
            "this run is still going on: its controller is at work"
        } else {
            "this run was cut off: its controller ended without reporting a result; steps may still be running on the hosts"
        }
    }
}
