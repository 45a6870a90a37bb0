//! Waves: how many may fail, what holds a gate, and who lets it pass.

use ixporch_inventory::GateKind;
use ixporch_inventory::value::Amount;

use super::stage::{Part, Played, play_planned};
use crate::event::HostOutcome;

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
        job.plan.waves[1].max_failures = Amount::Percent(12);
    });
    assert_eq!(outcomes(&played, 0, 1), [Upgraded]);
    let wave = outcomes(&played, 1, 8);
    assert_eq!(wave[..4], [Failed, Failed, Upgraded, Upgraded], "those in flight");
    assert_eq!(wave[4..], [NotStarted; 4]);
    assert_eq!(outcomes(&played, 2, 2), [NotStarted; 2]);
    let sum = "wave `w1`: 2 of 8 hosts failed (2 failed), 0 may (max_failures = 12% of 8 hosts)";
    assert_eq!(played.dispatched.state.held_waves[0].why, sum);
    assert_eq!(played.dispatched.state.hosts["w1h7"].why.to_string(), sum);
}

#[test]
fn as_many_as_may_fail_may_fail() {
    let played =
        play_planned(&[vec![Part::FailsSecondStep, Part::Good, Part::Good], vec![Part::Good]], |job| {
            job.limits.forks = 1;
            job.plan.waves[0].max_failures = Amount::Count(1);
        });
    assert_eq!(played.outcome("w0h2"), HostOutcome::Upgraded);
    assert_eq!(played.outcome("w1h0"), HostOutcome::Upgraded);
}

#[test]
fn a_wave_that_waits_for_a_person_goes_on_when_it_is_approved() {
    let parts = [vec![Part::Good], vec![Part::Good]];
    let held = play_planned(&parts, |job| job.plan.waves[1].gate = GateKind::Confirm);
    assert_eq!(held.outcome("w1h0"), HostOutcome::NotStarted);
    assert_eq!(held.dispatched.state.exit().code(), 7);
    let resumed = play_planned(&parts, |job| {
        job.plan.waves[1].gate = GateKind::Confirm;
        job.resumed = Some(held.dispatched.state.clone());
        job.approvals.waves = vec!["w1".to_owned()];
    });
    assert_eq!(resumed.outcome("w1h0"), HostOutcome::Upgraded);
    assert_eq!(resumed.heard.iter().filter(|(host, ..)| host == "w0h0").count(), 0);
    assert_eq!(resumed.dispatched.state.exit().code(), 0);
}
