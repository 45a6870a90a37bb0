//! Hosts of other kinds: Apache with PHP-FPM, PHP 7.4, and MySQL with GTIDs and a binary log. The hardest upgrade there is, and
//! back.

use crate::releases::{ONCE, done};
use crate::rollback::whole;
use crate::stage::Stage;
use crate::v4_8::to_v4_8;

const KINDS: [&str; 3] = ["apache", "php74", "mysql"];

#[test]
fn hosts_of_every_kind_go_to_v4_9_and_back() {
    let Some(stage) = Stage::bare() else { return };
    let missing = stage.fleet.start_kinds(&KINDS);
    for kind in &missing {
        ixporch_tests::say_not_run(&format!("Debian's archives do not have what the kind {kind} needs"));
    }
    let kinds = KINDS.into_iter().filter(|kind| !missing.contains(kind));
    let hosts: Vec<String> = kinds.map(|kind| format!("h-{kind}")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    stage.fleet.fleet(&[&["reset"], &hosts[..]].concat());
    // Without this no user of its own may create a trigger over a binary log, and a backup says so.
    if hosts.contains(&"h-mysql") {
        stage.fleet.on("h-mysql", "mysql -e 'SET PERSIST log_bin_trust_function_creators = 1'");
    }
    to_v4_8(&stage, &hosts);

    let text = std::fs::read_to_string(stage.fleet.inventory_of_kinds()).unwrap();
    let var = stage.fleet.state().display().to_string();
    let accepting = "[defaults]\nschema_never_converges = \"accept\"\n";
    let inventory = stage.program.home().join("kinds.toml").display().to_string();
    let text = text.replace("[defaults]\n", accepting).replace("\"var/", &format!("\"{var}/"));
    std::fs::write(&inventory, text).unwrap();
    let run = |words: &[&str]| {
        let limit = hosts.join(",");
        stage.program.run(&[words, &["--limit", &limit, "--inventory", &inventory]].concat())
    };
    let skips = ["--skip-check", "php-version", "--reason", "the fleet has PHP 7.4 and 8"];
    let before: Vec<String> = hosts.iter().map(|host| whole(&stage, host)).collect();

    let checked = run(&["check", "--to", "v4.9.0"]);
    assert!(checked.stdout.contains("release-gates"), "{checked}");
    let to = ["upgrade", "--yes", "--to", "v4.9.0", "--confirm-release", "v4.9.0"];
    let ended = run(&[&to[..], &skips].concat());
    assert_eq!(ended.code, 0, "{ended}");
    // Changes that never converge are MariaDB's alone.
    let lines = ended.stdout.lines().filter(|line| line.contains("never-converges "));
    let never_converges: String = lines.collect();
    for host in &hosts {
        assert_eq!(never_converges.contains(host), *host != "h-mysql", "{ended}");
        assert_eq!(done(&stage, host), ONCE, "{host}");
        assert_eq!(stage.describe(host), "v4.9.0", "{host}");
    }
    let back = run(&["rollback", "latest", "--yes"]);
    assert_eq!(back.code, 0, "{back}");
    for (host, before) in hosts.iter().zip(before) {
        assert_eq!(whole(&stage, host), before, "{host}");
    }
}
