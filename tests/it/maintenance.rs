//! Whose maintenance a site is in, what earlier runs left behind, and what a host is owed.

use ixporch_tests::embedded::EmbeddedHost;

use crate::stage::{GROUPS, Stage, host_of};

#[test]
fn after_repair_only_the_failed_host_is_worked_on_and_opened_again() {
    let stage = Stage::new(GROUPS);
    stage.stop_on_failure();
    stage.fleet.host("p2").break_composer();
    assert_eq!(stage.upgrade().code, 6);
    stage.fleet.host("p2").mend_composer();
    let before: Vec<Vec<String>> = stage.fleet.hosts.iter().map(EmbeddedHost::asked).collect();
    // The debt is not forgotten by a run that fails in its turn, nor by one that cannot reach the host.
    let port = stage.fleet.host("p2").port;
    stage.change_inventory(&format!("port = {port}\n"), "port = 1\n");
    let unreachable = stage.run(&["upgrade", "--yes", "--limit", "p2"]);
    assert_eq!(unreachable.code, 4, "{unreachable}");
    stage.change_inventory("port = 1\n", &format!("port = {port}\n"));
    stage.fleet.host("p2").break_composer();
    assert_eq!(stage.upgrade().code, 6);
    assert_eq!(host_of(&stage.report(), "p2")["debts"][0]["step"], "maintenance-off");
    stage.fleet.host("p2").mend_composer();
    let ended = stage.upgrade();
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(stage.outcome("p2"), "upgraded");
    assert!(!stage.fleet.host("p2").in_maintenance());
    for (host, before) in stage.fleet.hosts.iter().zip(before).filter(|(host, _)| host.name != "p2") {
        assert_eq!(stage.outcome(&host.name), "current");
        assert_eq!(host.asked(), before, "{} was touched", host.name);
    }
}

#[test]
fn a_host_that_was_opened_by_hand_after_a_failure_is_not_called_current() {
    let stage = Stage::new(&[("all", &["a"])]);
    stage.stop_on_failure();
    let host = stage.fleet.host("a");
    host.break_composer();
    assert_eq!(stage.upgrade().code, 6);
    std::fs::remove_file(host.root().join("storage/framework/down")).unwrap();
    host.mend_composer();
    let ended = stage.upgrade();
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(stage.outcome("a"), "upgraded");
    assert!(host.root().join("vendor/autoload.php").exists() && !host.in_maintenance());
}

#[test]
fn a_debt_survives_a_run_that_did_not_get_as_far() {
    let stage = Stage::new(&[("all", &["a"])]);
    stage.stop_on_failure();
    let host = stage.fleet.host("a");
    host.break_composer();
    assert_eq!(stage.upgrade().code, 6);
    let bower = host.root().join("bower.json");
    let text = std::fs::read_to_string(&bower).unwrap();
    std::fs::write(&bower, "{}").unwrap();
    let ended = stage.upgrade();
    assert_eq!(ended.code, 6, "{ended}");
    assert_eq!(host_of(&stage.report(), "a")["failing_step"], "tree-check");
    std::fs::write(&bower, text).unwrap();
    host.mend_composer();
    assert_eq!(stage.upgrade().code, 0);
    assert!(!host.in_maintenance());
}

#[test]
fn a_target_that_does_not_exist_leaves_a_current_host_current() {
    let stage = Stage::new(&[("all", &["a"])]);
    assert_eq!(stage.upgrade().code, 0);
    let before = stage.fleet.host("a").asked();
    assert_eq!(stage.run(&["upgrade", "--yes", "--to", "v9.9.9"]).code, 4);
    assert_eq!(stage.run(&["plan", "--exit-code"]).code, 0);
    assert_eq!(stage.upgrade().code, 0);
    assert_eq!(stage.fleet.host("a").asked(), before);
}

#[test]
fn a_debt_that_somebody_paid_does_not_come_back_when_somebody_else_closes_the_site() {
    let stage = Stage::new(&[("all", &["a"])]);
    stage.stop_on_failure();
    let host = stage.fleet.host("a");
    let down = host.root().join("storage/framework/down");
    host.break_composer();
    assert_eq!(stage.upgrade().code, 6);
    std::fs::remove_file(&down).unwrap();
    std::fs::write(host.root().join("bower.json"), "{}").unwrap();
    assert_eq!(stage.upgrade().code, 5);
    std::fs::write(&down, "{}").unwrap();
    let plan = stage.run(&["plan"]);
    assert!(plan.stdout.contains("was in maintenance before the run, and stays in it"), "{plan}");
    assert!(plan.stdout.contains("an earlier run broke off here"), "{plan}");
}

#[test]
fn another_procedure_neither_ends_an_upgrade_nor_forgets_whose_maintenance_it_is() {
    let stage = Stage::new(&[("all", &["a"])]);
    stage.stop_on_failure();
    let host = stage.fleet.host("a");
    host.break_composer();
    assert_eq!(stage.upgrade().code, 6);
    let own = stage.folder.path().join("own.toml");
    let text = "format = 1\nname = \"own\"\n[[steps]]\nid = \"x\"\ntitle = \"X\"\neffect = \"change\"\nrun = [\"true\"]\n";
    std::fs::write(&own, text).unwrap();
    let ended = stage.run(&["upgrade", "--yes", "--procedure", &own.display().to_string()]);
    assert_eq!(ended.code, 6, "{ended}");
    host.mend_composer();
    assert_eq!(stage.upgrade().code, 0);
    assert!(!host.in_maintenance() && host.root().join("vendor/autoload.php").exists());
}

#[test]
fn a_site_that_somebody_opens_after_the_plan_was_made_is_not_upgraded() {
    let stage = Stage::new(&[("all", &["a"])]);
    let host = stage.fleet.host("a");
    std::fs::write(host.root().join("storage/framework/down"), "{}").unwrap();
    let text = stage.program.run(&["procedure", "show"]).stdout;
    let meanwhile = "[[steps]]\nid = \"meanwhile\"\ntitle = \"M\"\neffect = \"check\"\n\
                     run = [\"rm\", \"{ixp_root}/storage/framework/down\"]\n\n[[steps]]\nid = \"maintenance-on\"";
    let procedure = stage.folder.path().join("meanwhile.toml");
    std::fs::write(&procedure, text.replace("[[steps]]\nid = \"maintenance-on\"", meanwhile)).unwrap();
    let ended = stage.run(&["upgrade", "--yes", "--procedure", &procedure.display().to_string()]);
    assert_eq!(ended.code, 5, "{ended}");
    assert_eq!(host_of(&stage.report(), "a")["failing_step"], "closed-check");
    assert_eq!(host.describe(), "v4.4.0");
}

#[test]
fn a_site_that_somebody_closes_after_the_plan_was_made_is_left_alone() {
    let stage = Stage::new(&[("all", &["a"])]);
    let text = stage.program.run(&["procedure", "show"]).stdout;
    // Somebody closes the site while the run is under way.
    let meanwhile = "[[steps]]\nid = \"meanwhile\"\ntitle = \"M\"\neffect = \"check\"\n\
                     run = [\"touch\", \"{ixp_root}/storage/framework/down\"]\n\n[[steps]]\nid = \"maintenance-on\"";
    let procedure = stage.folder.path().join("meanwhile.toml");
    std::fs::write(&procedure, text.replace("[[steps]]\nid = \"maintenance-on\"", meanwhile)).unwrap();
    let ended = stage.run(&["upgrade", "--yes", "--procedure", &procedure.display().to_string()]);
    assert_eq!(ended.code, 5, "{ended}");
    let host = stage.fleet.host("a");
    assert!(host.in_maintenance() && host.asked().is_empty());
    assert_eq!(host_of(&stage.report(), "a")["debts"], serde_json::json!([]));
    assert!(ended.stdout.contains("exists already, and this run did not create it"), "{ended}");
    assert!(ended.stdout.contains("--rerun failed"), "{ended}");
}

#[test]
fn a_site_that_was_closed_by_somebody_else_stays_closed() {
    let stage = Stage::new(&[("all", &["a"])]);
    std::fs::write(stage.fleet.host("a").root().join("storage/framework/down"), "{}").unwrap();
    let ended = stage.upgrade();
    assert_eq!(ended.code, 0, "{ended}");
    let host = stage.fleet.host("a");
    assert_eq!(host.describe(), "v4.5.0");
    assert!(host.in_maintenance());
    assert!(!host.asked().iter().any(|asked| asked == "artisan up" || asked == "artisan down"));
    assert!(ended.stderr.contains("was in maintenance before the run, and stays in it"), "{ended}");
    assert!(
        ended.stdout.contains("in maintenance: since before the run; ixporch leaves it closed"),
        "{ended}"
    );
}
