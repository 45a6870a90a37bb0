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
