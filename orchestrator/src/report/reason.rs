//! The words of a reason, and what to type next.
//!
//! Owns how reasons are told. Whatever a reason holds is shown without control bytes.

use ixporch_inventory::value::Amount;

use super::{Names, obstacle};
use crate::event::Reason;
use crate::text::RemoteText;

/// The messages of reasons, one after another.
pub(super) fn text<'r>(reasons: impl IntoIterator<Item = &'r Reason>) -> String {
    let messages: Vec<String> = reasons.into_iter().map(message).collect();
    RemoteText::from(messages.join("\n").as_str()).to_string()
}

/// The lines of reasons, each with what to type next.
pub(super) fn lines(reasons: &[Reason], names: &Names) -> Vec<String> {
    let mut lines = Vec::new();
    for reason in reasons {
        lines.extend(text([reason]).lines().map(str::to_owned));
        lines.extend(help(reason, names).map(|help| format!("help: {help}")));
    }
    lines
}

/// The reasons of a reason, in its own line.
fn because(reasons: &[Reason]) -> String {
    reasons.iter().map(message).collect::<Vec<_>>().join("; ")
}

/// What a reason says.
#[expect(clippy::too_many_lines, reason = "a table: a line or two for each reason")]
fn message(reason: &Reason) -> String {
    match reason {
        Reason::TooManyFailures { wave, failures, total, allowed, max_failures } => {
            let count: usize = failures.values().sum();
            let kinds: Vec<String> =
                failures.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
            let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
            let of = match max_failures {
                Amount::Count(_) => String::new(),
                Amount::Percent(_) => format!(" of {total} hosts"),
            };
            format!(
                "wave `{wave}`: {count} of {total} hosts failed{kinds}; the limit is {allowed} (max_failures = {max_failures}{of})"
            )
        }
        Reason::SoakWithoutHealth { wave } => {
            format!("wave `{wave}` has a soak, and its procedure has no health checks")
        }
        Reason::NothingProven { wave } => {
            format!("wave `{wave}` upgraded no host, so nothing follows it without an approval")
        }
        Reason::GateHolds => "it waits for an approval (gate = hold)".to_owned(),
        Reason::GateUnattended => {
            "it waits for an approval (gate = confirm), and there is no terminal to ask at".to_owned()
        }
        Reason::EvidenceUnmet => "the evidence that it requires is missing, or does not match".to_owned(),
        Reason::Interrupted => "the run was interrupted".to_owned(),
        Reason::StartNotApproved { by } => format!("{by} did not approve its start"),
        Reason::StartUnanswered => "nobody answered".to_owned(),
        Reason::WaveNotBegun { wave } => format!("wave `{wave}` was not started"),
        Reason::WaveNotOver { wave } => format!("wave `{wave}` has not finished"),
        Reason::SoakInterrupted { wave } => {
            format!("the run was interrupted during the soak of wave `{wave}`")
        }
        Reason::Preflight { findings } => {
            let findings: Vec<String> =
                findings.iter().map(|found| format!("{}: {}", found.id, found.what)).collect();
            format!("blocked by preflight: {}", findings.join("\n"))
        }
        Reason::Blocked { text } => format!("blocked by preflight: {text}"),
        Reason::LeftOut { left_out } => obstacle::left_out(left_out, "", None, &obstacle::short_id).message,
        Reason::InterruptedBefore { step: Some(step) } => format!("the run was interrupted before `{step}`"),
        Reason::InterruptedBefore { step: None } => {
            "the run was interrupted before the host was connected".to_owned()
        }
        Reason::InterruptedWaiting => {
            "the run was interrupted while it waited for the lock of another run".to_owned()
        }
        Reason::InterruptedLocking => {
            "the run was interrupted twice; the host's lock may have been taken".to_owned()
        }
        Reason::Unreachable { failure } | Reason::LedgerNotCreated { failure } => failure.to_string(),
        Reason::LostLocking { failure } => format!("{failure} (its lock may have been taken)"),
        Reason::LostBefore { step, failure } => {
            format!("the connection was lost before `{step}`: {failure}")
        }
        Reason::JournalNotWritable { step: Some(step), failure } => {
            format!("the journal cannot be written, so `{step}` was not started: {failure}")
        }
        Reason::JournalNotWritable { step: None, failure } => {
            format!("the journal cannot be written: {failure}")
        }
        Reason::LockedBy { lock } => format!("locked by {}", lock.holder()),
        Reason::LockNotTaken { failure } => format!("the host's lock cannot be taken: {failure}"),
        Reason::EarlierRunAtWork { run } => {
            format!("a step of run {} is still running there", obstacle::short_id(run))
        }
        Reason::LockBroken => "its lock was broken, or another run had it meanwhile".to_owned(),
        Reason::WorkedOnSince => "another run was at work here since the plan was made".to_owned(),
        Reason::CommitDiffers { now, planned } => {
            format!("the installed commit is {now} now, and the plan was made at {planned}")
        }
        Reason::LedgerGone => {
            "the run's ledger is gone from the host, so the result of its step is lost".to_owned()
        }
        Reason::LockLeft { failure } => format!("its lock and ledger are still there: {failure}"),
        Reason::LockLeftUnrecorded => {
            "its lock and ledger are still there, since the journal cannot be written".to_owned()
        }
        Reason::ChangeNotReconciled { because: why } => {
            format!(
                "it is not known whether the schema change began, because the host did not answer: {}",
                because(why)
            )
        }
        Reason::Step { step, failure } => format!("`{step}`: {failure}"),
        Reason::StepStillRuns { step } => format!("`{step}` is still running there"),
        Reason::Crashed => "ixporch crashed while it worked on this host: a fault of ixporch".to_owned(),
        Reason::RolledBack => "it was rolled back".to_owned(),
        Reason::BackAtStart => "it was restored to its state before the run".to_owned(),
        Reason::BackUnwell { because: why } => {
            format!("it was rolled back, and a health check failed: {}", because(why))
        }
        Reason::NotBack { because: why } => format!("the rollback failed: {}", because(why)),
        Reason::StartUnknown => {
            "not rolled back: an earlier run stopped on this host, so its state before this run is not known"
                .to_owned()
        }
        Reason::NotClosedAgain { because: why } if why.is_empty() => {
            "the site was open already, and could not be closed again".to_owned()
        }
        Reason::NotClosedAgain { because: why } => {
            format!("the site was open already, and closing it failed: {}", because(why))
        }
        Reason::Unwell { because: why } => {
            format!("it was upgraded, and a health check failed afterwards: {}", because(why))
        }
        Reason::ChangesNotRead { step } => {
            format!("the schema changes that `{step}` would make could not be determined")
        }
        Reason::ChangesDiffer { approved, pending, summary } => format!(
            "the pending schema changes are not the approved ones: {approved} was approved, {pending} is pending ({summary})"
        ),
        Reason::EvidenceOfOther { difference } => {
            format!("the evidence is of another schema: {difference}")
        }
        Reason::ReviewUnattended { pending, summary } => format!(
            "pending schema changes ({pending}: {summary}) wait for a person, and there is no terminal to ask at"
        ),
        Reason::NoReviewer => "nobody is here to review the pending schema changes".to_owned(),
        Reason::ReviewTimedOut { seconds } => {
            format!("nobody answered the schema review within {seconds}s")
        }
        Reason::ReviewUnanswered => "nobody answered the schema review".to_owned(),
        Reason::ReviewNotApproved { by } => format!("{by} did not approve the pending schema changes"),
        Reason::Told { text } => text.raw().to_owned(),
        Reason::Unknown => "a reason that this version of ixporch does not know".to_owned(),
    }
}

/// What to type next, if the summary does not say that anyway.
fn help(reason: &Reason, names: &Names) -> Option<String> {
    let Names { program, run, .. } = names;
    match reason {
        Reason::SoakWithoutHealth { .. } => {
            Some("add [[health]] to the procedure, or remove `soak` from the wave".to_owned())
        }
        Reason::LeftOut { left_out } => {
            obstacle::left_out(left_out, program, Some(run), &obstacle::short_id).help
        }
        Reason::LockBroken | Reason::WorkedOnSince | Reason::CommitDiffers { .. } => {
            Some(format!("plan again: {program} resume {run} --rerun unfinished"))
        }
        Reason::LedgerGone => Some(format!(
            "look at the host, and record the result: {program} resolve {run} HOST --step STEP --as done --reason TEXT"
        )),
        Reason::ReviewTimedOut { .. } => {
            Some("the setting `review_timeout` in the inventory is the time to wait".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use serde_json::{Value, json};

    use super::*;
    use crate::event::{Blocker, Deed, HostOutcome, LeftOut, Line, RunEvent, sample};
    use crate::facts::{HostKind, HostLock};
    use crate::report::Paint;
    use crate::schema::{Fingerprint, SchemaChanges};
    use crate::state::RunState;

    fn names() -> Names {
        let (program, run) = ("ixporch".to_owned(), "01a2".to_owned());
        Names { program, run, going_on: false, now: jiff::Timestamp::UNIX_EPOCH }
    }

    fn text(text: &str) -> RemoteText {
        RemoteText::from(text)
    }

    fn failure() -> RemoteText {
        text("no room")
    }

    fn step() -> String {
        "composer".to_owned()
    }

    fn failed() -> Vec<Reason> {
        vec![Reason::Step { step: step(), failure: failure() }]
    }

    fn changes(column: u8) -> Fingerprint {
        SchemaChanges::read([format!("ALTER TABLE a ADD c{column} INT").as_str()]).fingerprint
    }

    /// One of each reason to leave a host out, too.
    fn after_left_out(left_out: &LeftOut) -> Option<LeftOut> {
        let run = || "01b3".to_owned();
        Some(match left_out {
            LeftOut::NotInInventory => LeftOut::WorkSince { run: run(), deed: Deed::Changed },
            LeftOut::WorkSince { deed: Deed::Changed, .. } => {
                LeftOut::WorkSince { run: run(), deed: Deed::RollingBack }
            }
            LeftOut::WorkSince { deed: Deed::RollingBack, .. } => {
                LeftOut::WorkSince { run: run(), deed: Deed::RolledBack }
            }
            LeftOut::WorkSince { deed: Deed::RolledBack, .. } => {
                LeftOut::WorkSince { run: run(), deed: Deed::Unreadable }
            }
            LeftOut::WorkSince { deed: Deed::Unreadable, .. } => LeftOut::StartUnknown,
            LeftOut::StartUnknown => LeftOut::ProofGone { by: run(), hosts: vec!["h1".to_owned()] },
            LeftOut::ProofGone { .. } => LeftOut::NotSelected,
            LeftOut::NotSelected => {
                let planned = Some(HostKind { database: "MySQL".to_owned(), php: "7.0".to_owned() });
                LeftOut::OtherKind { planned, now: None }
            }
            LeftOut::OtherKind { .. } => LeftOut::KindUnknown { failure: failure() },
            LeftOut::KindUnknown { .. } => return None,
        })
    }

    /// One of each reason: a new one must be entered here.
    fn after(reason: &Reason) -> Option<Reason> {
        let wave = || "canary".to_owned();
        Some(match reason {
            Reason::TooManyFailures { max_failures: Amount::Count(_), .. } => Reason::TooManyFailures {
                wave: wave(),
                failures: [(HostOutcome::Failed, 1), (HostOutcome::Unreachable, 1)].into(),
                total: 4,
                allowed: 1,
                max_failures: Amount::Percent(25),
            },
            Reason::TooManyFailures { .. } => Reason::SoakWithoutHealth { wave: wave() },
            Reason::SoakWithoutHealth { .. } => Reason::NothingProven { wave: wave() },
            Reason::NothingProven { .. } => Reason::GateHolds,
            Reason::GateHolds => Reason::GateUnattended,
            Reason::GateUnattended => Reason::EvidenceUnmet,
            Reason::EvidenceUnmet => Reason::Interrupted,
            Reason::Interrupted => Reason::StartNotApproved { by: "ada".to_owned() },
            Reason::StartNotApproved { .. } => Reason::StartUnanswered,
            Reason::StartUnanswered => Reason::WaveNotBegun { wave: wave() },
            Reason::WaveNotBegun { .. } => Reason::WaveNotOver { wave: wave() },
            Reason::WaveNotOver { .. } => Reason::SoakInterrupted { wave: wave() },
            Reason::SoakInterrupted { .. } => {
                let what = text("PHP 8 is missing");
                Reason::Preflight { findings: vec![Blocker { id: "php-version".to_owned(), what }] }
            }
            Reason::Preflight { .. } => Reason::Blocked { text: text("a journal cannot be read") },
            Reason::Blocked { .. } => Reason::LeftOut { left_out: LeftOut::NotInInventory },
            Reason::LeftOut { left_out } => match after_left_out(left_out) {
                Some(left_out) => Reason::LeftOut { left_out },
                None => Reason::InterruptedBefore { step: None },
            },
            Reason::InterruptedBefore { step: None } => Reason::InterruptedBefore { step: Some(step()) },
            Reason::InterruptedBefore { .. } => Reason::InterruptedWaiting,
            Reason::InterruptedWaiting => Reason::InterruptedLocking,
            Reason::InterruptedLocking => Reason::Unreachable { failure: failure() },
            Reason::Unreachable { .. } => Reason::LostLocking { failure: failure() },
            Reason::LostLocking { .. } => Reason::LostBefore { step: step(), failure: failure() },
            Reason::LostBefore { .. } => Reason::JournalNotWritable { step: None, failure: failure() },
            Reason::JournalNotWritable { step: None, .. } => {
                Reason::JournalNotWritable { step: Some(step()), failure: failure() }
            }
            Reason::JournalNotWritable { .. } => {
                let (run, operator, origin) = ("01b3".to_owned(), "ada".to_owned(), "here".to_owned());
                Reason::LockedBy { lock: Box::new(HostLock { run, operator, origin, ..HostLock::default() }) }
            }
            Reason::LockedBy { .. } => Reason::LockNotTaken { failure: failure() },
            Reason::LockNotTaken { .. } => Reason::EarlierRunAtWork { run: "01b3".to_owned() },
            Reason::EarlierRunAtWork { .. } => Reason::LockBroken,
            Reason::LockBroken => Reason::WorkedOnSince,
            Reason::WorkedOnSince => Reason::CommitDiffers { now: "b2".to_owned(), planned: "a1".to_owned() },
            Reason::CommitDiffers { .. } => Reason::LedgerGone,
            Reason::LedgerGone => Reason::LedgerNotCreated { failure: failure() },
            Reason::LedgerNotCreated { .. } => Reason::LockLeft { failure: failure() },
            Reason::LockLeft { .. } => Reason::LockLeftUnrecorded,
            Reason::LockLeftUnrecorded => Reason::ChangeNotReconciled { because: vec![Reason::Interrupted] },
            Reason::ChangeNotReconciled { .. } => Reason::Step { step: step(), failure: failure() },
            Reason::Step { .. } => Reason::StepStillRuns { step: step() },
            Reason::StepStillRuns { .. } => Reason::Crashed,
            Reason::Crashed => Reason::RolledBack,
            Reason::RolledBack => Reason::BackAtStart,
            Reason::BackAtStart => Reason::BackUnwell { because: failed() },
            Reason::BackUnwell { .. } => Reason::NotBack { because: failed() },
            Reason::NotBack { .. } => Reason::StartUnknown,
            Reason::StartUnknown => Reason::NotClosedAgain { because: Vec::new() },
            Reason::NotClosedAgain { because } if because.is_empty() => {
                Reason::NotClosedAgain { because: failed() }
            }
            Reason::NotClosedAgain { .. } => Reason::Unwell { because: failed() },
            Reason::Unwell { .. } => Reason::ChangesNotRead { step: step() },
            Reason::ChangesNotRead { .. } => {
                let (approved, pending) = (changes(1), changes(2));
                Reason::ChangesDiffer { approved, pending, summary: "1 change".to_owned() }
            }
            Reason::ChangesDiffer { .. } => Reason::EvidenceOfOther { difference: text("only here: DROP") },
            Reason::EvidenceOfOther { .. } => {
                Reason::ReviewUnattended { pending: changes(2), summary: "1 change".to_owned() }
            }
            Reason::ReviewUnattended { .. } => Reason::NoReviewer,
            Reason::NoReviewer => Reason::ReviewTimedOut { seconds: 60 },
            Reason::ReviewTimedOut { .. } => Reason::ReviewUnanswered,
            Reason::ReviewUnanswered => Reason::ReviewNotApproved { by: "ada".to_owned() },
            Reason::ReviewNotApproved { .. } => Reason::Told { text: RemoteText::from("no\u{1b}[2Jroom") },
            Reason::Told { .. } => Reason::Unknown,
            Reason::Unknown => return None,
        })
    }

    fn every_reason() -> Vec<Reason> {
        let first = Reason::TooManyFailures {
            wave: "canary".to_owned(),
            failures: [(HostOutcome::Failed, 1)].into(),
            total: 4,
            allowed: 0,
            max_failures: Amount::Count(0),
        };
        std::iter::successors(Some(first), after).collect()
    }

    #[test]
    fn every_reason_has_words_and_is_written_and_read() {
        let names = names();
        let mut table = String::new();
        for reason in every_reason() {
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(serde_json::from_str::<Reason>(&json).unwrap(), reason);
            let words = lines(std::slice::from_ref(&reason), &names);
            let _ = writeln!(table, "{json}\n  {}", words.join("\n  "));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn the_text_of_an_earlier_version_is_told_as_it_is() {
        let why = "`composer`: exit code 1\nit was rolled back";
        let event = |sequence: u64, event: Value| {
            let mut line = json!({ "sequence": sequence, "at": "2026-01-01T00:00:00Z" });
            line.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
            match Line::read(&line.to_string()).unwrap() {
                Line::Event(envelope) => *envelope,
                skipped @ Line::Skipped { .. } => panic!("{skipped:?}"),
            }
        };
        let header = serde_json::to_value(RunEvent::RunStarted(sample::header("r", &["a"]).into())).unwrap();
        let ended = json!({ "event": "host-finished", "host": "a", "outcome": "failed", "why": why });
        let events = [event(1, header), event(2, ended)];
        let state = RunState::fold(&events);
        let line = crate::report::line(Paint::new(false), &state, &events[1]).unwrap();
        assert_eq!(line, "a  failed: `composer`: exit code 1");
        let host = crate::report::host_document(&names(), &state, "a");
        assert_eq!(host["why"], why);
        assert_eq!(host["reasons"], json!([{ "code": "told", "text": why }]));
    }
}
