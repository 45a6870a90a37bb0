//! What a host does of which a step failed, by its policy.

use ixporch_inventory::FailurePolicy;

use super::stage::{Part, Played, play_planned};
use crate::event::{HostOutcome, Reason};
use crate::plan::{HostAction, HostPlan, sample};
use crate::procedure::Effect;
use crate::state::HostState;

/// `down`, `work` and `up` with what takes each of them back, and a look at the end of which nothing is known.
fn with_way_back(host: &mut HostPlan) {
    let HostAction::Steps(steps) = &mut host.action else { panic!("nothing to do") };
    for (step, undo) in steps.iter_mut().zip(["open-back", "work-back", "down-again"]) {
        step.undo = vec![undo.to_owned()];
    }
    let mut look = sample::step("look", None);
    look.effect = Effect::Check;
    host.back = vec![
        sample::step("down-again", Some("up")),
        sample::step("work-back", None),
        look,
        sample::step("open-back", None),
    ];
}

fn play(part: Part, policy: FailurePolicy, change: impl Fn(&mut HostPlan)) -> (Played, Vec<String>) {
    let played = play_planned(&[vec![part]], |job| {
        let host = &mut job.header.plan.waves[0].hosts[0];
        with_way_back(host);
        host.on_failure = policy;
        change(host);
    });
    let names =
        played.heard.iter().map(|(_, _, what)| what.rsplit_once("01-").unwrap().1.to_owned()).collect();
    (played, names)
}

fn host(played: &Played) -> &HostState {
    &played.dispatched.state.hosts["w0h0"]
}

/// What fails comes after the site was opened.
fn fails_when_open(host: &mut HostPlan) {
    let HostAction::Steps(steps) = &mut host.action else { panic!("nothing to do") };
    steps.swap(1, 2);
    steps[2].tells_health = true;
}

#[test]
fn what_was_begun_is_taken_back_and_nothing_is_owed() {
    for policy in [FailurePolicy::WhileClosed, FailurePolicy::RollBack] {
        let (played, heard) = play(Part::FailsSecondStep, policy, |_| {});
        assert_eq!(heard, ["down", "work", "work-back", "look", "open-back"]);
        let host = host(&played);
        assert_eq!(host.outcome, Some(HostOutcome::RolledBack));
        assert_eq!((host.debts.len(), host.locked, host.was_touched()), (0, false, false));
        assert_eq!(host.failing_step().unwrap().id, "work");
        assert_eq!(played.dispatched.state.exit().code(), 5);
        assert!(played.dispatched.state.unfinished_hosts().is_empty());
    }
}

#[test]
fn by_the_policy_stop_a_host_is_left_as_it_is() {
    let (played, heard) = play(Part::FailsSecondStep, FailurePolicy::Stop, |_| {});
    assert_eq!(heard, ["down", "work"]);
    assert_eq!((host(&played).outcome, host(&played).debts.len()), (Some(HostOutcome::Failed), 1));
}

#[test]
fn where_it_is_not_known_where_a_host_began_it_is_not_taken_back() {
    let (played, heard) = play(Part::FailsSecondStep, FailurePolicy::RollBack, |host| host.back.clear());
    assert_eq!(heard, ["down", "work"]);
    assert_eq!(host(&played).outcome, Some(HostOutcome::Failed));
    assert_eq!(host(&played).reasons.last(), Some(&Reason::StartUnknown));
}

#[test]
fn a_host_that_fails_with_its_site_open_is_closed_again_and_owes_the_opening() {
    for policy in [FailurePolicy::WhileClosed, FailurePolicy::Stop] {
        let (played, heard) = play(Part::FailsSecondStep, policy, fails_when_open);
        assert_eq!(heard, ["down", "up", "work", "down-again"]);
        let debts: Vec<&str> = host(&played).debts.iter().map(|debt| debt.step.as_str()).collect();
        assert_eq!((host(&played).outcome, debts), (Some(HostOutcome::Failed), vec!["up"]));
        assert_eq!(played.dispatched.state.exit().code(), 6);
    }
}

#[test]
fn by_the_policy_rollback_it_is_closed_again_once_and_taken_back() {
    let (played, heard) = play(Part::FailsSecondStep, FailurePolicy::RollBack, fails_when_open);
    assert_eq!(heard, ["down", "up", "work", "down-again", "work-back", "look", "open-back"]);
    assert_eq!(host(&played).outcome, Some(HostOutcome::RolledBack));
    assert_eq!(host(&played).debts.len(), 0);
}

#[test]
fn a_site_that_may_have_been_opened_is_closed_before_anything_is_taken_back() {
    let (played, heard) = play(Part::FailsSecondStep, FailurePolicy::WhileClosed, |host| {
        // What opens it fails, whatever it has done by then.
        let HostAction::Steps(steps) = &mut host.action else { panic!("nothing to do") };
        steps[1].undo = vec!["down-again".to_owned()];
        host.opening = Some("work".to_owned());
    });
    assert_eq!(heard, ["down", "work", "down-again", "work-back", "look", "open-back"]);
    assert_eq!(host(&played).outcome, Some(HostOutcome::RolledBack));
}

#[test]
fn a_host_that_is_back_and_not_well_failed_and_owes_nothing() {
    let (played, heard) = play(Part::FailsSecondStep, FailurePolicy::RollBack, |host| {
        let mut look = sample::step("look-at-work", None);
        look.effect = Effect::Check;
        look.tells_health = true;
        host.back.push(look);
    });
    assert_eq!(heard, ["down", "work", "work-back", "look", "open-back", "look-at-work"]);
    let host = host(&played);
    assert_eq!((host.outcome, host.debts.len(), host.went_back), (Some(HostOutcome::Failed), 0, 1));
    assert!(matches!(host.reasons.last(), Some(Reason::BackUnwell { .. })), "{:?}", host.reasons);
    assert_eq!(played.dispatched.state.exit().code(), 5);
    assert!(played.dispatched.state.hosts_to_roll_back().is_empty());
}

#[test]
fn a_step_whose_end_nobody_saw_is_never_taken_back_by_itself() {
    let (played, heard) = play(Part::KillsSecondStep, FailurePolicy::RollBack, |_| {});
    assert_eq!(heard, ["down", "work"]);
    assert_eq!(host(&played).outcome, Some(HostOutcome::Unknown));
}

#[test]
fn a_step_after_the_opening_that_tells_nothing_of_health_leaves_the_site_open() {
    for policy in [FailurePolicy::WhileClosed, FailurePolicy::RollBack] {
        let (played, heard) = play(Part::FailsSecondStep, policy, |host| {
            fails_when_open(host);
            let HostAction::Steps(steps) = &mut host.action else { panic!("nothing to do") };
            steps[2].tells_health = false;
        });
        assert_eq!(heard, ["down", "up", "work"]);
        assert_eq!((host(&played).outcome, host(&played).debts.len()), (Some(HostOutcome::Failed), 0));
    }
}
