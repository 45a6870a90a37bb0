//! Why a step ended as it did, as data.
//!
//! Owns the reasons of a step's end. Nothing here is prose: `report` words a reason, once. Earlier journals have the text
//! `why` instead of a reason; it is read as [`StepReason::Told`].

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::facts::SiteTrouble;
use crate::plan::PlannedProof;
use crate::text::RemoteText;

/// Why a step ended as it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum StepReason {
    /// The command ended with an exit code that is no success.
    ExitCode {
        /// The exit code.
        exit: i32,
    },
    /// The host ended the command at its timeout.
    TimedOut {
        /// The timeout.
        seconds: u64,
    },
    /// An earlier try of the step is still running on the host.
    EarlierTryRuns,
    /// The host was rebooted after the start of the step was recorded, and its ledger knows nothing of the step.
    HostRebooted,
    /// The process disappeared without reporting a result.
    ProcessGone {
        /// Whether the proof of the step holds; `None`: it has none, or nobody could look.
        proof: Option<bool>,
    },
    /// The step is only run if a path exists, and it does not.
    PathMissing {
        /// The path.
        path: String,
    },
    /// The step is only run if a path does not exist, and it does.
    PathPresent {
        /// The path.
        path: String,
    },
    /// Nobody could look whether the path exists.
    PathNotChecked {
        /// The path.
        path: String,
        /// The user who was to look; `None`: the login user.
        user: Option<String>,
    },
    /// The host did not start the step.
    NotStarted {
        /// What the host says.
        failure: RemoteText,
    },
    /// The step only reads something, and could not.
    NotDetermined {
        /// What failed.
        because: Box<StepReason>,
    },
    /// Not all of the output arrived.
    OutputIncomplete,
    /// The output, which alone tells the result, was lost on the host.
    OutputLost,
    /// The output, which alone tells the result, is longer than what is kept.
    OutputTooLong,
    /// The output is not what `doctrine:schema:update --sql` prints.
    PendingSqlUnreadable,
    /// The output does not tell that the schema was updated.
    UpdateNotConfirmed,
    /// `doctrine:schema:validate` did not succeed. Its exit code is a sum: 1 for the mapping, 2 for the database.
    NotValid {
        /// The exit code.
        exit: i32,
    },
    /// The command succeeded, but its proof does not hold.
    ProofFailed {
        /// The proof.
        proof: PlannedProof,
    },
    /// The command succeeded, but its proof could not be checked.
    ProofNotChecked,
    /// Schema changes are still pending after the update, which did not execute them.
    StillPending {
        /// The changes in brief.
        summary: String,
    },
    /// Schema changes stay pending although they were executed.
    NeverConverges {
        /// The changes in brief.
        summary: String,
        /// Whether the inventory accepts that.
        accepted: bool,
    },
    /// The step is only run if a schema change is pending, and none is.
    NothingPending,
    /// A restore would discard what was written to the database since its backup.
    WritesSince {
        /// The run of the backup.
        run: String,
        /// When the backup was begun.
        since: Timestamp,
    },
    /// A restore of a backup was begun on the host, and did not complete.
    RestoreIncomplete {
        /// The run of the backup.
        run: String,
    },
    /// The step succeeded, but memcached does not run, and the restart command did not start it.
    MemcachedDown,
    /// The run was interrupted.
    Interrupted,
    /// The connection was lost for good before the end of the step was seen.
    EndNotSeen {
        /// What failed.
        failure: RemoteText,
    },
    /// The host did not answer a question.
    NoAnswer {
        /// For how long.
        seconds: u64,
    },
    /// The web site is not healthy.
    SiteUnwell {
        /// Its address.
        url: String,
        /// The problem.
        trouble: SiteTrouble,
    },
    /// The web site cannot be reached from the controller.
    SiteUnreachable {
        /// Its address.
        url: String,
        /// The problem.
        trouble: SiteTrouble,
    },
    /// What an earlier version wrote.
    Told {
        /// The text.
        text: RemoteText,
    },
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What stands in an event: a text of an earlier version, or a reason.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Nothing,
    Text(String),
    Reason(StepReason),
}

/// Reads the reason of a step's end.
pub(super) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<StepReason>, D::Error> {
    Ok(match Written::deserialize(from)? {
        Written::Nothing => None,
        Written::Text(text) if text.trim().is_empty() => None,
        Written::Text(text) => Some(StepReason::Told { text: RemoteText::from(text.as_str()) }),
        Written::Reason(reason) => Some(reason),
    })
}
