//! Reports of small runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Names, Paint, document, findings, host_document, host_report, summary};
use crate::event::{
    Approval, Envelope, HostOutcome, Reason, RunEvent, RunHeader, RunKind, StepEnd, StepOutcome, StepReason,
    sample,
};
use crate::plan::{HostAction, HostPlan, PlannedStep, sample as plan};
use crate::preflight::{Finding, Severity};
use crate::schema::SchemaChanges;
use crate::state::RunState;
use crate::text::RemoteText;

const HOSTS: [&str; 3] = ["ixp1", "ixp2", "ixp3"];

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

/// The state after these events, one a second.
fn fold(header: RunHeader, events: Vec<RunEvent>) -> RunState {
    let all = std::iter::once(RunEvent::RunStarted(Arc::new(header))).chain(events);
    let envelopes: Vec<Envelope> =
        (0..).zip(all).map(|(second, event)| Envelope { sequence: 1, at: at(second), event }).collect();
    RunState::fold(&envelopes)
}

fn header(change: impl Fn(&mut HostPlan)) -> RunHeader {
    let mut header = sample::header("r-1", &HOSTS);
    header.plan.waves[0].hosts.iter_mut().for_each(change);
    header
}

fn names(going_on: bool, now: i64) -> Names {
    Names {
        program: "ixporch".to_owned(),
        run: "r-1".to_owned(),
        going_on,
        now: at(now),
        since: BTreeMap::new(),
    }
}

fn started(host: &str, step: &str) -> RunEvent {
    RunEvent::StepStarted { host: host.to_owned(), step: step.to_owned(), boot: None }
}

fn ended(host: &str, step: &str, outcome: StepOutcome, why: &str, last: &str) -> RunEvent {
    let reason = (!why.is_empty()).then(|| StepReason::Told { text: RemoteText::from(why) });
    let mut end = StepEnd::without_output(outcome, reason);
    end.stderr.tail = RemoteText::from(last);
    end.milliseconds = 2500;
    RunEvent::StepFinished { host: host.to_owned(), step: step.to_owned(), end: Box::new(end) }
}

fn well(host: &str, step: &str) -> Vec<RunEvent> {
    vec![started(host, step), ended(host, step, StepOutcome::Succeeded, "", "")]
}

fn over(host: &str, outcome: HostOutcome, why: &str) -> RunEvent {
    RunEvent::HostFinished {
        host: host.to_owned(),
        outcome,
        reasons: Reason::told(why).into_iter().collect(),
    }
}

/// A host that is closed and fails at `work`.
fn failed(host: &str, last: &str) -> Vec<RunEvent> {
    let mut events = well(host, "down");
    events.push(started(host, "work"));
    events.push(ended(host, "work", StepOutcome::Failed, "exit code 1", last));
    events.push(over(host, HostOutcome::Failed, "`work`: exit code 1"));
    events
}

fn finish(mut events: Vec<RunEvent>) -> Vec<RunEvent> {
    events.push(RunEvent::RunFinished { exit_code: 5 });
    events
}

fn assert_has(text: &str, wanted: &[&str]) {
    for words in wanted {
        assert!(text.contains(words), "{words} is missing\n{text}");
    }
}

fn assert_has_not(text: &str, unwanted: &[&str]) {
    for words in unwanted {
        assert!(!text.contains(words), "{words} is there\n{text}");
    }
}

fn steps(plan: &mut HostPlan) -> &mut Vec<PlannedStep> {
    let HostAction::Steps(steps) = &mut plan.action else { unreachable!() };
    steps
}

#[test]
fn an_open_step_names_the_command_that_completes_it_and_no_script() {
    let script = |plan: &mut HostPlan| {
        let mut views = plan::step("views", None);
        views.command.argv = vec!["php".into(), "-r".into(), "line 1\nline 2".into()];
        steps(plan).insert(2, views);
        for (number, step) in (1..).zip(steps(plan)) {
            step.number = number;
        }
        steps(plan)[1].debts = vec!["views".to_owned()];
    };
    let state = fold(header(script), finish(failed("ixp1", "no space left")));
    let text = summary(Paint::new(false), &names(false, 9), &state);
    assert_has(
        &text,
        &[
            "open step: views (since step work)\n      complete all open steps: ixporch settle r-1 ixp1\n",
            "or only this step: ixporch views recreate --limit ixp1 --inventory i\n",
            "open step: up (since step down)\n      or by hand, after all steps before it: ssh ops@ixp1 true\n",
        ],
    );
    assert_has_not(&text, &["line 1", "owed", "pays"]);
    let json = host_document(&names(false, 9), &state, "ixp1");
    assert_eq!(json["debts"][0]["completed_by"], "ixporch settle r-1 ixp1");
    assert_eq!(json["debts"][0]["by_hand"], serde_json::Value::Null);
    assert_eq!(json["debts"][1]["by_hand"], "ssh ops@ixp1 true");

    // A host whose lock the run still has is completed by the run itself.
    let mut events = vec![RunEvent::HostLocked { host: "ixp1".to_owned(), order: 0 }];
    events.extend(failed("ixp1", ""));
    let state = fold(header(script), finish(events));
    assert_has(
        &summary(Paint::new(false), &names(false, 9), &state),
        &["complete all open steps: ixporch resume r-1\n"],
    );
}

#[test]
fn while_a_controller_is_at_work_nothing_is_to_be_typed_that_disturbs_it() {
    let mut events = well("ixp1", "down");
    events.push(started("ixp1", "work"));
    events.extend(failed("ixp2", ""));
    let fingerprint = SchemaChanges::read(["ALTER TABLE a ADD b INT"]).fingerprint;
    events.push(RunEvent::ReviewAwaited {
        host: "ixp3".to_owned(),
        step: "work".to_owned(),
        fingerprint: fingerprint.clone(),
        until: at(3600),
        closed: true,
    });
    let state = fold(header(|_| {}), events);
    let names = names(true, 44);
    let host = host_report(Paint::new(false), &names, &state, "ixp1");
    assert_has(&host, &["running for 41 s", "to do", "next: see how far it is: ixporch report r-1\n"]);
    let all = summary(Paint::new(false), &names, &state);
    assert_has(
        &all,
        &[
            "running      ixp1",
            "in review    ixp3",
            "waiting for review since 00:00:",
            &format!("next: approve the schema changes of ixp3: ixporch approve r-1 --schema {fingerprint} "),
            "1 running",
            "this run is still going on",
        ],
    );
    for text in [&host, &all] {
        assert_has_not(text, &["resume", "settle", "by hand", "rollback", "resolve", "unknown"]);
    }
    let json = host_document(&names, &state, "ixp2");
    assert_eq!(json["debts"][0]["completed_by"], serde_json::Value::Null);
}

#[test]
fn hosts_with_the_same_trouble_are_told_once() {
    let mut events = failed("ixp1", "ixp1: no space left");
    events.extend(failed("ixp2", "ixp2: no space left"));
    events.extend(failed("ixp3", "permission denied"));
    let state = fold(header(|_| {}), finish(events));
    let text = summary(Paint::new(false), &names(false, 99), &state);
    assert_has(
        &text,
        &[
            "\n  ixp[1-2] (2)  failed\n",
            "\n  ixp3  failed\n",
            "shown: ixp1; the other hosts have the same problem, for example: ixporch report r-1 --host ixp2\n",
            "slowest step: ",
        ],
    );
    assert_eq!(text.matches("no space left").count(), 1, "{text}");
}

#[test]
fn only_what_was_undone_is_called_so() {
    let back = |plan: &mut HostPlan| {
        plan.back = vec![plan::step("work-back", None)];
        steps(plan)[1].undo = vec!["work-back".to_owned()];
    };
    let mut events = well("ixp1", "down");
    events.push(started("ixp1", "work"));
    events.push(ended("ixp1", "work", StepOutcome::Failed, "exit code 1", ""));
    events.extend(well("ixp1", "work-back"));
    events.push(RunEvent::WentBack { host: "ixp1".to_owned() });
    events.push(over("ixp1", HostOutcome::RolledBack, ""));
    let state = fold(header(back), finish(events));
    let text = host_report(Paint::new(false), &names(false, 99), &state, "ixp1");
    let line = |step: &str| text.lines().find(|line| line.trim_start().starts_with(step)).unwrap().to_owned();
    assert!(line("work ").ends_with("undone") && line("work-back ").ends_with("rollback"), "{text}");
    assert_has(&line("work "), &["00:00:03Z", "2.5s"]);
    let json = host_document(&names(false, 99), &state, "ixp1");
    assert_eq!((&json["steps"][1]["undone"], &json["steps"][2]["undone"]), (&true.into(), &false.into()));
    assert_eq!(json["slowest_step"]["milliseconds"], 2500);
}

#[test]
fn the_summary_tells_who_decided_what_the_backup_and_the_releases() {
    let change = |plan: &mut HostPlan| {
        steps(plan).insert(1, plan::step("backup", None));
        steps(plan)[2].undo = vec!["work-back".to_owned()];
        plan.back = vec![plan::step("work-back", None)];
        plan.release = Some("v4.4.0".to_owned());
        plan.commit = Some("a".repeat(40));
        plan.upstream = Some("b".repeat(40));
        plan.findings = vec![Finding {
            id: "disk-space".to_owned(),
            severity: Severity::Blocker,
            what: "little is free".to_owned(),
            remedy: "free some".to_owned(),
            skipped: Some("we watch it".to_owned()),
        }];
    };
    let mut header = header(change);
    header.plan.target = Some("v4.5.0".to_owned());
    let approval =
        Approval { by: "ada".to_owned(), origin: "ctl".to_owned(), reason: "staging is well".to_owned() };
    let mut events = vec![RunEvent::WaveApproved { wave: "all".to_owned(), approval }];
    for host in HOSTS {
        events.extend(["down", "backup", "work", "up"].into_iter().flat_map(|step| well(host, step)));
        events.push(over(host, HostOutcome::Upgraded, ""));
    }
    let state = fold(header.clone(), finish(events));
    let text = summary(Paint::new(false), &names(false, 99), &state);
    assert_has(
        &text,
        &[
            "upgraded     ixp[1-3] (3)   v4.4.0 → v4.5.0\n",
            "wave all by ada on ctl: staging is well\n",
            "disk-space on ixp[1-3]: little is free\n      skipped by me: we watch it\n",
            "backup r-1 on ixp[1-3]\n    to roll back all of these hosts, also upgraded ones: ixporch rollback r-1 --limit 'ixp[1-3]'\n",
        ],
    );
    let json = document(&names(false, 99), &state)["waves"][0]["hosts"][0].clone();
    assert_eq!((&json["release_after"], &json["backup"]), (&"v4.5.0".into(), &"r-1".into()));
    assert_eq!(json["commit_after"], "b".repeat(40));
    let host = host_report(Paint::new(false), &names(false, 99), &state, "ixp2");
    assert_has(&host, &["commit   aaaaaaaaaaaa → bbbbbbbbbbbb\n", "--limit ixp2\n"]);

    let back = RunHeader { kind: RunKind::Rollback, follows: Some("r-0".to_owned()), ..header };
    let mut events: Vec<RunEvent> =
        ["down", "backup", "work", "up"].into_iter().flat_map(|step| well("ixp1", step)).collect();
    events.push(over("ixp1", HostOutcome::RolledBack, ""));
    let state = fold(back, finish(events));
    let text = summary(Paint::new(false), &names(false, 99), &state);
    assert_has(&text, &["restores hosts to their state before run r-0, from the backup r-0", "→ v4.4.0"]);
}

#[test]
fn a_remedy_names_the_hosts_that_have_the_finding() {
    let finding = |plan: &mut HostPlan| {
        plan.findings = vec![Finding {
            id: "leftovers".to_owned(),
            severity: Severity::Warning,
            what: "2 ledgers".to_owned(),
            remedy: "list them: ixporch ledger list --limit HOSTNAME".to_owned(),
            skipped: None,
        }];
    };
    let plan = header(finding).plan;
    let command = "help: list them: ixporch ledger list --limit 'ixp[1-3]'";
    let paint = Paint::new(false);
    assert_has(&findings(paint, &plan, true, None), &[&format!("{command}\n")]);
    assert_has(
        &findings(paint, &plan, true, Some("my prod.toml")),
        &[&format!("{command} --inventory 'my prod.toml'\n")],
    );
}

#[test]
fn output_that_is_cut_names_the_command_that_shows_all_of_it() {
    let shown = |plan: &mut HostPlan| steps(plan)[1].show = true;
    let mut end = StepEnd::without_output(StepOutcome::Succeeded, None);
    end.stdout.bytes = 520;
    end.stdout.tail = RemoteText::from("the end\n");
    let events = ["ixp1", "ixp2"].into_iter().flat_map(|host| {
        let end = Box::new(end.clone());
        let finished = RunEvent::StepFinished { host: host.to_owned(), step: "work".to_owned(), end };
        [started(host, "work"), finished, over(host, HostOutcome::Done, "")]
    });
    let header = RunHeader { kind: RunKind::Procedure, ..header(shown) };
    let text = summary(Paint::new(false), &names(false, 9), &fold(header, finish(events.collect())));
    assert_has(
        &text,
        &[
            "… 512 bytes before this are not shown\n  the end\n  full output of ixp1: ixporch logs r-1 ixp1 work\n",
        ],
    );
}

#[test]
fn a_settlement_that_failed_names_the_command_that_shows_all_open_steps() {
    let header = RunHeader { kind: RunKind::Settle, follows: Some("r-0".to_owned()), ..header(|_| {}) };
    let text = summary(Paint::new(false), &names(false, 9), &fold(header, finish(failed("ixp1", ""))));
    assert_has(&text, &["next: show all open steps: ixporch status --inventory i\n"]);
}
