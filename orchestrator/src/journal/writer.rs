//! Appends events to a journal: JSON Lines, one event a line, synced to disk on demand.

use std::io::Write;
use std::path::PathBuf;

use fs_err::os::unix::fs::OpenOptionsExt;
use fs_err::{File, OpenOptions};

use super::store::JournalError;
use crate::event::Envelope;

/// A journal that is being written. One process writes; any number may read.
#[derive(Debug)]
pub struct Writer {
    file: File,
    folder: PathBuf,
    /// How many bytes fit; for tests of a full disk.
    #[cfg(test)]
    room: u64,
}

impl Writer {
    pub(super) fn create(folder: PathBuf) -> Result<Self, JournalError> {
        let path = folder.join("journal.jsonl");
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
        // Held as long as this process lives: by it readers know that the run is going on.
        file.file().lock()?;
        // The folder entry must outlive a power cut as well.
        File::open(&folder)?.sync_all()?;
        Ok(Self {
            file,
            folder,
            #[cfg(test)]
            room: u64::MAX,
        })
    }

    /// Opens a journal that is there already and has room for so many bytes; for tests of a full disk.
    #[cfg(test)]
    pub(crate) fn open_existing(folder: PathBuf, room: u64) -> Result<Self, JournalError> {
        let file = OpenOptions::new().append(true).open(folder.join("journal.jsonl"))?;
        Ok(Self { file, folder, room })
    }

    /// Where the run is kept.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// Appends events with one write; `durable` waits until they are on disk.
    pub fn append(&mut self, envelopes: &[Envelope], durable: bool) -> Result<(), JournalError> {
        let mut lines = Vec::new();
        for envelope in envelopes {
            serde_json::to_writer(&mut lines, envelope)?;
            lines.push(b'\n');
        }
        #[cfg(test)]
        {
            self.room = self
                .room
                .checked_sub(u64::try_from(lines.len()).unwrap_or(u64::MAX))
                .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::StorageFull))?;
        }
        self.file.write_all(&lines)?;
        if durable {
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// Keeps a step's output beside the journal, as `output/HOST/NAME`.
    pub fn keep_output(&self, host: &str, name: &str, bytes: &[u8]) -> Result<(), JournalError> {
        let folder = self.folder.join("output").join(host);
        super::store::create_private_folder(&folder)?;
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(folder.join(name))?;
        file.write_all(bytes)?;
        Ok(())
    }
}
