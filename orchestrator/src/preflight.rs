//! The preflight: what can be seen to stand against an upgrade before any host is touched.
//!
//! Owns what a finding is and which there are. Pure: it judges what a probe found; it must not know how that was asked.

mod rules;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use rules::{Asked, find};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The host is not started.
    Blocker,
    /// It goes on; with `--strict` it does not.
    Warning,
    /// Worth knowing.
    Note,
}

/// Something that was found on a host before an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of finding it is; never renamed.
    pub id: String,
    /// How much it matters.
    pub severity: Severity,
    /// What was found, and why that matters.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
    /// Why a person let it pass.
    #[serde(default)]
    pub skipped: Option<String>,
}

/// Which findings keep a host from being upgraded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightPolicy {
    /// Whether warnings keep a host from being started.
    #[serde(default)]
    pub strict: bool,
    /// Findings that a person lets pass, by their ids, with the reason.
    #[serde(default)]
    pub skips: Vec<(String, String)>,
}

/// The ids of all findings that there are.
pub const IDS: [&str; 40] = [
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
    "database-rights",
    "database-unreachable",
    "database-version",
    "disk-backup",
    "disk-installation",
    "dump-program",
    "dump-trial",
    "host-locked",
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
    "releases-skipped",
    "schema-drift",
    "settings-unreadable",
    "sudo",
    "tree-modified",
    "upstream",
    "web-opcache",
    "web-php",
    "web-php-extensions",
];

impl Finding {
    /// Whether the host is not started because of it.
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
    /// Marks those findings that a person lets pass.
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
