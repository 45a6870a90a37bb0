//! What commands that run a procedure are given.

use clap::Args;

use super::values::{fingerprint, own_words};
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

    /// Built-in procedure or procedure file
    #[arg(long, value_name = "NAME|FILE", default_value = DEFAULT_PROCEDURE)]
    pub procedure: String,

    /// Target release, a git tag such as v4.5.0 [default: the head of each host's branch]
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

    /// Restart memcached first; otherwise Doctrine may answer from outdated metadata that is cached there
    #[arg(long)]
    pub restart_memcached: bool,

    /// With --restart-memcached: start without asking
    #[arg(short, long)]
    pub yes: bool,
}

/// How a run is carried out.
#[derive(Debug, Clone, Default, Args)]
pub struct RunOptions {
    /// Keep the run's ledgers on the hosts; `ixporch ledger` lists and deletes them
    #[arg(long)]
    pub keep_ledger: bool,

    /// Show the output of steps as it arrives: `|` marks standard output, `!` standard error
    #[arg(long)]
    pub live: bool,
}

/// What a person approves.
#[derive(Debug, Clone, Default, Args)]
pub struct Approvals {
    /// Approve the start of this wave
    #[arg(long, value_name = "WAVE")]
    pub approve: Vec<String>,

    /// Approve these schema changes on all hosts, by the fingerprint that `ixporch schema` shows
    #[arg(long, value_name = "FINGERPRINT", value_parser = fingerprint)]
    pub approve_schema: Vec<String>,

    /// Reason for what is approved or skipped; recorded in the journal
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, value_parser = own_words)]
    pub reason: String,
}
