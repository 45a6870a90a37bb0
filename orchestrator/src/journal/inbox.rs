//! The inbox of a run: what persons say to a controller that is at work, as files beside its journal, which it alone writes.

use std::io::Write;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt;
use fs_err::{File, OpenOptions};

use super::error::JournalError;
use super::folder::create_private;
use crate::event::RunEvent;

const INBOX: &str = "inbox";

/// The inbox of one run.
#[derive(Debug, Clone)]
pub struct Inbox {
    folder: PathBuf,
}

/// What somebody put there: the events that their words are.
#[derive(Debug)]
pub struct Letter {
    /// What they say.
    pub events: Vec<RunEvent>,
    path: PathBuf,
}

impl Inbox {
    /// The inbox of the run that is kept in `run`.
    pub fn of(run: &Path) -> Self {
        Self { folder: run.join(INBOX) }
    }

    /// Puts a letter there; `name` orders it among others.
    ///
    /// # Errors
    /// It cannot be written. It is there as a whole or not at all.
    pub fn put(&self, name: &str, events: &[RunEvent]) -> Result<(), JournalError> {
        create_private(&self.folder)?;
        let unfinished = self.folder.join(format!(".{name}"));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        serde_json::to_writer(&mut file, events)?;
        file.flush()?;
        file.sync_all()?;
        fs_err::rename(&unfinished, self.folder.join(format!("{name}.json")))?;
        File::open(&self.folder)?.sync_all()?;
        Ok(())
    }

    /// What is there, in order. What cannot be read is passed over: nobody waits for it.
    pub fn letters(&self) -> Vec<Letter> {
        let Ok(entries) = fs_err::read_dir(&self.folder) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        let read = |path: PathBuf| {
            let events = serde_json::from_slice(&fs_err::read(&path).ok()?).ok()?;
            Some(Letter { events, path })
        };
        paths.into_iter().filter_map(read).collect()
    }
}

impl Letter {
    /// Takes it out, once what it says is in the journal.
    pub fn taken(self) {
        // One that stays is taken again: approving twice is approving.
        let _ = fs_err::remove_file(self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Approval;

    #[test]
    fn letters_are_whole_in_order_and_gone_when_they_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = Inbox::of(folder.path());
        assert!(inbox.letters().is_empty());
        let approval =
            Approval { by: "bea".to_owned(), origin: "here".to_owned(), reason: "seen".to_owned() };
        let word =
            |wave: &str| vec![RunEvent::WaveApproved { wave: wave.to_owned(), approval: approval.clone() }];
        inbox.put("2", &word("prod")).unwrap();
        inbox.put("1", &word("canary")).unwrap();
        // Half a letter, and one of another kind.
        std::fs::write(folder.path().join("inbox/.3"), "[{").unwrap();
        std::fs::write(folder.path().join("inbox/0.json"), "[{").unwrap();
        let found: Vec<Vec<RunEvent>> = inbox.letters().into_iter().map(|letter| letter.events).collect();
        assert_eq!(found, [word("canary"), word("prod")]);
        inbox.letters().remove(0).taken();
        assert_eq!(inbox.letters().len(), 1);
    }
}
