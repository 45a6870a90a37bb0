//! Arguments of `rollback` and `settle`.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::{Connecting, RunOptions};

/// Arguments of `rollback`.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The run, or the beginning of its id
    #[arg(default_value = "latest")]
    pub run: String,

    /// Only these of its hosts
    #[arg(short, long, value_name = "SELECTOR")]
    pub limit: Option<String>,

    /// Lose what was written to the databases since this time, such as 2026-11-24T12:31:07Z; without it a database that was
    /// written to since its site was opened again is left alone
    #[arg(long, value_name = "TIME")]
    pub discard_writes_since: Option<Timestamp>,

    /// The inventory, where it is not where the run found it any more
    #[arg(short, long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,

    /// How a run is carried out
    #[command(flatten)]
    pub options: RunOptions,

    /// Start without asking
    #[arg(short, long)]
    pub yes: bool,
}

/// Arguments of `settle`.
#[derive(Debug, Args)]
pub struct Settle {
    /// The run, the beginning of its id, or `latest`
    pub run: String,

    /// The host that is owed something
    pub host: String,

    /// The inventory, where it is not where the run found it any more
    #[arg(short, long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,

    /// Start without asking
    #[arg(short, long)]
    pub yes: bool,
}
