//! The questions that every survey and probe begins with: who owns the installation, its lock and its ledgers.
//!
//! Owns their shell text. It must not know what the answers mean.

use super::lock::at_the_lock;
use crate::plan::{LedgerPlace, quote};

/// The functions and variables that every question relies on.
pub(super) const PRELUDE: &str = include_str!("host/prelude.sh");

/// The questions for an installation whose folder and sudo are known.
pub(super) fn of_place(place: &LedgerPlace) -> String {
    let sudo = if place.sudo { "yes" } else { "no" };
    format!("root={}; sudo={sudo}\n{}", quote(&place.ixp_root), questions())
}

/// The prelude, and the questions for the lock and the ledgers. `$root` and `$sudo` must be set.
pub(super) fn questions() -> String {
    format!(
        "{PRELUDE}ask lock as \"$owner\" {} \"$root\"\nask ledgers ledgers\n",
        at_the_lock("cat \"$lock\"")
    )
}
