//! What a release needs once: done once, whatever breaks, and counted in the database.

use std::process::Stdio;

use ixporch_tests::program::Ended;
use ixporch_tests::wire::until;

use crate::rollback::whole;
use crate::stage::Stage;
use crate::v4_8::{TO_V4_9, accepting, at_v4_8};

/// What v4.9.0 needs, as the database tells: how often names were copied, the names, links that are left, sessions.
pub(crate) fn done(stage: &Stage, host: &str) -> [String; 4] {
    [
        "SELECT COUNT(*) FROM copied_names",
        "SELECT GROUP_CONCAT(name ORDER BY id) FROM user",
        "SELECT COUNT(user_id) FROM contact",
        "SELECT GROUP_CONCAT(srcipaddressid, '>', dstipaddressid, ' ', packetcount, ' ', source ORDER BY 1) FROM bgp_sessions",
    ]
    .map(|query| stage.sql(host, query))
}

pub(crate) const ONCE: [&str; 4] = ["1", "Ada,Bob", "0", "1>2 2 a,2>1 1 a"];

fn upgrade(stage: &Stage, inventory: &str, host: &str, more: &[&str]) -> Ended {
    let words = ["upgrade", "--yes", "--limit", host, "--inventory", inventory, "--to", "v4.9.0"];
    let skips = TO_V4_9.get(2..).unwrap();
    stage.program.run(&[&words, skips, more].concat())
}

#[test]
fn a_release_with_steps_of_its_own_is_installed_in_one_run() {
    let Some(stage) = at_v4_8(&["h1"]) else { return };
    let inventory = accepting(&stage, "any");
    let before = whole(&stage, "h1");
    let check = stage.program.run(&["check", "--limit", "h1", "--inventory", &inventory, "--to", "v4.9.0"]);
    assert!(check.stdout.contains("release-gates"), "{check}");
    let held = upgrade(&stage, &inventory, "h1", &[]);
    assert_eq!(held.code, 7, "{held}");
    assert!(held.stdout.contains("v4.9.0: Zend Framework is gone"), "{held}");
    assert_eq!(whole(&stage, "h1"), before);

    let ended = upgrade(&stage, &inventory, "h1", &["--confirm-release", "v4.9.0"]);
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(done(&stage, "h1"), ONCE);
    // Back and there again: the database tells that it is to be done.
    let back = stage.program.run(&["rollback", "latest", "--yes"]);
    assert_eq!(back.code, 0, "{back}");
    assert_eq!(whole(&stage, "h1"), before);
    let again = upgrade(&stage, &inventory, "h1", &["--confirm-release", "v4.9.0"]);
    assert_eq!(again.code, 0, "{again}");
    assert_eq!(done(&stage, "h1"), ONCE);
    let current = upgrade(&stage, &inventory, "h1", &["--confirm-release", "v4.9.0"]);
    assert_eq!(current.code, 0, "{current}");
    assert_eq!(done(&stage, "h1"), ONCE);
}

#[test]
fn a_controller_that_dies_in_a_step_that_is_done_once_finds_it_done() {
    let Some(stage) = at_v4_8(&["h2"]) else { return };
    let inventory = accepting(&stage, "any");
    stage.hold("h2", "copy-contact-names.start");
    let words = ["upgrade", "--yes", "--limit", "h2", "--inventory", &inventory, "--to", "v4.9.0"];
    let mut command = stage.program.command(&[&words[..], &TO_V4_9].concat());
    let mut controller = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(until("the step is at work", || Stage::is_held("h2", "copy-contact-names.start")));
    controller.kill().unwrap();
    controller.wait().unwrap();
    Stage::let_go("h2", "copy-contact-names.start");
    let resumed = stage.program.run(&["resume", "latest", "--yes"]);
    assert_eq!(resumed.code, 0, "{resumed}");
    assert_eq!(done(&stage, "h2"), ONCE);
}

#[test]
fn a_step_that_is_done_once_and_fails_half_way_waits_for_a_person() {
    let Some(stage) = at_v4_8(&["h3"]) else { return };
    // The first name alone is copied, then it ends badly.
    let script = r#"sed -i "s/'UPDATE contact SET user_id = NULL'/'UPDATE contact SET user_id = NULL WHERE user_id = 1'/" app/Console/Commands/Upgrade/CopyContactNamesToUsers.php; grep -q 'WHERE user_id = 1' app/Console/Commands/Upgrade/CopyContactNamesToUsers.php"#;
    stage.publish_changed("h3", "v4.9.0", script);
    let inventory = accepting(&stage, "any");
    let text = std::fs::read_to_string(&inventory).unwrap();
    std::fs::write(&inventory, text.replace("[defaults]\n", "[defaults]\non_failure = \"stop\"\n")).unwrap();
    // To the head of the branch, of which the release is not known beforehand.
    let words = ["upgrade", "--yes", "--limit", "h3", "--inventory", &inventory];
    let refused = stage.program.run(&words);
    assert_eq!(refused.code, 7, "{refused}");
    assert!(refused.stdout.contains("v4.9.0: Zend Framework is gone"), "{refused}");
    assert!(!stage.in_maintenance("h3"));
    let pull = || stage.program.run(&[&words[..], &TO_V4_9].concat());
    let stopped = pull();
    assert_eq!(stopped.code, 6, "{stopped}");
    assert!(stopped.stdout.contains("1 of 2 rows are left"), "{stopped}");
    assert!(stopped.stdout.contains("h3 --step copy-contact-names --as done --reason TEXT"), "{stopped}");
    let first = stage.program.json(&["--format", "json", "report"])["run"].as_str().unwrap().to_owned();
    let count = || stage.sql("h3", "SELECT COUNT(*) FROM copied_names");
    assert_eq!(count(), "1");
    let blocked = pull();
    assert!(blocked.stdout.contains("began `copy-contact-names`, which is done only once"), "{blocked}");
    assert_eq!(count(), "1");

    stage.sql("h3", "UPDATE contact SET user_id = NULL");
    let resolved = stage.program.run(&[
        "resolve",
        &first,
        "h3",
        "--step",
        "copy-contact-names",
        "--as",
        "done",
        "--reason",
        "no contact has a user",
    ]);
    assert_eq!(resolved.code, 0, "{resolved}");
    let ended = pull();
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(done(&stage, "h3"), ONCE);
    assert!(!stage.in_maintenance("h3"));
}
