//! Schema changes that stay pending whatever is executed, as v4.8 to v4.9 has them over MariaDB.

use crate::rollback::whole;
use crate::v4_8::{TO_V4_9, accepting, at_v4_8};

#[test]
fn what_was_executed_and_stays_pending_is_told_from_what_was_not() {
    let Some(stage) = at_v4_8(&["h1", "h2"]) else { return };
    let before = whole(&stage, "h2");
    // Without being told that this is known, a host goes back to its start.
    let strict = stage.run(&[&["upgrade", "--yes", "--limit", "h2"][..], &TO_V4_9].concat());
    assert_eq!(strict.code, 5, "{strict}");
    assert!(
        strict.stdout.contains("never-converges: still pending although executed: 339 changes"),
        "{strict}"
    );
    assert!(strict.stdout.contains("schema_never_converges = \"accept\""), "{strict}");
    assert_eq!(whole(&stage, "h2"), before);

    let inventory = accepting(&stage, "additive");
    let upgrade = |more: &[&str]| {
        let words = ["upgrade", "--yes", "--limit", "h1", "--inventory", &inventory];
        stage.program.run(&[&words[..], &TO_V4_9, more].concat())
    };
    // The two additions and the drop are seen among hundreds of changes that change nothing.
    let held = upgrade(&[]);
    assert_eq!(held.code, 7, "{held}");
    assert!(held.stdout.contains("2 additions, 1 drop, 337 without effect"), "{held}");
    let shown = stage.program.run(&["schema"]);
    assert!(shown.stdout.contains("+ CREATE TABLE bgp_sessions"), "{shown}");
    assert!(shown.stdout.contains("= 337 changes without effect"), "{shown}");
    assert!(shown.stdout.lines().count() < 20, "{shown}");
    let all = stage.program.json(&["--format", "json", "schema"]).to_string();
    assert_eq!(all.matches("\"class\":\"no-effect\"").count(), 337);

    let groups = stage.program.json(&["--format", "json", "schema"]);
    let fingerprint = groups[0]["fingerprint"].as_str().unwrap().to_owned();
    let ended = upgrade(&["--approve-schema", &fingerprint]);
    assert_eq!(ended.code, 0, "{ended}");
    assert!(
        ended.stdout.contains(
            "never-converges h1: still pending although executed, as accepted in the inventory: 339 changes"
        ),
        "{ended}"
    );
    assert_eq!(stage.describe("h1"), "v4.9.0");
    let report = stage.program.run(&["report", "--host", "h1"]);
    assert!(
        report.stdout.contains("never-converges: still pending although executed: 339 changes"),
        "{report}"
    );
}

#[test]
fn a_change_that_was_not_executed_is_named_alone() {
    let Some(stage) = at_v4_8(&["h3"]) else { return };
    // An update that leaves a statement out, and says that it succeeded.
    let script = r#"sed -i 's/\$tool->updateSchema(.*/foreach ($statements as $s) { if (strpos($s, "ADD name") === false) { $entityManager->getConnection()->executeStatement($s); } }/' app/Console/SchemaUpdate.php; grep -q 'ADD name' app/Console/SchemaUpdate.php"#;
    stage.publish_changed("h3", "v4.9.0", script);
    let inventory = accepting(&stage, "any");
    let words = ["upgrade", "--yes", "--limit", "h3", "--inventory", &inventory];
    let ended = stage.program.run(&[&words[..], &TO_V4_9].concat());
    assert_eq!(ended.code, 5, "{ended}");
    assert!(ended.stdout.contains("not executed by it: 1 addition"), "{ended}");
    assert_eq!(stage.outcomes()[0].1, "rolled-back");
}
