//! The preflight: problems that would stop or harm an upgrade, found before any host is touched.
//!
//! Owns the findings and their ids. Pure: it judges what a probe found; it must not know how that was asked.

mod rules;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use rules::{Asked, find};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The host is not upgraded.
    Blocker,
    /// The host is upgraded, but not with `--strict`.
    Warning,
    /// Worth knowing.
    Note,
}

/// A problem on a host, found before an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The kind of finding; never renamed.
    pub id: String,
    /// How much it matters.
    pub severity: Severity,
    /// The problem, and why it matters.
    pub what: String,
    /// How to fix it.
    pub remedy: String,
    /// Why a person skips it.
    #[serde(default)]
    pub skipped: Option<String>,
}

/// Which findings keep a host from being upgraded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightPolicy {
    /// Whether warnings keep a host from being upgraded, too.
    #[serde(default)]
    pub strict: bool,
    /// Findings that a person skips, by their ids, with the reason.
    #[serde(default)]
    pub skips: Vec<(String, String)>,
    /// The releases of which a person has confirmed the gates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed: Vec<String>,
}

/// The id of the finding that names what a person has to confirm.
pub const GATES: &str = "release-gates";

/// The ids of all findings.
pub const IDS: [&str; 63] = [
    "answer-late",
    "application-silent",
    "artisan-jobs",
    "bower-missing",
    "clock-skew",
    "composer-missing",
    "composer-version",
    "database-binary-log",
    "database-definers",
    "database-engines",
    "database-family",
    "database-read-only",
    "database-rights",
    "database-transactions",
    "database-unreachable",
    "database-version",
    "database-zero-dates",
    "disk-backup",
    "disk-installation",
    "dump-program",
    "dump-trial",
    "git-locked",
    "git-refused",
    "host-locked",
    "host-moved",
    "installation-missing",
    "in-maintenance",
    "leftovers",
    "memcached-silent",
    "memcached-unit",
    "memory",
    "other-cache",
    "own-skin",
    "ownership",
    "php-extensions",
    "php-missing",
    "php-url-fopen",
    "php-version",
    "preflight-failed",
    "release-check",
    "release-gates",
    "release-notes",
    "release-step-missing",
    "release-step-skipped",
    "releases-skipped",
    "schema-drift",
    "settings-cached",
    "settings-unreadable",
    "site-unwell",
    "sudo",
    "target-major",
    "target-moved",
    "target-older",
    "target-refused",
    "tree-branch",
    "tree-modified",
    "tree-open",
    "upstream",
    "views-broken",
    "web-opcache",
    "web-php",
    "web-php-extensions",
    "web-settings",
];

impl Finding {
    /// Whether the host is not upgraded because of it.
    pub fn blocks(&self, policy: &PreflightPolicy) -> bool {
        self.skipped.is_none()
            && match self.severity {
                Severity::Blocker => true,
                Severity::Warning => policy.strict,
                Severity::Note => false,
            }
    }
}

impl PreflightPolicy {
    /// Marks the skipped findings.
    pub fn apply(&self, findings: &mut [Finding]) {
        for finding in findings {
            let skip = self.skips.iter().find(|(id, _)| *id == finding.id);
            finding.skipped = skip.map(|(_, reason)| reason.clone());
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Blocker => "blocker",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

#[cfg(test)]
mod tests;
