//! The schema review: one look for the fleet, who is not let pass goes back, and what was executed is looked at.

use serde_json::json;

use crate::stage::{Stage, host_of};
use crate::waves::{next_command, run_as_printed};

const DROP: &str = "ALTER TABLE cust DROP legacy_code";

fn stage(hosts: &[&str], policy: &str) -> Stage {
    let stage = Stage::new(&[("all", hosts)]);
    stage.change_inventory("schema_approval = \"any\"", &format!("schema_approval = \"{policy}\""));
    stage
}

#[test]
fn without_a_person_everybody_goes_back_and_an_approval_is_for_those_with_the_same_changes() {
    let stage = stage(&["a", "b", "c"], "review");
    stage.fleet.host("c").drift(DROP);
    let held = stage.upgrade();
    assert_eq!(held.code, 7, "{held}");
    for name in ["a", "b", "c"] {
        let host = stage.fleet.host(name);
        assert_eq!(stage.outcome(name), "held");
        assert_eq!((host.describe().as_str(), host.in_maintenance()), ("v4.4.0", false), "{name}");
        assert_eq!(host.leftovers(), Vec::<String>::new(), "{name}");
        assert!(!host.asked().iter().any(|asked| asked.contains("--force")), "{name}");
    }
    assert!(
        held.stdout.contains("schema changes   2 hosts: 1 addition; 1 host: 1 addition, 1 drop"),
        "{held}"
    );
    assert!(held.stdout.contains("it was restored to its state before the run"), "{held}");

    // What is pending can be read at any later time.
    let shown = stage.program.run(&["schema"]);
    assert_eq!(shown.code, 0, "{shown}");
    for words in [
        "group 1",
        "a,b: 1 addition",
        "+ CREATE TABLE audit_log (id INT NOT NULL)",
        "group 2",
        "compared with group 1:",
        "only here ! ALTER TABLE cust DROP legacy_code   (drops a column)",
        "destructive changes:",
    ] {
        assert!(shown.stdout.contains(words), "{words} is not in {shown}");
    }
    let groups = stage.program.json(&["--format", "json", "schema"]);
    assert_eq!((&groups[0]["hosts"], &groups[1]["class"]), (&json!(["a", "b"]), &"destructive".into()));
    assert_eq!(stage.report()["schema"], groups);

    let resumed = run_as_printed(&stage, &held, "approve the schema changes of a,b");
    assert_eq!(resumed.code, 7, "{resumed}");
    for name in ["a", "b"] {
        assert_eq!(stage.outcome(name), "upgraded");
        assert_eq!(stage.fleet.host(name).describe(), "v4.5.0");
    }
    let outlier = host_of(&stage.report(), "c");
    assert_eq!((&outlier["outcome"], &outlier["went_back"]), (&"held".into(), &2.into()));
    assert_eq!(stage.fleet.host("c").describe(), "v4.4.0");

    let last = run_as_printed(&stage, &resumed, "approve the schema changes of c");
    assert_eq!(last.code, 0, "{last}");
    assert_eq!(
        (stage.outcome("c").as_str(), stage.fleet.host("c").describe().as_str()),
        ("upgraded", "v4.5.0")
    );
    for name in ["a", "b", "c"] {
        let forced = stage.fleet.host(name).asked().iter().filter(|asked| asked.contains("--force")).count();
        assert_eq!(forced, 1, "{name}");
    }
}

#[test]
fn what_was_taken_back_is_done_again_even_where_the_ledger_was_kept() {
    let stage = stage(&["a"], "review");
    let held = stage.run(&["upgrade", "--yes", "--keep-ledger"]);
    assert_eq!(held.code, 7, "{held}");
    let resumed = run_as_printed(&stage, &held, "approve the schema changes of a");
    assert_eq!(resumed.code, 0, "{resumed}");
    let host = stage.fleet.host("a");
    assert_eq!((host.describe().as_str(), host.in_maintenance()), ("v4.5.0", false));
    let bodies = host.bodies();
    let count = |step: &str| bodies.iter().filter(|body| *body == step).count();
    assert_eq!(
        [count("maintenance-on"), count("composer"), count("maintenance-off")],
        [2, 2, 1],
        "{bodies:?}"
    );
    assert_eq!([count("components-back"), count("schema-update")], [1, 1], "{bodies:?}");
}

#[test]
fn a_run_does_not_go_on_where_a_later_one_has_been() {
    let stage = stage(&["a"], "review");
    stage.stop_on_failure();
    let held = stage.upgrade();
    assert_eq!(held.code, 7, "{held}");
    let run = stage.last_run();
    stage.fleet.host("a").break_composer();
    assert_eq!(stage.upgrade().code, 6);
    let resumed = stage.program.run(&["resume", &run]);
    assert_eq!(resumed.code, 7, "{resumed}");
    assert!(resumed.stdout.contains("has changed it since"), "{resumed}");
    // The later run's debt is not forgotten.
    stage.fleet.host("a").mend_composer();
    stage.change_inventory("schema_approval = \"review\"", "schema_approval = \"any\"");
    let again = stage.program.run(&["resume", "--rerun", "failed", "--yes"]);
    assert_eq!(again.code, 0, "{again}");
    assert!(!stage.fleet.host("a").in_maintenance());
}

#[test]
fn a_fingerprint_can_be_approved_beforehand() {
    let first = stage(&["a"], "review");
    let held = first.upgrade();
    let words = next_command(&held, "approve the schema changes of a");
    let fingerprint = words.last().unwrap();
    // Another installation with another controller comes with the same changes.
    let other = stage(&["x"], "review");
    let ended = other.run(&["upgrade", "--yes", "--approve-schema", fingerprint, "--reason", "seen on a"]);
    assert_eq!(ended.code, 0, "{ended}");
    let approved = &other.report()["approved_schemas"][0];
    assert_eq!((&approved["by"], &approved["reason"]), (&"tester".into(), &"seen on a".into()));
    let short = other.run(&["upgrade", "--yes", "--approve-schema", "3f2a"]);
    assert_eq!(short.code, 2, "{short}");
}

#[test]
fn additive_changes_pass_by_policy_and_a_drop_does_not() {
    let stage = stage(&["a", "b"], "additive");
    stage.fleet.host("b").drift(DROP);
    let ended = stage.upgrade();
    assert_eq!(ended.code, 7, "{ended}");
    assert_eq!((stage.outcome("a").as_str(), stage.outcome("b").as_str()), ("upgraded", "held"));
    assert!(!stage.fleet.host("b").in_maintenance());
}

#[test]
fn what_never_converges_is_told_by_its_name_and_accepted_by_policy_alone() {
    const COMMENT: &str = "ALTER TABLE cust CHANGE tags tags LONGTEXT NOT NULL COMMENT '(DC2Type:json)'";
    let stage = stage(&["a"], "any");
    stage.stop_on_failure();
    stage.fleet.host("a").never_converge(COMMENT);
    let failed = stage.upgrade();
    assert_eq!(failed.code, 6, "{failed}");
    let report = host_of(&stage.report(), "a");
    assert_eq!((&report["outcome"], &report["failing_step"]), (&"failed".into(), &"schema-verify".into()));
    assert!(failed.stdout.contains("never-converges: still pending although executed: 1 change"), "{failed}");
    stage.change_inventory(
        "schema_approval = \"any\"",
        "schema_approval = \"any\"\nschema_never_converges = \"accept\"",
    );
    let accepted = stage.program.run(&["resume", "--rerun", "failed", "--yes"]);
    assert_eq!(accepted.code, 0, "{accepted}");
    let shown = stage.program.run(&["report", "--host", "a"]);
    assert!(shown.stdout.contains("never-converges: still pending although executed: 1 change"), "{shown}");
}

#[test]
fn a_site_that_was_closed_before_stays_closed_on_the_way_back() {
    let stage = stage(&["a"], "review");
    let host = stage.fleet.host("a");
    let down = host.root().join("storage/framework/down");
    std::fs::create_dir_all(down.parent().unwrap()).unwrap();
    std::fs::write(&down, "{}").unwrap();
    let held = stage.upgrade();
    assert_eq!(held.code, 7, "{held}");
    assert_eq!((host.describe().as_str(), host.in_maintenance()), ("v4.4.0", true));
}

#[test]
fn a_column_that_would_be_narrowed_is_destructive_and_a_question_of_its_own() {
    const CHANGE: &str = "ALTER TABLE cust CHANGE name name VARCHAR(40) DEFAULT NULL";
    const SHOWN: &str = "ALTER TABLE cust CHANGE COLUMN name name VARCHAR(40) DEFAULT NULL";
    let stage = stage(&["a", "b", "c", "d"], "review");
    for name in ["a", "b", "c"] {
        stage.fleet.host(name).drift(CHANGE);
    }
    for name in ["a", "b"] {
        stage.fleet.host(name).set_column("cust", "name", "varchar(30)");
    }
    stage.fleet.host("c").set_column("cust", "name", "varchar(255)");
    // Of this one it cannot be found out what its columns are.
    stage.fleet.host("d").drift(CHANGE);
    let held = stage.upgrade();
    assert_eq!(held.code, 7, "{held}");
    let groups = stage.program.json(&["--format", "json", "schema"]);
    // The same statements everywhere.
    assert_eq!((&groups[0]["hosts"], &groups[0]["class"]), (&json!(["a", "b"]), &"changing".into()));
    let of =
        |host: &str| groups.as_array().unwrap().iter().find(|group| group["hosts"] == json!([host])).unwrap();
    let change = |host: &str| {
        let changes = of(host)["changes"].as_array().unwrap().clone();
        changes.into_iter().find(|change| change["sql"] == SHOWN).unwrap()
    };
    assert_eq!((&of("c")["class"], &of("d")["class"]), (&"destructive".into(), &"destructive".into()));
    assert_eq!(
        (&change("c")["what"], &change("c")["was"]),
        (&"narrows a column".into(), &"varchar(255)".into())
    );
    assert_eq!(
        (&change("d")["what"], &change("d")["was"]),
        (&"may narrow a column".into(), &serde_json::Value::Null)
    );
    let shown = stage.program.run(&["schema"]);
    let line = format!("! {SHOWN}   (narrows a column of varchar(255))");
    assert_eq!(
        shown.stdout.matches(&line).count(),
        3,
        "in its group, compared with the first, and among the destructive changes: {shown}"
    );
    // Who approved the harmless one did not approve the others.
    let digits = groups[0]["fingerprint"].as_str().unwrap().to_owned();
    let resumed = stage.program.run(&["resume", "--approve-schema", &digits]);
    assert_eq!(resumed.code, 7, "{resumed}");
    let outcomes = ["a", "b", "c", "d"].map(|name| stage.outcome(name));
    assert_eq!(outcomes, ["upgraded", "upgraded", "held", "held"]);
}
