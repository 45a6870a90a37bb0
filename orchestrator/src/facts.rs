//! Facts: what the probe found on a host.
//!
//! Owns the meaning of a probe's output. Pure: the probe's shell text is in `ledger::probe`.

mod composition;
mod distrust;
mod doctrine;
mod leftovers;
mod parse;
mod preflight;
mod script_reason;
mod site;
mod trouble;
mod upstream;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use composition::{Composition, Database, HostKind, read_composition};
pub use distrust::{Distrust, DistrustReason};
pub use doctrine::{PendingSql, SchemaUpdateEnd, is_valid, read_pending_sql, read_schema_update};
pub use leftovers::{HostLock, LedgerRun, LedgerState, LedgerStep, Leftovers};
pub use parse::{FactsError, parse, parse_leftovers};
pub use preflight::{Preflight, read_preflight};
pub use script_reason::{MARK as SCRIPT_REASON_MARK, ScriptReason, read_script_reason};
pub use site::{SITE_PATHS, SiteAnswer, SiteTrouble, read_site};

/// What the probe found on a host. `None`: it could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The version constant of the installed code.
    pub version: Option<String>,
    /// `git describe --tags --always` of the installed tree.
    pub describe: Option<String>,
    /// The commit that is checked out, in full.
    pub commit: Option<String>,
    /// The branch that is checked out; `None` on a detached HEAD.
    pub branch: Option<String>,
    /// The URL of the remote `origin`, without credentials.
    pub remote: Option<String>,
    /// The commit of the run's target on the remote, if the remote answered.
    pub remote_commit: Option<String>,
    /// The release of that commit, if a branch is asked for: the newest of upstream's tags of releases that name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_release: Option<String>,
    /// Whether the remote answered that it does not have that branch or tag.
    pub remote_lacks_target: bool,
    /// The commit of the target's tag as the host has it already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_target: Option<String>,
    /// Whether another git is at work in the tree, or a killed one left its lock.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub git_locked: bool,
    /// Modified tracked files.
    pub modified_files: Vec<String>,
    /// The owner of the installation's `.git`.
    pub tree_owner: Option<String>,
    /// What others may change of it, so that git is not run there; `None`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distrust: Option<Distrust>,
    /// The version of PHP.
    pub php: Option<String>,
    /// The composition of the installation, if it was asked for.
    pub composition: Option<Composition>,
    /// The first line of `composer --version`.
    pub composer: Option<String>,
    /// The version of bower.
    pub bower: Option<String>,
    /// The version of git.
    pub git: Option<String>,
    /// Load and active state of the memcached unit, such as `loaded active`.
    pub memcached: Option<String>,
    /// The free disk space of the installation's folder, in bytes.
    pub free_bytes: Option<u64>,
    /// Whether the site is in maintenance mode.
    pub maintenance: Option<bool>,
    /// The login user.
    pub login_user: Option<String>,
    /// Whether `sudo -n` works for that user.
    pub sudo: bool,
    /// Users that steps run as and that the login may not become, with sudo's answer.
    #[serde(default)]
    pub sudo_refused: Vec<(String, String)>,
    /// How far its clock is ahead of the controller's, in seconds.
    #[serde(default)]
    pub clock_skew: Option<i64>,
    /// The host's clock, in seconds since 1970.
    #[serde(default)]
    pub clock: Option<i64>,
    /// The answers of the preflight, if it was asked.
    #[serde(default)]
    pub preflight: Option<Preflight>,
    /// The questions that took too long to be answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late: Vec<String>,
    /// Why the step `target-check` would refuse, in lines; empty: it would not, or nobody knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_refused: Vec<String>,
    /// What was printed for the questions that got no answer, in a line each, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub troubles: BTreeMap<String, String>,
    /// Where the login finds the programs that were asked for by name alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub found_at: BTreeMap<String, String>,
    /// What is wrong with the web site, as the controller sees it while it is open; `None`: nothing, or it cannot be reached
    /// from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_trouble: Option<SiteTrouble>,
    /// The kernel's boot id.
    pub boot_id: Option<String>,
    /// What keeps steps alive when the connection ends: a systemd unit or setsid.
    pub keeper: Option<String>,
    /// The lock and ledgers that runs of ixporch left there.
    // Documents of older versions call it `traces`.
    #[serde(alias = "traces")]
    pub leftovers: Leftovers,
}

impl Facts {
    /// Whether there is no installation with git at its folder.
    pub fn lacks_installation(&self) -> bool {
        self.distrust.as_ref().is_some_and(|found| found.why == DistrustReason::Absent)
    }

    /// The names of the installed release: its tag, and its version constant.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [self.describe.as_deref(), self.version.as_deref()].into_iter().flatten()
    }

    /// The name of the installed release: its tag, else its version constant.
    pub fn release(&self) -> Option<&str> {
        self.describe.as_deref().or(self.version.as_deref())
    }
}
