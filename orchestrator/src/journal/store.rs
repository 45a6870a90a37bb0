//! The folder of all runs: `<state>/runs/<run-id>/`.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::error::JournalError;
use super::folder::create_private;
use super::writer::{JOURNAL, Writer};
use crate::event::{Envelope, FORMAT, Line, LineError};
use crate::state::RunState;

/// All runs of this controller.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) root: PathBuf,
}

/// A run as its journal tells it.
#[derive(Debug)]
pub struct LoadedRun {
    /// The run's id.
    pub id: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Its events.
    pub events: Vec<Envelope>,
    /// Their fold.
    pub state: RunState,
    /// Events of a newer version that were skipped, since their writer says that this is safe.
    pub skipped: Vec<String>,
    /// Whether the last line was cut off, as a power cut leaves it.
    pub torn: bool,
    /// How many of its bytes are whole lines.
    pub length: u64,
    /// Whether its controller is at work on it now.
    pub going_on: bool,
}

/// How much of an id is shown at least: its time (RFC 9562, UUIDv7), so that what a report shows stays unique.
const SHOWN: usize = 13;

impl Store {
    /// The store below the state folder `state`.
    pub fn new(state: &Path) -> Self {
        Self { root: state.join("runs") }
    }

    /// Makes sure that runs can be kept, before anything is done that would have to be.
    pub fn prepare(&self) -> Result<(), JournalError> {
        create_private(&self.root)?;
        check_writable(&self.root)
    }

    /// Begins a journal for a new run.
    pub fn create(&self, id: &str) -> Result<Writer, JournalError> {
        let folder = self.root.join(id);
        create_private(&self.root)?;
        std::fs::DirBuilder::new().mode(0o700).create(&folder).map_err(|error| {
            std::io::Error::new(
                error.kind(),
                format!("failed to create the folder {}: {error}", folder.display()),
            )
        })?;
        let writer = Writer::create(folder)?;
        // The run's own folder must outlive a power cut as well.
        fs_err::File::open(&self.root)?.sync_all()?;
        Ok(writer)
    }

    /// The ids of all runs, the newest first (ids are UUIDv7, which sort by time).
    pub fn ids(&self) -> Result<Vec<String>, JournalError> {
        if !self.root.exists() {
            return Ok(Vec::new());
        }
        let mut ids: Vec<String> = fs_err::read_dir(&self.root)?
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join(JOURNAL).exists())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        ids.sort_unstable_by(|left, right| right.cmp(left));
        Ok(ids)
    }

    /// The run that `wanted` means: an id, or the unique beginning of one. What `latest` means is the history's to say.
    pub fn find(&self, wanted: &str) -> Result<String, JournalError> {
        let ids = self.ids()?;
        let matching: Vec<&String> = ids.iter().filter(|id| id.starts_with(wanted)).collect();
        match matching.as_slice() {
            [] => Err(JournalError::NoSuchRun(wanted.to_owned())),
            [id] => Ok((*id).clone()),
            several => {
                let names = several.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
                Err(JournalError::Ambiguous(wanted.to_owned(), names))
            }
        }
    }

    /// The shortest beginning of an id that no other run has, at least its time to the millisecond.
    pub fn shorten(&self, id: &str) -> Result<String, JournalError> {
        let ids = self.ids()?;
        let unique = (SHOWN..id.len()).filter_map(|length| id.get(..length)).find(|prefix| {
            !prefix.ends_with('-') && !ids.iter().any(|other| other != id && other.starts_with(prefix))
        });
        Ok(unique.unwrap_or(id).to_owned())
    }

    /// Takes up the journal of a run whose writer has ended, and reads it; `None` where it still lives. Nobody else can
    /// write it from then on, so what was read is all of it.
    pub fn take_up(&self, id: &str) -> Result<Option<(Writer, LoadedRun)>, JournalError> {
        let Some(mut writer) = Writer::take_up(self.root.join(id))? else { return Ok(None) };
        let mut run = self.read(id)?;
        run.going_on = false;
        writer.cut_to(run.length)?;
        Ok(Some((writer, run)))
    }

    /// Reads a run. A torn last line is normal; a bad line before it is not.
    pub fn load(&self, id: &str) -> Result<LoadedRun, JournalError> {
        let mut run = self.read(id)?;
        run.going_on = is_locked(&self.root.join(id).join(JOURNAL))?;
        Ok(run)
    }

    fn read(&self, id: &str) -> Result<LoadedRun, JournalError> {
        let folder = self.root.join(id);
        let path = folder.join(JOURNAL);
        let text = fs_err::read(&path)?;
        let Lines { events, skipped, length } = read_lines(&path, &text)?;
        let torn = length < text.len();
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let state = RunState::fold(&events);
        if let Some(header) = &state.header
            && header.format > FORMAT
        {
            return Err(JournalError::Format { path, found: header.format });
        }
        let going_on = false;
        Ok(LoadedRun { id: id.to_owned(), folder, events, state, skipped, torn, length, going_on })
    }
}

/// Whether another process holds the journal's lock.
pub(super) fn is_locked(path: &Path) -> Result<bool, JournalError> {
    let file = fs_err::File::open(path)?;
    match file.file().try_lock_shared() {
        Ok(()) => Ok(false),
        Err(std::fs::TryLockError::WouldBlock) => Ok(true),
        Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Writes a file and removes it again: whether a folder can be written is not to be known otherwise.
fn check_writable(folder: &Path) -> Result<(), JournalError> {
    let path = folder.join(format!(".ixporch-{}", std::process::id()));
    fs_err::write(&path, b"x")?;
    fs_err::remove_file(&path)?;
    Ok(())
}

/// What a journal holds.
struct Lines {
    events: Vec<Envelope>,
    skipped: Vec<String>,
    /// How many bytes its whole lines have.
    length: usize,
}

/// Reads the lines of a journal. What stands after the last line break is cut off.
fn read_lines(path: &Path, text: &[u8]) -> Result<Lines, JournalError> {
    let length = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (mut events, mut skipped) = (Vec::new(), Vec::new());
    let lines = String::from_utf8_lossy(text.get(..length).unwrap_or_default());
    for (line, text) in (1..).zip(lines.lines()) {
        let path = path.to_owned();
        match Line::read(text) {
            Ok(Line::Event(envelope)) => events.push(*envelope),
            Ok(Line::Skipped { event, .. }) => skipped.push(event),
            Err(LineError::Damaged(why)) => return Err(JournalError::Line { path, line, why }),
            Err(LineError::Newer(event)) => return Err(JournalError::Newer { path, line, event }),
        }
    }
    Ok(Lines { events, skipped, length })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::event::RunEvent;

    fn envelopes(count: u64) -> Vec<Envelope> {
        (1..=count)
            .map(|sequence| Envelope {
                sequence,
                at: Timestamp::UNIX_EPOCH,
                event: RunEvent::WaveStarted { wave: format!("w{sequence}") },
            })
            .collect()
    }

    #[test]
    fn a_journal_cut_at_any_byte_gives_the_events_before_the_cut() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        store.create("run").unwrap().append(&envelopes(3), true).unwrap();
        let path = folder.path().join("runs/run/journal.jsonl");
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let run = store.load("run").unwrap();
            let lines = whole[..cut].split(|byte| *byte == b'\n').count() - 1;
            assert_eq!(run.events, envelopes(3)[..lines]);
            // Whoever goes on with it leaves no trace of the cut.
            let more = Envelope { sequence: 9, ..envelopes(1).remove(0) };
            let (mut writer, _) = store.take_up("run").unwrap().unwrap();
            writer.append(std::slice::from_ref(&more), true).unwrap();
            drop(writer);
            let run = store.load("run").unwrap();
            assert!(!run.torn);
            assert_eq!(run.events.last(), Some(&more));
            assert_eq!(run.events.len(), lines + 1);
        }
    }

    #[test]
    fn a_journal_is_taken_up_only_when_nobody_writes_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let writer = store.create("run").unwrap();
        assert!(store.take_up("run").unwrap().is_none());
        drop(writer);
        assert!(store.take_up("run").unwrap().is_some());
    }

    #[test]
    fn a_journal_that_was_removed_is_noticed_and_can_be_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let mut writer = store.create("run").unwrap();
        writer.append(&envelopes(2), true).unwrap();
        std::fs::remove_dir_all(folder.path().join("runs/run")).unwrap();
        assert!(matches!(writer.append(&envelopes(1), true), Err(JournalError::Gone(_))));
        writer.put_back().unwrap();
        drop(writer);
        assert_eq!(store.load("run").unwrap().events, envelopes(2));
    }

    #[test]
    fn a_bad_line_in_the_middle_is_an_error_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        store.create("run").unwrap().append(&envelopes(1), true).unwrap();
        let path = folder.path().join("runs/run/journal.jsonl");
        let mut text = std::fs::read_to_string(&path).unwrap();
        text = format!("garbage\n{text}");
        std::fs::write(&path, text).unwrap();
        let error = store.load("run").unwrap_err().to_string();
        assert!(error.contains("line 1 is no event"), "{error}");
    }

    #[test]
    fn runs_are_found_by_the_shortest_unique_beginning_of_their_ids() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        store.create("01980000-aaaa-1111").unwrap();
        store.create("01980000-abbb-2222").unwrap();
        let short = store.shorten("01980000-aaaa-1111").unwrap();
        assert_eq!(short, "01980000-aaaa");
        assert_eq!(store.find(&short).unwrap(), "01980000-aaaa-1111");
        assert!(matches!(store.find("01"), Err(JournalError::Ambiguous(..))));
        assert!(matches!(store.find("zz"), Err(JournalError::NoSuchRun(_))));
    }

    #[test]
    fn only_the_owner_can_read_a_run() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let writer = store.create("run").unwrap();
        writer.keep_output("h1", "01-x.out", b"secret").unwrap();
        for (path, mode) in [
            ("runs", 0o700),
            ("runs/run", 0o700),
            ("runs/run/journal.jsonl", 0o600),
            ("runs/run/output/h1", 0o700),
            ("runs/run/output/h1/01-x.out", 0o600),
        ] {
            let found = std::fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "{path}");
        }
    }
}
