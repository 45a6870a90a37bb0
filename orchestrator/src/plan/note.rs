//! What a plan could not know of a host, and what is worth knowing before it runs, as data.
//!
//! Owns what can be noted. Nothing here is prose: `report` words it, once, and the JSON forms carry the code and the fields.

use ixporch_inventory::Host;
use serde::{Deserialize, Serialize};

use super::HostAction;
use super::request::Request;
use crate::facts::{Facts, HostLock};
use crate::procedure::{Reads, Step};
use crate::text::RemoteText;
use crate::told::Told;

/// A note about a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Note {
    /// An earlier run was broken off, so all steps are run again.
    BrokenOff,
    /// The site is in maintenance since an earlier run.
    ClosedByRun,
    /// The site was in maintenance before the run, and stays in it.
    StaysClosed,
    /// It is not known whether the site is in maintenance.
    MaintenanceNotKnown,
    /// Upstream does not have the target.
    TargetMissing {
        /// The tag; `None`: the host's branch.
        target: Option<String>,
    },
    /// Upstream did not answer.
    UpstreamSilent {
        /// The tag; `None`: the host's branch.
        target: Option<String>,
    },
    /// A tool does not print its version.
    ToolSilent {
        /// The tool.
        tool: String,
    },
    /// systemd does not know the memcached unit.
    MemcachedUnitNotKnown,
    /// The inventory has no address of the web site.
    NoUrl,
    /// The installed commit is not known.
    CommitNotKnown,
    /// The owner of the installed tree is not known.
    OwnerNotKnown,
    /// The pending schema changes are known only after a step of the run.
    SchemaNotKnown,
    /// There is no installation with git, so the lock is in the login's state folder, where only this login sees it.
    LockInStateDir,
    /// Another run has the host's lock.
    Locked {
        /// The lock.
        lock: Box<HostLock>,
    },
    /// What an earlier version wrote.
    Told {
        /// The text.
        text: RemoteText,
    },
    /// A note that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Told for Note {
    fn told(text: RemoteText) -> Self {
        Self::Told { text }
    }
}

/// The notes about a host that was probed; `is_ours`: its site is in maintenance since an earlier run.
pub(super) fn notes(
    request: &Request<'_>,
    host: &Host,
    facts: &Facts,
    is_ours: bool,
    unfinished: bool,
    action: &HostAction,
) -> Vec<Note> {
    let lock = facts.leftovers.lock.iter().map(|lock| Note::Locked { lock: Box::new(lock.clone()) });
    if matches!(action, HostAction::Current) {
        return lock.collect();
    }
    let in_state_dir =
        facts.lacks_installation() && request.procedure.changes(request.options.restart_memcached);
    let in_state_dir = in_state_dir.then_some(Note::LockInStateDir);
    if request.procedure.is_one_command() {
        // Of what it needs nothing is known.
        return in_state_dir.into_iter().chain(lock).collect();
    }
    let mut notes = Vec::from_iter(in_state_dir);
    notes.extend(unfinished.then_some(Note::BrokenOff));
    notes.extend(match facts.maintenance {
        Some(true) if is_ours => Some(Note::ClosedByRun),
        Some(true) => Some(Note::StaysClosed),
        Some(false) => None,
        None => Some(Note::MaintenanceNotKnown),
    });
    let moves_code = request.procedure.moves_code();
    if moves_code && facts.remote_commit.is_none() {
        let target = request.options.target.clone();
        notes.push(if facts.remote_lacks_target {
            Note::TargetMissing { target }
        } else {
            Note::UpstreamSilent { target }
        });
    }
    for (tool, version) in [("php", &facts.php), ("composer", &facts.composer), ("bower", &facts.bower)] {
        if version.is_none() {
            notes.push(Note::ToolSilent { tool: tool.to_owned() });
        }
    }
    let has_no_unit = facts.memcached.as_deref().is_some_and(|unit| !unit.starts_with("loaded"));
    let reads_schema = |step: &Step| step.reads == Some(Reads::DoctrinePendingSql);
    notes.extend(has_no_unit.then_some(Note::MemcachedUnitNotKnown));
    notes.extend((moves_code && host.text("url").is_none()).then_some(Note::NoUrl));
    notes.extend(facts.commit.is_none().then_some(Note::CommitNotKnown));
    notes.extend(facts.tree_owner.is_none().then_some(Note::OwnerNotKnown));
    notes.extend(request.procedure.steps.iter().any(reads_schema).then_some(Note::SchemaNotKnown));
    notes.extend(lock);
    notes
}
