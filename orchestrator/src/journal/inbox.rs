//! The inbox of a run: approvals for a running controller, as files. Only that controller writes the journal.

use std::io::Write;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt;
use fs_err::{File, OpenOptions};

use super::error::JournalError;
use super::folder::{check_own, create_private};
use crate::event::RunEvent;

const INBOX: &str = "inbox";

/// The inbox of one run.
#[derive(Debug, Clone)]
pub struct Inbox {
    folder: PathBuf,
}

/// A letter in the inbox.
#[derive(Debug)]
pub struct Letter {
    /// The approvals in it, as events.
    pub events: Vec<RunEvent>,
    path: PathBuf,
}

impl Inbox {
    /// The inbox of the run in the folder `run`.
    pub fn of(run: &Path) -> Self {
        Self { folder: run.join(INBOX) }
    }

    /// Puts a letter into the inbox; letters are ordered by `name`.
    ///
    /// # Errors
    /// It cannot be written. A letter is there completely or not at all.
    pub fn put(&self, name: &str, events: &[RunEvent]) -> Result<(), JournalError> {
        create_private(&self.folder)?;
        check_own(&self.folder)?;
        let unfinished = self.folder.join(format!(".{name}"));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(&serde_json::to_vec(events)?)?;
        file.sync_all()?;
        fs_err::rename(&unfinished, self.folder.join(format!("{name}.json")))?;
        File::open(&self.folder)?.sync_all()?;
        Ok(())
    }

    /// All letters, in order. A letter that cannot be read is skipped: nobody could answer for it. In a folder that others
    /// can write there are none; whoever puts one there is told so.
    pub fn letters(&self) -> Vec<Letter> {
        if check_own(&self.folder).is_err() {
            return Vec::new();
        }
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
    /// Removes the letter, once its approvals are in the journal.
    pub fn taken(self) {
        // If that fails, it is taken again: approving twice changes nothing.
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
        // An unfinished letter, and one that cannot be read.
        std::fs::write(folder.path().join("inbox/.3"), "[{").unwrap();
        std::fs::write(folder.path().join("inbox/0.json"), "[{").unwrap();
        let found: Vec<Vec<RunEvent>> = inbox.letters().into_iter().map(|letter| letter.events).collect();
        assert_eq!(found, [word("canary"), word("prod")]);
        inbox.letters().remove(0).taken();
        assert_eq!(inbox.letters().len(), 1);
    }
}
