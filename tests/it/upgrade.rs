use std::io::BufRead;
use std::process::Stdio;

use crate::stage::{GROUPS, Stage, host_of};

#[test]
fn every_step_of_the_document_is_run_in_order_once() {
    let stage = Stage::new(&[("all", &["a"])]);
    let ended = stage.upgrade();
    assert_eq!(ended.code, 0, "{ended}");
    let host = stage.fleet.host("a");
    assert_eq!(
        host.asked(),
        [
            "artisan down",
            "composer install",
            "bower install",
            "memcached restart",
            "artisan doctrine:schema:update --sql",
            "artisan doctrine:schema:update --sql",
            "artisan doctrine:schema:update --force",
            "memcached restart",
            "artisan doctrine:schema:update --sql",
            "views recreate",
            "artisan up",
        ]
    );
    assert_eq!(host.describe(), "v4.5.0");
    assert!(!host.in_maintenance());
}

#[test]
fn one_host_that_fails_stays_closed_and_the_others_are_upgraded() {
    let stage = Stage::new(GROUPS);
    stage.stop_on_failure();
    stage.fleet.host("p2").break_composer();
    let ended = stage.upgrade();
    assert_eq!(ended.code, 6, "{ended}");
    for host in ["s1", "p1", "p3"] {
        assert_eq!(
            (stage.outcome(host).as_str(), stage.fleet.host(host).describe().as_str()),
            ("upgraded", "v4.5.0")
        );
    }
    let failed = host_of(&stage.report(), "p2");
    assert_eq!((&failed["outcome"], &failed["failing_step"]), (&"failed".into(), &"composer".into()));
    assert_eq!(failed["debts"][0]["step"], "maintenance-off");
    let p2 = stage.fleet.host("p2");
    assert!(p2.in_maintenance());
    assert_eq!(p2.asked(), ["artisan down", "composer install"]);
    for words in [
        "p2  failed",
        "step composer: ",
        "No space left on device",
        "open step: maintenance-off",
        "--rerun failed",
    ] {
        assert!(ended.stdout.contains(words), "{words} is missing\n{ended}");
    }
}

#[test]
fn commits_of_the_operators_own_are_not_lost() {
    let stage = Stage::new(&[("all", &["a"])]);
    let host = stage.fleet.host("a");
    host.commit_locally();
    let skips = ["--skip-check", "target-refused", "--reason", "a try"];
    for arguments in [&["upgrade", "--yes"][..], &["upgrade", "--yes", "--to", "v4.5.0"]] {
        let refused = stage.run(arguments);
        assert_eq!(refused.code, 4, "{refused}");
        assert!(refused.stdout.contains("target-refused: the upgrade would refuse its target"), "{refused}");
        // What comes up after the check is met by the step.
        let ended = stage.run(&[arguments, &skips].concat());
        assert_eq!(ended.code, 5, "{ended}");
        assert_eq!(host_of(&stage.report(), "a")["failing_step"], "target-check");
    }
    assert!(!host.in_maintenance());
}

#[test]
fn neither_a_downgrade_nor_another_major_version_is_begun() {
    let stage = Stage::new(&[("all", &["a"])]);
    assert_eq!(stage.upgrade().code, 0);
    let host = stage.fleet.host("a");
    let before = host.asked();
    // The preflight says it beforehand, and the step again, for whoever skips that.
    let down = stage.run(&["check", "--to", "v4.4.0"]);
    assert_eq!(down.code, 5, "{down}");
    assert!(down.stdout.contains("target-older"), "{down}");
    let reason = ["--reason", "a try"];
    let skipping = ["upgrade", "--yes", "--to", "v4.4.0", "--skip-check", "target-older"];
    let down = stage.run(&[&skipping[..], &reason].concat());
    assert_eq!(down.code, 5, "{down}");
    assert!(down.stdout.contains("is older than what is installed"), "{down}");
    host.publish("7.0.0", "cust\n");
    let confirmed = ["--confirm-release", "v4.8.0", "--confirm-release", "v4.9.0"];
    let skips = ["--skip-check", "php-version", "--skip-check", "target-major"];
    for to in [&[][..], &["--to", "v7.0.0"]] {
        let major = stage.run(&[&["upgrade", "--yes"], to, &confirmed, &skips, &reason].concat());
        assert_eq!(major.code, 5, "{major}");
        assert!(major.stdout.contains("is version 7.0.0, and this procedure is for version 4"), "{major}");
    }
    assert_eq!(host.asked(), before);
    assert!(!host.in_maintenance());
}

#[test]
fn what_a_release_asks_of_a_person_is_confirmed_before_its_hosts_start() {
    let stage = Stage::new(&[("all", &["a", "b"])]);
    for host in &stage.fleet.hosts {
        host.publish("4.9.0", "cust\n");
    }
    let upgrade = |more: &[&str]| {
        let words =
            ["upgrade", "--yes", "--to", "v4.9.0", "--skip-check", "php-version", "--reason", "a try"];
        stage.run(&[&words, more].concat())
    };
    let checked = stage.run(&["check", "--to", "v4.9.0"]);
    assert!(checked.stdout.contains("v4.9.0: Zend Framework is gone"), "{checked}");
    assert!(checked.stdout.contains("the upgrade goes through v4.4.8, v4.4.9, v4.5.0"), "{checked}");
    let held = upgrade(&["--confirm-release", "v4.9.0"]);
    assert_eq!(held.code, 7, "{held}");
    assert!(held.stdout.contains("v4.8.0: The default of MAIL_DRIVER"), "{held}");
    assert!(!held.stdout.contains("v4.9.0: Zend"), "{held}");
    assert!(held.stderr.contains("--confirm-release v4.8.0"), "{held}");
    assert_eq!(stage.outcome("a"), "not-started");
    let unknown = upgrade(&["--confirm-release", "v4.9.9"]);
    assert_eq!(unknown.code, 2, "{unknown}");
    assert!(unknown.stderr.contains("there is no release `v4.9.9` to confirm"), "{unknown}");
    let ended = upgrade(&["--confirm-release", "v4.8.0", "--confirm-release", "v4.9.0"]);
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(stage.fleet.host("b").describe(), "v4.9.0");
}

#[test]
fn an_upstream_that_does_not_answer_keeps_the_site_open() {
    let stage = Stage::new(&[("all", &["a"])]);
    let host = stage.fleet.host("a");
    std::fs::rename(host.folder().join("upstream"), host.folder().join("gone")).unwrap();
    let ended = stage.upgrade();
    assert_eq!(ended.code, 4, "{ended}");
    assert!(ended.stdout.contains("does not answer for the branch master"), "{ended}");
    let ended = stage.run(&["upgrade", "--yes", "--skip-check", "upstream", "--reason", "it may be back"]);
    assert_eq!(ended.code, 5, "{ended}");
    assert_eq!(host_of(&stage.report(), "a")["failing_step"], "fetch");
    assert!(!host.in_maintenance());
}

#[test]
fn proxies_that_doctrine_rewrote_do_not_stop_an_upgrade() {
    let stage = Stage::new(&[("all", &["a"])]);
    let host = stage.fleet.host("a");
    std::fs::write(host.root().join("database/Proxies/Customer.php"), "<?php // rewritten").unwrap();
    let ended = stage.upgrade();
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(host.describe(), "v4.5.0");
}

#[test]
fn hosts_in_no_wave_are_named() {
    let stage = Stage::new(&[("one", &["a"]), ("two", &["b"])]);
    stage.change_inventory("[[waves]]\nname = \"two\"\nhosts = \"@two\"\n", "");
    let ended = stage.upgrade();
    assert_eq!(ended.code, 0, "{ended}");
    assert!(ended.stdout.contains("in no wave, so nothing was done: b"), "{ended}");
}

#[test]
fn staging_that_fails_keeps_prod_untouched() {
    let stage = Stage::new(GROUPS);
    stage.fleet.host("s1").break_composer();
    let ended = stage.upgrade();
    assert_eq!(ended.code, 5, "{ended}");
    for host in ["p1", "p2", "p3"] {
        assert_eq!(stage.outcome(host), "not-started");
        assert_eq!(stage.fleet.host(host).asked(), Vec::<String>::new());
    }
    assert!(
        ended.stdout.contains("wave `staging`: 1 of 1 hosts failed (1 rolled-back); the limit is 0"),
        "{ended}"
    );
}

#[test]
fn a_host_that_cannot_be_reached_is_named_and_the_others_are_upgraded() {
    let stage = Stage::new(GROUPS);
    let port = stage.fleet.host("p2").port;
    // Nothing listens on port 1 of loopback.
    stage.change_inventory(&format!("port = {port}\n"), "port = 1\n");
    let ended = stage.upgrade();
    assert_eq!(ended.code, 4, "{ended}");
    assert_eq!(stage.outcome("p2"), "unreachable");
    assert_eq!(stage.outcome("p3"), "upgraded");
    assert!(
        ended.stdout.contains("TCP connection to 127.0.0.1 port 1 failed: connection refused"),
        "{ended}"
    );
    assert!(ended.stdout.contains("help: the machine answers, but nothing listens on port 1"), "{ended}");
}

#[test]
fn with_a_target_the_tag_is_checked_out() {
    let stage = Stage::new(&[("all", &["a"])]);
    let missing = stage.run(&["upgrade", "--yes", "--to", "v9.9.9"]);
    assert_eq!(missing.code, 4, "{missing}");
    assert!(missing.stderr.contains("upstream does not have tag v9.9.9"), "{missing}");
    assert_eq!(stage.outcome("a"), "not-started");
    assert!(!stage.fleet.host("a").in_maintenance(), "a tag that does not exist must not close the site");
    assert_eq!(stage.run(&["upgrade", "--yes", "--to", "v4.5.0"]).code, 0);
    assert_eq!(stage.fleet.host("a").describe(), "v4.5.0");
    assert_eq!(stage.run(&["upgrade", "--yes", "--to", "v4.5.0"]).code, 0);
    assert_eq!(stage.outcome("a"), "current");
}

#[test]
fn modified_files_stop_a_host_before_its_site_is_closed() {
    let stage = Stage::new(&[("all", &["a"])]);
    std::fs::write(stage.fleet.host("a").root().join("bower.json"), "{ \"resolutions\": {} }").unwrap();
    let ended = stage.upgrade();
    assert_eq!(ended.code, 4, "{ended}");
    assert!(ended.stdout.contains("tree-modified: tracked files are modified: bower.json"), "{ended}");
    // Whoever lets that pass meets the step that looks again.
    let skipped = stage.run(&["upgrade", "--yes", "--skip-check", "tree-modified", "--reason", "a try"]);
    assert_eq!(skipped.code, 5, "{skipped}");
    assert_eq!(host_of(&stage.report(), "a")["findings"][0]["skipped"], "a try");
    assert_eq!(host_of(&stage.report(), "a")["failing_step"], "tree-check");
    assert_eq!(stage.fleet.host("a").asked(), Vec::<String>::new());
}

#[test]
fn a_plan_touches_nothing_and_says_whether_there_is_something_to_do() {
    let stage = Stage::new(&[("all", &["a", "b"])]);
    let plan = stage.run(&["plan", "--exit-code"]);
    assert_eq!(plan.code, 10, "{plan}");
    assert!(plan.stdout.contains("artisan doctrine:schema:update --force"), "{plan}");
    for host in &stage.fleet.hosts {
        assert_eq!(host.asked(), Vec::<String>::new());
    }
    let json: serde_json::Value =
        serde_json::from_str(&stage.run(&["--format", "json", "plan"]).stdout).unwrap();
    let digest = json["digest"].as_str().unwrap().to_owned();
    assert_eq!(stage.upgrade().code, 0);
    assert_eq!(stage.report()["plan_digest"], digest);
    assert_eq!(stage.run(&["plan", "--exit-code"]).code, 0);
}

#[test]
fn without_a_terminal_nothing_starts_unless_it_was_said_so() {
    let stage = Stage::new(&[("all", &["a"])]);
    let ended = stage.run(&["upgrade"]);
    assert_eq!(ended.code, 2, "{ended}");
    assert!(ended.stderr.contains(", then repeat the command with --yes at its end"), "{ended}");
    assert_eq!(stage.fleet.host("a").asked(), Vec::<String>::new());
}

#[test]
fn runs_reports_and_logs_tell_of_a_run_afterwards() {
    let stage = Stage::new(&[("all", &["a", "b"])]);
    stage.stop_on_failure();
    stage.fleet.host("b").break_composer();
    let ended = stage.upgrade();
    let report = stage.program.run(&["report"]);
    assert!(ended.stdout.trim_start() == report.stdout.trim_start(), "{ended}\n{report}");
    assert!(stage.program.run(&["runs"]).stdout.contains("1 failed, 1 upgraded"));
    let host = stage.program.run(&["report", "latest", "--host", "b"]);
    assert!(host.stdout.contains("maintenance-on "), "{host}");
    let logs = stage.program.run(&["logs", "latest", "b", "composer"]);
    assert!(logs.stdout.contains("No space left on device"), "{logs}");
    let wrong = stage.program.run(&["logs", "latest", "b", "composr"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("did you mean `composer`?"), "{wrong}");
    assert_eq!(stage.program.run(&["report", "nosuchrun"]).code, 3);
    let events = stage.program.run(&["--format", "jsonl", "report"]).stdout;
    assert!(events.lines().next().unwrap().contains("\"event\":\"run-started\""));
}

#[test]
fn the_list_of_runs_tells_what_each_was_and_which_cannot_be_read() {
    let stage = Stage::new(&[("all", &["a"])]);
    assert_eq!(stage.upgrade().code, 0);
    let upgrade = stage.last_run();
    assert_eq!(stage.run(&["exec", "--yes", "--", "true"]).code, 0);
    let listed = stage.program.run(&["runs"]).stdout;
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[1].contains("  look ") && lines[1].contains("1 done"), "the newest is not first\n{listed}");
    assert!(lines[2].contains("  upgrade ") && lines[2].contains("1 upgraded"), "{listed}");
    assert!(lines[2].contains("  tester "), "{listed}");
    let runs = stage.program.json(&["--format", "json", "runs"]);
    let first = &runs["runs"][0];
    assert_eq!((&first["kind"], &first["operator"]), (&"look".into(), &"tester".into()), "{first:#}");
    assert!(first["milliseconds"].is_u64() && first["readable"] == true, "{first:#}");

    let journal = stage.folder.path().join(".local/state/ixporch/runs").join(&upgrade).join("journal.jsonl");
    std::fs::write(&journal, "nonsense\n").unwrap();
    let listed = stage.program.run(&["runs"]);
    assert_eq!(listed.code, 0, "{listed}");
    assert!(listed.stdout.contains("  unreadable"), "{listed}");
    assert!(listed.stdout.trim_end().ends_with("help: ixporch runs verify"), "{listed}");
    let runs = stage.program.json(&["--format", "json", "runs"]);
    assert_eq!((&runs["runs"][1]["run"], &runs["runs"][1]["readable"]), (&upgrade.into(), &false.into()));
}

#[test]
fn ctrl_c_lets_the_step_in_flight_end_and_starts_nothing_new() {
    let stage = Stage::new(&[("all", &["a"])]);
    // composer waits on a pipe until the test lets it go on.
    let gate = stage.folder.path().join("gate");
    assert!(std::process::Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let composer = stage.fleet.host("a").folder().join("bin/composer");
    let text = std::fs::read_to_string(&composer).unwrap();
    std::fs::write(
        &composer,
        text.replace("mkdir -p vendor", &format!("cat '{}'; mkdir -p vendor", gate.display())),
    )
    .unwrap();
    let inventory = stage.inventory.display().to_string();
    let mut child = stage
        .program
        .command(&["upgrade", "--yes", "--inventory", &inventory])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
    let mut wait_for = |words: &str| {
        assert!(lines.by_ref().any(|line| line.unwrap().contains(words)), "{words} was never said");
    };
    wait_for("composer …");
    let run = stage.last_run();
    let status = stage.run(&["status"]);
    for words in [&format!("locked by run {run}"), "composer is running", "open step: maintenance-off"] {
        assert!(status.stdout.contains(words), "{words} is missing\n{status}");
    }
    let resumed = stage.program.run(&["resume", &run]);
    assert_eq!(resumed.code, 8, "{resumed}");
    assert!(stage.program.run(&["runs"]).stdout.contains("going on"));
    assert!(stage.program.run(&["report"]).stdout.contains("this run is still going on"));
    let second = stage.upgrade();
    assert_eq!(second.code, 8, "{second}");
    assert!(second.stderr.contains(&format!("locked by run {run} of tester on ")), "{second}");
    assert!(
        std::process::Command::new("kill")
            .arg("-INT")
            .arg(child.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    wait_for("stopping: no new step starts");
    std::fs::write(&gate, "").unwrap();
    wait_for("composer succeeded");
    let code = child.wait_with_output().unwrap().status.code();
    assert_eq!(code, Some(130));
    let report = stage.program.json(&["--format", "json", "report", &run]);
    let host = host_of(&report, "a");
    assert_eq!(
        (&host["outcome"], &host["steps"][13]["step"], &host["steps"][13]["outcome"]),
        (&"held".into(), &"composer".into(), &"succeeded".into())
    );
    assert_eq!(stage.fleet.host("a").asked().last().unwrap(), "composer install");
    let resumed = stage.program.run(&["resume", &run]);
    assert_eq!(resumed.code, 0, "{resumed}");
    let host = stage.fleet.host("a");
    assert_eq!(host.asked().iter().filter(|asked| *asked == "composer install").count(), 1);
    assert!(!host.in_maintenance());
    assert_eq!(host.leftovers(), Vec::<String>::new());
    let nothing = stage.program.run(&["resume", &run]);
    assert_eq!(nothing.code, 0, "{nothing}");
    assert!(nothing.stderr.contains("there is nothing to resume"), "{nothing}");
}

#[test]
fn hostile_output_reaches_no_terminal() {
    let stage = Stage::new(&[("all", &["a"])]);
    stage.stop_on_failure();
    let composer = stage.fleet.host("a").folder().join("bin/composer");
    std::fs::write(
        &composer,
        "#!/bin/sh\n[ \"$1\" != --version ] || { echo 'Composer version 2.2.0'; exit; }\nprintf '\\033]0;owned\\007\\033[2Jgone\\r\\n\\342\\200\\256txt\\302\\2332J' >&2; exit 3\n",
    )
    .unwrap();
    let ended = stage.upgrade();
    assert_eq!(ended.code, 6, "{ended}");
    let jsonl = stage.program.run(&["--format", "jsonl", "report"]).stdout;
    for stream in [&ended.stdout, &ended.stderr, &stage.program.run(&["logs", "latest", "a"]).stdout, &jsonl]
    {
        assert!(
            !stream.chars().any(|c| matches!(c, '\u{1b}' | '\u{7}' | '\u{9b}' | '\u{202e}')),
            "{stream:?}"
        );
    }
    assert!(ended.stdout.contains("gone"), "{ended}");
}

#[test]
fn what_a_login_shell_prints_of_its_own_is_not_taken_for_a_steps_output() {
    let stage = Stage::new(&[("all", &["a"])]);
    let host = stage.fleet.host("a");
    std::fs::write(host.folder().join("login-noise"), "Welcome!\nfact sudo 0 0\n\n").unwrap();
    let ended = stage.upgrade();
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(host.describe(), "v4.5.0");
    assert!(!stage.program.run(&["logs", "latest", "a"]).stdout.contains("Welcome!"));
}

#[test]
fn status_shows_the_fleet() {
    let stage = Stage::new(&[("all", &["a", "b"])]);
    let status: serde_json::Value =
        serde_json::from_str(&stage.run(&["--format", "json", "status"]).stdout).unwrap();
    let facts = &status["hosts"][0]["facts"];
    assert_eq!((&facts["describe"], &facts["version"]), (&"v4.4.0".into(), &"4.4.0".into()));
    assert_eq!((&facts["branch"], &facts["maintenance"]), (&"master".into(), &false.into()));
    assert_eq!((&facts["php"], &facts["bower"]), (&"7.0.33-stand-in".into(), &"1.8.14".into()));
    let human = stage.run(&["status"]);
    assert!(human.stdout.lines().count() == 3 && human.stdout.contains("7.0.33-stand-in"), "{human}");
}

#[test]
fn the_plan_names_the_release_notes() {
    let stage = Stage::new(&[("all", &["a"])]);
    let plan = stage.run(&["plan", "--to", "v4.5.0"]);
    let notes = "https://github.com/inex/IXP-Manager/releases/tag/v4.5.0";
    assert!(plan.stdout.contains(notes), "{plan}");
    // The scripts that ixporch carries are named, and can be read.
    let script = "/bin/php script composition.php as ";
    assert!(plan.stdout.contains(script) && !plan.stdout.contains("ixporch_settings"), "{plan}");
    let text = stage.program.run(&["procedure", "show", "composition.php"]);
    assert!(text.stdout.contains("SELECT VERSION()"), "{text}");
    let wrong = stage.program.run(&["procedure", "show", "composition.ph"]);
    assert!(wrong.stderr.contains("did you mean `composition.php`?"), "{wrong}");
}

#[test]
fn a_host_that_fails_while_its_site_is_closed_is_rolled_back_and_the_others_are_upgraded() {
    let stage = Stage::new(GROUPS);
    stage.fleet.host("p1").break_composer();
    stage.fleet.host("p2").break_schema_update();
    stage.fleet.host("p3").break_backup();
    let ended = stage.upgrade();
    assert_eq!(ended.code, 5, "{ended}");
    assert_eq!(stage.outcome("s1"), "upgraded");
    for (host, step) in [("p1", "composer"), ("p2", "schema-update"), ("p3", "backup")] {
        let (value, host) = (host_of(&stage.report(), host), stage.fleet.host(host));
        assert_eq!((&value["outcome"], &value["failing_step"]), (&"rolled-back".into(), &step.into()));
        assert_eq!(value["debts"], serde_json::json!([]), "{value:#}");
        assert_eq!((host.describe().as_str(), host.in_maintenance()), ("v4.4.0", false));
        assert_eq!(host.tables(), ["cust", "virtualinterface"]);
        assert_eq!(host.leftovers(), Vec::<String>::new());
    }
    // The database is restored only where it was changed.
    let restored =
        |host: &str| stage.fleet.host(host).asked().iter().any(|asked| asked == "database restore");
    assert_eq!(["p1", "p2", "p3"].map(restored), [false, true, false]);
    for words in [
        "p1  rolled-back",
        "step composer: ",
        "No space left on device",
        "it was rolled back",
        "--rerun failed",
    ] {
        assert!(ended.stdout.contains(words), "{words} is missing\n{ended}");
    }
}

#[test]
fn an_own_policy_of_a_wave_comes_before_that_of_its_hosts() {
    let stage = Stage::new(&[("one", &["a"]), ("two", &["b"])]);
    stage.stop_on_failure();
    stage.change_inventory("name = \"two\"", "name = \"two\"\non_failure = \"rollback\"");
    stage.change_inventory("name = \"one\"", "name = \"one\"\nmax_failures = 1");
    for host in ["a", "b"] {
        stage.fleet.host(host).break_schema_update();
    }
    // Nothing was upgraded by the first wave, so the second one is named.
    assert_eq!(stage.run(&["upgrade", "--yes", "--wave", "one"]).code, 6);
    assert_eq!(stage.run(&["upgrade", "--yes", "--wave", "two"]).code, 5);
    assert!(stage.fleet.host("a").in_maintenance() && !stage.fleet.host("b").in_maintenance());
}
