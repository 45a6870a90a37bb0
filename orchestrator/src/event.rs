//! Events: what happened in a run, one fact each. They are the engine's only output.
//!
//! Owns the journal's line format (version 2, `docs/journal.md`). Old journals stay readable: what they looked like is known to
//! `line` alone.

mod evidence;
mod kind;
mod line;
mod obstacle;
mod outcome;
mod own_words;
mod reason;
#[cfg(test)]
pub(crate) mod sample;
mod step_end;
mod step_reason;
mod unmet;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use evidence::{Evidence, EvidenceSource, HostEvidence, SchemaEvidence};
pub use kind::RunKind;
pub use line::{Line, LineError};
pub use obstacle::{Candidate, Deed, FollowUpKind, LeftOut, Obstacle};
pub use outcome::{HostOutcome, StepOutcome};
pub use reason::{Blocker, Reason};
pub use step_end::{Captured, StepEnd, Stream};
pub use step_reason::StepReason;
pub use unmet::{NoEvidence, Unmet};

use crate::facts::HostLock;
use crate::plan::{BackupChoice, Plan};
use crate::schema::Fingerprint;
use crate::text::RemoteText;
use crate::told;

/// The version of the journal's format.
pub const FORMAT: u32 = 2;

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Its number within the run, from 1, without gaps.
    pub sequence: u64,
    /// When it was written, by the controller's clock.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: RunEvent,
}

/// One fact about a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum RunEvent {
    /// The run began. Always the first line.
    RunStarted(Arc<RunHeader>),
    /// A host answered that had not when the run began: this is its plan. Until then nothing was done on it.
    HostPlanned {
        /// The host.
        host: String,
        /// The run's plan with this host alone.
        plan: Box<Plan>,
    },
    /// A wave began.
    WaveStarted {
        /// Its name.
        wave: String,
    },
    /// A wave, and every one after it, was not begun.
    WaveHeld {
        /// Its name.
        wave: String,
        /// Why.
        #[serde(default, alias = "why", deserialize_with = "reason::one")]
        reason: Option<Reason>,
        /// Whether a person could let it start: a gate, as opposed to too many failures.
        at_gate: bool,
        /// What of the evidence that it demands is missing or does not match, host by host.
        #[serde(default, deserialize_with = "told::several")]
        unmet: Vec<Unmet>,
    },
    /// A wave ended.
    WaveFinished {
        /// Its name.
        wave: String,
    },
    /// A run that had no end was taken up again. Hosts that had not ended for good are worked on again.
    RunResumed {
        /// Who took it up.
        operator: String,
        /// The version of ixporch that did.
        ixporch: String,
        /// The place of this session among all sessions of the controller; see [`RunHeader::order`].
        #[serde(default)]
        order: u64,
    },
    /// Another run took over the hosts that this one left. It is not taken up again.
    RunTakenOver {
        /// That run.
        by: String,
    },
    /// A host's lane connected.
    HostConnected {
        /// Its name.
        host: String,
        /// What keeps its steps alive when the connection ends: a systemd unit or setsid.
        #[serde(default)]
        keeper: String,
    },
    /// The host's lock is this run's.
    HostLocked {
        /// The host.
        host: String,
        /// The place of what the run does there under this lock, among all sessions and locks of the controller; 0 in
        /// earlier journals.
        #[serde(default)]
        order: u64,
    },
    /// Another run has the host's lock: nothing is started there.
    HostRefused {
        /// The host.
        host: String,
        /// Who has it.
        lock: HostLock,
    },
    /// The run's ledger and lock are gone from the host.
    HostReleased {
        /// The host.
        host: String,
    },
    /// The connection to a host was lost; what runs there goes on.
    LinkLost {
        /// The host.
        host: String,
        /// The step that was being followed.
        step: Option<String>,
        /// What was noticed.
        why: RemoteText,
    },
    /// The connection to a host was made again.
    LinkRestored {
        /// The host.
        host: String,
    },
    /// A step is about to start. For a change this is on disk before the host hears of it.
    StepStarted {
        /// The host.
        host: String,
        /// The step's id.
        step: String,
        /// The host's boot in which this was decided.
        #[serde(default)]
        boot: Option<String>,
    },
    /// A step says how far it is.
    StepProgressed {
        /// The host.
        host: String,
        /// The step's id.
        step: String,
        /// How much is done, in bytes where it is about files.
        done: u64,
        /// About how much there is; 0: not known.
        total: u64,
        /// Of what.
        what: RemoteText,
    },
    /// A step that was started before, by this run, is looked for on the host.
    StepAdopted {
        /// The host.
        host: String,
        /// The step's id.
        step: String,
    },
    /// A person said how a step whose end nobody saw had ended.
    StepResolved {
        /// The host.
        host: String,
        /// The step's id.
        step: String,
        /// Whether it is done; where not, it may be tried again.
        done: bool,
        /// Why they say so.
        reason: String,
        /// Who said so.
        by: String,
    },
    /// A step ended, or will not be run.
    StepFinished {
        /// The host.
        host: String,
        /// The step's id.
        step: String,
        /// How it ended.
        end: Box<StepEnd>,
    },
    /// A host waits for its schema review.
    ReviewAwaited {
        /// The host.
        host: String,
        /// The step that waits for it.
        step: String,
        /// What is pending there.
        fingerprint: Fingerprint,
        /// When it does not wait any more.
        until: Timestamp,
        /// Whether its site is in maintenance meanwhile.
        closed: bool,
    },
    /// A schema review was answered.
    ReviewAnswered {
        /// The host.
        host: String,
        /// The step that waited for it.
        step: String,
        /// Whether the pending statements may be executed.
        approved: bool,
        /// Who answered: a person's login, or the policy.
        by: String,
        /// What the answer is for.
        #[serde(default)]
        fingerprint: Option<Fingerprint>,
        /// Whether a person approved it, here or where the evidence is from, and no policy did.
        #[serde(default)]
        by_person: bool,
    },
    /// The run relies on what other runs proved.
    EvidenceGiven {
        /// Where it is from.
        source: EvidenceSource,
        /// Who signed it; `None`: nobody, or it is this controller's own.
        signer: Option<String>,
        /// How old it may be, in seconds.
        max_age_seconds: u64,
        /// What was proved.
        evidence: Box<Evidence>,
    },
    /// A person takes it upon themselves that evidence is missing or does not match.
    RiskAccepted {
        /// Who does, and why.
        approval: Approval,
    },
    /// A wave starts, or a host's schema changes are let to their review, although the evidence does not match.
    RiskTaken {
        /// The wave.
        wave: String,
        /// The host; `None`: all of the wave.
        host: Option<String>,
        /// What does not match.
        #[serde(deserialize_with = "told::several")]
        unmet: Vec<Unmet>,
        /// Who took that upon themselves.
        approval: Approval,
    },
    /// What is pending on a host is not what the evidence is of: it is not let pass.
    ReviewUnproven {
        /// The host.
        host: String,
        /// The step that waits for its review.
        step: String,
        /// What is pending there.
        fingerprint: Fingerprint,
    },
    /// A person let schema changes pass, on whichever host of the run they are pending.
    SchemaApproved {
        /// All digits of their fingerprint, or as many as the person gave.
        fingerprint: String,
        /// Who did.
        approval: Approval,
    },
    /// A person let a wave start.
    WaveApproved {
        /// Its name.
        wave: String,
        /// Who did.
        approval: Approval,
    },
    /// A wave's upgraded hosts are watched before anything follows it.
    SoakStarted {
        /// Its name.
        wave: String,
        /// Until when.
        until: Timestamp,
        /// Those of them that are watched.
        #[serde(default)]
        hosts: Vec<String>,
    },
    /// A host was not well while it was watched: it counts as failed.
    HostUnwell {
        /// The host.
        host: String,
        /// What was found.
        #[serde(default, alias = "why", deserialize_with = "reason::several")]
        reasons: Vec<Reason>,
    },
    /// The time is over in which a wave's hosts were watched.
    SoakFinished {
        /// Its name.
        wave: String,
    },
    /// What was done on a host is taken back, since it cannot go on.
    GoingBack {
        /// The host.
        host: String,
        /// Why it cannot.
        #[serde(default, alias = "why", deserialize_with = "reason::several")]
        reasons: Vec<Reason>,
        /// Whether a step failed; where not, it was not let pass, and may go on later.
        #[serde(default)]
        rolls_back: bool,
    },
    /// A host is back at its start: its steps are as if they had not been done.
    WentBack {
        /// The host.
        host: String,
    },
    /// A host's lane ended.
    HostFinished {
        /// The host.
        host: String,
        /// How it ended.
        outcome: HostOutcome,
        /// Why, the main reason first; empty where the outcome says it all.
        #[serde(default, alias = "why", deserialize_with = "reason::several")]
        reasons: Vec<Reason>,
    },
    /// The operator asked the run to stop.
    Interrupted,
    /// The run ended. Always the last line of a run that was not cut off.
    RunFinished {
        /// The exit code of the program.
        exit_code: u8,
    },
    /// An event that this version does not know. Never folded: [`Line::read`] tells whether it may be skipped.
    #[serde(other)]
    Unknown,
}

impl RunEvent {
    /// The host on which a step began, ended, or was taken back, where it tells of that: everything else changes nothing of
    /// what a run did there.
    pub fn host_of_step(&self) -> Option<&str> {
        match self {
            Self::StepStarted { host, .. }
            | Self::StepResolved { host, .. }
            | Self::StepFinished { host, .. }
            | Self::HostUnwell { host, .. }
            | Self::WentBack { host } => Some(host),
            _ => None,
        }
    }
}

/// A person's word that something may go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// On which machine they said so.
    pub origin: String,
    /// Why; empty where they gave no reason.
    #[serde(default)]
    pub reason: String,
}

/// What a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHeader {
    /// The version of the journal's format.
    pub format: u32,
    /// The run's id, a UUIDv7.
    pub run: String,
    /// What it is for.
    pub kind: RunKind,
    /// The run that it follows up: the one that it reruns, rolls back, or settles.
    #[serde(default)]
    pub follows: Option<String>,
    /// Its place among all sessions of the controller, from 1: later ones have greater numbers, whatever the clock said; 0 in
    /// journals of format 1.
    #[serde(default)]
    pub order: u64,
    /// The version of ixporch that wrote it.
    pub ixporch: String,
    /// Who started it.
    pub operator: String,
    /// The inventory file.
    pub inventory: String,
    /// The procedure as it was named: a built-in one, or a file.
    pub procedure: String,
    /// Digest of the plan.
    pub plan_digest: String,
    /// The controller that it was started on.
    #[serde(default)]
    pub origin: String,
    /// Whether the ledgers are left on the hosts.
    #[serde(default)]
    pub keep_ledger: bool,
    /// Whether memcached was to be restarted first, by a procedure that leaves that to the user.
    #[serde(default)]
    pub restart_memcached: bool,
    /// Which backup was meant, and what for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub backup: BackupChoice,
    /// The plan itself, so that a report needs nothing but the journal.
    pub plan: Plan,
}

fn is_default(backup: &BackupChoice) -> bool {
    *backup == BackupChoice::default()
}

impl RunHeader {
    /// The run whose hosts and locks this one takes over. A settlement takes none over: they were given back.
    pub fn takes_over(&self) -> Option<&str> {
        self.follows.as_deref().filter(|_| self.kind != RunKind::Settle)
    }

    /// The run that this one rolls back, if it does.
    pub fn rolls_back(&self) -> Option<&str> {
        self.follows.as_deref().filter(|_| self.kind == RunKind::Rollback)
    }

    /// The run whose open steps this one completes, if it does.
    pub fn settles(&self) -> Option<&str> {
        self.follows.as_deref().filter(|_| self.kind == RunKind::Settle)
    }
}
