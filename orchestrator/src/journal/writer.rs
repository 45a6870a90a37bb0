//! Appends events to a journal: JSON Lines, one event a line, synced to disk on demand.

use std::io::Write;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt;
use fs_err::{File, OpenOptions};

use super::error::JournalError;
use super::folder::create_private;
use crate::event::Envelope;

/// The journal's name in its run's folder.
pub(super) const JOURNAL: &str = "journal.jsonl";

/// A journal that is being written. One process writes; any number may read.
#[derive(Debug)]
pub struct Writer {
    file: File,
    folder: PathBuf,
    /// How many bytes are whole lines.
    length: u64,
    /// How many bytes fit; for tests of a full disk.
    #[cfg(test)]
    room: u64,
}

impl Writer {
    pub(super) fn create(folder: PathBuf) -> Result<Self, JournalError> {
        let path = folder.join(JOURNAL);
        let file = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(path)?;
        // Held as long as this process lives: by it readers know that the run is going on.
        file.file().lock()?;
        // The folder entry must outlive a power cut as well.
        File::open(&folder)?.sync_all()?;
        Ok(Self::new(file, folder, 0))
    }

    /// Takes up a journal again; `None`: the process that writes it lives. It is written once it was read, and
    /// cut to its whole lines.
    pub(super) fn take_up(folder: PathBuf) -> Result<Option<Self>, JournalError> {
        let file = OpenOptions::new().read(true).append(true).open(folder.join(JOURNAL))?;
        match file.file().try_lock() {
            Ok(()) => Ok(Some(Self::new(file, folder, 0))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Drops what a power cut or a full disk left of a line after the first `length` bytes.
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
            length,
            #[cfg(test)]
            room: u64::MAX,
        }
    }

    /// Opens a journal that is there already and has room for so many bytes; for tests of a full disk.
    #[cfg(test)]
    pub(crate) fn open_existing(folder: PathBuf, room: u64) -> Result<Self, JournalError> {
        let file = OpenOptions::new().read(true).append(true).open(folder.join(JOURNAL))?;
        Ok(Self { room, ..Self::new(file, folder, 0) })
    }

    /// Where the run is kept.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Appends events with one write; `durable` waits until they are on disk. Where that fails, nothing of them is
    /// left in the journal, as far as the disk allows.
    pub fn append(&mut self, envelopes: &[Envelope], durable: bool) -> Result<(), JournalError> {
        let mut lines = Vec::new();
        for envelope in envelopes {
            serde_json::to_writer(&mut lines, envelope)?;
            lines.push(b'\n');
        }
        self.check_in_place()?;
        if let Err(error) = self.write(&lines, durable) {
            // Half a line at the end is dropped by whoever reads it; this only spares them.
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

    /// Whether the journal that is written is still the one that would be read.
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

    /// Puts a journal back that was deleted while it was written: this process still has it.
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

    /// Keeps a step's output beside the journal, as `output/HOST/NAME`.
    pub fn keep_output(&self, host: &str, name: &str, bytes: &[u8]) -> Result<(), JournalError> {
        let folder = self.folder.join("output").join(host);
        create_private(&folder)?;
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(folder.join(name))?;
        file.write_all(bytes)?;
        Ok(())
    }
}
