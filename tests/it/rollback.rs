//! `ixporch rollback`: a run's hosts are taken back by a run of its own.

use crate::stage::{Stage, host_of};

fn restored(stage: &Stage, host: &str) -> usize {
    stage.fleet.host(host).asked().iter().filter(|asked| *asked == "database restore").count()
}

#[test]
fn a_host_that_was_left_as_it_failed_is_taken_back_and_owes_nothing() {
    let stage = Stage::new(&[("all", &["a", "b"])]);
    stage.stop_on_failure();
    stage.fleet.host("a").break_schema_update();
    let failed = stage.upgrade();
    assert_eq!(failed.code, 6, "{failed}");
    let run = stage.last_run();
    assert!(failed.stdout.contains("next: to take back what was done: ixporch rollback "), "{failed}");
    let back = stage.program.run(&["rollback", &run, "--limit", "a", "--yes"]);
    assert_eq!(back.code, 0, "{back}");
    let value = host_of(&stage.report(), "a");
    assert_eq!(
        (&value["outcome"], &value["debts"]),
        (&"rolled-back".into(), &serde_json::json!([])),
        "{value:#}"
    );
    let host = stage.fleet.host("a");
    assert_eq!((host.describe().as_str(), host.in_maintenance()), ("v4.4.0", false));
    assert_eq!(host.tables(), ["cust", "virtualinterface"]);
    assert_eq!(host.leftovers(), Vec::<String>::new());
    assert_eq!((restored(&stage, "a"), restored(&stage, "b")), (1, 0));
    // There is nothing left of that run to take back, and the next upgrade knows of nothing that broke off.
    let again = stage.program.run(&["rollback", &run, "--limit", "a", "--yes"]);
    assert!(again.stdout.contains("has been at work here since"), "{again}");
    let plan = stage.run(&["plan", "--limit", "a"]);
    assert!(!plan.stdout.contains("an earlier run broke off here"), "{plan}");
}

#[test]
fn an_upgraded_host_is_closed_taken_back_and_opened() {
    let stage = Stage::new(&[("all", &["a"])]);
    assert_eq!(stage.upgrade().code, 0);
    let back = stage.program.run(&["rollback", "--yes"]);
    assert_eq!(back.code, 0, "{back}");
    let host = stage.fleet.host("a");
    assert_eq!((host.describe().as_str(), host.in_maintenance()), ("v4.4.0", false));
    let order: Vec<String> = host.asked().into_iter().rev().take(4).rev().collect();
    assert_eq!(order, ["artisan down", "database restore", "memcached restart", "artisan up"]);
    let again = stage.upgrade();
    assert_eq!(again.code, 0, "{again}");
    assert_eq!(host.describe(), "v4.5.0");
}

#[test]
fn a_rollback_that_fails_leaves_its_debts_and_can_be_made_again() {
    let stage = Stage::new(&[("all", &["a"])]);
    stage.stop_on_failure();
    let host = stage.fleet.host("a");
    host.break_schema_update();
    assert_eq!(stage.upgrade().code, 6);
    let run = stage.last_run();
    let backups = host.folder().join("backups");
    std::fs::rename(&backups, host.folder().join("elsewhere")).unwrap();
    let failed = stage.program.run(&["rollback", &run, "--yes"]);
    assert_eq!(failed.code, 6, "{failed}");
    assert_eq!(host_of(&stage.report(), "a")["debts"][0]["step"], "maintenance-off");
    assert!(host.in_maintenance());
    std::fs::rename(host.folder().join("elsewhere"), &backups).unwrap();
    let again = stage.program.run(&["rollback", &stage.last_run(), "--yes"]);
    assert_eq!(again.code, 0, "{again}");
    assert!(!host.in_maintenance());
}

#[test]
fn what_is_owed_is_shown_and_paid_as_far_as_it_can_be() {
    let stage = Stage::new(&[("all", &["a", "b"])]);
    stage.stop_on_failure();
    let (a, b) = (stage.fleet.host("a"), stage.fleet.host("b"));
    a.break_up(true);
    b.break_schema_update();
    assert_eq!(stage.upgrade().code, 6);
    let run = stage.last_run();
    let status = stage.run(&["status"]);
    assert!(status.stdout.contains("a is owed maintenance-off by run"), "{status}");
    assert!(status.stdout.contains("b is owed memcached-after-schema, maintenance-off by run"), "{status}");

    // The site of a host that is upgraded half-way is not opened; its memcached can be restarted all the same.
    let half = stage.program.run(&["settle", &run, "b", "--yes"]);
    assert!(half.stderr.contains("b: maintenance-off cannot be paid yet"), "{half}");
    assert_eq!(half.code, 6, "{half}");
    assert!(b.in_maintenance());
    let debts = host_of(&stage.report(), "b")["debts"].clone();
    assert_eq!((debts.as_array().unwrap().len(), &debts[0]["step"]), (1, &"maintenance-off".into()));

    a.break_up(false);
    let paid = stage.program.run(&["settle", &run, "a", "--yes"]);
    assert_eq!(paid.code, 0, "{paid}");
    assert!(!a.in_maintenance());
    let status = stage.run(&["status", "--limit", "a"]);
    assert!(!status.stdout.contains("is owed"), "{status}");
    let again = stage.program.run(&["settle", &run, "a", "--yes"]);
    assert_eq!(again.code, 3, "a later run has been at work there: {again}");
}
