//! What runs proved about hosts: written into a file for other controllers, and into the journal of the run that
//! relied on it. The format is described in `docs/evidence.md`; fields are only ever added.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::HostOutcome;
use crate::facts::Composition;
use crate::schema::{Fingerprint, Narrowed, SchemaChanges};
use crate::text::RemoteText;

/// Where evidence is from, and so who demands it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceSource {
    /// The hosts of a wave of the same inventory; demanded by the waves that require it.
    Wave(String),
    /// A run of this controller, named by the user; demanded by every wave.
    Run(String),
    /// A file, named by the user; demanded by every wave.
    File(String),
}

impl EvidenceSource {
    /// Whether every wave of the run demands it.
    pub fn is_for_all(&self) -> bool {
        !matches!(self, Self::Wave(_))
    }

    /// Whether it is given in place of the other.
    pub fn replaces(&self, other: &Self) -> bool {
        self == other || (self.is_for_all() && other.is_for_all())
    }
}

impl fmt::Display for EvidenceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wave(name) => write!(f, "wave `{name}`"),
            Self::Run(id) => write!(f, "run {id}"),
            Self::File(path) => f.write_str(path),
        }
    }
}

/// What a run proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The run.
    pub run: String,
    /// Its inventory.
    pub inventory: String,
    /// Who started it.
    pub operator: String,
    /// The controller that it was started on.
    pub origin: String,
    /// The version of ixporch that started it.
    pub ixporch: String,
    /// The tag that it went to; `None`: the head of each host's branch.
    pub target: Option<String>,
    /// Its hosts, with those of its waves that it left out where another run is known to have upgraded them.
    pub hosts: Vec<HostEvidence>,
    /// Hosts of its waves that it left out, and of which nothing is known.
    #[serde(default)]
    pub missing: Vec<String>,
}

/// What a run proved about one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostEvidence {
    /// The host.
    pub host: String,
    /// Its wave.
    pub wave: String,
    /// The run that did this: an earlier one, where the run itself found nothing to do there.
    pub run: String,
    /// The procedure.
    pub procedure: String,
    /// Digest of the procedure's text.
    pub procedure_digest: String,
    /// How the host ended; `None`: it did not.
    pub outcome: Option<HostOutcome>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// When its run was heard of last.
    #[serde(default)]
    pub seen: Option<Timestamp>,
    /// Whether it was upgraded, and was well as long as it was watched.
    pub healthy: bool,
    /// How long it was watched after its upgrade, in seconds; `None`: its wave has no soak.
    pub soak_seconds: Option<u64>,
    /// What it was made of in the end.
    pub composition: Composition,
    /// The schema changes that its upgrade executed; `None`: what was pending was never seen.
    pub schema: Option<SchemaEvidence>,
}

/// The schema changes that an upgrade executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaEvidence {
    /// Their fingerprint.
    pub fingerprint: Fingerprint,
    /// The statements as the host printed them.
    pub statements: Vec<RemoteText>,
    /// The columns that they narrowed, with their types before.
    #[serde(default)]
    pub narrowed: Narrowed,
    /// The person who let them pass; `None`: a policy did, or there was nothing.
    pub approved_by: Option<String>,
}

impl HostEvidence {
    /// How late it is: when the host ended, or where it did not, when its run was heard of last.
    pub fn at(&self) -> Option<Timestamp> {
        self.ended.or(self.seen)
    }
}

impl SchemaEvidence {
    /// The statements, read anew: what a file says of its own fingerprint is not believed.
    pub fn changes(&self) -> SchemaChanges {
        SchemaChanges::against(self.statements.iter().map(RemoteText::raw), &self.narrowed)
    }
}
