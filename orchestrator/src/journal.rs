//! The journal: a run's append-only event log, and its folder.
//!
//! Owns files and their durability. It must not know what an event means for a host.

mod archive;
mod error;
mod folder;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod inbox;
mod known_length;
mod order;
mod store;
mod summaries;
mod writer;

pub use error::JournalError;
pub use inbox::{Inbox, Letter};
pub use store::{LoadedRun, Store};
pub use writer::{Hold, Writer};
