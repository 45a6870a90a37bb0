//! `ixporch backup fetch`: copies a backup to this machine. The host may be hostile: it decides neither where a file goes, nor
//! how long it is.

use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ixporch_inventory::{Become, Host, Inventory};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use super::manifest::{Archive, LONGEST, Manifest};
use crate::cli::access::{Access, Question};
use crate::cli::args::{Connecting, InventoryFile};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::planning;
use crate::cli::printer::Printer;
use crate::cli::prompt;
use crate::cli::settings::Settings;
use crate::event::Stream;
use crate::ledger::{self, StepOutput};
use crate::plan::quote;
use crate::report;
use crate::state::ExitCode;

/// How long the copy of one file may take.
const COPYING: Duration = Duration::from_secs(12 * 60 * 60);

/// How much is copied without asking, in bytes.
const UNASKED: u64 = 1 << 30;

/// How often the progress of a copy is shown.
const PROGRESS: Duration = Duration::from_secs(5);

/// What is fetched.
pub(super) struct Fetch<'a> {
    pub(super) file: &'a InventoryFile,
    pub(super) connecting: &'a Connecting,
    pub(super) host: &'a str,
    pub(super) backup: &'a str,
    pub(super) to: &'a Path,
    pub(super) yes: bool,
}

impl Fetch<'_> {
    pub(super) fn run(&self, settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
        let inventory = load::for_host(self.file, self.host, settings)?;
        let host = known(&inventory, self.host)?;
        let access = Access::new(settings, &self.file.inventory, &inventory, self.connecting);
        fs_err::create_dir_all(self.to.parent().unwrap_or(Path::new("."))).map_err(unwritable)?;
        std::fs::DirBuilder::new().mode(0o700).create(self.to).map_err(|error| {
            unwritable(std::io::Error::new(error.kind(), format!("{}: {error}", self.to.display())))
        })?;
        let fetched = planning::runtime()?.block_on(self.files(&access, host, printer));
        if fetched.is_err() {
            // It stays if something in it is whole.
            let _ = std::fs::remove_dir(self.to);
        }
        fetched?;
        printer.say(&format!(
            "{}: saved in {}; the files contain secrets of the host",
            self.host,
            self.to.display()
        ));
        Ok(ExitCode::Success)
    }

    async fn files(&self, access: &Access<'_>, host: &Host, printer: Printer) -> Result<(), CliError> {
        let copying = Copying { access, host, backup: self.backup, to: self.to, printer };
        let path = self.to.join("manifest.json");
        copying.copy("manifest.json", LONGEST).await?;
        let listed = fs_err::read(&path).map_err(unwritable).and_then(|text| {
            Manifest::read(&text).map_err(|why| CliError::invalid(format!("{}: {why}", self.host)))
        });
        let agreed = match listed {
            Ok(manifest) => self.confirm(&manifest, printer).await.map(|()| manifest),
            Err(error) => Err(error),
        };
        let manifest = agreed.inspect_err(|_| drop(fs_err::remove_file(&path)))?;
        for archive in &manifest.archives {
            let digest = copying.copy(&archive.name, archive.bytes).await?;
            if digest != archive.sha256 {
                drop(fs_err::remove_file(self.to.join(&archive.name)));
                return Err(self.damaged(archive, &manifest, access));
            }
            printer.say(&format!("{}: {}  {}", self.host, archive.name, report::bytes(archive.bytes)));
        }
        Ok(())
    }

    /// Shows how much will be copied; asks if that is much.
    async fn confirm(&self, manifest: &Manifest, printer: Printer) -> Result<(), CliError> {
        let bytes = manifest.bytes();
        let count = manifest.archives.len();
        let plural = if count == 1 { "" } else { "s" };
        printer.say(&format!("{}: {count} file{plural}, {}", self.host, report::bytes(bytes)));
        if bytes <= UNASKED || self.yes {
            return Ok(());
        }
        let amount = report::bytes(bytes);
        if !prompt::is_attended() {
            return Err(CliError::usage(format!("{}: the backup has {amount}", self.host))
                .help("there is no terminal to ask at; repeat the command with --yes to download it"));
        }
        if prompt::ask(&format!("Download {amount}?")).await == Some(true) {
            return Ok(());
        }
        Err(CliError::usage("nothing was downloaded"))
    }

    fn damaged(&self, archive: &Archive, manifest: &Manifest, access: &Access<'_>) -> CliError {
        let name = &archive.name;
        let backup =
            manifest.run.as_deref().map_or_else(String::new, |run| format!(" --backup {}", quote(run)));
        CliError::new(
            ExitCode::Failed,
            format!("{}: {name} is damaged: its sha256 differs from the manifest", self.host),
        )
        .help(format!(
            "check if the backup on the host is damaged too: {}{backup}",
            look("verify", self.host, access)
        ))
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

/// Copies files of one backup.
struct Copying<'a> {
    access: &'a Access<'a>,
    host: &'a Host,
    backup: &'a str,
    to: &'a Path,
    printer: Printer,
}

/// A file that is written as it arrives.
struct Arriving {
    file: fs_err::File,
    digest: Sha256,
    bytes: u64,
    most: u64,
    trouble: Option<Trouble>,
    shown: Instant,
}

/// Why a file is not taken any further.
enum Trouble {
    /// It cannot be written here.
    Write(std::io::Error),
    /// It is longer than it may be.
    TooLong,
}

impl Copying<'_> {
    /// Copies one file, of at most so many bytes; gives its digest. What is not whole is removed.
    async fn copy(&self, name: &str, most: u64) -> Result<String, CliError> {
        let path: PathBuf = self.to.join(name);
        let copied = self.copy_to(&path, name, most).await;
        copied.inspect_err(|_| drop(fs_err::remove_file(&path)))
    }

    async fn copy_to(&self, path: &Path, name: &str, most: u64) -> Result<String, CliError> {
        let mut options = fs_err::OpenOptions::new();
        fs_err::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.write(true).create_new(true).open(path).map_err(unwritable)?;
        let (digest, shown) = (Sha256::new(), Instant::now());
        let arriving = Arc::new(Mutex::new(Arriving { file, digest, bytes: 0, most, trouble: None, shown }));
        let over = Arc::new(Notify::new());
        let question = |host: &Host| self.question(host, name, &arriving, &over);
        let answers = self.access.ask_for(&[self.host], question, COPYING).await;
        let mut arriving = arriving.lock().map_err(|_| CliError::internal("the copy broke down"))?;
        let host = &self.host.name;
        match arriving.trouble.take() {
            Some(Trouble::TooLong) => {
                let most = report::bytes(most);
                return Err(CliError::new(
                    ExitCode::Failed,
                    format!("{host}: {name} is longer than {most}, so it was not downloaded"),
                )
                .help("the host sends more than its manifest says: do not use this backup"));
            }
            Some(Trouble::Write(error)) => return Err(self.not_written(&error)),
            None => {}
        }
        match answers.get(host) {
            Some(Ok(0)) => {}
            Some(Ok(_)) => {
                return Err(CliError::new(
                    ExitCode::Failed,
                    format!("{host}: there is no such backup, or {name} is missing in it"),
                )
                .help(format!("list the backups: {}", look("list", host, self.access))));
            }
            Some(Err(why)) => return Err(CliError::new(ExitCode::Unreachable, format!("{host}: {why}"))),
            None => return Err(CliError::internal("the host was not asked")),
        }
        arriving.file.sync_all().map_err(|error| self.not_written(&error))?;
        let digest = std::mem::take(&mut arriving.digest).finalize();
        Ok(data_encoding::HEXLOWER.encode(&digest))
    }

    fn question(
        &self,
        host: &Host,
        name: &str,
        arriving: &Arc<Mutex<Arriving>>,
        over: &Arc<Notify>,
    ) -> Question<i32> {
        let script = ledger::fetch(
            host.text("web_user").unwrap_or_default(),
            host.become_method() == Become::Sudo,
            &host.backup_dir(),
            self.backup,
            name,
        );
        let (arriving, over, ended) = (Arc::clone(arriving), Arc::clone(over), Arc::clone(over));
        let (shown, printer) = (format!("{}: {name}", host.name), self.printer);
        let listener: ledger::Listener = Box::new(move |stream, bytes| {
            // A lock that is poisoned belongs to a copy that has broken down already.
            let Ok(mut arriving) = arriving.lock() else { return };
            if stream != Stream::Stdout || arriving.trouble.is_some() {
                return;
            }
            arriving.take(bytes);
            if arriving.trouble.is_some() {
                over.notify_one();
            } else if arriving.shown.elapsed() > PROGRESS {
                arriving.shown = Instant::now();
                let (bytes, most) = (report::bytes(arriving.bytes), report::bytes(arriving.most));
                printer.say(&printer.err.dim(&format!("{shown}  {bytes} of {most}")));
            }
        });
        Box::new(move |ledger, _| {
            Box::pin(async move {
                let mut output = StepOutput::heard_by(Some(listener));
                tokio::select! {
                    answer = ledger.answer_to(&script, &mut output) => answer.map_err(|lost| lost.to_string()),
                    () = ended.notified() => Err("it was broken off".to_owned()),
                }
            })
        })
    }

    fn not_written(&self, error: &std::io::Error) -> CliError {
        CliError::not_written(error.to_string()).help(format!(
            "the backup in {} is incomplete: delete it, free space, then fetch the backup again",
            self.to.display()
        ))
    }
}

impl Arriving {
    fn take(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.bytes > self.most {
            self.trouble = Some(Trouble::TooLong);
            return;
        }
        self.digest.update(bytes);
        self.trouble = self.file.write_all(bytes).err().map(Trouble::Write);
    }
}
