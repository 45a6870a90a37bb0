//! Evidence between controllers, on real hosts: what staging proved, and what it did not.

use std::path::PathBuf;
use std::process::Command;

use ixporch_tests::program::Ended;

use crate::stage::Stage;

/// A staging host is upgraded with a person's approval; gives the file of what that proved.
fn prove(stage: &Stage, inventory: &str, host: &str, key: &str) -> PathBuf {
    let upgrade = ["upgrade", "--yes", "--inventory", inventory, "--limit", host];
    let (code, shown) = stage.program.at_a_terminal(&upgrade, "y\n");
    assert_eq!(code, Some(0), "{shown}");
    let ended = stage.program.run(&["evidence", "--sign-with", key]);
    assert_eq!(ended.code, 0, "{ended}");
    let file = stage.program.home().join(format!("{host}.evidence.json"));
    std::fs::write(&file, ended.stdout).unwrap();
    file
}

/// Another controller, which knows nothing but the file.
fn rely(stage: &Stage, inventory: &str, host: &str, file: &std::path::Path) -> Ended {
    let file = file.display().to_string();
    let upgrade = ["--state-dir", "other", "upgrade", "--yes", "--inventory", inventory, "--limit", host];
    stage.program.run(&[&upgrade[..], &["--requires-run", &file]].concat())
}

#[test]
fn prod_goes_the_way_of_staging_without_a_question_and_no_other_way() {
    let Some(stage) = Stage::new() else { return };
    stage.fleet.fleet(&["publish", "v4.5.0"]);
    let key = stage.program.home().join("operator");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.unwrap().success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    std::fs::write(stage.program.home().join("allowed_signers"), format!("ada@example.net {public}"))
        .unwrap();
    let waves = "\n[evidence]\nallowed_signers = \"allowed_signers\"\n";
    let inventory = stage.inventory_with(waves, "review");
    let key = key.display().to_string();

    let file = prove(&stage, &inventory, "h1", &key);
    let text = std::fs::read_to_string(&file).unwrap();
    let evidence: serde_json::Value = serde_json::from_str(&text).unwrap();
    let proved = &evidence["evidence"]["hosts"][0];
    let lock = stage.fleet.on("h1", "sha256sum < /srv/ixpmanager/composer.lock | cut -d' ' -f1");
    let commit = stage.fleet.on("h1", "git -c safe.directory='*' -C /srv/ixpmanager rev-parse HEAD");
    assert_eq!(proved["composition"]["composer_lock"], lock.as_str());
    assert_eq!(proved["composition"]["commit"], commit.as_str());
    assert_eq!(proved["composition"]["database"]["family"], "MariaDB", "{proved:#}");

    // The same with another word in it.
    std::fs::write(&file, text.replace("audit_log", "audit_logs")).unwrap();
    let tampered = rely(&stage, &inventory, "h2", &file);
    assert_eq!(tampered.code, 3, "{tampered}");
    assert!(tampered.stderr.contains("its content was changed after it was written"), "{tampered}");
    assert_eq!(stage.describe("h2"), "v4.4.0");

    std::fs::write(&file, &text).unwrap();
    let ended = rely(&stage, &inventory, "h2", &file);
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(stage.describe("h2"), "v4.5.0");
    assert!(ended.stderr.contains("signed by ada@example.net"), "{ended}");

    // Staging's database gained a column: what it proves is another change, with a drop.
    stage.sql("h4", "ALTER TABLE cust ADD legacy_code INT DEFAULT NULL");
    let file = prove(&stage, &inventory, "h4", &key);
    let before = stage.made_of("h3");
    let refused = rely(&stage, &inventory, "h3", &file);
    assert_eq!(refused.code, 7, "{refused}");
    let shown = stage.program.run(&["--state-dir", "other", "--format", "json", "schema"]);
    let groups: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    let digits = groups[0]["fingerprint"].as_str().unwrap().get(..12).unwrap();
    for words in
        [&format!("{digits} is pending, and h4 proved"), "only there: ALTER TABLE cust DROP legacy_code"]
    {
        assert!(refused.stdout.contains(words), "{words} is not in {refused}");
    }
    assert_eq!(stage.made_of("h3"), before);
    assert!(!stage.in_maintenance("h3"));
}
