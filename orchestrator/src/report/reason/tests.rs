//! Tests of the words of reasons: every reason has words, and is written and read.

use std::fmt::Write;

use serde_json::{Value, json};

use super::*;
use crate::event::{Blocker, Deed, HostOutcome, LeftOut, Line, RunEvent, Unmet, sample};
use crate::facts::{HostKind, HostLock, SiteTrouble};
use crate::plan::{Blocking, PlannedProof};
use crate::report::{Names, Paint};
use crate::schema::{Fingerprint, SchemaChanges};
use crate::state::RunState;

fn names() -> Names {
    let (program, run) = ("ixporch".to_owned(), "01a2".to_owned());
    Names {
        program,
        run,
        going_on: false,
        now: jiff::Timestamp::UNIX_EPOCH,
        since: std::collections::BTreeMap::new(),
    }
}

const WORDS: HostWords<'static> = HostWords { program: "ixporch", inventory: "prod.toml", host: "h1" };

fn text(text: &str) -> RemoteText {
    RemoteText::from(text)
}

fn failure() -> RemoteText {
    text("no room")
}

fn step() -> String {
    "composer".to_owned()
}

fn step_failed(because: StepReason) -> Reason {
    Reason::Step { step: step(), because: Some(because), output: None }
}

fn first_of_steps() -> StepReason {
    StepReason::ExitCode { exit: 1 }
}

/// One of each problem of a web site, too.
fn after_trouble(trouble: &SiteTrouble) -> Option<SiteTrouble> {
    let path = || "/login".to_owned();
    Some(match trouble {
        SiteTrouble::NoAnswer => SiteTrouble::Status { path: path(), status: 503 },
        SiteTrouble::Status { .. } => SiteTrouble::Redirected { path: path(), host: text("ww\u{1b}[2Jw") },
        SiteTrouble::Redirected { .. } => SiteTrouble::PingMissing,
        SiteTrouble::PingMissing => SiteTrouble::PingUnreadable,
        SiteTrouble::PingUnreadable => {
            let (answered, installed) = (text("4.\u{1b}[2J9"), "4.9.3".to_owned());
            SiteTrouble::OtherVersion { answered, installed }
        }
        SiteTrouble::OtherVersion { .. } => SiteTrouble::NoPage,
        SiteTrouble::NoPage => SiteTrouble::EmptyPage { path: path() },
        SiteTrouble::EmptyPage { .. } => SiteTrouble::ApplicationFailed { path: path() },
        SiteTrouble::ApplicationFailed { .. } => SiteTrouble::RequestFailed { failure: failure() },
        SiteTrouble::RequestFailed { .. } => SiteTrouble::Unsteady { successes: 1 },
        SiteTrouble::Unsteady { .. } => SiteTrouble::Unknown,
        SiteTrouble::Unknown => return None,
    })
}

/// One of each reason of a step, too.
fn after_step_reason(reason: &StepReason) -> Option<StepReason> {
    use StepReason as Step;
    let (path, url) = (|| "/srv/x".to_owned(), || "https://ixp.example".to_owned());
    let summary = || "1 change".to_owned();
    Some(match reason {
        Step::ExitCode { .. } => Step::TimedOut { seconds: 60 },
        Step::TimedOut { .. } => Step::EarlierTryRuns,
        Step::EarlierTryRuns => Step::HostRebooted,
        Step::HostRebooted => Step::ProcessGone { proof: None },
        Step::ProcessGone { proof: None } => Step::ProcessGone { proof: Some(false) },
        Step::ProcessGone { proof: Some(false) } => Step::ProcessGone { proof: Some(true) },
        Step::ProcessGone { .. } => Step::PathMissing { path: path() },
        Step::PathMissing { .. } => Step::PathPresent { path: path() },
        Step::PathPresent { .. } => Step::PathNotChecked { path: path(), user: None },
        Step::PathNotChecked { user: None, .. } => {
            Step::PathNotChecked { path: path(), user: Some("www-data".to_owned()) }
        }
        Step::PathNotChecked { .. } => Step::NotStarted { failure: failure() },
        Step::NotStarted { .. } => Step::NotDetermined { because: Box::new(Step::ExitCode { exit: 1 }) },
        Step::NotDetermined { .. } => Step::OutputIncomplete,
        Step::OutputIncomplete => Step::OutputLost,
        Step::OutputLost => Step::OutputTooLong,
        Step::OutputTooLong => Step::PendingSqlUnreadable,
        Step::PendingSqlUnreadable => Step::UpdateNotConfirmed,
        Step::UpdateNotConfirmed => Step::NotValid { exit: 0 },
        Step::NotValid { exit } if *exit < 4 => Step::NotValid { exit: exit + 1 },
        Step::NotValid { .. } => Step::ProofFailed { proof: PlannedProof::Exists(path()) },
        Step::ProofFailed { proof: PlannedProof::Exists(_) } => {
            Step::ProofFailed { proof: PlannedProof::Absent(path()) }
        }
        Step::ProofFailed { proof: PlannedProof::Absent(_) } => {
            let (unit, address, php) = (None, "localhost:11211".to_owned(), vec!["php".to_owned()]);
            Step::ProofFailed { proof: PlannedProof::MemcachedRestarted { unit, address, php } }
        }
        Step::ProofFailed { .. } => Step::ProofNotChecked,
        Step::ProofNotChecked => Step::StillPending { summary: summary() },
        Step::StillPending { .. } => Step::NeverConverges { summary: summary(), accepted: true },
        Step::NeverConverges { accepted: true, .. } => {
            Step::NeverConverges { summary: summary(), accepted: false }
        }
        Step::NeverConverges { .. } => Step::NothingPending,
        Step::NothingPending => {
            Step::WritesSince { run: "01b3".to_owned(), since: jiff::Timestamp::UNIX_EPOCH }
        }
        Step::WritesSince { .. } => Step::RestoreIncomplete { run: "01b3".to_owned() },
        Step::RestoreIncomplete { .. } => Step::MemcachedDown,
        Step::MemcachedDown => Step::Interrupted,
        Step::Interrupted => Step::EndNotSeen { failure: failure() },
        Step::EndNotSeen { .. } => Step::NoAnswer { seconds: 60 },
        Step::NoAnswer { .. } => Step::SiteUnwell { url: url(), trouble: SiteTrouble::NoAnswer },
        Step::SiteUnwell { trouble, .. } => match after_trouble(trouble) {
            Some(trouble) => Step::SiteUnwell { url: url(), trouble },
            None => Step::SiteUnreachable { url: url(), trouble: SiteTrouble::NoAnswer },
        },
        Step::SiteUnreachable { .. } => Step::Told { text: text("no\u{1b}[2Jroom") },
        Step::Told { .. } => Step::Unknown,
        Step::Unknown => return None,
    })
}

fn failed() -> Vec<Reason> {
    vec![step_failed(StepReason::ExitCode { exit: 1 })]
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
        LeftOut::NotSelected => LeftOut::NotPlanned,
        LeftOut::NotPlanned => {
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
        Reason::Preflight { .. } => {
            Reason::Blocked { blocking: Blocking::JournalUnreadable { run: "01b3".to_owned() } }
        }
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
        Reason::ChangeNotReconciled { .. } => step_failed(first_of_steps()),
        Reason::Step { because: Some(because), output: None, .. } => {
            if let Some(because) = after_step_reason(because) {
                step_failed(because)
            } else {
                let because = Some(StepReason::ExitCode { exit: 1 });
                Reason::Step { step: step(), because, output: Some(failure()) }
            }
        }
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
        Reason::ChangesDiffer { .. } => {
            Reason::EvidenceOfOther { unmet: Box::new(Unmet::NoSchema { pending: changes(2) }) }
        }
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
    let mut table = String::new();
    for reason in every_reason() {
        let json = serde_json::to_string(&reason).unwrap();
        assert_eq!(serde_json::from_str::<Reason>(&json).unwrap(), reason);
        let words = lines(std::slice::from_ref(&reason), "01a2", WORDS);
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
