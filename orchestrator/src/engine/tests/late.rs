//! Hosts that answer after the run has begun.

use ixporch_inventory::GateKind;
use ixporch_inventory::value::Amount;
use tokio::sync::mpsc;

use super::stage::{Part, Played, play_planned, play_reported, runtime};
use crate::engine::{Brake, BrakeState, Job, Reporter};
use crate::event::{Envelope, HostOutcome, LeftOut, Reason, RunEvent};
use crate::plan::{HostAction, Plan};
use crate::state::RunState;

/// Hosts that answer when this host has ended, or when the run has begun.
struct LateHosts {
    after: Option<&'static str>,
    plans: Vec<Plan>,
    sender: Option<mpsc::Sender<Plan>>,
}

impl Reporter for LateHosts {
    fn on_event(&mut self, _: &RunState, envelope: &Envelope) {
        let is_due = match &envelope.event {
            RunEvent::RunStarted(_) => self.after.is_none(),
            RunEvent::HostFinished { host, .. } => self.after == Some(host),
            _ => false,
        };
        if let Some(sender) = self.sender.take_if(|_| is_due) {
            for plan in self.plans.drain(..) {
                sender.try_send(plan).unwrap();
            }
        }
    }
}

/// Makes these hosts answer late: when `after` has ended.
pub(super) fn answer_late(job: &mut Job, late: &[&str], after: Option<&'static str>) -> Box<dyn Reporter> {
    let whole = job.header.plan.clone();
    for host in job.header.plan.waves.iter_mut().flat_map(|wave| &mut wave.hosts) {
        if late.contains(&host.host.as_str()) {
            host.action = HostAction::PlannedLater;
        }
    }
    let (sender, arriving) = mpsc::channel(late.len().max(1));
    job.late_plans = Some(arriving);
    let plans = late.iter().map(|host| whole.clone().only(host)).collect();
    Box::new(LateHosts { after, plans, sender: Some(sender) })
}

/// Interrupts the run when a host has ended.
struct Interrupts(&'static str, Brake);

impl Reporter for Interrupts {
    fn on_event(&mut self, _: &RunState, envelope: &Envelope) {
        if matches!(&envelope.event, RunEvent::HostFinished { host, .. } if host == self.0) {
            self.1.press(BrakeState::Drain);
        }
    }
}

fn play_late(waves: &[Vec<Part>], change: impl FnOnce(&mut Job) -> Box<dyn Reporter>) -> Played {
    runtime().block_on(play_reported(waves, Brake::default(), |job| vec![change(job)]))
}

fn place(played: &Played, is_it: impl Fn(&RunEvent) -> bool) -> usize {
    let found = played.events.iter().position(|Envelope { event, .. }| is_it(event));
    found.unwrap_or_else(|| panic!("there is no such event: {:?}", played.events))
}

fn planned(played: &Played, name: &str) -> usize {
    place(played, |event| matches!(event, RunEvent::HostPlanned { host, .. } if host == name))
}

fn finished(played: &Played, name: &str) -> usize {
    place(played, |event| matches!(event, RunEvent::HostFinished { host, .. } if host == name))
}

#[test]
fn a_host_that_answers_late_is_waited_for_by_nobody_and_ends_as_the_others() {
    let parts = [vec![Part::Good, Part::Good, Part::FailsSecondStep], vec![Part::Good]];
    let mut whole = None;
    let played = play_late(&parts, |job| {
        whole = Some(job.header.plan.clone());
        answer_late(job, &["w0h1", "w0h2"], Some("w0h0"))
    });
    for (host, outcome) in [
        ("w0h0", HostOutcome::Upgraded),
        ("w0h1", HostOutcome::Upgraded),
        ("w0h2", HostOutcome::Failed),
        ("w1h0", HostOutcome::Upgraded),
    ] {
        assert_eq!(played.outcome(host), outcome, "{host}");
    }
    assert!(finished(&played, "w0h0") < planned(&played, "w0h1"));
    let next_wave = place(&played, |event| matches!(event, RunEvent::WaveStarted { wave } if wave == "w1"));
    assert!(finished(&played, "w0h2") < next_wave, "its wave waits for it");
    // The journal's plan is then the one that would have been made at once.
    let header = RunState::fold(&played.events).header.unwrap();
    let whole = whole.unwrap();
    assert_eq!((&header.plan, &header.plan_digest), (&whole, &whole.digest()));
}

#[test]
fn a_wave_that_a_person_lets_start_waits_for_its_plans() {
    let parts = [vec![Part::Good], vec![Part::Good, Part::Good]];
    let played = play_late(&parts, |job| {
        job.header.plan.waves[1].gate = GateKind::Confirm;
        job.approvals.waves = vec!["w1".to_owned()];
        answer_late(job, &["w1h1"], Some("w0h0"))
    });
    let start = place(&played, |event| matches!(event, RunEvent::WaveStarted { wave } if wave == "w1"));
    assert!(finished(&played, "w0h0") < planned(&played, "w1h1"), "the wave before waits for nothing");
    assert!(planned(&played, "w1h1") < start);
    assert_eq!(played.outcome("w1h1"), HostOutcome::Upgraded);
}

#[test]
fn an_interrupted_run_waits_for_no_answer_and_a_resumed_one_plans_again() {
    let parts = [vec![Part::Good, Part::Good]];
    let brake = Brake::default();
    let pulled = brake.clone();
    let played = runtime().block_on(play_reported(&parts, brake, |job| {
        let never = answer_late(job, &["w0h1"], Some("nobody"));
        vec![never, Box::new(Interrupts("w0h0", pulled))]
    }));
    assert_eq!(played.outcome("w0h0"), HostOutcome::Upgraded);
    assert_eq!(played.outcome("w0h1"), HostOutcome::NotStarted);
    assert_eq!(played.dispatched.state.hosts["w0h1"].reasons, [Reason::Interrupted]);
    assert_eq!(played.dispatched.state.exit().code(), 130);

    let resume = |job: &mut Job| {
        job.header = (**played.dispatched.state.header.as_ref().unwrap()).clone();
        job.resumed = Some(played.dispatched.state.clone());
    };
    let resumed = play_planned(&parts, |job| {
        let whole = job.header.plan.clone();
        resume(job);
        let (sender, arriving) = mpsc::channel(1);
        sender.try_send(whole.only("w0h1")).unwrap();
        job.late_plans = Some(arriving);
    });
    assert_eq!(resumed.outcome("w0h1"), HostOutcome::Upgraded);
    assert_eq!(resumed.heard.iter().filter(|(host, ..)| host == "w0h0").count(), 0);

    let without = play_planned(&parts, resume);
    assert_eq!(without.outcome("w0h1"), HostOutcome::NotStarted);
    let not_planned = Reason::LeftOut { left_out: LeftOut::NotPlanned };
    assert_eq!(without.dispatched.state.hosts["w0h1"].reasons, [not_planned]);
}

#[test]
fn a_late_host_that_is_not_worked_on_stays_as_it_is() {
    let played = play_late(&[vec![Part::Good, Part::Down]], |job| {
        job.refused.insert("w0h1".to_owned(), LeftOut::NotSelected);
        let never = answer_late(job, &["w0h1"], Some("nobody"));
        // Nobody plans it.
        job.late_plans = None;
        never
    });
    assert_eq!(played.outcome("w0h0"), HostOutcome::Upgraded);
    let not_selected = Reason::LeftOut { left_out: LeftOut::NotSelected };
    assert_eq!(played.dispatched.state.hosts["w0h1"].reasons, [not_selected]);
    assert_eq!(played.dispatched.state.unfinished_hosts(), ["w0h1"]);
}

#[test]
fn where_too_many_have_failed_nobody_is_waited_for() {
    let played = play_late(&[vec![Part::FailsSecondStep, Part::Good]], |job| {
        job.header.plan.waves[0].max_failures = Amount::Count(0);
        answer_late(job, &["w0h1"], Some("nobody"))
    });
    assert_eq!(played.outcome("w0h1"), HostOutcome::NotStarted);
    assert!(matches!(played.dispatched.state.hosts["w0h1"].reasons[..], [Reason::TooManyFailures { .. }]));
}

#[test]
fn a_plan_that_comes_in_the_moment_of_the_end_ends_nothing_for_good() {
    let parts = [vec![Part::Good, Part::Good]];
    let played = play_late(&parts, |job| answer_late(job, &["w0h1"], None));
    let mut events = played.events.clone();
    events.truncate(finished(&played, "w0h1").min(finished(&played, "w0h0")));
    let mut away = RunState::fold(&events).header.unwrap().plan.clone().only("w0h1");
    away.waves[0].hosts[0].action = HostAction::Unreachable("timeout".to_owned());
    let header = events.first().unwrap().clone();
    let late = Envelope {
        event: RunEvent::HostPlanned { host: "w0h1".to_owned(), plan: Box::new(away) },
        ..header.clone()
    };
    let end = RunEvent::HostFinished {
        host: "w0h1".to_owned(),
        outcome: HostOutcome::NotStarted,
        reasons: vec![Reason::Interrupted],
    };
    let state = RunState::fold(&[header.clone(), late, Envelope { event: end, ..header }]);
    assert!(state.unfinished_hosts().contains(&"w0h1"));
}
