//! What came later on a host, if sessions overlap: the numbers of locks tell it, not clocks.

use super::history;
use super::runs::{Run, host, step};
use crate::event::{HostOutcome, RunKind};
use crate::history::{History, Purpose, RunRecord};
use crate::plan::PlannedStep;
use crate::procedure::Effect;

#[test]
fn of_overlapping_sessions_the_locks_tell_what_came_later_whatever_the_clocks_say() {
    // The upgrade waited at a gate while the views of its host were recreated; then it failed there.
    let upgrade = || Run::upgrade("up1", 1, &["a"]).locked_at("a", 4).fails("a").over(6);
    let views = |lock| {
        let step = PlannedStep { completes: vec!["views".to_owned()], ..step("again", 1, &[], &[]) };
        let run = Run::new("views2", 2, RunKind::Procedure, &["a"]).steps(&[step]);
        run.locked_at("a", lock).does("a", "again").ends("a", HostOutcome::Done).over(0)
    };
    let record = |run: &Run, clock: &str| {
        let mut record = RunRecord::of(&run.state(), 0).unwrap();
        record.started = Some(clock.parse().unwrap());
        record.hosts[0].heard = record.started;
        record
    };
    for (lock, is_after) in [(3, false), (5, true)] {
        for clocks in [
            ["2026-01-01T00:00:00Z", "2100-01-01T00:00:00Z"],
            ["2100-01-01T00:00:00Z", "2026-01-01T00:00:00Z"],
        ] {
            let records = vec![record(&upgrade(), clocks[0]), record(&views(lock), clocks[1])];
            let history = History::new(records, Vec::new());
            let (here, run) = (host("a").id(), history.run("up1").unwrap());
            let completed = history.completed_since(run, &here);
            assert_eq!(completed.contains("views"), is_after, "{clocks:?}");
            let last = history.last_on(&here, |_, _| true).unwrap().0;
            assert_eq!(last.run == "views2", is_after, "{clocks:?}");
            assert_eq!(history.left_on(&here, None).closed.is_some(), !is_after, "{clocks:?}");
            assert_eq!(history.last_order(), lock.max(4));
        }
    }
}

#[test]
fn what_was_done_between_a_plan_and_its_work_does_not_stand_against_a_rollback() {
    let upgrade = Run::upgrade("up1", 1, &["a"]).locked_at("a", 4).fails("a").over(6);
    let exec = |lock| {
        let mut change = step("exec", 1, &[], &[]);
        change.effect = Effect::Change;
        let run = Run::new("exec2", 2, RunKind::Exec, &["a"]).steps(&[change]);
        run.locked_at("a", lock).does("a", "exec").ends("a", HostOutcome::Done).over(0)
    };
    for (lock, stands) in [(3, false), (5, true)] {
        let history = history(&[upgrade.clone(), exec(lock)]);
        let run = history.run("up1").unwrap();
        let since = history.work_since(run, &host("a").id(), None, Purpose::Rollback);
        assert_eq!(since.is_some(), stands, "{since:?}");
    }
}

#[test]
fn where_a_journal_has_no_numbers_of_locks_its_clock_counts_as_well() {
    // The first run was planned by an earlier version, waited at a gate, and had the host last.
    let mut first = RunRecord::of(&Run::upgraded("up1", 0, &["a"]).state(), 0).unwrap();
    let second = Run::upgrade("up2", 6, &["a"]).locked_at("a", 7).all("a");
    let mut second = RunRecord::of(&second.ends("a", HostOutcome::Upgraded).over(0).state(), 0).unwrap();
    first.hosts[0].heard = Some("2026-01-01T02:00:00Z".parse().unwrap());
    second.hosts[0].heard = Some("2026-01-01T01:00:00Z".parse().unwrap());
    let history = History::new(vec![first, second], Vec::new());
    let since = history.work_since(history.run("up2").unwrap(), &host("a").id(), None, Purpose::Rollback);
    assert_eq!(since.unwrap().run, "up1");
    assert_eq!(history.last_on(&host("a").id(), |_, _| true).unwrap().0.run, "up1");
}

#[test]
fn a_rollback_of_what_came_before_a_run_stands_against_a_rollback_of_that_run() {
    let upgraded = |id: &str, order: u64| {
        let run = Run::upgrade(id, order, &["a"]).locked_at("a", order + 1).all("a");
        run.ends("a", HostOutcome::Upgraded).over(0)
    };
    let back =
        Run::new("back9", 9, RunKind::Rollback, &["a"]).of("up1").steps(&[step("work-back", 6, &[], &[])]);
    let back = back.locked_at("a", 10).does("a", "work-back").ends("a", HostOutcome::RolledBack).over(0);
    let history = history(&[upgraded("up1", 1), upgraded("up5", 5), back]);
    let since = |run: &str| {
        let since = history.work_since(history.run(run).unwrap(), &host("a").id(), None, Purpose::Rollback);
        since.map(|since| since.run)
    };
    assert_eq!(since("up5").as_deref(), Some("back9"));
}

#[test]
fn work_under_another_name_of_the_same_installation_counts() {
    let mut renamed = Run::upgraded("up2", 2, &["a"]);
    renamed.header.plan.waves[0].hosts[0].host = "b".to_owned();
    let runs = [Run::failed("up1", 1, "a"), renamed.all("b")];
    let of_both = [Run::upgrade("up1", 1, &["a", "b"]).fails("a"), runs[1].clone()];
    let since = |runs: &[Run]| {
        let history = history(runs);
        history.work_since(history.run("up1").unwrap(), &host("a").id(), None, Purpose::Rollback)
    };
    assert_eq!(since(&runs).unwrap().run, "up2");
    // A run that names both knows that they are two.
    assert_eq!(since(&of_both), None);
}

#[test]
fn what_was_completed_before_the_work_of_a_run_without_numbers_does_not_pass_for_done() {
    let mut first = RunRecord::of(&Run::failed("up1", 5, "a").state(), 0).unwrap();
    let mut views = RunRecord::of(&Run::completing("views2", 6, "a", "views").state(), 0).unwrap();
    first.hosts[0].heard = Some("2026-01-01T02:00:00Z".parse().unwrap());
    for (heard, is_done) in [("2026-01-01T01:00:00Z", false), ("2026-01-01T03:00:00Z", true)] {
        views.hosts[0].heard = Some(heard.parse().unwrap());
        let history = History::new(vec![first.clone(), views.clone()], Vec::new());
        let completed = history.completed_since(history.run("up1").unwrap(), &host("a").id());
        assert_eq!(completed.contains("views"), is_done, "{heard}");
    }
}
