//! The fold: debts, exit codes, and what a run leaves behind.

use jiff::Timestamp;

use super::*;
use crate::event::{Captured, HostOutcome, RunKind, sample};
use crate::facts::HostLock;
use crate::plan::{self, HostAction, HostPlan, LeftBehind};

fn header(hosts: &[&str]) -> RunHeader {
    sample::header("r", hosts)
}

fn fold(events: Vec<RunEvent>) -> RunState {
    let mut all = vec![RunEvent::RunStarted(Arc::new(header(&["a", "b"])))];
    all.extend(events);
    let envelopes: Vec<Envelope> = (1..)
        .zip(all)
        .map(|(sequence, event)| Envelope { sequence, at: Timestamp::UNIX_EPOCH, event })
        .collect();
    RunState::fold(&envelopes)
}

fn started(host: &str, step: &str) -> RunEvent {
    RunEvent::StepStarted { host: host.to_owned(), step: step.to_owned(), boot: None }
}

fn finished(host: &str, step: &str, outcome: StepOutcome, proven: Option<bool>) -> RunEvent {
    let mut end = StepEnd::without_output(outcome, None);
    end.proven = proven;
    end.stdout = Captured::default();
    RunEvent::StepFinished { host: host.to_owned(), step: step.to_owned(), end: Box::new(end) }
}

fn ended(host: &str, outcome: HostOutcome) -> RunEvent {
    RunEvent::HostFinished { host: host.to_owned(), outcome, reasons: Vec::new() }
}

#[test]
fn a_debt_is_owed_from_the_start_of_the_step_that_makes_it() {
    let state = fold(vec![started("a", "down")]);
    assert_eq!(state.hosts["a"].debts, [Debt { step: "up".to_owned(), since: Some("down".to_owned()) }]);
}

#[test]
fn a_debt_is_paid_only_by_success() {
    let mut events = vec![started("a", "down"), finished("a", "down", StepOutcome::Succeeded, Some(true))];
    events.extend([started("a", "up"), finished("a", "up", StepOutcome::Failed, None)]);
    assert_eq!(fold(events.clone()).hosts["a"].debts.len(), 1);
    events.extend([started("a", "up"), finished("a", "up", StepOutcome::Succeeded, Some(true))]);
    assert_eq!(fold(events).hosts["a"].debts, []);
}

#[test]
fn a_step_may_make_several_debts_and_what_there_is_nothing_to_do_for_is_not_owed() {
    let mut header = header(&["a"]);
    let HostAction::Steps(steps) = &mut header.plan.waves[0].hosts[0].action else { unreachable!() };
    steps[0].debts.push("work".to_owned());
    let owed = |events: Vec<RunEvent>, header: &RunHeader| {
        let mut state = RunState::default();
        let all = std::iter::once(RunEvent::RunStarted(Arc::new(header.clone()))).chain(events);
        for (sequence, event) in (1..).zip(all) {
            state.apply(&Envelope { sequence, at: Timestamp::UNIX_EPOCH, event });
        }
        state.hosts["a"].debts.iter().map(|debt| debt.step.clone()).collect::<Vec<_>>()
    };
    let skipped = || vec![started("a", "down"), finished("a", "work", StepOutcome::Skipped, None)];
    assert_eq!(owed(vec![started("a", "down")], &header), ["up", "work"]);
    assert_eq!(owed(skipped(), &header), ["up"]);
    // What only a pending schema asks for may be owed by an earlier run.
    let HostAction::Steps(steps) = &mut header.plan.waves[0].hosts[0].action else { unreachable!() };
    steps[1].when_schema_pending = true;
    assert_eq!(owed(skipped(), &header), ["up", "work"]);
}

#[test]
fn a_plan_of_an_older_journal_has_one_debt_or_none() {
    let debts = |written: serde_json::Value| {
        let mut step = serde_json::to_value(plan::sample::step("down", None)).unwrap();
        let object = step.as_object_mut().unwrap();
        object.remove("debts");
        object.insert("debt".to_owned(), written);
        serde_json::from_value::<crate::plan::PlannedStep>(step).unwrap().debts
    };
    assert_eq!(debts("up".into()), ["up"]);
    assert_eq!(debts(serde_json::Value::Null), Vec::<String>::new());
}

#[test]
fn a_step_that_provably_did_nothing_owes_nothing() {
    let failed = |proven| vec![started("a", "down"), finished("a", "down", StepOutcome::Failed, proven)];
    assert_eq!(fold(failed(Some(false))).hosts["a"].debts, []);
    assert_eq!(fold(failed(None)).hosts["a"].debts.len(), 1);
    assert_eq!(fold(failed(Some(true))).hosts["a"].debts.len(), 1);
}

#[test]
fn the_worst_host_decides_the_exit_code() {
    use HostOutcome::{Crashed, Current, Failed, Held, NotStarted, Unknown, Unreachable, Upgraded};
    let code = |a, b| fold(vec![ended("a", a), ended("b", b)]).exit().code();
    assert_eq!(code(Upgraded, Current), 0);
    assert_eq!(code(Upgraded, Unreachable), 4);
    assert_eq!(code(NotStarted, Current), 4);
    assert_eq!(code(Unreachable, Held), 7);
    assert_eq!(code(Held, Failed), 5);
    assert_eq!(code(Failed, Unknown), 6);
    assert_eq!(code(Failed, Crashed), 6);
}

#[test]
fn an_open_debt_needs_a_person_but_a_held_host_needs_its_gate() {
    let owing =
        |outcome| fold(vec![started("a", "down"), ended("a", outcome), ended("b", HostOutcome::Upgraded)]);
    assert_eq!(owing(HostOutcome::Failed).exit().code(), 6);
    assert_eq!(owing(HostOutcome::Held).exit().code(), 7);
}

#[test]
fn an_interrupted_run_says_so_and_a_host_without_an_end_is_no_success() {
    assert_eq!(fold(vec![RunEvent::Interrupted]).exit().code(), 130);
    assert_eq!(fold(vec![ended("a", HostOutcome::Upgraded)]).exit().code(), 4);
}

fn leaves(events: Vec<RunEvent>, change: impl FnOnce(&mut HostPlan)) -> LeftBehind {
    let state = fold(events);
    let mut plan = plan::sample::host("a");
    change(&mut plan);
    state.hosts["a"].leaves("run", RunKind::Upgrade, &plan)
}

#[test]
fn what_is_done_before_the_site_is_closed_begins_no_upgrade() {
    let fetched = vec![
        started("a", "down"),
        finished("a", "down", StepOutcome::Succeeded, None),
        ended("a", HostOutcome::Failed),
    ];
    // The sample's first step stands for a fetch where the second one closes the site.
    let history = leaves(fetched.clone(), |plan| plan.closes_at = Some(2));
    assert!(!history.unfinished);
    assert!(leaves(fetched, |_| ()).unfinished);
}

#[test]
fn a_run_that_broke_off_is_unfinished_until_one_ends_well() {
    let nothing = vec![ended("a", HostOutcome::Unreachable)];
    assert!(leaves(nothing.clone(), |plan| plan.unfinished = true).unfinished);
    assert!(!leaves(nothing, |_| ()).unfinished);
    assert!(!leaves(vec![ended("a", HostOutcome::Upgraded)], |plan| plan.unfinished = true).unfinished);
    // Another procedure, which moves no code, ends nothing.
    let mut plan = plan::sample::host("a");
    plan.unfinished = true;
    assert!(
        fold(vec![ended("a", HostOutcome::Upgraded)]).hosts["a"]
            .leaves("run", RunKind::Procedure, &plan)
            .unfinished
    );
}

#[test]
fn what_is_done_once_is_left_to_a_person_until_all_or_nothing_of_it_is_known_to_be_done() {
    let begun = |events: Vec<RunEvent>| {
        let left = leaves(events, |plan| {
            let HostAction::Steps(steps) = &mut plan.action else { unreachable!() };
            steps[0].release = Some("v4.9.0".to_owned());
        });
        left.begun_once.into_iter().collect::<Vec<_>>()
    };
    let once = [("down".to_owned(), "run".to_owned())];
    let end = |outcome, proven| vec![started("a", "down"), finished("a", "down", outcome, proven)];
    assert_eq!(begun(vec![started("a", "down")]), once);
    assert_eq!(begun(end(StepOutcome::Unknown, None)), once);
    // Part of it may be done.
    let half = |outcome| {
        let mut events = end(outcome, None);
        let RunEvent::StepFinished { end, .. } = &mut events[1] else { unreachable!() };
        end.begun = true;
        events
    };
    assert_eq!(begun(half(StepOutcome::Failed)), once);
    assert_eq!(begun(half(StepOutcome::TimedOut)), once);
    // All of it, or nothing.
    assert_eq!(begun(end(StepOutcome::Succeeded, Some(true))), []);
    assert_eq!(begun(end(StepOutcome::Failed, Some(false))), []);
    // A person has looked.
    for done in [true, false] {
        let resolved = RunEvent::StepResolved {
            host: "a".to_owned(),
            step: "down".to_owned(),
            done,
            reason: "seen".to_owned(),
            by: "ada".to_owned(),
        };
        assert_eq!(begun([half(StepOutcome::Failed), vec![resolved]].concat()), []);
    }
}

#[test]
fn a_rollback_that_arrives_forgets_what_its_run_began_and_another_one_keeps_it() {
    let begun = |back: bool, cleared: bool| {
        let events =
            if back { vec![finished("a", "down", StepOutcome::Succeeded, None)] } else { Vec::new() };
        let mut plan = plan::sample::host("a");
        let HostAction::Steps(steps) = &mut plan.action else { unreachable!() };
        steps.truncate(1);
        plan.begun_once.insert("once".to_owned(), "r1".to_owned());
        if cleared {
            plan.cleared_when_back.insert("once".to_owned());
        }
        let mut all = vec![started("a", "down")];
        all.extend(events);
        fold(all).hosts["a"].leaves("r2", RunKind::Rollback, &plan).begun_once.len()
    };
    assert_eq!((begun(true, true), begun(true, false), begun(false, true)), (0, 1, 1));
}

#[test]
fn a_site_is_ours_as_long_as_its_opening_is_owed() {
    let down = vec![started("a", "down"), ended("a", HostOutcome::Failed)];
    assert_eq!(leaves(down, |_| ()).closed.as_deref(), Some("up"));
    let opened = vec![
        started("a", "up"),
        finished("a", "up", StepOutcome::Succeeded, Some(true)),
        ended("a", HostOutcome::Upgraded),
    ];
    assert_eq!(leaves(opened, |plan| plan.closed = Some("up".to_owned())).closed, None);
}

fn resolved(host: &str, step: &str, done: bool) -> RunEvent {
    let (reason, by) = ("looked".to_owned(), "me".to_owned());
    RunEvent::StepResolved { host: host.to_owned(), step: step.to_owned(), done, reason, by }
}

fn resumed() -> RunEvent {
    RunEvent::RunResumed { operator: "me".to_owned(), ixporch: "0".to_owned(), order: 2 }
}

#[test]
fn a_resumed_run_forgets_what_kept_it_from_its_end_and_nothing_else() {
    let mut events = vec![started("a", "down"), finished("a", "down", StepOutcome::Succeeded, Some(true))];
    events.extend([ended("a", HostOutcome::Held), ended("b", HostOutcome::Failed), RunEvent::Interrupted]);
    events.push(RunEvent::RunFinished { exit_code: 130 });
    assert_eq!(fold(events.clone()).unfinished_hosts(), ["a"]);
    events.push(resumed());
    let state = fold(events);
    assert_eq!((state.hosts["a"].outcome, state.hosts["b"].outcome), (None, Some(HostOutcome::Failed)));
    assert!(!state.interrupted && state.exit_code.is_none());
    assert!(state.hosts["a"].step("down").unwrap().is_done());
    assert_eq!(state.hosts["a"].debts.len(), 1);
}

#[test]
fn a_step_that_is_looked_for_again_is_one_step() {
    let unknown = finished("a", "down", StepOutcome::Unknown, None);
    let found = finished("a", "down", StepOutcome::Succeeded, Some(true));
    let state = fold(vec![started("a", "down"), unknown, resumed(), found]);
    assert_eq!(state.hosts["a"].steps.len(), 1);
    assert!(state.hosts["a"].step("down").unwrap().is_done());
}

#[test]
fn a_persons_word_decides_what_nobody_saw() {
    let unknown = || vec![started("a", "down"), finished("a", "down", StepOutcome::Unknown, None)];
    let step = |done| {
        let mut events = unknown();
        events.push(resolved("a", "down", done));
        fold(events).hosts["a"].clone()
    };
    let done = step(true);
    assert!(done.step("down").unwrap().is_done());
    assert_eq!(done.debts.len(), 1, "what it made is still owed");
    let not_done = step(false);
    assert!(!not_done.step("down").unwrap().is_done() && not_done.step("down").unwrap().may_be_tried_again());
    assert_eq!(not_done.debts, []);
    let mut again = unknown();
    again.extend([resolved("a", "down", false), started("a", "down")]);
    let again = fold(again).hosts["a"].clone();
    assert_eq!((again.steps.len(), again.steps[0].attempt, again.debts.len()), (1, 2, 1));
    assert!(!again.steps[0].may_be_tried_again(), "one word allows one try");
}

#[test]
fn a_lock_that_was_not_given_back_is_owed_and_one_of_another_run_has_its_own_code() {
    let locked = RunEvent::HostLocked { host: "a".to_owned(), order: 0 };
    let good = ended("b", HostOutcome::Upgraded);
    let kept = fold(vec![locked.clone(), ended("a", HostOutcome::Upgraded), good.clone()]);
    assert_eq!((kept.exit().code(), kept.unfinished_hosts()), (6, vec!["a"]));
    let released = RunEvent::HostReleased { host: "a".to_owned() };
    assert_eq!(
        fold(vec![locked, released, ended("a", HostOutcome::Upgraded), good.clone()]).exit().code(),
        0
    );
    let lock = HostLock { run: "other".to_owned(), ..HostLock::default() };
    let refused = RunEvent::HostRefused { host: "a".to_owned(), lock };
    assert_eq!(fold(vec![refused, ended("a", HostOutcome::NotStarted), good]).exit().code(), 8);
}

#[test]
fn who_was_not_watched_proves_nothing_where_its_wave_has_a_soak() {
    let mut header = header(&["a", "b"]);
    header.plan.waves[0].soak_seconds = Some(60);
    let wave = || "all".to_owned();
    let events = [
        RunEvent::RunStarted(Arc::new(header)),
        ended("a", HostOutcome::Upgraded),
        RunEvent::SoakStarted { wave: wave(), until: Timestamp::UNIX_EPOCH, hosts: vec!["a".to_owned()] },
        RunEvent::SoakFinished { wave: wave() },
        // In a later session, when the soak is over.
        ended("b", HostOutcome::Upgraded),
    ];
    let envelopes: Vec<Envelope> = (1..)
        .zip(events)
        .map(|(sequence, event)| Envelope { sequence, at: Timestamp::UNIX_EPOCH, event })
        .collect();
    let state = RunState::fold(&envelopes);
    let is_healthy = |host: &str| state.evidence_of(host).map(|evidence| evidence.healthy);
    assert_eq!((is_healthy("a"), is_healthy("b")), (Some(true), Some(false)));
}

#[test]
fn what_may_have_begun_is_taken_back_although_a_person_said_that_it_did_nothing() {
    let began = |events: Vec<RunEvent>| fold(events).hosts["a"].may_have_begun("work");
    let retried = |more: Vec<RunEvent>| {
        let unknown = vec![
            started("a", "work"),
            finished("a", "work", StepOutcome::Unknown, None),
            resolved("a", "work", false),
        ];
        began(unknown.into_iter().chain(more).collect())
    };
    assert!(retried(vec![]));
    assert!(retried(vec![finished("a", "work", StepOutcome::Skipped, None)]));
    assert!(retried(vec![started("a", "work"), finished("a", "work", StepOutcome::Skipped, None)]));
    assert!(!began(vec![finished("a", "work", StepOutcome::Skipped, None)]));
    // The host's own word that it never began is believed.
    let by_the_host = RunEvent::StepResolved {
        host: "a".to_owned(),
        step: "work".to_owned(),
        done: false,
        reason: String::new(),
        by: super::host::ITSELF.to_owned(),
    };
    assert!(!began(vec![started("a", "work"), by_the_host]));
    assert!(!retried(vec![RunEvent::WentBack { host: "a".to_owned() }]));
}

#[test]
fn when_a_host_was_heard_of_last_is_known() {
    let at = |second: i64| Timestamp::from_second(second).unwrap();
    let mut state = RunState::default();
    let events =
        [RunEvent::RunStarted(Arc::new(header(&["a", "b"]))), started("a", "down"), started("b", "down")];
    for (second, event) in (1..).zip(events) {
        state.apply(&Envelope { sequence: 1, at: at(second), event });
    }
    assert_eq!((state.hosts["a"].heard, state.hosts["b"].heard), (Some(at(2)), Some(at(3))));
}

#[test]
fn memcached_that_cannot_be_started_on_the_way_back_is_owed_and_nothing_else_is() {
    let (unit, address, php) = (None, "localhost:11211".to_owned(), vec!["php".to_owned()]);
    let mut header = header(&["a"]);
    let plan = &mut header.plan.waves[0].hosts[0];
    let HostAction::Steps(steps) = &mut plan.action else { unreachable!() };
    let mut restart = plan::sample::step("restart", None);
    restart.proof = Some(plan::PlannedProof::MemcachedRestarted { unit, address, php });
    steps.push(restart);
    plan.back.push(plan::sample::step("restart-back", None));
    let owed = |reason: Option<crate::event::StepReason>| {
        let mut end = StepEnd::without_output(StepOutcome::Succeeded, None);
        end.reason = reason;
        let finished = RunEvent::StepFinished {
            host: "a".to_owned(),
            step: "restart-back".to_owned(),
            end: Box::new(end),
        };
        let events = [
            RunEvent::RunStarted(Arc::new(header.clone())),
            started("a", "down"),
            started("a", "restart-back"),
            finished,
            RunEvent::WentBack { host: "a".to_owned() },
            ended("a", HostOutcome::RolledBack),
        ];
        let mut state = RunState::default();
        for (sequence, event) in (1..).zip(events) {
            state.apply(&Envelope { sequence, at: Timestamp::UNIX_EPOCH, event });
        }
        (state.hosts["a"].debts.clone(), state.exit())
    };
    let debt = Debt { step: "restart".to_owned(), since: Some("restart-back".to_owned()) };
    let down = Some(crate::event::StepReason::MemcachedDown);
    assert_eq!(owed(down), (vec![debt], ExitCode::NeedsPerson));
    assert_eq!(owed(None), (Vec::new(), ExitCode::Failed));
}
