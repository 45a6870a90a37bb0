//! The document's chapter on correcting database issues, on real hosts.

use crate::stage::Stage;

#[test]
fn the_host_that_drifted_is_named_and_fixed_and_the_one_in_sync_is_not_touched() {
    let Some(stage) = Stage::new() else { return };
    stage.sql("h2", "ALTER TABLE cust DROP autsys");
    let validated = stage.run(&["schema", "validate"]);
    assert_eq!(validated.code, 5, "{validated}");
    assert!(validated.stdout.contains("h2  failed"), "{validated}");
    let why = "the mapping is correct; the database is not in sync with it (exit code 2)";
    assert_eq!(validated.stdout.matches(why).count(), 1, "{validated}");
    let compared = stage.run(&["schema", "diff"]);
    assert!(
        compared.stdout.contains("h2: 1 addition\n  + ALTER TABLE cust ADD autsys INT DEFAULT NULL"),
        "{compared}"
    );

    let before = stage.made_of("h1");
    let starts = stage.memcached_starts("h2");
    let fixed = stage.run(&["schema", "fix", "--yes", "--limit", "h1,h2"]);
    assert_eq!(fixed.code, 0, "{fixed}");
    assert_eq!(stage.made_of("h1"), before);
    assert_eq!(stage.memcached_starts("h2"), starts + 2);
    assert_eq!(stage.run(&["schema", "validate"]).code, 0);
}
