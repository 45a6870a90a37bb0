//! `ixporch rollback`: a run's hosts are taken back by a run of its own.

use ixporch_tests::wire::until;

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
    assert!(failed.stdout.contains("next: roll back the failed hosts: ixporch rollback "), "{failed}");
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
    assert_eq!(again.code, 0, "{again}");
    assert!(again.stderr.contains("changed nothing on the selected hosts"), "{again}");
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
    let owed = host_of(&stage.report(), "a")["debts"].to_string();
    assert!(owed.contains("maintenance-off"), "{owed}");
    assert!(failed.stdout.contains("--limit a") && !failed.stdout.contains("resume"), "{failed}");
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
    assert!(status.stdout.contains("a: run "), "{status}");
    assert!(status.stdout.contains(" left memcached-after-schema, views, maintenance-off open"), "{status}");

    // The site of a host that is upgraded half-way is not opened; its memcached can be restarted all the same.
    let half = stage.program.run(&["settle", &run, "b", "--yes"]);
    assert!(half.stderr.contains("b: maintenance-off cannot be completed yet"), "{half}");
    assert_eq!(half.code, 6, "{half}");
    assert!(b.in_maintenance());
    let debts = host_of(&stage.report(), "b")["debts"].clone();
    let debts: Vec<&str> =
        debts.as_array().unwrap().iter().map(|debt| debt["step"].as_str().unwrap()).collect();
    assert_eq!(debts, ["views", "maintenance-off"]);

    a.break_up(false);
    let paid = stage.program.run(&["settle", &run, "a", "--yes"]);
    assert_eq!(paid.code, 0, "{paid}");
    assert!(!a.in_maintenance());
    let status = stage.run(&["status", "--limit", "a"]);
    assert!(!status.stdout.contains(" open; complete them"), "{status}");
    let again = stage.program.run(&["settle", &run, "a", "--yes"]);
    assert_eq!(again.code, 0, "it was paid: {again}");
}

#[test]
fn a_run_that_another_one_followed_is_not_taken_back() {
    let stage = Stage::new(&[("all", &["a"])]);
    assert_eq!(stage.upgrade().code, 0);
    let first = stage.last_run();
    let host = stage.fleet.host("a");
    host.publish("4.6.0", "cust\nvirtualinterface\naudit_log\nlogos\n");
    assert_eq!(stage.upgrade().code, 0);
    let second = stage.last_run();
    let before = host.asked();
    let refused = stage.program.run(&["rollback", &first, "--yes"]);
    assert_eq!(refused.code, 3, "{refused}");
    assert!(refused.stderr.contains(&format!("run {} has changed a since", &second[..13])), "{refused}");
    // Nothing was begun that could be gone on with.
    assert_eq!(stage.last_run(), second);
    assert_eq!((host.asked(), host.describe().as_str()), (before, "v4.6.0"));
}

#[test]
fn what_somebody_did_since_is_not_taken_back_with_the_rest() {
    let stage = Stage::new(&[("all", &["a"])]);
    assert_eq!(stage.upgrade().code, 0);
    let host = stage.fleet.host("a");
    host.commit_locally();
    let refused = stage.program.run(&["rollback", "--yes"]);
    assert_eq!(refused.code, 4, "{refused}");
    assert!(refused.stdout.contains("and the plan was made at"), "{refused}");
    assert!(host.root().join("local.php").exists() && !host.in_maintenance());
}

#[test]
fn a_run_that_was_cut_off_can_be_taken_back_again_where_that_came_to_nothing() {
    let stage = Stage::new(&[("all", &["a"])]);
    let host = stage.fleet.host("a");
    host.hold("composer", "middle");
    let inventory = stage.inventory.display().to_string();
    let mut controller = stage
        .program
        .command(&["upgrade", "--yes", "--inventory", &inventory])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    stage.runtime.block_on(until("composer is under way", || host.is_held("composer", "middle")));
    controller.kill().unwrap();
    controller.wait().unwrap();
    host.let_go("composer", "middle");
    stage.runtime.block_on(until("composer has ended", || !host.is_running("composer")));
    let run = stage.last_run();
    host.break_up(true);
    let failed = stage.program.run(&["rollback", &run, "--yes"]);
    assert_eq!(failed.code, 6, "{failed}");
    host.break_up(false);
    let again = stage.program.run(&["rollback", &run, "--yes"]);
    assert_eq!(again.code, 0, "{again}");
    assert_eq!((host.describe().as_str(), host.in_maintenance()), ("v4.4.0", false));
    assert_eq!(host.leftovers(), Vec::<String>::new());
}

#[test]
fn what_a_host_proved_that_was_taken_back_lets_no_wave_start() {
    for (requires, code, words) in [
        ("requires = \"staging\"", 7, "wave `staging`, s: it was not upgraded, but is rolled-back"),
        ("", 4, "rolled s back, so this run's results there are no longer valid"),
    ] {
        let stage = Stage::new(&[("staging", &["s"]), ("prod", &["p"])]);
        let settings = format!("name = \"prod\"\ngate = \"confirm\"\n{requires}");
        stage.change_inventory("name = \"prod\"", &settings);
        assert_eq!(stage.upgrade().code, 7);
        let run = stage.last_run();
        let back = stage.program.run(&["rollback", &run, "--limit", "s", "--yes"]);
        assert_eq!(back.code, 0, "{back}");
        let refused = stage.program.run(&["resume", &run, "--approve", "prod"]);
        assert_eq!(refused.code, code, "{refused}");
        assert!(refused.stdout.contains(words), "{refused}");
        assert_eq!(stage.fleet.host("p").describe(), "v4.4.0");
        if !requires.is_empty() {
            // Nor does another run find that it is proved.
            let held = stage.run(&["upgrade", "--yes", "--limit", "p", "--approve", "prod"]);
            assert_eq!(held.code, 7, "{held}");
        }
    }
}

#[test]
fn what_was_settled_is_settled_no_second_time_whichever_run_is_named() {
    let stage = Stage::new(&[("all", &["a"])]);
    stage.stop_on_failure();
    let host = stage.fleet.host("a");
    host.break_schema_update();
    assert_eq!(stage.upgrade().code, 6);
    let run = stage.last_run();
    assert_eq!(stage.program.run(&["settle", &run, "a", "--yes"]).code, 6);
    let settling = stage.last_run();
    let before = host.asked();
    for name in [&run, &settling] {
        let again = stage.program.run(&["settle", name, "a", "--yes"]);
        assert_eq!(again.code, 6, "{again}");
        assert!(again.stderr.contains("a: maintenance-off cannot be completed yet"), "{again}");
    }
    assert_eq!(host.asked(), before, "nothing was left that could be paid");
    assert!(host.in_maintenance());
    // Whoever names the settling means the run that owes.
    let back = stage.program.run(&["rollback", &settling, "--yes"]);
    assert_eq!(back.code, 0, "{back}");
    assert_eq!((host.describe().as_str(), host.in_maintenance()), ("v4.4.0", false));
}

#[test]
fn a_rollback_that_was_begun_and_failed_is_made_again_although_the_commit_is_another_by_then() {
    let stage = Stage::new(&[("all", &["a"])]);
    assert_eq!(stage.upgrade().code, 0);
    let host = stage.fleet.host("a");
    host.break_up(true);
    let failed = stage.program.run(&["rollback", "--yes"]);
    assert_eq!(failed.code, 6, "{failed}");
    assert_eq!(host.describe(), "v4.4.0");
    // What it still owes is told, and opens no site of which not all is back.
    let settled = stage.program.run(&["settle", &stage.last_run(), "a", "--yes"]);
    assert!(settled.stderr.contains("maintenance-off cannot be completed yet"), "{settled}");
    host.break_up(false);
    let again = stage.program.run(&["rollback", &stage.last_run(), "--yes"]);
    assert_eq!(again.code, 0, "{again}");
    assert_eq!((host.describe().as_str(), host.in_maintenance()), ("v4.4.0", false));
    assert_eq!(host_of(&stage.report(), "a")["debts"], serde_json::json!([]));
}

#[test]
fn rehearsing_a_backup_is_no_reason_against_a_rollback() {
    let stage = Stage::new(&[("all", &["a"])]);
    assert_eq!(stage.upgrade().code, 0);
    let run = stage.last_run();
    for words in
        [&["backup", "verify", "--restore-into", "scratch", "--yes"][..], &["backup", "prune", "--yes"]]
    {
        let ended = stage.run(words);
        assert_eq!(ended.code, 0, "{ended}");
    }
    assert_eq!(stage.program.run(&["rollback", &run, "--yes"]).code, 0);
}
