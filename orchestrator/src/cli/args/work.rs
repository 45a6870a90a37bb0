//! What commands that run a procedure are given.

use clap::Args;

use super::values::fingerprint;
use super::{Connecting, Selection, Waves};
use crate::procedure::DEFAULT_PROCEDURE;

/// What is to be done.
#[derive(Debug, Args)]
pub struct Work {
    /// Which hosts
    #[command(flatten)]
    pub selection: Selection,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,

    /// The procedure: the name of a built-in one, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = DEFAULT_PROCEDURE)]
    pub procedure: String,

    /// The release to go to, a git tag such as v4.5.0 [default: the head of each host's branch]
    #[arg(long, value_name = "TAG")]
    pub to: Option<String>,

    /// Which waves
    #[command(flatten)]
    pub waves: Waves,
}

/// A change of hosts.
#[derive(Debug, Args)]
pub struct Change {
    /// Which hosts
    #[command(flatten)]
    pub selection: Selection,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,

    /// Which waves
    #[command(flatten)]
    pub waves: Waves,

    /// How a run is carried out
    #[command(flatten)]
    pub options: RunOptions,

    /// Start without asking
    #[arg(short, long)]
    pub yes: bool,

    /// What is approved beforehand
    #[command(flatten)]
    pub approvals: Approvals,
}

/// A look at hosts, which changes nothing but what an option asks for.
#[derive(Debug, Args)]
pub struct Look {
    /// Which hosts
    #[command(flatten)]
    pub selection: Selection,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,

    /// Restart memcached first: Doctrine keeps its metadata there, and where that is warm, answers from it
    #[arg(long)]
    pub restart_memcached: bool,

    /// With --restart-memcached: start without asking
    #[arg(short, long)]
    pub yes: bool,
}

/// How a run is carried out.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// Leave the run's ledgers on the hosts; `ixporch ledger` lists and removes them
    #[arg(long)]
    pub keep_ledger: bool,

    /// Show what steps print as they print it: `|` is standard output, `!` standard error
    #[arg(long)]
    pub live: bool,
}

/// What a person approves.
#[derive(Debug, Clone, Default, Args)]
pub struct Approvals {
    /// Let this wave start
    #[arg(long, value_name = "WAVE")]
    pub approve: Vec<String>,

    /// Let these schema changes be executed wherever they are pending: their fingerprint, as `ixporch schema` shows it
    #[arg(long, value_name = "FINGERPRINT", value_parser = fingerprint)]
    pub approve_schema: Vec<String>,

    /// Why; it stands in the journal
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
}
