//! Tables of follow-up decisions: what was, what is asked for, what is decided.

use std::collections::BTreeSet;
use std::fmt::Write;

use jiff::Timestamp;

use self::runs::{Run, host, step};
use super::choose::{Asked, choose};
use super::rerun::{Which, rerun};
use super::resume::{Resumption, resume};
use super::rollback::{self, Rollback, rollback};
use super::settle::settle;
use crate::event::{FollowUpKind, HostOutcome, LeftOut, Obstacle, RunEvent, RunKind, StepOutcome};
use crate::history::{History, RunRecord};
use crate::plan::HostPlan;
use crate::procedure::Effect;
use crate::report;

mod choosing;
mod order;
mod runs;

fn history(runs: &[Run]) -> History {
    History::new(runs.iter().filter_map(|run| RunRecord::of(&run.state(), 0)).collect(), Vec::new())
}

fn shown(obstacle: &Obstacle) -> String {
    let words = report::obstacle(obstacle, "ixporch", &str::to_owned);
    format!("{} {}\nhelp: {}", obstacle.exit().code(), words.message, words.help.unwrap_or_default())
}

/// What is asked for.
#[derive(Clone)]
enum Ask {
    /// Which run is meant, if none is named: of this inventory, with these hosts.
    Which(FollowUpKind, Option<&'static str>, &'static [&'static str]),
    Resume(&'static str),
    ResumeOnly(&'static str, &'static str),
    Rerun(&'static str, Which),
    RollBack(&'static str, &'static [&'static str]),
    Settle(&'static str, &'static str),
}

fn answer(runs: &[Run], ask: Ask) -> String {
    let history = history(runs);
    let run = |id: &str| runs.iter().find(|run| run.header.run == id).unwrap();
    let known = |id: &str| (history.run(id).unwrap(), run(id).state());
    match ask {
        Ask::Which(follow_up, inventory, hosts) => chosen(&history, follow_up, inventory, hosts),
        Ask::Resume(id) => {
            let (record, state) = known(id);
            resume(&history, record, &state, None).map_or_else(|found| shown(&found), resumption)
        }
        Ask::ResumeOnly(id, host) => {
            let (record, state) = known(id);
            let selected = BTreeSet::from([host.to_owned()]);
            resume(&history, record, &state, Some(&selected)).map_or_else(|found| shown(&found), resumption)
        }
        Ask::Rerun(id, which) => {
            let (record, state) = known(id);
            rerun(record, &state, which, None)
                .map_or_else(|found| shown(&found), |hosts| format!("a new run of {}", hosts.join(",")))
        }
        Ask::RollBack(id, hosts) => {
            let (record, state) = known(id);
            let request = rollback::Request {
                selected: &|name| hosts.is_empty() || hosts.contains(&name),
                is_limited: !hosts.is_empty(),
                known: &|name| Some(host(name).id()),
                discard_writes_since: None,
            };
            rollback(&history, record, &state, &request).map_or_else(|found| shown(&found), back)
        }
        Ask::Settle(id, name) => {
            let (record, state) = known(id);
            settle(&history, record, &state, name).map_or_else(
                |found| shown(&found),
                |settlement| {
                    let steps =
                        settlement.plan.iter().filter_map(|plan| plan.host(name)).flat_map(HostPlan::steps);
                    let steps: Vec<&str> = steps.map(|step| step.id.as_str()).collect();
                    format!("completes {steps:?}, leaves {:?}", settlement.left)
                },
            )
        }
    }
}

fn chosen(history: &History, follow_up: FollowUpKind, inventory: Option<&str>, hosts: &[&str]) -> String {
    let selects = |_: &RunRecord, host: &str| hosts.is_empty() || hosts.contains(&host);
    let asked = Asked { follow_up, inventory, file: &|path| path.replace("/./", "/"), selects: &selects };
    choose(history, &asked).map_or_else(|found| shown(&found), |run| run.run.clone())
}

fn resumption(found: Resumption) -> String {
    match found {
        Resumption::Nothing => "nothing to resume".to_owned(),
        Resumption::GoOn { hosts, left_out } => {
            let left_out: Vec<String> =
                left_out.iter().map(|(host, why)| format!("{host}: {}", word(why))).collect();
            format!("goes on with {}; left out: {left_out:?}", hosts.join(","))
        }
    }
}

fn word(why: &LeftOut) -> String {
    let words = report::left_out(why, "ixporch", Some("RUN"), &str::to_owned);
    words.help.map_or(words.message.clone(), |help| format!("{} (help: {help})", words.message))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_or_else` gives")]
fn back(found: Rollback) -> String {
    let hosts = found.plan.iter().flat_map(crate::plan::Plan::hosts).map(|(_, host)| {
        let steps: Vec<&str> = host.steps().iter().map(|step| step.id.as_str()).collect();
        format!("{} by {steps:?}", host.host)
    });
    let hosts: Vec<String> = hosts.collect();
    let left_out: Vec<String> =
        found.left_out.iter().map(|(host, why)| format!("{host}: {}", word(why))).collect();
    let over = if found.takes_over { ", taking the run over" } else { "" };
    match hosts.as_slice() {
        [] => format!("nothing to roll back; left out: {left_out:?}"),
        _ => format!("rolls back {}{over}; left out: {left_out:?}", hosts.join(", ")),
    }
}

/// What was, and what is asked about it.
type Situation = (&'static str, Vec<Run>, Vec<(&'static str, Ask)>);

/// The situations, each with its questions.
#[expect(clippy::too_many_lines, reason = "a table is read as a whole")]
fn table() -> Vec<Situation> {
    use Ask::{Rerun, Resume, ResumeOnly, RollBack, Settle};
    use FollowUpKind as For;
    let which = |follow_up| Ask::Which(follow_up, None, &[]);
    let only = |follow_up, hosts| Ask::Which(follow_up, None, hosts);
    let failed = For::Rerun { only_failed: true };
    let rolling_back = |id: &str, order, of: &str, host: &str| {
        Run::new(id, order, RunKind::Rollback, &[host]).of(of).steps(&[step("work-back", 6, &[], &[])])
    };
    let rolled_back = |id: &str, order, of: &str, host: &str| {
        rolling_back(id, order, of, host).does(host, "work-back").ends(host, HostOutcome::RolledBack).over(0)
    };
    let settled = |id: &str, order, of: &str, host: &str| {
        let run = Run::new(id, order, RunKind::Settle, &[host]).of(of).steps(&[step("restart", 3, &[], &[])]);
        run.does(host, "restart").ends(host, HostOutcome::Done).over(0)
    };
    vec![
        (
            "a killed upgrade, then a command that only looks",
            vec![Run::killed("up1", 1, &["a", "b"]), Run::look("exec2", 2, "a")],
            vec![
                ("resume", which(For::Resume)),
                ("rollback", which(For::Rollback)),
                ("resume up1", Resume("up1")),
                ("resume up1 --limit a", ResumeOnly("up1", "a")),
                ("rollback up1", RollBack("up1", &[])),
                ("rollback up1 --limit a", RollBack("up1", &["a"])),
                ("settle up1 a", Settle("up1", "a")),
            ],
        ),
        (
            "killed upgrades of two inventories",
            vec![Run::killed("up1", 1, &["a"]), Run::killed("up2", 2, &["b"]).inventory("other")],
            vec![
                ("resume", which(For::Resume)),
                ("resume --inventory other", Ask::Which(For::Resume, Some("other"), &[])),
                ("rollback", which(For::Rollback)),
            ],
        ),
        (
            "a killed upgrade, then one of another inventory that ended",
            vec![Run::killed("up1", 1, &["a"]), Run::upgraded("up2", 2, &["b"]).inventory("other")],
            vec![("resume", which(For::Resume))],
        ),
        ("nothing but looks", vec![Run::look("exec1", 1, "a")], vec![("resume", which(For::Resume))]),
        (
            "an upgrade, then another procedure",
            vec![Run::upgraded("up1", 1, &["a"]), Run::completing("views2", 2, "a", "views")],
            vec![("rollback", which(For::Rollback)), ("rollback up1", RollBack("up1", &[]))],
        ),
        (
            "an upgrade, rolled back",
            vec![Run::upgraded("up1", 1, &["a"]), rolled_back("back2", 2, "up1", "a")],
            vec![
                ("rollback", which(For::Rollback)),
                ("rollback up1", RollBack("up1", &[])),
                ("resume up1", Resume("up1")),
                ("resume back2 --rerun failed", Rerun("back2", Which::Failed)),
                ("settle up1 a", Settle("up1", "a")),
            ],
        ),
        (
            "one host upgraded and one failed, which was run again",
            vec![
                Run::upgrade("up1", 1, &["a", "b"])
                    .all("a")
                    .ends("a", HostOutcome::Upgraded)
                    .fails("b")
                    .over(6)
                    .event(RunEvent::RunTakenOver { by: "up2".to_owned() }),
                Run::upgraded("up2", 2, &["b"]).of("up1"),
            ],
            vec![
                ("rollback up1 --limit a", RollBack("up1", &["a"])),
                ("rollback up1 --limit b", RollBack("up1", &["b"])),
                ("rollback up2", RollBack("up2", &[])),
                ("resume up1", Resume("up1")),
            ],
        ),
        (
            "an upgrade of two hosts, then one of the first of them, which was rolled back",
            vec![
                Run::upgraded("up1", 1, &["a", "b"]),
                Run::upgraded("up2", 2, &["a"]),
                rolled_back("back3", 3, "up2", "a"),
            ],
            vec![
                ("rollback", which(For::Rollback)),
                ("rollback --limit b", only(For::Rollback, &["b"])),
                ("rollback up1", RollBack("up1", &[])),
                ("rollback up1 --limit x", RollBack("up1", &["x"])),
            ],
        ),
        (
            "an upgrade that failed, then a procedure on another host that ended well",
            vec![Run::failed("up1", 1, "a"), Run::completing("views2", 2, "b", "views")],
            vec![
                ("resume --rerun failed", which(failed.clone())),
                ("resume --rerun failed --limit b", only(failed.clone(), &["b"])),
                ("resume up1 --rerun failed", Rerun("up1", Which::Failed)),
            ],
        ),
        (
            "an upgrade that failed, then a command that failed",
            vec![Run::failed("up1", 1, "a"), {
                let mut change = step("exec", 1, &[], &[]);
                change.effect = Effect::Change;
                let run = Run::new("exec2", 2, RunKind::Exec, &["b"]).steps(&[change]);
                run.ends_step("b", "exec", StepOutcome::Failed).ends("b", HostOutcome::Failed).over(5)
            }],
            vec![("resume --rerun failed", which(failed))],
        ),
        (
            "killed upgrades of different hosts",
            vec![Run::killed("up1", 1, &["a"]), Run::killed("up2", 2, &["b"])],
            vec![
                ("resume", which(For::Resume)),
                ("resume --limit a", only(For::Resume, &["a"])),
                ("resume up2 --limit a", ResumeOnly("up2", "a")),
                ("resume --inventory ./unknown", Ask::Which(For::Resume, Some("unknown"), &[])),
                ("approve latest", which(For::Approve)),
                ("resolve latest a", which(For::Resolve { host: "a".to_owned() })),
            ],
        ),
        (
            "an upgrade of two hosts that others changed since, one of them in part",
            vec![
                Run::upgraded("up1", 1, &["a", "b"]),
                Run::upgraded("up2", 2, &["a"]),
                Run::upgraded("up3", 3, &["b"]),
                rolling_back("back4", 4, "up3", "b").locked("b").begins("b", "work-back"),
            ],
            vec![("rollback up1", RollBack("up1", &[])), ("approve latest", which(For::Approve))],
        ),
        (
            "a failed upgrade, changed by another run under another user",
            vec![Run::failed("up1", 1, "a"), {
                let mut other = Run::upgraded("up2", 2, &["a"]);
                other.header.plan.waves[0].hosts[0].login = "-J bastion root@a".to_owned();
                other
            }],
            vec![
                ("rollback up1", RollBack("up1", &[])),
                ("settle up1 a", Settle("up1", "a")),
                ("rollback up2", RollBack("up2", &[])),
            ],
        ),
        (
            "a failed upgrade",
            vec![Run::failed("up1", 1, "a")],
            vec![
                ("settle latest a", which(For::Settle { host: "a".to_owned() })),
                ("settle up1 a", Settle("up1", "a")),
                ("settle up1 x", Settle("up1", "x")),
                ("rollback up1", RollBack("up1", &[])),
                ("resume up1 --rerun failed", Rerun("up1", Which::Failed)),
                ("resume up1", Resume("up1")),
            ],
        ),
        (
            "a failed upgrade of which one open step was completed by its own command, and one by settling",
            vec![
                Run::failed("up1", 1, "a"),
                Run::completing("views2", 2, "a", "views"),
                settled("settle3", 3, "up1", "a"),
            ],
            vec![("settle up1 a", Settle("up1", "a")), ("rollback up1", RollBack("up1", &[]))],
        ),
        (
            "a rollback that was cut off",
            vec![
                Run::failed("up1", 1, "a"),
                rolling_back("back2", 2, "up1", "a").locked("a").begins("a", "work-back"),
            ],
            vec![
                ("resume", which(For::Resume)),
                ("resume back2", Resume("back2")),
                ("rollback up1", RollBack("up1", &[])),
                ("settle up1 a", Settle("up1", "a")),
                ("resume back2 --rerun failed", Rerun("back2", Which::Failed)),
            ],
        ),
        (
            "an upgrade of which one host was rolled back, and one never began",
            vec![
                Run::upgrade("up1", 1, &["a", "b"])
                    .all("a")
                    .ends("a", HostOutcome::Upgraded)
                    .stops("b", HostOutcome::NotStarted)
                    .over(4),
                rolled_back("back2", 2, "up1", "a"),
            ],
            vec![("resume up1", Resume("up1"))],
        ),
    ]
}

#[test]
fn the_table_of_follow_up_decisions() {
    let mut text = String::new();
    for (situation, runs, questions) in table() {
        let _ = writeln!(text, "== {situation}");
        for (asked, ask) in questions {
            let answer = answer(&runs, ask);
            let _ = writeln!(text, "{asked}\n  -> {}", answer.replace('\n', "\n     "));
        }
    }
    println!("{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_run_under_a_clock_that_was_ahead_is_latest_only_until_the_next_one() {
    let mut ahead = RunRecord::of(&Run::upgraded("ahead", 1, &["a"]).state(), 0).unwrap();
    ahead.started = Some("2100-01-01T00:00:00Z".parse().unwrap());
    let next = RunRecord::of(&Run::upgraded("next", 2, &["a"]).state(), 0).unwrap();
    let history = History::new(vec![next, ahead], Vec::new());
    assert_eq!(history.latest().unwrap().run, "next");
    assert_eq!(history.last_order(), 2);
}

#[test]
fn what_a_rollback_plan_owes_and_clears() {
    let runs = [Run::failed("up1", 1, "a")];
    let history = history(&runs);
    let request = rollback::Request {
        selected: &|_| true,
        is_limited: false,
        known: &|name| Some(host(name).id()),
        discard_writes_since: None,
    };
    let decided = rollback(&history, history.run("up1").unwrap(), &runs[0].state(), &request).unwrap();
    let back = decided.plan.unwrap().host("a").unwrap().clone();
    assert_eq!(back.cleared_when_back, BTreeSet::from(["restart", "up", "views"].map(str::to_owned)));
    assert_eq!(back.closed.as_deref(), Some("up"));
    let run = |outcome: StepOutcome, end: HostOutcome| {
        let mut run = Run::new("back2", 2, RunKind::Rollback, &["a"]).of("up1");
        run.header.plan.waves[0].hosts = vec![back.clone()];
        run.ends_step("a", "work-back", outcome).ends("a", end).over(5)
    };
    let broken = run(StepOutcome::Failed, HostOutcome::Failed).state();
    assert!(!broken.is_back("a") && !broken.hosts["a"].debts.is_empty());
    // It is back, whatever is found of its site then: nothing of the run that is rolled back is owed any more.
    let unwell = run(StepOutcome::Succeeded, HostOutcome::Failed).state();
    assert!(unwell.is_back("a"));
    assert_eq!(unwell.hosts["a"].debts, []);
    assert!(!unwell.hosts["a"].leaves("run", RunKind::Rollback, unwell.plan_of("a").unwrap()).unfinished);
}

#[test]
fn what_was_opened_and_closed_again_is_not_completed() {
    let mut run = Run::new("settle2", 2, RunKind::Settle, &["a"])
        .of("up1")
        .steps(&[step("restart", 3, &[], &[]), step("up", 5, &[], &["down-again"])]);
    run.header.plan.waves[0].hosts[0].back = vec![step("down-again", 6, &["up"], &[])];
    let opened = run.does("a", "restart").does("a", "up");
    let completed = |run: &Run| run.state().completed("a").into_iter().collect::<Vec<_>>();
    assert_eq!(completed(&opened), ["restart", "up"]);
    assert_eq!(completed(&opened.does("a", "down-again")), ["restart"]);
}

#[test]
fn what_is_unfinished_owed_or_tells_what_a_host_is_like_is_never_pruned() {
    use crate::history::{Age, Kept};
    let runs = [
        Run::upgraded("old1", 1, &["a"]),
        Run::look("look2", 2, "a"),
        Run::failed("failed3", 3, "b"),
        Run::upgraded("last4", 4, &["a"]),
        Run::killed("killed5", 5, &["c"]),
        Run::look("look6", 6, "a"),
    ];
    let history = history(&runs);
    let pruning = history.pruning(Age::AllBut(1));
    assert_eq!(pruning.prune, ["old1", "look2"]);
    let kept: Vec<(&str, Kept)> = pruning.keep.iter().map(|(run, why)| (run.as_str(), *why)).collect();
    assert_eq!(kept, [("failed3", Kept::Owed), ("last4", Kept::Evidence), ("killed5", Kept::Unfinished)]);
    assert_eq!(history.pruning(Age::Before(Timestamp::UNIX_EPOCH)).prune, Vec::<String>::new());
}

#[test]
fn what_completed_a_kept_run_or_rolled_it_back_is_kept_and_work_of_an_unreadable_run_is_never_passed_over() {
    use crate::history::{Age, Unreadable};
    let settled =
        Run::new("settle2", 2, RunKind::Settle, &["a"]).of("up1").steps(&[step("restart", 3, &[], &[])]);
    let runs = [
        Run::failed("up1", 1, "a"),
        settled.does("a", "restart").ends("a", HostOutcome::Done).over(0),
        Run::completing("views3", 3, "a", "views"),
        Run::completing("again4", 4, "a", "views"),
    ];
    let kept: Vec<String> =
        history(&runs).pruning(Age::AllBut(0)).keep.into_iter().map(|(run, _)| run).collect();
    assert_eq!(kept, ["up1", "settle2", "views3", "again4"]);

    let records = || runs[..1].iter().filter_map(|run| RunRecord::of(&run.state(), 0)).collect();
    let unreadable =
        |hosts| Unreadable { run: "broken".to_owned(), why: String::new(), inventory: None, hosts };
    for (hosts, blocks) in
        [(None, true), (Some(vec![host("a").id()]), true), (Some(vec![host("b").id()]), false)]
    {
        let history = History::new(records(), vec![unreadable(hosts)]);
        let record = history.run("up1").unwrap();
        let settled = settle(&history, record, &runs[0].state(), "a");
        assert_eq!(matches!(settled, Err(Obstacle::WorkSince { .. })), blocks);
    }
}
