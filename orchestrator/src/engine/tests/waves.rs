//! Waves: how many may fail, what holds a gate, and who lets it pass.

use ixporch_inventory::GateKind;
use ixporch_inventory::value::Amount;

use super::stage::{Part, Played, play_planned};
use crate::engine::Job;
use crate::event::{Envelope, HostOutcome, LeftOut, Reason, RunEvent, StepReason};
use crate::plan::{HostAction, PlannedStep, sample};
use crate::procedure::Effect;
use crate::state::RunState;

fn outcomes(played: &Played, wave: usize, hosts: usize) -> Vec<HostOutcome> {
    (0..hosts).map(|host| played.outcome(&format!("w{wave}h{host}"))).collect()
}

#[test]
fn a_tripped_threshold_lets_those_in_flight_finish_and_starts_nothing_else() {
    use HostOutcome::{Failed, NotStarted, Upgraded};
    let second = [&[Part::FailsSecondStep, Part::FailsSecondStep][..], &[Part::Good; 6]].concat();
    let parts = [vec![Part::Good], second, vec![Part::Good; 2]];
    let played = play_planned(&parts, |job| {
        job.limits.forks = 4;
        job.header.plan.waves[1].max_failures = Amount::Percent(12);
        // Those in flight have so much to do that they are when the others fail, whoever comes first.
        for host in &mut job.header.plan.waves[1].hosts[2..4] {
            let HostAction::Steps(steps) = &mut host.action else { unreachable!() };
            steps.splice(2..2, (0..60).map(|number| sample::step(&format!("more{number}"), None)));
        }
    });
    assert_eq!(outcomes(&played, 0, 1), [Upgraded]);
    let wave = outcomes(&played, 1, 8);
    assert_eq!(wave[..4], [Failed, Failed, Upgraded, Upgraded], "those in flight");
    assert_eq!(wave[4..], [NotStarted; 4]);
    assert_eq!(outcomes(&played, 2, 2), [NotStarted; 2]);
    let too_many = Reason::TooManyFailures {
        wave: "w1".to_owned(),
        failures: [(Failed, 2)].into(),
        total: 8,
        allowed: 0,
        max_failures: Amount::Percent(12),
    };
    assert_eq!(played.dispatched.state.held_waves[0].reason.as_ref(), Some(&too_many));
    assert_eq!(played.dispatched.state.hosts["w1h7"].reasons, [too_many]);
}

/// Hosts of this wave are watched for a minute.
fn soaks(job: &mut Job, wave: usize) {
    let wave = &mut job.header.plan.waves[wave];
    wave.soak_seconds = Some(60);
    for host in &mut wave.hosts {
        host.health = vec![PlannedStep { effect: Effect::Check, ..sample::step("is-well", None) }];
    }
}

#[test]
fn a_host_that_is_not_well_while_it_is_watched_counts_as_failed() {
    let parts = [vec![Part::Good, Part::IsUnwell], vec![Part::Good]];
    let played = play_planned(&parts, |job| {
        soaks(job, 0);
        job.header.plan.waves[0].max_failures = Amount::Count(0);
    });
    assert_eq!(outcomes(&played, 0, 2), [HostOutcome::Upgraded, HostOutcome::Failed]);
    assert_eq!(played.outcome("w1h0"), HostOutcome::NotStarted);
    let state = &played.dispatched.state;
    let (step, because) = ("is-well".to_owned(), Some(StepReason::ExitCode { exit: 1 }));
    let unwell = Reason::Unwell { because: vec![Reason::Step { step, because, output: None }] };
    assert_eq!(state.hosts["w0h1"].reasons, [unwell]);
    assert_eq!((state.exit().code(), state.has_unfinished_soak()), (5, false));

    let well = play_planned(&[vec![Part::Good], vec![Part::Good]], |job| soaks(job, 0));
    assert_eq!(well.outcome("w1h0"), HostOutcome::Upgraded);
    assert_eq!(well.dispatched.state.exit().code(), 0);
}

#[test]
fn a_soak_that_was_interrupted_is_gone_on_with() {
    let left = [vec![Part::IsLeftWhileWatched], vec![Part::Good]];
    let broken_off = play_planned(&left, |job| soaks(job, 0));
    let state = &broken_off.dispatched.state;
    assert_eq!((state.exit().code(), state.has_unfinished_soak()), (130, true));
    assert_eq!(broken_off.outcome("w1h0"), HostOutcome::NotStarted);
    assert_eq!(state.hosts["w1h0"].reasons, [Reason::SoakInterrupted { wave: "w0".to_owned() }]);
    let resumed = play_planned(&[vec![Part::Good], vec![Part::Good]], |job| {
        soaks(job, 0);
        job.resumed = Some(state.clone());
    });
    assert_eq!(resumed.outcome("w1h0"), HostOutcome::Upgraded);
    assert_eq!(resumed.heard.iter().filter(|(host, ..)| host == "w0h0").count(), 0);
    assert!(!resumed.dispatched.state.has_unfinished_soak());
}

#[test]
fn a_soak_that_nothing_can_watch_stops_the_next_wave_whoever_approves_it() {
    let parts = [vec![Part::Good], vec![Part::Good]];
    let played = play_planned(&parts, |job| {
        job.header.plan.waves[0].soak_seconds = Some(60);
        job.approvals.waves = vec![job.header.plan.waves[1].name.clone()];
    });
    assert_eq!(played.outcome("w1h0"), HostOutcome::NotStarted);
    assert_eq!(played.dispatched.state.exit().code(), 4);
}

#[test]
fn as_many_as_may_fail_may_fail() {
    let played =
        play_planned(&[vec![Part::FailsSecondStep, Part::Good, Part::Good], vec![Part::Good]], |job| {
            job.limits.forks = 1;
            job.header.plan.waves[0].max_failures = Amount::Count(1);
        });
    assert_eq!(played.outcome("w0h2"), HostOutcome::Upgraded);
    assert_eq!(played.outcome("w1h0"), HostOutcome::Upgraded);
}

#[test]
fn a_wave_that_waits_for_a_person_goes_on_when_it_is_approved() {
    let parts = [vec![Part::Good], vec![Part::Good]];
    let held = play_planned(&parts, |job| job.header.plan.waves[1].gate = GateKind::Confirm);
    assert_eq!(held.outcome("w1h0"), HostOutcome::NotStarted);
    assert_eq!(held.dispatched.state.hosts["w1h0"].reasons, [Reason::GateUnattended]);
    assert_eq!(held.dispatched.state.exit().code(), 7);
    let resumed = play_planned(&parts, |job| {
        job.header.plan.waves[1].gate = GateKind::Confirm;
        job.resumed = Some(held.dispatched.state.clone());
        job.approvals.waves = vec!["w1".to_owned()];
    });
    assert_eq!(resumed.outcome("w1h0"), HostOutcome::Upgraded);
    assert_eq!(resumed.heard.iter().filter(|(host, ..)| host == "w0h0").count(), 0);
    assert_eq!(resumed.dispatched.state.exit().code(), 0);
}

#[test]
fn a_host_that_is_not_selected_is_not_asked_and_stays_held_in_the_middle_of_its_upgrade() {
    let parts = [vec![Part::Good, Part::Good]];
    let whole = play_planned(&parts, |_| {});
    let is_first_end = |envelope: &&Envelope| matches!(&envelope.event, RunEvent::StepFinished { host, .. } if host == "w0h0");
    let place = whole.events.iter().position(|envelope| is_first_end(&envelope)).unwrap();
    let state = RunState::fold(&whole.events[..=place]);
    let resumed = play_planned(&parts, |job| {
        job.resumed = Some(state);
        job.refused.insert("w0h0".to_owned(), LeftOut::NotSelected);
    });
    assert_eq!(resumed.outcome("w0h0"), HostOutcome::Held);
    assert_eq!(resumed.heard.iter().filter(|(host, ..)| host == "w0h0").count(), 0);
}
