//! `ixporch backup`: lists, verifies, downloads and deletes the backups of hosts.

mod fetch;
mod manifest;

use std::path::PathBuf;

use clap::Args;

use self::fetch::Fetch;
use super::run;
use crate::cli::args::{Change, Connecting, InventoryFile, Selection};
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::cli::start;
use crate::plan::BackupChoice;
use crate::state::ExitCode;

/// The names of the files in a manifest: the fuzz targets try how it is read.
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::cli) fn manifest_names(text: &[u8]) -> Result<Vec<String>, String> {
    let read = manifest::Manifest::read(text)?;
    Ok(read.archives.into_iter().map(|archive| archive.name).collect())
}

/// Arguments of `backup`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch backup list\n  ixporch backup verify --limit @prod")]
pub struct Backup {
    /// What to do with backups
    #[command(subcommand)]
    pub command: BackupCommand,
}

/// What to do with backups.
#[derive(Debug, clap::Subcommand)]
pub enum BackupCommand {
    /// List the backups on the hosts
    #[command(after_help = "Examples:\n  ixporch backup list\n  ixporch backup list --limit @prod")]
    List {
        /// Which hosts
        #[command(flatten)]
        selection: Selection,
        /// How hosts are reached
        #[command(flatten)]
        connecting: Connecting,
    },
    /// Verify that backups are complete and unchanged
    #[command(after_help = "Examples:
  ixporch backup verify
  ixporch backup verify --limit ixp1 --restore-into ixp_trial")]
    Verify {
        /// Which hosts
        #[command(flatten)]
        selection: Selection,
        /// How hosts are reached
        #[command(flatten)]
        connecting: Connecting,
        /// Backup name, or the beginning of it [default: the newest of each host]
        #[arg(long, value_name = "BACKUP")]
        backup: Option<String>,
        /// Load the dump into a new schema of this name, compare it, then drop the schema
        #[arg(long, value_name = "SCHEMA")]
        restore_into: Option<String>,
        /// With --restore-into: start without asking
        #[arg(short, long)]
        yes: bool,
    },
    /// Download a backup of a host; it contains secrets
    #[command(after_help = "Examples:\n  ixporch backup fetch ixp1 --to backup-of-ixp1")]
    Fetch {
        /// Which inventory
        #[command(flatten)]
        file: InventoryFile,
        /// How hosts are reached
        #[command(flatten)]
        connecting: Connecting,
        /// Host of the backup
        host: String,
        /// Backup name, or the beginning of it [default: the newest]
        #[arg(long, value_name = "BACKUP")]
        backup: Option<String>,
        /// New folder to write to; it must not exist
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
        /// Download more than 1 GiB without asking
        #[arg(short, long)]
        yes: bool,
    },
    /// Delete the oldest backups of the hosts
    #[command(after_help = "Examples:\n  ixporch backup prune --keep 3")]
    Prune {
        /// On which hosts, and how
        #[command(flatten)]
        change: Change,
        /// Number of backups to keep on each host [default: the setting `backup_keep`]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        keep: Option<u32>,
    },
}

pub(in crate::cli) fn run(
    arguments: &Backup,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    match &arguments.command {
        BackupCommand::List { selection, connecting } => {
            run::look("backup-list", selection, connecting, settings, printer)
        }
        BackupCommand::Verify { selection, connecting, backup, restore_into, yes } => {
            let named = if restore_into.is_some() { "backup-rehearse" } else { "backup-verify" };
            let mut request = run::looking(named, selection, connecting)?;
            request.options.backup =
                BackupChoice { name: backup.clone(), scratch: restore_into.clone(), keep: None };
            request.yes = *yes;
            start::start(&run::unwaved(request), settings, printer)
        }
        BackupCommand::Prune { change, keep } => prune(change, *keep, settings, printer),
        BackupCommand::Fetch { file, connecting, host, backup, to, yes } => {
            let backup = backup.as_deref().unwrap_or_default();
            Fetch { file, connecting, host, backup, to, yes: *yes }.run(settings, printer)
        }
    }
}

fn prune(
    change: &Change,
    keep: Option<u32>,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let mut request = run::changing("backup-prune", change)?;
    request.options.backup.keep = keep;
    start::start(&request, settings, printer)
}
