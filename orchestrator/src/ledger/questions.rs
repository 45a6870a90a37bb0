//! The questions that every survey and probe begins with: who owns the installation, its lock and its ledgers.
//!
//! Owns their shell text. It must not know what the answers mean.

use super::lock::{LOOK, at_the_lock};
use crate::plan::{LedgerPlace, quote};

/// Who may change what ixporch relies on.
pub(super) const TRUST: &str = include_str!("../../procedures/sh/trust.sh");

/// The functions and variables that every question relies on.
pub(super) const PRELUDE: &str = include_str!("host/prelude.sh");

/// The questions for an installation whose folder and sudo are known.
pub(super) fn of_place(place: &LedgerPlace) -> String {
    let sudo = if place.sudo { "yes" } else { "no" };
    format!("root={}; sudo={sudo}\n{}", quote(&place.ixp_root), questions())
}

/// The prelude, and the questions for trust, the lock and the ledgers. `$root` and `$sudo` must be set.
pub(super) fn questions() -> String {
    format!(
        "{PRELUDE}trust=$(as \"$owner\" sh -c {} sh \"root $owner $me\" \"$root\" </dev/null 2>/dev/null) || trust=\"unseen - $root\"\n\
         ask trust printf %s \"$trust\"\n\
         case $trust in '' | absent*) ask lock as \"$owner\" {} \"$root\" \"$state\" ;; esac\nask ledgers ledgers\n",
        quote(&format!("{TRUST}tree_distrusted \"$1\" \"$2\"")),
        at_the_lock(LOOK)
    )
}
