//! Facts: what the probe found on a host.
//!
//! Owns what a probe's output means. It is pure: the probe's shell text is `ledger::probe`'s, and
//! this module only reads what came back.

mod composition;
mod doctrine;
mod leftovers;
mod parse;
mod preflight;
mod site;

use serde::{Deserialize, Serialize};

pub use composition::{Composition, Database, HostKind, read_composition};
pub use doctrine::{PendingSql, SchemaUpdateEnd, read_pending_sql, read_schema_update, read_validation};
pub use leftovers::{HostLock, LedgerRun, LedgerState, LedgerStep, Leftovers};
pub use parse::{FactsError, parse, parse_leftovers};
pub use preflight::{Preflight, read_preflight};
pub use site::{SITE_PATHS, SiteAnswer, read_site};

/// What the probe found on a host. A fact that could not be had is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The version that the installed code says it is.
    pub version: Option<String>,
    /// `git describe --tags --always` of the installed tree.
    pub describe: Option<String>,
    /// The commit that is checked out, in full.
    pub commit: Option<String>,
    /// The branch that is checked out; `None` on a detached HEAD.
    pub branch: Option<String>,
    /// The URL of the remote `origin`, without credentials.
    pub remote: Option<String>,
    /// The commit that the remote has at the target of the run, where it could be asked.
    pub remote_commit: Option<String>,
    /// Whether the remote answered that it has no such branch or tag.
    pub remote_lacks_target: bool,
    /// Modified tracked files.
    pub modified_files: Vec<String>,
    /// The owner of the installation's `.git`.
    pub tree_owner: Option<String>,
    /// The PHP version, as PHP says it.
    pub php: Option<String>,
    /// What the installation is made of, where that was asked.
    pub composition: Option<Composition>,
    /// The first line of `composer --version`.
    pub composer: Option<String>,
    /// The version of bower.
    pub bower: Option<String>,
    /// The version of git.
    pub git: Option<String>,
    /// Load and active state of the memcached unit, such as `loaded active`.
    pub memcached: Option<String>,
    /// Free disk where the installation is, in bytes.
    pub free_bytes: Option<u64>,
    /// Whether the site is in maintenance mode.
    pub maintenance: Option<bool>,
    /// The user whom the login gave.
    pub login_user: Option<String>,
    /// Whether `sudo -n` works for that user.
    pub sudo: bool,
    /// Users that the login may not become, of those that steps run as, with what sudo said.
    #[serde(default)]
    pub sudo_refused: Vec<(String, String)>,
    /// How far its clock is ahead of the controller's, in seconds.
    #[serde(default)]
    pub clock_skew: Option<i64>,
    /// The host's clock when it was asked, in seconds since 1970.
    #[serde(default)]
    pub clock: Option<i64>,
    /// What stands against an upgrade, where that was asked.
    #[serde(default)]
    pub preflight: Option<Preflight>,
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
    /// How the installed release is called for people: the tag, else what the code says.
    pub fn release(&self) -> Option<&str> {
        self.describe.as_deref().or(self.version.as_deref())
    }
}
