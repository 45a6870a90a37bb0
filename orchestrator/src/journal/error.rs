//! Why a journal cannot be read or written.

use std::path::PathBuf;

use crate::event::FORMAT;

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file or folder cannot be used.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// An event cannot be written as JSON.
    #[error("an event cannot be written")]
    Encode(#[from] serde_json::Error),
    /// A folder of runs is another user's.
    #[error("{path} belongs to user {owner}, and ixporch runs as user {own}: what is in it is not trusted")]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who runs ixporch.
        own: u32,
    },
    /// Other users can put something into a folder of runs.
    #[error("{path} can be written by other users (mode {mode:o}): what is in it is not trusted")]
    Open {
        /// The folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Somebody removed the journal while it was written.
    #[error("{0} was removed while the run was going on")]
    Gone(PathBuf),
    /// Somebody put another file in its place.
    #[error("{0} was replaced while the run was going on")]
    Replaced(PathBuf),
    /// A line in the middle of a journal is no event.
    #[error("{path}: line {line} is no event: {why}")]
    Line {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        why: String,
    },
    /// A line is an event of a newer version, and may not be skipped.
    #[error("{path}: line {line}: the event `{event}` is unknown to this version")]
    Newer {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The event.
        event: String,
    },
    /// Lines are missing at the end of a journal that were there once.
    #[error("{path} has {length} bytes, but had {known} when it was last read: lines are missing")]
    Shorter {
        /// The journal.
        path: PathBuf,
        /// Its length, in bytes.
        length: u64,
        /// The length of all its lines when its summary was made.
        known: u64,
    },
    /// The first line of a journal does not tell what the run is.
    #[error("{0}: the first event is not `run-started`")]
    NoHeader(PathBuf),
    /// The journal is of a newer format.
    #[error("{path} has format {found}, and this version reads formats up to {FORMAT}")]
    Format {
        /// The journal.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// No run has this id.
    #[error("there is no run `{0}`")]
    NoSuchRun(String),
    /// Several runs begin with this.
    #[error("`{0}` is the beginning of several runs: {1}")]
    Ambiguous(String, String),
}
