//! Groups of arguments that several commands share.

mod hosts;
mod preflight;
mod relying;
mod values;
mod work;

use clap::ValueEnum;

pub use hosts::{Connecting, InventoryFile, Selection, Waves};
pub use preflight::Preflight;
pub(super) use preflight::confirmable;
pub use relying::Relying;
pub use work::{Approvals, Change, Look, RunOptions, Work};

pub(super) use values::{fingerprint, own_words, time};

/// The format of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people
    Human,
    /// One JSON document
    Json,
    /// One JSON document per line
    Jsonl,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// If the output is a terminal and `NO_COLOR` is not set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
