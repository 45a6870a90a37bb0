//! The summaries beside the journals: what makes the history of hundreds of runs cheap to load.
//!
//! Owns when a summary fits its journal, and that one which does not is made again. Nothing depends on a summary being there.

use std::io::Write;
use std::path::Path;

use super::error::JournalError;
use super::folder::check_own;
use super::known_length::SUMMARY;
use super::store::{Store, is_locked};
use super::writer::JOURNAL;
use crate::event::{Line, RunEvent};
use crate::history::{History, RunRecord, SUMMARY_FORMAT, Unreadable};
use crate::plan::HostId;
use crate::state::RunState;

impl Store {
    /// What all runs did, from their summaries; a journal is read only if its summary is missing or older.
    ///
    /// # Errors
    /// The folder of runs cannot be read. A run that cannot be read is part of the history, as unreadable.
    pub fn history(&self) -> Result<History, JournalError> {
        let (mut runs, mut unreadable) = (Vec::new(), Vec::new());
        for id in self.ids()? {
            match self.record(&id) {
                // A copy of a run's folder under another name is no run.
                Ok(record) => runs.extend(record.filter(|record| record.run == id)),
                // It was moved away or deleted meanwhile.
                Err(_) if !self.may_have_journal(&id) => {}
                Err(error) => unreadable.push(self.unreadable(id, &error)),
            }
        }
        Ok(History::new(runs, unreadable))
    }

    /// What is remembered of a run; `None`: it was cut off before its first event.
    fn record(&self, id: &str) -> Result<Option<RunRecord>, JournalError> {
        let folder = self.root.join(id);
        check_own(&folder)?;
        let going_on = is_locked(&folder.join(JOURNAL))?;
        if let Some(summary) = read_summary(&folder) {
            return Ok(Some(RunRecord { going_on, ..summary }));
        }
        let run = self.load(id)?;
        let record = RunRecord::of(&run.state, run.length);
        // What is being written has another length in a moment.
        if let Some(record) = record.as_ref().filter(|_| !going_on) {
            // What the summary counts must survive a power cut, as the summary may.
            fs_err::File::open(folder.join(JOURNAL))?.sync_data()?;
            write_summary(&folder, record);
        }
        Ok(record.map(|record| RunRecord { going_on, ..record }))
    }

    /// Writes the summary of a run that has ended; `journal_bytes`: the length of its journal at that state. What somebody
    /// appended since makes it too old, which is noticed.
    pub fn summarize(&self, id: &str, state: &RunState, journal_bytes: u64) {
        if let Some(record) = RunRecord::of(state, journal_bytes) {
            write_summary(&self.root.join(id), &record);
        }
    }

    /// A run of which the journal cannot be read: its first line, or its summary, may still name its inventory, and the hosts
    /// that it may have changed.
    fn unreadable(&self, id: String, error: &JournalError) -> Unreadable {
        let known = self.known_of_unreadable(&id);
        let (inventory, hosts) =
            known.map_or((None, None), |(inventory, hosts)| (Some(inventory), Some(hosts)));
        Unreadable { run: id, why: error.to_string(), inventory, hosts }
    }

    fn known_of_unreadable(&self, id: &str) -> Option<(String, Vec<HostId>)> {
        let folder = self.root.join(id);
        let text = fs_err::read(folder.join(JOURNAL)).unwrap_or_default();
        let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if let Ok(Line::Event(envelope)) = Line::read(&String::from_utf8_lossy(first))
            && let RunEvent::RunStarted(header) = &envelope.event
        {
            // What changes nothing concerns nobody.
            let changes = header.kind.changes_installations();
            let hosts = header.plan.hosts().filter(|_| changes).map(|(_, host)| host.id());
            return Some((header.inventory.clone(), hosts.collect()));
        }
        let summary: RunRecord = serde_json::from_slice(&fs_err::read(folder.join(SUMMARY)).ok()?).ok()?;
        let changes = summary.kind.changes_installations();
        let hosts = summary.hosts.into_iter().filter(|_| changes).map(|host| host.id);
        Some((summary.inventory, hosts.collect()))
    }
}

/// The summary of a run, if it is of all that its journal holds.
fn read_summary(folder: &Path) -> Option<RunRecord> {
    let summary: RunRecord = serde_json::from_slice(&fs_err::read(folder.join(SUMMARY)).ok()?).ok()?;
    let length = fs_err::metadata(folder.join(JOURNAL)).ok()?.len();
    (summary.format == SUMMARY_FORMAT && summary.journal_bytes == length).then_some(summary)
}

/// Writes a summary, as a whole or not at all. If it cannot be written, the journal is read the next time.
fn write_summary(folder: &Path, record: &RunRecord) {
    let write = || -> std::io::Result<()> {
        // Readable by its owner alone, as tempfile makes files.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(record)?)?;
        file.persist(folder.join(SUMMARY)).map_err(|error| error.error)?;
        Ok(())
    };
    let _ = write();
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::event::{Envelope, HostOutcome, sample};

    fn event(sequence: u64, event: RunEvent) -> Envelope {
        Envelope { sequence, at: Timestamp::UNIX_EPOCH, event }
    }

    fn ended(sequence: u64, outcome: HostOutcome) -> Envelope {
        let (host, reasons) = ("a".to_owned(), Vec::new());
        event(sequence, RunEvent::HostFinished { host, outcome, reasons })
    }

    /// A store with one ended run.
    fn store(folder: &Path) -> Store {
        let store = Store::new(folder);
        let started = event(1, RunEvent::RunStarted(Arc::new(sample::header("run", &["a"]))));
        store.create("run").unwrap().append(&[started, ended(2, HostOutcome::Failed)], true).unwrap();
        store
    }

    #[test]
    fn a_summary_is_made_once_and_again_when_the_journal_is_longer() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let outcome = || store.history().unwrap().runs()[0].hosts[0].outcome;
        assert_eq!(outcome(), Some(HostOutcome::Failed));
        let summary = folder.path().join("runs/run/summary.json");
        let first = std::fs::read_to_string(&summary).unwrap();
        // It is the summary that is read, as long as it fits: one of the same length that says something else is believed.
        std::fs::write(&summary, first.replace("\"failed\"", "\"unknown\"")).unwrap();
        assert_eq!(outcome(), Some(HostOutcome::Unknown));
        let (mut writer, _) = store.take_up("run").unwrap().unwrap();
        writer.append(&[ended(3, HostOutcome::Upgraded)], true).unwrap();
        drop(writer);
        assert_eq!(outcome(), Some(HostOutcome::Upgraded));
        std::fs::write(&summary, "{").unwrap();
        assert_eq!(outcome(), Some(HostOutcome::Upgraded));
    }

    #[test]
    fn lines_that_are_missing_make_a_run_unreadable_and_its_summary_names_its_hosts() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let path = folder.path().join("runs/run");
        let (journal, summary) = (path.join("journal.jsonl"), path.join("summary.json"));
        let whole = std::fs::read(&journal).unwrap();
        store.history().unwrap();
        let known = std::fs::read(&summary).unwrap();
        let header = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for cut in [0, header / 2, header, whole.len() - 1] {
            std::fs::write(&journal, &whole[..cut]).unwrap();
            let history = store.history().unwrap();
            assert!(history.runs().is_empty() && store.load("run").is_err(), "cut to {cut} bytes");
            assert!(store.take_up("run").is_err(), "cut to {cut} bytes");
            assert!(history.may_concern(&crate::plan::sample::host("a").id()).is_some());
            assert!(history.may_concern(&crate::plan::sample::host("b").id()).is_none());
            assert_eq!(std::fs::read(&summary).unwrap(), known);
        }
        // Without a summary, a header that was not written to its end is a run that never began.
        std::fs::remove_file(&summary).unwrap();
        std::fs::write(&journal, &whole[..header / 2]).unwrap();
        let history = store.history().unwrap();
        assert!(history.runs().is_empty() && history.unreadable().is_empty());
        // One that is not there, although events follow, was lost.
        std::fs::write(&journal, &whole[header..]).unwrap();
        assert_eq!(store.history().unwrap().unreadable().len(), 1);
    }

    #[test]
    fn a_run_whose_folder_is_closed_is_unreadable_and_not_forgotten() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let run = folder.path().join("runs/run");
        let close = |mode| std::fs::set_permissions(&run, std::fs::Permissions::from_mode(mode)).unwrap();
        close(0o000);
        // Root enters every folder.
        let enters_all = fs_err::read_dir(&run).is_ok();
        let history = store.history().unwrap();
        close(0o700);
        assert_eq!(
            (history.runs().len(), history.unreadable().len()),
            if enters_all { (1, 0) } else { (0, 1) }
        );
        std::fs::write(folder.path().join("runs/notes.txt"), "no run").unwrap();
        assert_eq!(store.history().unwrap().runs().len(), 1);
    }

    #[test]
    fn a_damaged_journal_concerns_the_hosts_that_it_names_and_where_it_names_none_all_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let journal = folder.path().join("runs/run/journal.jsonl");
        let text = std::fs::read_to_string(&journal).unwrap();
        let (first, _) = text.split_once('\n').unwrap();
        std::fs::write(&journal, format!("{first}\ngarbage\n")).unwrap();
        let history = store.history().unwrap();
        let here = crate::plan::sample::host("a").id();
        assert!(history.may_concern(&here).is_some());
        assert!(history.may_concern(&crate::plan::sample::host("b").id()).is_none());
        assert_eq!(history.left_on(&here, None).unreadable.as_deref(), Some("run"));
        std::fs::write(&journal, "garbage\n").unwrap();
        assert!(store.history().unwrap().may_concern(&crate::plan::sample::host("b").id()).is_some());
    }
}
