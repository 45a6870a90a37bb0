//! Questions at a terminal, which `script(1)` plays.

use crate::stage::{Stage, host_of};

/// Runs the upgrade at a terminal at which these lines are typed; gives the exit code and what was shown.
fn upgrade_at_a_terminal(stage: &Stage, typed: &str) -> (Option<i32>, String) {
    let inventory = stage.inventory.display().to_string();
    stage.program.at_a_terminal(&["upgrade", "--inventory", &inventory], typed)
}

fn stage_with_review() -> Stage {
    let stage = Stage::new(&[("all", &["a"])]);
    stage.change_inventory("schema_approval = \"any\"", "schema_approval = \"review\"");
    stage
}

#[test]
fn a_person_sees_the_plan_and_the_pending_sql_and_approves_both() {
    let stage = stage_with_review();
    let (code, shown) = upgrade_at_a_terminal(&stage, "y\ny\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Upgrade 1 host? [y/N]"), "{shown}");
    assert!(shown.contains("+ CREATE TABLE audit_log (id INT NOT NULL)"), "{shown}");
    assert!(shown.contains("Execute group 1 (1 addition) on 1 host? [y/N]"), "{shown}");
    assert!(shown.contains("schema changes approved by tester"), "{shown}");
    assert!(!stage.fleet.host("a").in_maintenance());
}

#[test]
fn a_person_who_does_not_approve_the_sql_holds_the_host() {
    let stage = stage_with_review();
    let (code, shown) = upgrade_at_a_terminal(&stage, "y\nn\n");
    assert_eq!(code, Some(7), "{shown}");
    let report = host_of(&stage.report(), "a");
    assert_eq!((&report["outcome"], &report["went_back"]), (&"held".into(), &1.into()));
    let host = stage.fleet.host("a");
    assert_eq!((host.describe().as_str(), host.in_maintenance()), ("v4.4.0", false));
    assert!(!stage.fleet.host("a").asked().iter().any(|asked| asked.contains("--force")));
}

#[test]
fn a_plan_that_is_not_confirmed_starts_nothing() {
    let stage = stage_with_review();
    let (code, shown) = upgrade_at_a_terminal(&stage, "n\n");
    assert_eq!(code, Some(2), "{shown}");
    assert!(shown.contains("not confirmed; nothing was started"), "{shown}");
    assert_eq!(stage.fleet.host("a").asked(), Vec::<String>::new());
}

/// Waits for what `look` finds while a run goes on.
fn wait_for<T>(look: impl Fn() -> Option<T>) -> T {
    let started = std::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(120), "it did not come");
        std::thread::yield_now();
    }
}

#[test]
fn somebody_else_approves_from_elsewhere_while_the_question_is_open() {
    let stage = Stage::new(&[("staging", &["a"]), ("prod", &["b"])]);
    stage.change_inventory("schema_approval = \"any\"", "schema_approval = \"review\"");
    stage.change_inventory("name = \"prod\"", "name = \"prod\"\ngate = \"confirm\"");
    let inventory = stage.inventory.display().to_string();
    let (code, shown) = std::thread::scope(|scope| {
        // Nobody types anything here.
        let run =
            scope.spawn(|| stage.program.at_a_terminal(&["upgrade", "--yes", "--inventory", &inventory], ""));
        let digits = wait_for(|| {
            let ended = stage.program.run(&["--format", "json", "schema"]);
            let groups: serde_json::Value = serde_json::from_str(&ended.stdout).ok()?;
            Some(groups[0]["fingerprint"].as_str()?.to_owned())
        });
        let approve = |what: &str, which: &str| {
            let words = ["approve", "latest", what, which, "--reason", "seen from home"];
            let ended = stage.program.run(&words);
            assert_eq!(ended.code, 0, "{ended}");
            assert!(ended.stderr.contains("is in progress and picks this up"), "{ended}");
        };
        approve("--schema", &digits);
        wait_for(|| (stage.outcome("a") == "upgraded").then_some(()));
        approve("--wave", "prod");
        run.join().unwrap()
    });
    assert_eq!(code, Some(0), "{shown}");
    let report = stage.report();
    for of in ["approved_schemas", "approved_waves"] {
        let given = report[of].as_array().unwrap();
        assert_eq!((given.len(), &given[0]["reason"]), (1, &"seen from home".into()), "{report:#}");
    }
    assert!(shown.contains("wave prod approved by tester: seen from home"), "{shown}");
}

#[test]
fn what_a_controller_did_not_hear_before_it_ended_is_heard_by_the_next() {
    let stage = Stage::new(&[("staging", &["a"]), ("prod", &["b"])]);
    stage.change_inventory("name = \"prod\"", "name = \"prod\"\ngate = \"hold\"");
    let host = stage.fleet.host("a");
    host.hold("composer", "middle");
    let inventory = stage.inventory.display().to_string();
    let arguments = ["upgrade", "--yes", "--inventory", &inventory];
    let mut controller = stage.program.command(&arguments).spawn().unwrap();
    wait_for(|| host.is_held("composer", "middle").then_some(()));
    // Stopped, it hears nothing, and still holds its journal.
    let signal = |name: &str| {
        let sent = std::process::Command::new("kill").args([name, &controller.id().to_string()]).status();
        assert!(sent.unwrap().success());
    };
    signal("-STOP");
    let approved = stage.program.run(&["approve", "latest", "--wave", "prod", "--reason", "staging is well"]);
    assert_eq!(approved.code, 0, "{approved}");
    signal("-KILL");
    controller.wait().unwrap();
    host.let_go("composer", "middle");
    let ended = stage.program.run(&["resume"]);
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(stage.report()["approved_waves"][0]["reason"], "staging is well");
    assert_eq!(stage.fleet.host("b").describe(), "v4.5.0");
}
