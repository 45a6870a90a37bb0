//! Arguments of `backup`.

use std::path::PathBuf;

use clap::Args;

use super::{Change, Connecting, InventoryFile, Selection};

/// Arguments of `backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// What to do with backups
    #[command(subcommand)]
    pub command: BackupCommand,
}

/// What to do with backups.
#[derive(Debug, clap::Subcommand)]
pub enum BackupCommand {
    /// List the backups that are on the hosts
    List {
        /// Which hosts
        #[command(flatten)]
        selection: Selection,
        /// How hosts are reached
        #[command(flatten)]
        connecting: Connecting,
    },
    /// Read backups to their end, and compare them with what was written
    Verify {
        /// Which hosts
        #[command(flatten)]
        selection: Selection,
        /// How hosts are reached
        #[command(flatten)]
        connecting: Connecting,
        /// The backup, or the beginning of its name [default: the newest of each host]
        #[arg(long, value_name = "BACKUP")]
        backup: Option<String>,
        /// Load the dump into a schema of this name, which must not be there; it is compared and dropped again
        #[arg(long, value_name = "SCHEMA")]
        restore_into: Option<String>,
        /// With --restore-into: start without asking
        #[arg(short, long)]
        yes: bool,
    },
    /// Copy a backup of a host to this machine; it holds secrets of the host
    Fetch {
        /// Which inventory
        #[command(flatten)]
        file: InventoryFile,
        /// How hosts are reached
        #[command(flatten)]
        connecting: Connecting,
        /// The host
        host: String,
        /// The backup, or the beginning of its name [default: the newest]
        #[arg(long, value_name = "BACKUP")]
        backup: Option<String>,
        /// The folder to write it to; it is made
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
    },
    /// Remove the oldest backups of the hosts
    Prune {
        /// On which hosts, and how
        #[command(flatten)]
        change: Change,
        /// How many are kept [default: what the inventory says]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        keep: Option<u32>,
    },
}
