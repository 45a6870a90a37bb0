//! The engine over a scripted transport.

mod late;
mod reviews;
mod stage;
mod waves;
mod way_back;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use futures::FutureExt;
use ixporch_inventory::GateKind;
use ixporch_inventory::value::Amount;
use jiff::Timestamp;
use proptest::prelude::*;

use self::late::answer_late;
use self::stage::{Nobody, PARTS, Part, Played, Stage, job, play, play_now, play_planned, play_reported};
use super::*;
use crate::event::{Envelope, RunEvent};
use crate::journal::Store;
use crate::plan::{HostAction, PlannedStep, PlannedWave, sample};
use crate::state::RunState;

fn alone(part: Part) -> HostOutcome {
    match part {
        Part::Good
        | Part::HasPendingSchemaChanges
        | Part::HasOtherSchemaChanges
        | Part::IsUnwell
        | Part::NeverBegan
        | Part::WasLeft
        | Part::IsLeftWhileWatched
        | Part::LosesLinkInSecondStep => HostOutcome::Upgraded,
        Part::Down | Part::Garbage => HostOutcome::Unreachable,
        Part::FailsSecondStep => HostOutcome::Failed,
        Part::VanishesInSecondStep
        | Part::KillsSecondStep
        | Part::HangsInSecondStep
        | Part::IsLeftInSecondStep => HostOutcome::Unknown,
        Part::Panics => HostOutcome::Crashed,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    // Law 1: the outcome of a host equals its outcome when it runs alone.
    #[test]
    fn every_host_ends_as_if_it_were_alone(
        parts in proptest::collection::vec(prop::sample::select(&PARTS[..]), 1..8),
        late in proptest::collection::btree_set(0..8_usize, 0..4),
    ) {
        let late: Vec<String> = late.into_iter().map(|host| format!("w0h{host}")).collect();
        let late: Vec<&str> = late.iter().map(String::as_str).collect();
        let waves = [parts];
        let playing = play_reported(&waves, Brake::default(), |job| vec![answer_late(job, &late, None)]);
        let played = stage::runtime().block_on(playing);
        let [parts] = waves;
        for (index, part) in parts.iter().enumerate() {
            prop_assert_eq!(played.outcome(&format!("w0h{index}")), alone(*part));
        }
        prop_assert_eq!(played.dispatched.journal_failure, None);
    }
}

#[test]
fn every_part_ends_as_it_must() {
    for part in PARTS {
        assert_eq!(play_now(&[vec![part]]).outcome("w0h0"), alone(part), "{part:?}");
    }
}

// Law 2: when a host hears of a step, the intent is in the journal already.
#[test]
fn the_intent_is_written_before_the_host_hears_of_the_step() {
    let played = play_now(&[vec![Part::Good; 5]]);
    assert_eq!(played.heard.len(), 15);
    for (host, number, journal) in &played.heard {
        let intents = journal
            .lines()
            .filter_map(|line| serde_json::from_str::<Envelope>(line).ok())
            .filter(
                |envelope| matches!(&envelope.event, RunEvent::StepStarted { host: of, .. } if of == host),
            )
            .count();
        assert_eq!(intents, *number, "{host}");
    }
}

/// A journal that is full after so many bytes: a file on a device of that size would do the same.
fn full_after(bytes: u64) -> Played {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let full = folder.path().join("runs/full");
        std::fs::create_dir_all(&full).unwrap();
        std::fs::write(full.join("journal.jsonl"), "").unwrap();
        let writer = crate::journal::Writer::open_existing(full.clone(), bytes).unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let names = ["a".to_owned(), "b".to_owned()];
        let parts = names.iter().map(|name| (name.clone(), Part::Good)).collect();
        let journal = full.join("journal.jsonl");
        let stage = Stage { parts, journal, heard: Arc::clone(&heard), brake: Brake::default() };
        let job = job(
            vec![sample::wave("w", names.iter().map(String::as_str))],
            stage,
            Arc::new(Nobody),
            Brake::default(),
        );
        let dispatched = run(job, writer, Vec::new(), || Timestamp::UNIX_EPOCH).await.unwrap();
        let heard = heard.lock().unwrap().clone();
        Played { dispatched, events: Vec::new(), heard }
    })
}

#[test]
fn without_a_journal_nothing_starts() {
    let played = full_after(0);
    assert_eq!(played.heard, []);
    assert_eq!(played.outcome("a"), HostOutcome::NotStarted);
    assert!(played.dispatched.journal_failure.is_some());
}

// Law 2 and law 4: a journal that fills at any event starts nothing that it does not hold, and tells of
// nothing that was not started.
#[test]
fn a_journal_that_fills_at_any_byte_neither_starts_nor_invents_a_step() {
    let whole = full_after(u64::MAX);
    assert_eq!(whole.dispatched.journal_failure, None);
    let mut failures = 0;
    for bytes in (0..6000).step_by(97) {
        let played = full_after(bytes);
        failures += u32::from(played.dispatched.journal_failure.is_some());
        for host in ["a", "b"] {
            let heard = played.heard.iter().filter(|(of, ..)| of == host).count();
            let told = &played.dispatched.state.hosts[host];
            assert_eq!(
                told.steps.len(),
                heard,
                "{bytes} bytes: {host} was told to have other steps than it heard of"
            );
            assert!(heard > 0 || told.debts.is_empty(), "{bytes} bytes: a debt without a step");
        }
    }
    assert!(failures > 10, "the journal was never full");
}

#[test]
fn a_wave_waits_for_the_one_before_and_is_not_begun_when_that_failed() {
    let played = play_now(&[vec![Part::Good, Part::Good], vec![Part::Good]]);
    let position =
        |wanted: &dyn Fn(&RunEvent) -> bool| played.events.iter().position(|e| wanted(&e.event)).unwrap();
    let first_ended = position(&|event| matches!(event, RunEvent::WaveFinished { wave } if wave == "w0"));
    let second_began =
        position(&|event| matches!(event, RunEvent::HostConnected { host, .. } if host == "w1h0"));
    assert!(first_ended < second_began);

    let parts = [vec![Part::Good, Part::FailsSecondStep], vec![Part::Good]];
    let played = play_planned(&parts, |job| job.header.plan.waves[0].max_failures = Amount::Count(0));
    assert_eq!(played.outcome("w1h0"), HostOutcome::NotStarted);
    assert_eq!(played.dispatched.state.exit().code(), 6);
}

#[test]
fn a_link_that_is_made_again_leaves_only_its_gap() {
    let played = play_now(&[vec![Part::LosesLinkInSecondStep]]);
    let host = &played.dispatched.state.hosts["w0h0"];
    assert_eq!((host.outcome, host.gaps.len(), host.steps.len()), (Some(HostOutcome::Upgraded), 1, 3));
    assert!(host.gaps[0].to.is_some() && host.gaps[0].step.as_deref() == Some("work"));
    assert_eq!(played.heard.len(), 3, "a step was started twice");
}

#[test]
fn a_link_that_is_lost_for_good_is_unknown_and_its_debts_and_lock_stay() {
    let played = play_now(&[vec![Part::VanishesInSecondStep]]);
    assert!(played.dispatched.state.hosts["w0h0"].locked);
    let host = &played.dispatched.state.hosts["w0h0"];
    assert_eq!(host.outcome, Some(HostOutcome::Unknown));
    assert_eq!(host.debts[0].step, "up");
}

#[test]
fn an_interrupted_run_starts_nothing_new() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let brake = Brake::default();
    brake.press_harder();
    let played = runtime.block_on(play(&[vec![Part::Good]], brake, |_| {}));
    assert_eq!(played.heard, []);
    assert_eq!(played.dispatched.state.exit().code(), 130);
    assert_eq!(played.dispatched.state.exit_code, Some(130));
}

#[test]
fn detaching_leaves_a_step_in_flight_unknown() {
    let played = play_now(&[vec![Part::IsLeftInSecondStep]]);
    assert_eq!(played.outcome("w0h0"), HostOutcome::Unknown);
    assert_eq!(played.dispatched.state.exit().code(), 130);
}

#[test]
fn the_journal_tells_the_same_as_the_run() {
    let played = play_now(&[PARTS.to_vec()]);
    assert_eq!(RunState::fold(&played.events), played.dispatched.state);
}

/// Presses the brake when it is asked, and says yes all the same.
struct Hasty(Brake);

impl Operator for Hasty {
    fn is_present(&self) -> bool {
        true
    }

    fn review<'a>(&'a self, _: &'a ReviewQuestion) -> BoxFuture<'a, Option<Answer>> {
        self.0.press(BrakeState::Drain);
        async { Some(Answer { yes: true, by: "me".to_owned() }) }.boxed()
    }

    fn start_wave<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Option<Answer>> {
        self.0.press(BrakeState::Drain);
        async { Some(Answer { yes: true, by: "me".to_owned() }) }.boxed()
    }
}

/// Plays one host over a changed wave.
fn play_wave(part: Part, change: impl FnOnce(&mut PlannedWave), hasty: bool) -> Played {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let journal = store.create("run").unwrap();
        let names = ["a".to_owned()];
        let mut wave = sample::wave("w", names.iter().map(String::as_str));
        change(&mut wave);
        let brake = Brake::default();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let parts = BTreeMap::from([("a".to_owned(), part)]);
        let stage = Stage {
            parts,
            journal: PathBuf::from("/dev/null"),
            heard: Arc::clone(&heard),
            brake: brake.clone(),
        };
        let operator: Arc<dyn Operator> =
            if hasty { Arc::new(Hasty(brake.clone())) } else { Arc::new(Nobody) };
        let dispatched =
            run(job(vec![wave], stage, operator, brake), journal, Vec::new(), || Timestamp::UNIX_EPOCH)
                .await
                .unwrap();
        let heard = heard.lock().unwrap().clone();
        Played { dispatched, events: Vec::new(), heard }
    })
}

fn steps_of(wave: &mut PlannedWave) -> &mut Vec<PlannedStep> {
    match &mut wave.hosts[0].action {
        HostAction::Steps(steps) => steps,
        other => panic!("{other:?}"),
    }
}

#[test]
fn whoever_presses_ctrl_c_at_a_question_starts_nothing_by_answering_it() {
    let played = play_wave(Part::Good, |wave| wave.gate = GateKind::Confirm, true);
    assert_eq!(played.heard, []);
    assert_eq!(played.dispatched.state.exit().code(), 130);
}

#[test]
fn whoever_presses_ctrl_c_at_a_schema_review_changes_nothing_by_approving_it() {
    let reviewed = |wave: &mut PlannedWave| {
        steps_of(wave)[0].reads = Some(crate::procedure::Reads::DoctrinePendingSql);
        steps_of(wave)[1].schema_review = Some(ixporch_inventory::SchemaApproval::Review);
    };
    let played = play_wave(Part::HasPendingSchemaChanges, reviewed, true);
    assert_eq!(played.heard.len(), 1, "the reviewed step was started");
    assert_eq!(played.outcome("a"), HostOutcome::Held);
    assert_eq!(played.dispatched.state.exit().code(), 130);
    // Nobody to ask holds it as well, without an interruption.
    let held = play_wave(Part::HasPendingSchemaChanges, reviewed, false);
    assert_eq!((held.heard.len(), held.dispatched.state.exit().code()), (1, 7));
}

#[test]
fn a_schema_change_that_nobody_has_seen_is_never_made() {
    for approval in [ixporch_inventory::SchemaApproval::Review, ixporch_inventory::SchemaApproval::Any] {
        let played = play_wave(Part::Good, |wave| steps_of(wave)[1].schema_review = Some(approval), true);
        assert_eq!(played.heard.len(), 1, "{approval:?}: the gated step was started");
        assert_eq!(played.outcome("a"), HostOutcome::Held);
    }
}

#[test]
fn a_gate_keeps_nothing_from_hosts_on_which_nothing_is_done() {
    let played = play_wave(
        Part::Good,
        |wave| {
            wave.gate = GateKind::Hold;
            wave.hosts[0].action = HostAction::Current;
        },
        false,
    );
    assert_eq!(played.outcome("a"), HostOutcome::Current);
    assert_eq!(played.dispatched.state.exit().code(), 0);
}

#[test]
fn a_wave_without_work_does_not_make_a_failed_one_forgotten() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let played = runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let journal = Store::new(folder.path()).create("run").unwrap();
        let mut waves: Vec<PlannedWave> =
            ["a", "b", "c"].into_iter().map(|name| sample::wave(name, [name])).collect();
        waves[1].hosts[0].action = HostAction::Current;
        let parts = [("a", Part::FailsSecondStep), ("b", Part::Good), ("c", Part::Good)];
        let parts = parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let brake = Brake::default();
        let stage = Stage { parts, journal: PathBuf::from("/dev/null"), heard, brake: brake.clone() };
        let job = job(waves, stage, Arc::new(Nobody), brake);
        let dispatched = run(job, journal, Vec::new(), || Timestamp::UNIX_EPOCH).await.unwrap();
        Played { dispatched, events: Vec::new(), heard: Vec::new() }
    });
    assert_eq!(played.outcome("b"), HostOutcome::Current);
    assert_eq!(played.outcome("c"), HostOutcome::NotStarted);
}
