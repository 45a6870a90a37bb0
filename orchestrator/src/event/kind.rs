//! What a run is for.
//!
//! Owns the kinds of runs and what follows from a kind. A kind is decided once, when the run is planned, and is written
//! into the run's header; nothing guesses it later from names.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::procedure::{BACKUP_ONLY, EXEC, Procedure};

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    /// Brings the code of hosts to a target.
    Upgrade,
    /// Runs a procedure that changes hosts and is no upgrade.
    Procedure,
    /// Runs one command that changes hosts.
    Exec,
    /// Changes backups, and nothing of an installation.
    Backup,
    /// Restores hosts to their state before another run.
    Rollback,
    /// Completes steps that another run left open.
    Settle,
    /// Changes nothing. It is never what `latest`, `resume`, `rollback` or `settle` mean.
    Look,
}

impl RunKind {
    /// The kind of a run of this procedure; `changes`: whether any of its steps changes a host.
    pub fn of(procedure: &Procedure, changes: bool) -> Self {
        Self::from_facts(procedure.moves_code(), changes, &procedure.name)
    }

    /// The same from what a journal of format 1 says.
    pub(super) fn from_facts(moves_code: bool, changes: bool, procedure: &str) -> Self {
        match procedure {
            _ if moves_code => Self::Upgrade,
            _ if !changes => Self::Look,
            EXEC => Self::Exec,
            name if BACKUP_ONLY.contains(&name) => Self::Backup,
            _ => Self::Procedure,
        }
    }

    /// Whether it brings code to a target: only then can a host be current, and only then is anything proved by it.
    pub fn is_upgrade(self) -> bool {
        self == Self::Upgrade
    }

    /// Whether it changes anything.
    pub fn changes(self) -> bool {
        self != Self::Look
    }

    /// Whether it changes installations. Backups are no part of an installation.
    pub fn changes_installations(self) -> bool {
        !matches!(self, Self::Look | Self::Backup)
    }
}

impl fmt::Display for RunKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Upgrade => "upgrade",
            Self::Procedure => "procedure",
            Self::Exec => "exec",
            Self::Backup => "backup",
            Self::Rollback => "rollback",
            Self::Settle => "settle",
            Self::Look => "look",
        })
    }
}
