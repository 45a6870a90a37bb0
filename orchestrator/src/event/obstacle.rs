//! Why a request about runs is not carried out, as data.
//!
//! Owns what can stand against a request. Nothing here is prose: `report` words it, once, and the JSON forms carry the code
//! and the fields.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RunKind;
use crate::facts::HostKind;
use crate::text::RemoteText;

/// What a run did to the work of another one on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// It changed the host.
    Changed,
    /// It began to roll the host back.
    RollingBack,
    /// It rolled the host back.
    RolledBack,
    /// It may have done anything there: its journal cannot be read.
    Unreadable,
}

/// What a person asks for about a run that has been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FollowUpKind {
    /// To go on with it.
    Resume,
    /// To run its hosts again.
    Rerun {
        /// Whether only those that failed or were not started are meant, not all that did not end well.
        only_failed: bool,
    },
    /// To restore its hosts to their state before it.
    Rollback,
    /// To complete the steps that it left open.
    Settle {
        /// On this host.
        host: String,
    },
    /// To approve what it waits for.
    Approve,
    /// To record the outcome of a step.
    Resolve {
        /// On this host.
        host: String,
    },
}

/// A run that may be meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its id.
    pub run: String,
    /// What it is for.
    pub kind: RunKind,
    /// Its inventory.
    pub inventory: String,
    /// When it began.
    pub started: Option<Timestamp>,
    /// The hosts that it is about, by name.
    pub hosts: Vec<String>,
}

/// What stands against a request about runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Obstacle {
    /// No run is recorded that changes hosts.
    NoRun,
    /// No run of the inventory is recorded that changes hosts.
    NoRunOf {
        /// The inventory.
        inventory: String,
        /// The inventories of which there are runs.
        others: Vec<String>,
    },
    /// Several runs may be meant, or the last one cannot be: nothing is guessed.
    WhichRun {
        /// What is asked for.
        follow_up: FollowUpKind,
        /// The last run, if it is the one of which nothing can be done.
        last: Option<Box<Candidate>>,
        /// Those that may be meant.
        candidates: Vec<Candidate>,
    },
    /// A run that cannot be read may be the one that is meant.
    Unread {
        /// What is asked for.
        follow_up: FollowUpKind,
        /// That run.
        run: String,
    },
    /// The run was cut off before its first event.
    NotBegun {
        /// The run.
        run: String,
    },
    /// Another run has its hosts now.
    TakenOver {
        /// What is asked for.
        follow_up: FollowUpKind,
        /// The run.
        run: String,
        /// The other one.
        by: String,
        /// The hosts in question.
        hosts: Vec<String>,
    },
    /// The run has not ended on hosts that would be left behind.
    LeavesBehind {
        /// What is asked for.
        follow_up: FollowUpKind,
        /// The run.
        run: String,
        /// The hosts.
        hosts: Vec<String>,
    },
    /// A run of this kind is not run again from its journal.
    NotRerun {
        /// The run.
        run: String,
        /// What it is for.
        kind: RunKind,
        /// The run that it follows up.
        follows: Option<String>,
        /// The hosts.
        hosts: Vec<String>,
    },
    /// The run has not ended on the host; going on with it completes its open steps.
    NotEnded {
        /// The run.
        run: String,
        /// The host.
        host: String,
    },
    /// Every host that is meant has something that stands against it.
    NoHostLeft {
        /// What is asked for.
        follow_up: FollowUpKind,
        /// The run.
        run: String,
        /// The hosts, each with why.
        left_out: Vec<(String, LeftOut)>,
    },
    /// The run has ended: nothing of it waits for an approval.
    NothingAwaited {
        /// The run.
        run: String,
    },
    /// No host of the run is selected.
    NoneSelected {
        /// The run.
        run: String,
        /// The hosts that it has.
        known: Vec<String>,
    },
    /// The run has no such host.
    NoSuchHost {
        /// The run.
        run: String,
        /// The name.
        host: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// Another run was at work on the host since.
    WorkSince {
        /// The host.
        host: String,
        /// The other run.
        run: String,
        /// What it did.
        deed: Deed,
    },
}

/// Why a host is left out of a follow-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum LeftOut {
    /// The inventory does not name it, or names another machine or installation by its name.
    NotInInventory,
    /// Another run was at work there since.
    WorkSince {
        /// That run.
        run: String,
        /// What it did.
        deed: Deed,
    },
    /// Where it was before is not known, since an earlier run had broken off there.
    StartUnknown,
    /// The run's upgraded hosts that another run rolled back since: what they proved no longer counts.
    ProofGone {
        /// The run that rolled them back.
        by: String,
        /// They.
        hosts: Vec<String>,
    },
    /// It was not selected.
    NotSelected,
    /// It had not answered when the run was cut off, so it has no plan.
    NotPlanned,
    /// Its PHP or its database server is another one than when it was planned, and evidence is of the planned kind.
    OtherKind {
        /// The kind in the plan, if it is known.
        planned: Option<HostKind>,
        /// The kind now, if it is known.
        now: Option<HostKind>,
    },
    /// Its PHP and its database server could not be found out.
    KindUnknown {
        /// What failed.
        failure: RemoteText,
    },
}
