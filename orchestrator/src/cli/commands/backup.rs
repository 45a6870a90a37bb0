//! `ixporch backup`: what upgrades keep of hosts, listed, read again, copied and removed.

use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Args;
use ixporch_inventory::{Become, Host, Inventory};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::run;
use crate::cli::access::Access;
use crate::cli::args::{Change, Connecting, InventoryFile, Selection};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::planning;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::cli::start;
use crate::event::Stream;
use crate::ledger::{self, StepOutput};
use crate::plan::{BackupChoice, quote};
use crate::state::ExitCode;

/// How long the copy of one file may take.
const COPYING: Duration = Duration::from_secs(12 * 60 * 60);

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
        BackupCommand::Fetch { file, connecting, host, backup, to } => {
            let fetch = Fetch { file, connecting, host, backup: backup.as_deref().unwrap_or_default(), to };
            fetch.run(settings, printer)
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

struct Fetch<'a> {
    file: &'a InventoryFile,
    connecting: &'a Connecting,
    host: &'a str,
    backup: &'a str,
    to: &'a Path,
}

impl Fetch<'_> {
    fn run(&self, settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
        let inventory = load::for_host(self.file, self.host, settings)?;
        let host = known(&inventory, self.host)?;
        let access = Access {
            settings,
            file: &self.file.inventory,
            inventory: &inventory,
            connecting: self.connecting,
            transport: planning::transport(settings),
        };
        fs_err::create_dir_all(self.to.parent().unwrap_or(Path::new("."))).map_err(unwritable)?;
        std::fs::DirBuilder::new().mode(0o700).create(self.to).map_err(|error| {
            unwritable(std::io::Error::new(error.kind(), format!("{}: {error}", self.to.display())))
        })?;
        let runtime = planning::runtime()?;
        let copy = |name: &str| runtime.block_on(copy(&access, host, self.backup, name, self.to));
        copy("manifest.json")?;
        let text = fs_err::read_to_string(self.to.join("manifest.json")).map_err(unwritable)?;
        let manifest: Value = serde_json::from_str(&text).map_err(|error| {
            CliError::invalid(format!("{}: the backup's manifest is damaged: {error}", self.host))
        })?;
        let archives = manifest.get("archives").and_then(Value::as_object).into_iter().flatten();
        for archive in archives.map(|(_, archive)| archive) {
            let text = |key: &str| archive.get(key).and_then(Value::as_str).unwrap_or_default();
            let name = text("file");
            if name.is_empty() || name.contains('/') || name.starts_with('.') {
                return Err(CliError::invalid(format!(
                    "{}: the backup's manifest names an unsafe file {name:?}",
                    self.host
                )));
            }
            let digest = copy(name)?;
            if digest != text("sha256") {
                return Err(CliError::new(
                    ExitCode::Failed,
                    format!("{}: {name} is damaged: its sha256 differs from the manifest", self.host),
                )
                .help(format!(
                    "check if the backup on the host is damaged too: {}{}",
                    look("verify", self.host, &access),
                    manifest
                        .get("run")
                        .and_then(Value::as_str)
                        .map_or_else(String::new, |run| { format!(" --backup {}", quote(run)) })
                )));
            }
            printer.say(&format!("{}: {name}", self.host));
        }
        printer.say(&format!(
            "{}: saved in {}; the files contain secrets of the host",
            self.host,
            self.to.display()
        ));
        Ok(ExitCode::Success)
    }
}

/// The command that looks at the backups of a host.
fn look(verb: &str, host: &str, access: &Access<'_>) -> String {
    let inventory = quote(&access.file.display().to_string());
    format!("{} backup {verb} --limit {} --inventory {inventory}", access.settings.program, quote(host))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn unwritable(error: std::io::Error) -> CliError {
    CliError::new(ExitCode::Invalid, error.to_string())
        .help("choose a new folder with --to; it must not exist")
}

fn known<'i>(inventory: &'i Inventory, name: &str) -> Result<&'i Host, CliError> {
    inventory.host(name).ok_or_else(|| {
        let names = inventory.hosts.iter().map(|host| host.name.as_str());
        let mut error = CliError::usage(format!("the inventory has no host `{name}`"));
        error.help = ixporch_inventory::suggest::help(name, names);
        error
    })
}

/// A file that is written as it arrives.
struct Arriving {
    file: fs_err::File,
    digest: Sha256,
    trouble: Option<std::io::Error>,
}

/// Copies one file of a backup; gives its digest.
async fn copy(
    access: &Access<'_>,
    host: &Host,
    backup: &str,
    name: &str,
    to: &Path,
) -> Result<String, CliError> {
    let path: PathBuf = to.join(name);
    let mut options = fs_err::OpenOptions::new();
    fs_err::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.write(true).create_new(true).open(&path).map_err(unwritable)?;
    let arriving = Arc::new(Mutex::new(Arriving { file, digest: Sha256::new(), trouble: None }));
    let question = |host: &Host| {
        let script = ledger::fetch(
            host.text("web_user").unwrap_or_default(),
            host.become_method() == Become::Sudo,
            &host.backup_dir(),
            backup,
            name,
        );
        let arriving = Arc::clone(&arriving);
        let listener: ledger::Listener = Box::new(move |stream, bytes| take(&arriving, stream, bytes));
        let asking: crate::cli::access::Question<i32> = Box::new(move |ledger, _| {
            Box::pin(async move {
                let mut output = StepOutput::heard_by(Some(listener));
                ledger.answer_to(&script, &mut output).await.map_err(|lost| lost.to_string())
            })
        });
        asking
    };
    let answers = access.ask_for(&[host], question, COPYING).await;
    let failed = |why: String| CliError::new(ExitCode::Unreachable, format!("{}: {why}", host.name));
    match answers.get(&host.name) {
        Some(Ok(0)) => {}
        Some(Ok(_)) => {
            return Err(CliError::new(
                ExitCode::Failed,
                format!("{}: there is no such backup, or {name} is missing in it", host.name),
            )
            .help(format!("list the backups: {}", look("list", &host.name, access))));
        }
        Some(Err(why)) => return Err(failed(why.clone())),
        None => return Err(CliError::internal("the host was not asked")),
    }
    let mut arriving = arriving.lock().map_err(|_| CliError::internal("the copy broke down"))?;
    if let Some(trouble) = arriving.trouble.take().map_or_else(|| arriving.file.sync_all(), Err).err() {
        // A part of an archive must not be taken for one.
        let _ = fs_err::remove_file(&path);
        return Err(CliError::not_written(trouble.to_string()).help(format!(
            "the backup in {} is incomplete: delete it, free space, then fetch the backup again",
            to.display()
        )));
    }
    let digest = std::mem::take(&mut arriving.digest).finalize();
    Ok(data_encoding::HEXLOWER.encode(&digest))
}

fn take(arriving: &Mutex<Arriving>, stream: Stream, bytes: &[u8]) {
    // A lock that is poisoned belongs to a copy that has broken down already.
    let Ok(mut arriving) = arriving.lock() else { return };
    if stream == Stream::Stdout && arriving.trouble.is_none() {
        arriving.digest.update(bytes);
        if let Err(error) = arriving.file.write_all(bytes) {
            arriving.trouble = Some(error);
        }
    }
}
