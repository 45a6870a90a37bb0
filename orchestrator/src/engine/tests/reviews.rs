//! Schema reviews: what is the same is asked about once, and who is not let pass goes back to its start.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;
use ixporch_inventory::SchemaApproval;
use jiff::Timestamp;

use super::stage::{Nobody, Part, Played, Stage, job};
use crate::engine::{Answer, Brake, Job, Operator, ReviewQuestion, run};
use crate::event::{HostOutcome, Reason, StepEnd, StepOutcome};
use crate::journal::Store;
use crate::plan::{HostAction, HostPlan, PlannedWave, sample};
use crate::procedure::{Effect, Reads};
use crate::schema::{ChangeClass, SchemaChanges};
use crate::state::{HostState, Resolution, RunState, StepState};
use crate::text::RemoteText;

/// Lets additive changes pass and nothing else; keeps what it was asked.
#[derive(Default)]
struct Reviewer {
    asked: Mutex<Vec<(Vec<String>, String)>>,
    /// Never answers.
    is_asleep: bool,
}

impl Operator for Reviewer {
    fn is_present(&self) -> bool {
        true
    }

    fn review<'a>(&'a self, question: &'a ReviewQuestion) -> BoxFuture<'a, Option<Answer>> {
        let group = &question.groups[question.asked];
        self.asked.lock().unwrap().push((group.hosts.clone(), group.changes.summary()));
        if self.is_asleep {
            return futures::future::pending().boxed();
        }
        let yes = group.changes.class() == Some(ChangeClass::Additive);
        async move { Some(Answer { yes, by: "ada".to_owned() }) }.boxed()
    }

    fn start_wave<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Option<Answer>> {
        async { None }.boxed()
    }
}

/// `down` shows what is pending, `work` waits for the review; `code-back` and `up` are the way back.
fn reviewed(mut host: HostPlan, policy: SchemaApproval) -> HostPlan {
    let HostAction::Steps(steps) = &mut host.action else { panic!("nothing to do") };
    steps[0].reads = Some(Reads::DoctrinePendingSql);
    steps[1].schema_review = Some(policy);
    for (number, step) in (1..).zip(steps.iter_mut()) {
        step.number = number;
    }
    let mut back = sample::step("code-back", None);
    back.number = 4;
    host.back = vec![back, steps[2].clone()];
    host
}

fn wave(parts: &[(&str, Part)]) -> PlannedWave {
    let mut wave = sample::wave("w", parts.iter().map(|(name, _)| *name));
    wave.hosts = wave.hosts.into_iter().map(|host| reviewed(host, SchemaApproval::Review)).collect();
    wave
}

fn play(parts: &[(&str, Part)], operator: Arc<dyn Operator>, change: impl FnOnce(&mut Job)) -> Played {
    // With a clock that jumps whenever nothing runs here, the dispatcher's thread would seem to take minutes.
    let is_asleep = !operator.is_present() || parts.len() == 1;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(is_asleep).build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let journal = Store::new(folder.path()).create("run").unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let played = parts.iter().map(|(name, part)| ((*name).to_owned(), *part)).collect();
        let brake = Brake::default();
        let stage = Stage {
            parts: played,
            journal: PathBuf::from("/dev/null"),
            heard: Arc::clone(&heard),
            brake: brake.clone(),
        };
        let mut job = job(vec![wave(parts)], stage, operator, brake);
        job.limits.forks = 8;
        change(&mut job);
        let dispatched = run(job, journal, Vec::new(), || Timestamp::UNIX_EPOCH).await.unwrap();
        let heard = heard.lock().unwrap().clone();
        Played { dispatched, events: Vec::new(), heard }
    })
}

fn heard<'p>(played: &'p Played, host: &str) -> Vec<&'p str> {
    let of = played.heard.iter().filter(|(of, ..)| of == host);
    of.map(|(_, _, what)| what.as_str()).collect()
}

const FLEET: [(&str, Part); 4] = [
    ("a", Part::HasOtherSchemaChanges),
    ("b", Part::HasPendingSchemaChanges),
    ("c", Part::HasOtherSchemaChanges),
    ("d", Part::HasOtherSchemaChanges),
];

#[test]
fn what_is_the_same_is_asked_about_once_and_the_outlier_goes_back_to_its_start() {
    let reviewer = Arc::new(Reviewer::default());
    let played = play(&FLEET, Arc::clone(&reviewer) as Arc<dyn Operator>, |_| {});
    let asked = reviewer.asked.lock().unwrap().clone();
    let group = |hosts: &[&str], summary: &str| {
        (hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>(), summary.to_owned())
    };
    assert_eq!(asked, [group(&["a", "c", "d"], "1 addition"), group(&["b"], "1 drop")]);
    for host in ["a", "c", "d"] {
        assert_eq!(played.outcome(host), HostOutcome::Upgraded);
    }
    let state = &played.dispatched.state;
    assert_eq!(played.outcome("b"), HostOutcome::Held);
    assert_eq!(heard(&played, "b"), ["01-down", "04-code-back", "03-up"]);
    let host = &state.hosts["b"];
    assert_eq!((host.went_back, host.debts.len(), host.locked), (1, 0, false));
    assert!(!host.was_touched());
    assert_eq!(state.exit().code(), 7);
    assert_eq!(state.approved_schemas.len(), 1);
}

#[test]
fn without_a_person_hosts_go_back_at_once_and_go_on_when_their_changes_are_approved() {
    let held = play(&FLEET, Arc::new(Nobody), |_| {});
    for (host, _) in FLEET {
        assert_eq!(held.outcome(host), HostOutcome::Held);
        assert_eq!(heard(&held, host), ["01-down", "04-code-back", "03-up"]);
    }
    assert_eq!(held.dispatched.state.exit().code(), 7);

    let fingerprint = SchemaChanges::read(["ALTER TABLE a ADD b INT"]).fingerprint.to_string();
    let resumed = play(&FLEET, Arc::new(Nobody), |job| {
        job.resumed = Some(held.dispatched.state.clone());
        job.approvals.schemas = vec![fingerprint];
    });
    let state: &RunState = &resumed.dispatched.state;
    for (host, part) in FLEET {
        let tries: Vec<u32> = state.hosts[host].steps.iter().map(|step| step.attempt).collect();
        if part == Part::HasOtherSchemaChanges {
            assert_eq!(resumed.outcome(host), HostOutcome::Upgraded);
            assert_eq!(heard(&resumed, host), ["01r2-down.2", "02r2-work", "03r2-up.2"]);
        } else {
            assert_eq!(resumed.outcome(host), HostOutcome::Held);
            assert_eq!(heard(&resumed, host), ["01r2-down.2", "04r2-code-back.2", "03r2-up.2"]);
            assert_eq!(tries, [2, 2, 2]);
        }
    }
    assert_eq!(state.exit().code(), 7);
}

#[test]
fn whoever_waits_too_long_for_an_answer_goes_back() {
    let reviewer = Arc::new(Reviewer { is_asleep: true, ..Reviewer::default() });
    let played = play(&FLEET[..1], reviewer, |_| {});
    assert_eq!(played.outcome("a"), HostOutcome::Held);
    assert_eq!(heard(&played, "a"), ["01-down", "04-code-back", "03-up"]);
    let reasons = &played.dispatched.state.hosts["a"].reasons;
    assert_eq!(*reasons, [Reason::ReviewTimedOut { seconds: 60 }, Reason::BackAtStart]);
}

#[test]
fn what_changed_after_it_was_approved_holds_the_host() {
    let played = play(&FLEET[..1], Arc::new(Nobody), |job| {
        let steps = match &mut job.header.plan.waves[0].hosts[0].action {
            HostAction::Steps(steps) => steps,
            other => panic!("{other:?}"),
        };
        // Approved before, in an earlier session, for something else.
        steps[1].schema_review = Some(SchemaApproval::Review);
        let mut state = RunState::default();
        state.hosts.entry("a".to_owned()).or_default().approved =
            Some(SchemaChanges::read(["ALTER TABLE a ADD c INT"]).fingerprint);
        job.resumed = Some(state);
    });
    assert_eq!(played.outcome("a"), HostOutcome::Held);
    let reasons = &played.dispatched.state.hosts["a"].reasons;
    assert!(matches!(reasons[0], Reason::ChangesDiffer { .. }), "{reasons:?}");
}

/// A run that was cut off when the reviewed step was let go, for other changes than are pending now.
fn cut_off(job: &mut Job) {
    let HostAction::Steps(steps) = &mut job.header.plan.waves[0].hosts[0].action else {
        panic!("nothing to do")
    };
    steps[0].effect = Effect::Check;
    let mut shown = StepEnd::without_output(StepOutcome::Succeeded, None);
    shown.pending_statements = Some(vec![RemoteText::from("ALTER TABLE a ADD c INT")]);
    let boot = Some("boot".to_owned());
    let known = |id: &str, end| StepState {
        id: id.to_owned(),
        end,
        attempt: 1,
        boot: boot.clone(),
        ..StepState::default()
    };
    let host = HostState {
        steps: vec![known("down", Some(shown)), known("work", None)],
        approved: Some(SchemaChanges::read(["ALTER TABLE a ADD c INT"]).fingerprint),
        ..HostState::default()
    };
    let hosts = std::collections::BTreeMap::from([("a".to_owned(), host)]);
    job.resumed = Some(RunState { hosts, ..RunState::default() });
}

#[test]
fn a_schema_change_that_was_let_go_and_never_began_is_looked_at_again_before_it_is_executed() {
    let played = play(&[("a", Part::NeverBegan)], Arc::new(Nobody), cut_off);
    assert_eq!(heard(&played, "a"), ["01-down.2", "04-code-back", "03-up"]);
    let host = &played.dispatched.state.hosts["a"];
    assert_eq!((host.outcome, host.went_back), (Some(HostOutcome::Held), 1));
    // In another boot the host cannot say so.
    let rebooted = play(&[("a", Part::NeverBegan)], Arc::new(Nobody), |job| {
        cut_off(job);
        let host = job.resumed.as_mut().and_then(|state| state.hosts.get_mut("a")).unwrap();
        host.steps[1].boot = Some("another".to_owned());
    });
    assert_eq!(heard(&rebooted, "a")[0], "02-work", "it is looked for");
    // Where it began, it is found as it ended, whatever is pending now.
    let began = play(&[("a", Part::WasLeft)], Arc::new(Nobody), cut_off);
    assert_eq!(heard(&began, "a"), ["02-work", "03-up"]);
}

#[test]
fn who_may_have_changed_its_schema_does_not_go_back() {
    let played = play(&[("a", Part::WasLeft)], Arc::new(Nobody), |job| {
        cut_off(job);
        let host = job.resumed.as_mut().and_then(|state| state.hosts.get_mut("a")).unwrap();
        let said = Resolution { done: false, reason: "half of it".to_owned(), by: "ada".to_owned() };
        host.steps[1].resolution = Some(said);
    });
    assert_eq!(heard(&played, "a"), ["01-down.2"], "it is held where it is");
    assert_eq!(played.outcome("a"), HostOutcome::Held);
}
