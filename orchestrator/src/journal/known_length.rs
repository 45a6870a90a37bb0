//! How long a journal was when its summary was made: whole lines are never removed, so a shorter one has lost some.

use std::path::Path;

/// The summary's name in its run's folder.
pub(super) const SUMMARY: &str = "summary.json";

/// How long a journal was, in bytes of whole lines, when its summary was made; summaries of every version tell.
pub(super) fn known_length(folder: &Path) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Known {
        journal_bytes: u64,
    }
    let known: Known = serde_json::from_slice(&fs_err::read(folder.join(SUMMARY)).ok()?).ok()?;
    Some(known.journal_bytes)
}
