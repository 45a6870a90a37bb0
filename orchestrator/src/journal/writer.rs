//! Appends events to a journal: JSON Lines, synced to disk on request.

use std::io::Write;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt;
use fs_err::{File, OpenOptions};

use super::error::JournalError;
use super::folder::create_private;
use super::order;
use crate::event::Envelope;

/// The name of a journal in its run's folder.
pub(super) const JOURNAL: &str = "journal.jsonl";

/// The file that is locked by whoever takes a run up: its own controller again, or a command that follows it up.
const LOCK: &str = "lock";

/// A journal that is open for writing. One process writes; any number may read.
#[derive(Debug)]
pub struct Writer {
    file: File,
    folder: PathBuf,
    /// The lock of whoever took the run up; the controller that began it has none.
    lock: Option<File>,
    /// The length of all complete lines, in bytes.
    length: u64,
    /// The free space in bytes; for tests of a full disk.
    #[cfg(test)]
    room: u64,
}

impl Writer {
    pub(super) fn create(folder: PathBuf) -> Result<Self, JournalError> {
        let path = folder.join(JOURNAL);
        let file = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(path)?;
        // Held until this process ends: readers see by it that the run is going on.
        file.file().lock()?;
        // The entry in the folder must survive a power cut, too.
        File::open(&folder)?.sync_all()?;
        Ok(Self::new(file, folder, 0))
    }

    /// Opens an existing journal; `None` if another process is writing it, or follows its run up. The caller reads it, then
    /// calls [`Self::cut_to`].
    pub(super) fn take_up(folder: PathBuf) -> Result<Option<Self>, JournalError> {
        let file = OpenOptions::new().read(true).append(true).open(folder.join(JOURNAL))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(folder.join(LOCK))?;
        if !try_lock(&lock)? || !try_lock(&file)? {
            return Ok(None);
        }
        Ok(Some(Self { lock: Some(lock), ..Self::new(file, folder, 0) }))
    }

    /// Gives the journal free and keeps the run: nobody else takes it up, and it does not pass for one that is going on.
    pub fn hold(self) -> Hold {
        Hold { folder: self.folder, _lock: self.lock }
    }

    /// Cuts off the incomplete line after the first `length` bytes that a power cut or a full disk left.
    pub(super) fn cut_to(&mut self, length: u64) -> Result<(), JournalError> {
        if self.file.metadata()?.len() > length {
            self.file.set_len(length)?;
            self.file.sync_all()?;
        }
        self.length = length;
        Ok(())
    }

    fn new(file: File, folder: PathBuf, length: u64) -> Self {
        Self {
            file,
            folder,
            lock: None,
            length,
            #[cfg(test)]
            room: u64::MAX,
        }
    }

    /// Opens an existing journal with this much free space; for tests of a full disk.
    #[cfg(test)]
    pub(crate) fn open_existing(folder: PathBuf, room: u64) -> Result<Self, JournalError> {
        let file = OpenOptions::new().read(true).append(true).open(folder.join(JOURNAL))?;
        Ok(Self { room, ..Self::new(file, folder, 0) })
    }

    /// How many bytes of whole lines the journal has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The run's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Draws a place for what follows, after `known`; see [`Store::draw_order`](super::Store::draw_order).
    ///
    /// # Errors
    /// The last place cannot be read or written.
    pub fn draw_order(&self, known: u64) -> Result<u64, JournalError> {
        let root = self.folder.parent().unwrap_or(&self.folder);
        Ok(order::draw(root, known)?)
    }

    /// Appends events with one write; `durable`: waits until they are on disk. If that fails, none of them is left in
    /// the journal, as far as the disk allows.
    pub fn append(&mut self, envelopes: &[Envelope], durable: bool) -> Result<(), JournalError> {
        let mut lines = Vec::new();
        for envelope in envelopes {
            serde_json::to_writer(&mut lines, envelope)?;
            lines.push(b'\n');
        }
        self.check_in_place()?;
        if let Err(error) = self.write(&lines, durable) {
            // Readers ignore an incomplete last line anyway.
            let _ = self.file.set_len(self.length);
            return Err(error.into());
        }
        self.length += u64::try_from(lines.len()).unwrap_or(0);
        Ok(())
    }

    fn write(&mut self, lines: &[u8], durable: bool) -> std::io::Result<()> {
        #[cfg(test)]
        {
            self.room = self
                .room
                .checked_sub(u64::try_from(lines.len()).unwrap_or(u64::MAX))
                .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::StorageFull))?;
        }
        self.file.write_all(lines)?;
        if durable {
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// Fails if the open file is no longer the one at the journal's path.
    fn check_in_place(&self) -> Result<(), JournalError> {
        use std::os::unix::fs::MetadataExt;
        let path = self.folder.join(JOURNAL);
        let written = self.file.metadata()?;
        match fs_err::metadata(&path) {
            Ok(read) if (read.dev(), read.ino()) == (written.dev(), written.ino()) => Ok(()),
            Ok(_) => Err(JournalError::Replaced(path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(JournalError::Gone(path)),
            Err(error) => Err(error.into()),
        }
    }

    /// Restores a journal that was deleted while this process had it open.
    pub fn put_back(&mut self) -> Result<(), JournalError> {
        use std::io::{Read, Seek};
        if !matches!(self.check_in_place(), Err(JournalError::Gone(_))) {
            return Ok(());
        }
        create_private(&self.folder)?;
        let mut text = Vec::new();
        self.file.rewind()?;
        (&mut self.file).take(self.length).read_to_end(&mut text)?;
        let mut copy = Self::create(self.folder.clone())?;
        copy.file.write_all(&text)?;
        copy.file.sync_all()?;
        copy.length = self.length;
        *self = copy;
        Ok(())
    }

    /// Writes a step's output beside the journal, as `output/HOST/NAME`.
    pub fn keep_output(&self, host: &str, name: &str, bytes: &[u8]) -> Result<(), JournalError> {
        let folder = self.folder.join("output").join(host);
        create_private(&folder)?;
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(folder.join(name))?;
        file.write_all(bytes)?;
        Ok(())
    }
}
/// A run that is followed up by another one: it is held until that has ended.
#[derive(Debug)]
pub struct Hold {
    folder: PathBuf,
    /// Released when it is closed.
    _lock: Option<File>,
}

impl Hold {
    /// Appends events to the run's journal.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn append(&self, envelopes: &[Envelope]) -> Result<(), JournalError> {
        let file = OpenOptions::new().read(true).append(true).open(self.folder.join(JOURNAL))?;
        // A command that asks whether the run is going on has it for an instant.
        file.file().lock()?;
        let length = file.metadata()?.len();
        Writer::new(file, self.folder.clone(), length).append(envelopes, true)
    }
}

/// Locks a file for this process; `false`: another one has it.
fn try_lock(file: &File) -> Result<bool, JournalError> {
    match file.file().try_lock() {
        Ok(()) => Ok(true),
        Err(std::fs::TryLockError::WouldBlock) => Ok(false),
        Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
    }
}
