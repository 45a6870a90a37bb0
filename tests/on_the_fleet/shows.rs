//! What the main job must show on real hosts.

use crate::stage::{HOSTS, Stage};

fn outcome(host: &str, outcome: &str, step: &str) -> (String, String, String) {
    (host.to_owned(), outcome.to_owned(), step.to_owned())
}

#[test]
fn three_hosts_are_upgraded_and_the_one_whose_composer_fails_is_rolled_back() {
    let Some(stage) = Stage::new() else { return };
    stage.fleet.fleet(&["publish", "v4.5.0"]);
    stage.fleet.fleet(&["fault", "refuse-out", "h4", "8080"]);
    let starts: Vec<usize> = HOSTS.iter().map(|host| stage.memcached_starts(host)).collect();

    let ended = stage.upgrade();
    assert_eq!(ended.code, 5, "{ended}");
    assert_eq!(
        stage.outcomes(),
        [
            outcome("h1", "upgraded", ""),
            outcome("h2", "upgraded", ""),
            outcome("h3", "upgraded", ""),
            outcome("h4", "rolled-back", "composer"),
        ]
    );
    for (host, before) in HOSTS.into_iter().zip(&starts).take(3) {
        assert_eq!(stage.describe(host), "v4.5.0", "{host}");
        let (text, code) = stage.artisan(host, "doctrine:schema:validate");
        assert_eq!(code, 0, "{host}: {text}");
        assert!(text.contains("[Database] OK"), "{host}: {text}");
        assert!(!stage.in_maintenance(host), "{host}");
        assert_eq!(stage.memcached_starts(host), before + 2, "{host}: memcached was not restarted twice");
        let components = stage
            .fleet
            .on(host, "cat /srv/ixpmanager/public/bower_components/{jquery/jquery,chosen/chosen}.js");
        let components = components
            + &stage.fleet.on(host, "cat /srv/ixpmanager/public/bower_components/jquery/jquery.js");
        assert!(
            components.contains("jquery 3.1.1"),
            "{host}: the highest jquery was not taken: {components}"
        );
        let foreign = stage.fleet.on(host, "find /srv/ixpmanager ! -user www-data | head");
        assert_eq!(foreign, "", "{host}: files that the web user does not own");
        let site = stage.fleet.on(host, "php -r 'echo file_get_contents(\"http://127.0.0.1/\");'");
        assert_eq!(site, "IXP Manager V4.5.0 customers=2", "{host}");
    }
    assert!(!stage.in_maintenance("h4"));
    assert_eq!(stage.describe("h4"), "v4.4.0");
    assert_eq!(stage.memcached_starts("h4"), starts[3], "h4 was touched by a later step");

    repair_and_run_again(&stage);
}

/// The three are current and nothing is changed on them; the fourth is upgraded and opened.
fn repair_and_run_again(stage: &Stage) {
    stage.fleet.fleet(&["fault", "clear", "h4"]);
    let before: Vec<String> = HOSTS.iter().take(3).map(|host| stage.state(host)).collect();
    let again = stage.upgrade();
    assert_eq!(again.code, 0, "{again}");
    assert_eq!(
        stage.outcomes(),
        [
            outcome("h1", "current", ""),
            outcome("h2", "current", ""),
            outcome("h3", "current", ""),
            outcome("h4", "upgraded", ""),
        ]
    );
    for (host, before) in HOSTS.into_iter().zip(before) {
        assert_eq!(stage.state(host), before, "{host} was changed");
    }
    assert!(!stage.in_maintenance("h4"));
    assert_eq!(stage.describe("h4"), "v4.5.0");
}

#[test]
fn a_host_whose_sshd_is_stopped_is_unreachable_and_the_others_are_upgraded() {
    let Some(stage) = Stage::new() else { return };
    stage.fleet.fleet(&["publish", "v4.5.0"]);
    stage.fleet.on("h3", "systemctl stop ssh.socket ssh.service");
    let ended = stage.upgrade();
    assert_eq!(ended.code, 4, "{ended}");
    assert_eq!(
        stage.outcomes(),
        [
            outcome("h1", "upgraded", ""),
            outcome("h2", "upgraded", ""),
            outcome("h3", "unreachable", ""),
            outcome("h4", "upgraded", ""),
        ]
    );
    stage.fleet.on("h3", "systemctl start ssh.service");
    let again = stage.upgrade();
    assert_eq!(again.code, 0, "{again}");
    let current = stage.outcomes().iter().filter(|(_, outcome, _)| outcome == "current").count();
    assert_eq!(current, 3);
}

#[test]
fn a_plan_changes_nothing_on_any_host() {
    let Some(stage) = Stage::new() else { return };
    stage.fleet.fleet(&["publish", "v4.5.0"]);
    let before: Vec<String> = HOSTS.iter().map(|host| stage.state(host)).collect();
    let fleets = stage.inventory_with("[[waves]]\nname = \"all\"\nhosts = \"h*\"\n", "any");
    let text = std::fs::read_to_string(&fleets).unwrap();
    // Hosts with addresses of their own are shown one by one.
    let alike: Vec<&str> = text.lines().filter(|line| !line.starts_with("url")).collect();
    std::fs::write(&fleets, alike.join("\n")).unwrap();
    let plan = stage.program.run(&["plan", "--exit-code", "--inventory", &fleets]);
    assert_eq!(plan.code, 10, "{plan}");
    assert!(plan.stdout.contains("h[1-2,4] (3)"), "alike hosts are not folded\n{plan}");
    assert_eq!(stage.run(&["status"]).code, 0);
    for (host, before) in HOSTS.into_iter().zip(before) {
        assert_eq!(stage.state(host), before, "{host} was changed");
    }
}

#[test]
fn a_release_is_checked_out_by_its_tag_and_the_next_one_after_it() {
    let Some(stage) = Stage::of(&["h1"]) else { return };
    for release in ["v4.5.0", "v4.6.0"] {
        let ended = stage.run(&[
            "upgrade",
            "--yes",
            "--limit",
            "h1",
            "--to",
            release,
            "--skip-check",
            "php-version",
            "--reason",
            "a miniature",
        ]);
        assert_eq!(ended.code, 0, "{ended}");
        assert_eq!(stage.describe("h1"), release);
        assert_eq!(stage.artisan("h1", "doctrine:schema:validate").1, 0);
    }
}

#[test]
fn pending_sql_is_kept_as_an_artefact_and_holds_the_host_for_a_person() {
    let Some(stage) = Stage::of(&["h1"]) else { return };
    stage.fleet.fleet(&["publish", "v4.5.0", "h1"]);
    let inventory = std::fs::read_to_string(stage.fleet.inventory()).unwrap();
    let folder = std::path::Path::new(&stage.fleet.inventory()).parent().unwrap().join("var");
    let reviewed = stage.program.home().join("inventory.toml");
    let text = inventory
        .replace("schema_approval = \"any\"", "schema_approval = \"review\"")
        .replace("\"var/", &format!("\"{}/", folder.display()));
    std::fs::write(&reviewed, text).unwrap();
    let path = reviewed.display().to_string();
    let ended = stage.program.run(&["upgrade", "--yes", "--limit", "h1", "--inventory", &path]);
    assert_eq!(ended.code, 7, "{ended}");
    let logs = stage.program.run(&["logs", "latest", "h1", "schema-review"]);
    assert!(logs.stdout.contains("CREATE TABLE audit_log"), "{logs}");
    assert!(logs.stdout.contains("ALTER TABLE cust ADD peeringpolicy"), "{logs}");
    // It is back at its start, where the schema is that of its code.
    assert_eq!((stage.describe("h1").as_str(), stage.in_maintenance("h1")), ("v4.4.0", false));
    assert_eq!(stage.artisan("h1", "doctrine:schema:validate").1, 0, "the schema was changed");
}
