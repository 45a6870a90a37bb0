//! The words of notes about a host, and of what keeps it from being started.
//!
//! Owns how both are told. Whatever they hold is shown without control bytes.

use super::obstacle;
use crate::event::Deed;
use crate::plan::{Blocking, HostPlan, Note};
use crate::preflight::Finding;
use crate::text::harmless_line;

/// A note in one line.
pub(super) fn text(note: &Note) -> String {
    harmless_line(&line(note))
}

/// A text for each note.
pub(super) fn texts(notes: &[Note]) -> Vec<String> {
    notes.iter().map(text).collect()
}

fn line(note: &Note) -> String {
    match note {
        Note::BrokenOff => "an earlier run broke off here: all steps are run again".to_owned(),
        Note::ClosedByRun => "in maintenance since an earlier run, which has not opened it again".to_owned(),
        Note::StaysClosed => {
            "was in maintenance before the run, and stays in it: no journal here says that ixporch closed it"
                .to_owned()
        }
        Note::MaintenanceNotKnown => "it is not known whether the site is in maintenance".to_owned(),
        Note::TargetMissing { target } => {
            format!("upstream does not have {}", target_words(target.as_deref()))
        }
        Note::UpstreamSilent { target } => format!(
            "upstream did not answer, so the commit of {} is not known",
            target_words(target.as_deref())
        ),
        Note::ToolSilent { tool } => format!("{tool} does not answer when it is asked for its version"),
        Note::MemcachedUnitNotKnown => {
            "systemd does not know the memcached unit; memcached itself is asked".to_owned()
        }
        Note::NoUrl => "no `url` in the inventory: the web site itself is not checked".to_owned(),
        Note::CommitNotKnown => "the installed commit is not known".to_owned(),
        Note::OwnerNotKnown => {
            "the owner of the tree is not known; git will run as the login user".to_owned()
        }
        Note::SchemaNotKnown => {
            "pending schema changes are known only after memcached is restarted".to_owned()
        }
        Note::LockInStateDir => {
            "there is no installation: the lock is in the login's state_dir, and other logins do not see it"
                .to_owned()
        }
        Note::Locked { lock } => {
            format!("locked by {}: nothing is started until that run releases it", lock.holder())
        }
        Note::Told { text } => text.to_string(),
        Note::Unknown => "a note that this version of ixporch does not know".to_owned(),
    }
}

fn target_words(target: Option<&str>) -> String {
    target.map_or_else(|| "the branch".to_owned(), |tag| format!("tag {tag}"))
}

/// Why a host is not started, if something blocks it.
pub(super) fn blocked(plan: &HostPlan) -> Option<String> {
    plan.blocked.as_ref().map(|blocking| blocking_text(blocking, &plan.findings))
}

/// What blocks a host; `findings`: those of its plan, a line for each that blocks.
pub(super) fn blocking_text(blocking: &Blocking, findings: &[Finding]) -> String {
    match blocking {
        Blocking::Preflight { findings: ids } => {
            let lines = |id: &String| {
                let found = findings.iter().filter(|finding| finding.id == *id);
                let mut lines: Vec<String> = found.map(|found| format!("{id}: {}", found.what)).collect();
                if lines.is_empty() {
                    lines.push(id.clone());
                }
                lines
            };
            ids.iter().flat_map(lines).map(|line| harmless_line(&line)).collect::<Vec<_>>().join("\n")
        }
        Blocking::JournalUnreadable { run } => journal_unreadable(run, "").0,
        Blocking::ReleaseStepBegun { step, run, .. } => format!(
            "run {} began `{step}`, which is done only once, and did not bring it to a good end",
            obstacle::short_id(run)
        ),
        Blocking::Told { text } => text.to_string(),
        Blocking::Unknown => "something that this version of ixporch does not know".to_owned(),
    }
}

/// What to type next about what blocks a host, if its findings do not say that.
pub(super) fn blocking_help(blocking: &Blocking, program: &str) -> Option<String> {
    match blocking {
        Blocking::JournalUnreadable { run } => journal_unreadable(run, program).1,
        Blocking::ReleaseStepBegun { step, run, host } => Some(format!(
            "see what is left to do on the host, do it, then: {program} resolve {} {} --step {step} --as done --reason 'WHAT YOU SAW'",
            obstacle::short_id(run),
            harmless_line(host)
        )),
        Blocking::Preflight { .. } | Blocking::Told { .. } | Blocking::Unknown => None,
    }
}

fn journal_unreadable(run: &str, program: &str) -> (String, Option<String>) {
    obstacle::work_since("this host", &obstacle::short_id(run), Deed::Unreadable, program, None)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use serde_json::json;

    use super::*;
    use crate::event::{Reason, sample};
    use crate::facts::HostLock;
    use crate::plan::{Plan, sample as plans};
    use crate::preflight::Severity;
    use crate::report::{Names, Paint};
    use crate::state::RunState;
    use crate::text::RemoteText;
    use crate::told::Told;

    /// One of each note: a new one must be entered here.
    fn after(note: &Note) -> Option<Note> {
        Some(match note {
            Note::BrokenOff => Note::ClosedByRun,
            Note::ClosedByRun => Note::StaysClosed,
            Note::StaysClosed => Note::MaintenanceNotKnown,
            Note::MaintenanceNotKnown => Note::TargetMissing { target: None },
            Note::TargetMissing { target: None } => Note::TargetMissing { target: Some("v4.9.3".to_owned()) },
            Note::TargetMissing { .. } => Note::UpstreamSilent { target: None },
            Note::UpstreamSilent { target: None } => {
                Note::UpstreamSilent { target: Some("v4.9.3".to_owned()) }
            }
            Note::UpstreamSilent { .. } => Note::ToolSilent { tool: "bower".to_owned() },
            Note::ToolSilent { .. } => Note::MemcachedUnitNotKnown,
            Note::MemcachedUnitNotKnown => Note::NoUrl,
            Note::NoUrl => Note::CommitNotKnown,
            Note::CommitNotKnown => Note::OwnerNotKnown,
            Note::OwnerNotKnown => Note::SchemaNotKnown,
            Note::SchemaNotKnown => Note::LockInStateDir,
            Note::LockInStateDir => {
                let (run, operator, origin) = ("01b3".to_owned(), "ada".to_owned(), "he\u{7}re".to_owned());
                Note::Locked { lock: Box::new(HostLock { run, operator, origin, ..HostLock::default() }) }
            }
            Note::Locked { .. } => Note::told(RemoteText::from("no\u{1b}[2Jroom")),
            Note::Told { .. } => Note::Unknown,
            Note::Unknown => return None,
        })
    }

    /// One of each way in which a host is blocked: a new one must be entered here.
    fn after_blocking(blocking: &Blocking) -> Option<Blocking> {
        Some(match blocking {
            Blocking::Preflight { .. } => Blocking::JournalUnreadable { run: "01b3".to_owned() },
            Blocking::JournalUnreadable { .. } => {
                let (step, run) = ("split-conservers".to_owned(), "01b3".to_owned());
                Blocking::ReleaseStepBegun { step, run, host: "ixp1".to_owned() }
            }
            Blocking::ReleaseStepBegun { .. } => Blocking::told(RemoteText::from("no\u{1b}[2Jroom")),
            Blocking::Told { .. } => Blocking::Unknown,
            Blocking::Unknown => return None,
        })
    }

    fn finding(id: &str, what: &str) -> Finding {
        let (id, what, remedy) = (id.to_owned(), what.to_owned(), String::new());
        Finding { id, severity: Severity::Blocker, what, remedy, skipped: None }
    }

    #[test]
    fn every_note_has_words_and_is_written_and_read() {
        let mut table = String::new();
        for note in std::iter::successors(Some(Note::BrokenOff), after) {
            let json = serde_json::to_string(&note).unwrap();
            assert_eq!(serde_json::from_str::<Note>(&json).unwrap(), note);
            let _ = writeln!(table, "{json}\n  {}", text(&note));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn whatever_blocks_a_host_has_words_and_is_written_and_read() {
        let findings = [finding("disk-backup", "1 MB is free"), finding("php-version", "PHP 8 is missing")];
        let ids = findings.iter().map(|finding| finding.id.clone()).collect();
        let first = Blocking::Preflight { findings: ids };
        let mut table = String::new();
        for blocking in std::iter::successors(Some(first), after_blocking) {
            let json = serde_json::to_string(&blocking).unwrap();
            assert_eq!(serde_json::from_str::<Blocking>(&json).unwrap(), blocking);
            let words = blocking_text(&blocking, &findings).replace('\n', "\n  ");
            let _ = writeln!(table, "{json}\n  {words}");
            if let Some(help) = blocking_help(&blocking, "ixporch") {
                let _ = writeln!(table, "  help: {help}");
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn the_texts_of_an_earlier_version_are_read_as_told_and_shown_as_they_are() {
        let mut written = serde_json::to_value(plans::host("a")).unwrap();
        written["notes"] = json!(["no `url` in the inventory"]);
        written["blocked"] = json!("disk-backup: 1 MB is free");
        let host: HostPlan = serde_json::from_value(written).unwrap();
        assert_eq!(host.notes, [Note::told(RemoteText::from("no `url` in the inventory"))]);
        let mut header = sample::header("r", &["a"]);
        header.plan.waves[0].hosts[0] = host;
        // It is written as data, and stays the same.
        let again: Plan = serde_json::from_str(&serde_json::to_string(&header.plan).unwrap()).unwrap();
        assert_eq!(again, header.plan);
        let mut wave = plans::wave("all", []);
        wave.hosts = header.plan.waves[0].hosts.clone();
        let shown = crate::report::plan(
            Paint::new(false),
            crate::event::RunKind::Upgrade,
            &plans::plan(vec![wave]),
            false,
        );
        assert!(shown.contains("note: no `url` in the inventory\n"), "{shown}");
        let at = jiff::Timestamp::UNIX_EPOCH;
        let event = crate::event::RunEvent::RunStarted(header.into());
        let state = RunState::fold(&[crate::event::Envelope { sequence: 1, at, event }]);
        let (program, run) = ("ixporch".to_owned(), "r".to_owned());
        let names =
            Names { program, run, going_on: false, now: at, since: std::collections::BTreeMap::new() };
        let report = crate::report::host_document(&names, &state, "a");
        assert_eq!(report["notes"], json!(["no `url` in the inventory"]));
        assert_eq!(report["notes_data"], json!([{ "code": "told", "text": "no `url` in the inventory" }]));
        assert_eq!(report["blocked"], "disk-backup: 1 MB is free");
        let reason = json!({ "code": "blocked", "text": "a journal cannot be read" });
        let blocking = Blocking::told(RemoteText::from("a journal cannot be read"));
        assert_eq!(serde_json::from_value::<Reason>(reason).unwrap(), Reason::Blocked { blocking });
    }
}
