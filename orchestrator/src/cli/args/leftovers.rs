//! Arguments about what runs left on the hosts: locks and ledgers.

use clap::Args;

use super::{Connecting, InventoryFile, Status};

/// Arguments of `lock`.
#[derive(Debug, Args)]
pub struct Lock {
    /// What to do with locks
    #[command(subcommand)]
    pub command: LockCommand,
}

/// What to do with locks.
#[derive(Debug, clap::Subcommand)]
pub enum LockCommand {
    /// Show who holds the hosts
    Show(Status),
    /// Break the lock of a host that nobody will give back
    Break {
        /// Which inventory
        #[command(flatten)]
        file: InventoryFile,

        /// How hosts are reached
        #[command(flatten)]
        connecting: Connecting,

        /// The host
        host: String,

        /// Why; it is shown, and nothing else will know
        #[arg(long, value_name = "TEXT")]
        reason: String,

        /// Break it although a step of its run is still running there
        #[arg(long)]
        even_if_running: bool,
    },
}

/// Arguments of `ledger`.
#[derive(Debug, Args)]
pub struct Ledger {
    /// What to do with ledgers
    #[command(subcommand)]
    pub command: LedgerCommand,
}

/// What to do with ledgers.
#[derive(Debug, clap::Subcommand)]
pub enum LedgerCommand {
    /// List the ledgers that runs left on the hosts, with their steps
    List(Status),
    /// Remove the ledgers of runs that neither hold the host's lock nor have a step running
    Clean(Status),
}
