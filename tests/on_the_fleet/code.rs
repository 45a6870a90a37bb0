//! The code, there and back, where git cannot do what it should: compared by checksum, not by what ixporch says.

use crate::rollback::whole;
use crate::stage::Stage;

fn on_tree(stage: &Stage, host: &str, command: &str) -> String {
    stage.fleet.on(host, &format!("cd /srv/ixpmanager && {command}"))
}

#[test]
fn what_stands_in_gits_way_is_found_before_the_site_is_closed_and_never_ends_the_way_back() {
    let Some(stage) = Stage::new() else { return };
    // h1: composer fails, and a folder cannot be written any more; h2: a folder that git cannot write; h3: a file that the new
    // release brings is there already; h4: a hook that fails.
    let blocks = r#"sed -i 's/"require"/"scripts": { "pre-install-cmd": ["chmod 555 library\/IXP \&\& false"] }, "require"/' composer.json"#;
    stage.publish_changed("h1", "v4.6.0", blocks);
    stage.fleet.fleet(&["publish", "v4.6.0", "h2", "h3", "h4"]);
    on_tree(&stage, "h2", "chown root library/IXP");
    let migration = "database/migrations/2014_10_12_100000_create_password_resets_table.php";
    on_tree(
        &stage,
        "h3",
        &format!(
            "mkdir -p database/migrations; echo mine > {migration}; chown -R $(stat -c %U .git) database"
        ),
    );
    on_tree(
        &stage,
        "h4",
        "printf '#!/bin/sh\\nexit 1\\n' | tee .git/hooks/post-checkout > .git/hooks/post-merge; chmod 755 .git/hooks/post-*",
    );
    let before = ["h1", "h2", "h3"].map(|host| whole(&stage, host));

    let inventory = stage.inventory_with("", "any");
    let upgrade = ["upgrade", "--yes", "--limit", "h1,h2,h3,h4", "--inventory", &inventory];
    let refused = stage.run(&["check", "--limit", "h2,h3"]);
    assert_eq!(refused.code, 5, "{refused}");
    assert!(
        refused.stdout.contains("may not write in folders") && refused.stdout.contains(migration),
        "{refused}"
    );
    // What comes up after the check is met by the step.
    let skips = ["--skip-check", "target-refused", "--reason", "a try"];
    let ended = stage.program.run(&[&upgrade[..], &skips].concat());
    assert_eq!(ended.code, 6, "{ended}");
    let outcomes: Vec<String> =
        stage.outcomes().into_iter().map(|(host, how, step)| format!("{host} {how} {step}")).collect();
    assert_eq!(
        outcomes,
        ["h1 failed code-back", "h2 failed target-check", "h3 failed target-check", "h4 upgraded "],
        "{ended}"
    );
    let named = "library/IXP/Version.php (folder library/IXP: owner www-data, mode 555)";
    assert!(ended.stdout.contains(named), "{ended}");
    assert!(ended.stdout.contains("library/IXP"), "{ended}");
    assert!(ended.stdout.contains(migration), "{ended}");
    assert!(stage.in_maintenance("h1"));
    // Their sites were never closed, and nothing of them is another.
    for (host, before) in [("h2", &before[1]), ("h3", &before[2])] {
        assert!(!stage.in_maintenance(host));
        assert_eq!(&whole(&stage, host), before, "{host}");
    }

    let again = stage.program.run(&["rollback", "--yes", "--limit", "h1", "--inventory", &inventory]);
    assert_eq!(again.code, 6, "as long as the folder is as it is: {again}");
    on_tree(&stage, "h1", "chmod 755 library/IXP");
    let back = stage.program.run(&["rollback", "--yes", "--limit", "h1", "--inventory", &inventory]);
    assert_eq!(back.code, 0, "{back}");
    assert!(!stage.in_maintenance("h1"));
    assert_eq!(whole(&stage, "h1"), before[0]);
}
