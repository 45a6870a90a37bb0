//! The folder of all runs: `<state>/runs/<run-id>/`.

use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::error::JournalError;
use super::folder::{check_own, create_private};
use super::known_length::known_length;
use super::order;
use super::writer::{JOURNAL, Writer};
use crate::event::{Envelope, FORMAT, Line, LineError};
use crate::state::RunState;

/// All runs of this controller.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) root: PathBuf,
}

/// A run, read from its journal.
#[derive(Debug)]
pub struct LoadedRun {
    /// The run's id.
    pub id: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Its events.
    pub events: Vec<Envelope>,
    /// The state after all events.
    pub state: RunState,
    /// Events of a newer version that were skipped, because they are marked as safe to skip.
    pub skipped: Vec<String>,
    /// Whether the last line was incomplete, as after a power cut.
    pub torn: bool,
    /// The length of all complete lines, in bytes.
    pub length: u64,
    /// Whether a controller is running it now.
    pub going_on: bool,
}

/// The minimum length of a shortened id: its time (RFC 9562, UUIDv7), so that ids in reports stay unique.
const SHOWN: usize = 13;

impl Store {
    /// The store below the state folder `state`.
    pub fn new(state: &Path) -> Self {
        Self { root: state.join("runs") }
    }

    /// Makes sure that the folders of all runs are the user's own.
    fn check_own(&self) -> Result<(), JournalError> {
        self.root.parent().map_or(Ok(()), check_own)?;
        check_own(&self.root)
    }

    /// Makes sure that journals can be written, before anything happens that needs one.
    pub fn prepare(&self) -> Result<(), JournalError> {
        create_private(&self.root)?;
        self.check_own()?;
        check_writable(&self.root)
    }

    /// Creates the journal of a new run.
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
        // The run's folder must survive a power cut, too.
        fs_err::File::open(&self.root)?.sync_all()?;
        Ok(writer)
    }

    /// Draws the place of a new session; `known`: the greatest place in the history.
    ///
    /// # Errors
    /// The last place cannot be read or written.
    pub fn draw_order(&self, known: u64) -> Result<u64, JournalError> {
        create_private(&self.root)?;
        Ok(order::draw(&self.root, known)?)
    }

    /// The ids of all runs, the newest first (UUIDv7 sort by time).
    pub fn ids(&self) -> Result<Vec<String>, JournalError> {
        self.check_own()?;
        let entries = match fs_err::read_dir(&self.root) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut ids = Vec::new();
        for entry in entries {
            let Ok(name) = entry?.file_name().into_string() else { continue };
            // What is being removed has a name of its own.
            if !name.starts_with('.') && self.may_have_journal(&name) {
                ids.push(name);
            }
        }
        ids.sort_unstable_by(|left, right| right.cmp(left));
        Ok(ids)
    }

    /// Whether a run has a journal, or may have one: its folder may be closed to this user.
    pub(super) fn may_have_journal(&self, id: &str) -> bool {
        match fs_err::metadata(self.root.join(id).join(JOURNAL)) {
            Ok(_) => true,
            Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        }
    }

    /// Finds a run by its id, or by a unique prefix of it. `history` resolves `latest`.
    pub fn find(&self, wanted: &str) -> Result<String, JournalError> {
        let ids = self.ids()?;
        if ids.iter().any(|id| id == wanted) {
            return Ok(wanted.to_owned());
        }
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

    /// The shortest unique prefix of an id, at least its time.
    pub fn shorten(&self, id: &str) -> Result<String, JournalError> {
        let ids = self.ids()?;
        let unique = (SHOWN..id.len()).filter_map(|length| id.get(..length)).find(|prefix| {
            !prefix.ends_with('-') && !ids.iter().any(|other| other != id && other.starts_with(prefix))
        });
        Ok(unique.unwrap_or(id).to_owned())
    }

    /// Opens the journal of a run for writing; `None` if another process is writing it, or follows its run up. A command that asks whether the run is
    /// going on holds the journal for an instant: that is waited for.
    pub(super) fn hold(&self, id: &str) -> Result<Option<Writer>, JournalError> {
        const TRIES: u32 = 10;
        const PAUSE: std::time::Duration = std::time::Duration::from_millis(20);
        check_own(&self.root.join(id))?;
        for _ in 1..TRIES {
            if let Some(writer) = Writer::take_up(self.root.join(id))? {
                return Ok(Some(writer));
            }
            std::thread::sleep(PAUSE);
        }
        Writer::take_up(self.root.join(id))
    }

    /// Opens the journal of a run for writing, and reads it; `None` if another process is writing it, or follows its run up:
    /// [`Self::is_going_on`] tells which. Nobody else can write it from then on, so what was read is complete.
    pub fn take_up(&self, id: &str) -> Result<Option<(Writer, LoadedRun)>, JournalError> {
        let Some(mut writer) = self.hold(id)? else { return Ok(None) };
        let mut run = self.read(id)?;
        run.going_on = false;
        writer.cut_to(run.length)?;
        Ok(Some((writer, run)))
    }

    /// Whether a controller is at work on a run.
    ///
    /// # Errors
    /// The journal cannot be opened.
    pub fn is_going_on(&self, id: &str) -> Result<bool, JournalError> {
        is_locked(&self.root.join(id).join(JOURNAL))
    }

    /// Reads a run. An incomplete last line is normal; any other bad line is an error.
    pub fn load(&self, id: &str) -> Result<LoadedRun, JournalError> {
        let mut run = self.read(id)?;
        run.going_on = is_locked(&self.root.join(id).join(JOURNAL))?;
        Ok(run)
    }

    fn read(&self, id: &str) -> Result<LoadedRun, JournalError> {
        let folder = self.root.join(id);
        let path = folder.join(JOURNAL);
        check_own(&folder)?;
        // Before the journal is read: one that grows meanwhile, and its summary with it, is not shorter.
        let known = known_length(&folder);
        let text = fs_err::read(&path)?;
        // Whole lines are never removed, so what is missing was lost.
        let found = u64::try_from(text.len()).unwrap_or(u64::MAX);
        if let Some(known) = known.filter(|known| *known > found) {
            return Err(JournalError::Shorter { path, length: found, known });
        }
        let Lines { events, skipped, length } = read_lines(&path, &text)?;
        let torn = length < text.len();
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let state = RunState::fold(&events);
        if let Some(header) = &state.header
            && header.format > FORMAT
        {
            return Err(JournalError::Format { path, found: header.format });
        }
        if state.header.is_none() && !events.is_empty() {
            return Err(JournalError::NoHeader(path));
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

/// Writes and removes a file: there is no other reliable test whether a folder is writable.
fn check_writable(folder: &Path) -> Result<(), JournalError> {
    let path = folder.join(format!(".ixporch-{}", std::process::id()));
    fs_err::write(&path, b"x")?;
    fs_err::remove_file(&path)?;
    Ok(())
}

/// The lines of a journal.
pub(super) struct Lines {
    pub(super) events: Vec<Envelope>,
    skipped: Vec<String>,
    /// The length of all complete lines, in bytes.
    length: usize,
}

/// Reads the lines of a journal. Whatever follows the last line break is ignored.
pub(super) fn read_lines(path: &Path, text: &[u8]) -> Result<Lines, JournalError> {
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
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::event::{RunEvent, sample};

    fn envelopes(count: u64) -> Vec<Envelope> {
        let header = RunEvent::RunStarted(Arc::new(sample::header("run", &["a"])));
        let others = (2..).map(|number| RunEvent::WaveStarted { wave: format!("w{number}") });
        std::iter::zip(1..=count, std::iter::once(header).chain(others))
            .map(|(sequence, event)| Envelope { sequence, at: Timestamp::UNIX_EPOCH, event })
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
            // After the next write nothing of the cut is left.
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
    fn a_run_that_is_followed_up_is_held_and_not_going_on() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        store.create("run").unwrap().append(&envelopes(1), true).unwrap();
        let (writer, _) = store.take_up("run").unwrap().unwrap();
        assert!(store.is_going_on("run").unwrap());
        let hold = writer.hold();
        assert!(store.take_up("run").unwrap().is_none() && !store.is_going_on("run").unwrap());
        assert_eq!((store.archive("run").unwrap(), store.remove("run").unwrap()), (None, false));
        let more = Envelope { sequence: 2, ..envelopes(2).remove(1) };
        hold.append(&[more]).unwrap();
        drop(hold);
        let (_, run) = store.take_up("run").unwrap().unwrap();
        assert_eq!(run.events, envelopes(2));
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
