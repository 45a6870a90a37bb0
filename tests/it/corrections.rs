//! The document's chapter on correcting database issues, and running anything else: over the same inventory, lanes and
//! reports.

use serde_json::json;

use crate::stage::{GROUPS, Stage};
use crate::waves::next_command;

const DROP: &str = "ALTER TABLE cust DROP legacy_code";

/// Hosts at the release that upstream has, in sync with it.
fn upgraded() -> Stage {
    let stage = Stage::new(GROUPS);
    assert_eq!(stage.upgrade().code, 0);
    stage
}

#[test]
fn a_validation_names_the_host_that_is_not_in_sync_and_what_its_exit_code_means() {
    let stage = upgraded();
    stage.fleet.host("p2").drift(DROP);
    let ended = stage.run(&["schema", "validate"]);
    assert_eq!(ended.code, 5, "{ended}");
    let why = "the mapping is correct; the database is not in sync with it (exit code 2)";
    for words in ["done         s1,p[1,3] (3)", "p2  failed", why] {
        assert!(ended.stdout.contains(words), "{words} is not in {ended}");
    }
    assert!(ended.stderr.contains("note: Doctrine may answer from outdated metadata"), "{ended}");
    let asked = |host: &str| stage.fleet.host(host).asked();
    assert_eq!(asked("p2").last().unwrap(), "artisan doctrine:schema:validate");
    assert_eq!(asked("p2").iter().filter(|asked| *asked == "memcached restart").count(), 2, "of the upgrade");

    let restarted = stage.run(&["schema", "validate", "--restart-memcached", "--yes", "--limit", "p1"]);
    assert_eq!(restarted.code, 0, "{restarted}");
    let p1 = asked("p1");
    assert_eq!(p1[p1.len() - 2..], ["memcached restart", "artisan doctrine:schema:validate"]);
}

#[test]
fn a_comparison_groups_the_hosts_and_changes_nothing() {
    let stage = upgraded();
    stage.fleet.host("p2").drift(DROP);
    let ended = stage.run(&["schema", "diff"]);
    assert_eq!(ended.code, 0, "{ended}");
    for words in
        ["p[1,3],s1: nothing pending", "p2: 1 drop", "! ALTER TABLE cust DROP legacy_code   (drops a column)"]
    {
        assert!(ended.stdout.contains(words), "{words} is not in {ended}");
    }
    assert_eq!(stage.run(&["schema", "validate", "--limit", "p2"]).code, 5);
}

#[test]
fn a_fix_repairs_who_drifted_after_a_review_and_changes_nothing_on_the_others() {
    let stage = upgraded();
    stage.change_inventory("schema_approval = \"any\"", "schema_approval = \"review\"");
    stage.fleet.host("p2").drift(DROP);
    let forced =
        |host: &str| stage.fleet.host(host).asked().iter().filter(|asked| asked.contains("--force")).count();
    let refused = stage.run(&["schema", "fix"]);
    assert_eq!(refused.code, 2, "without a terminal nothing is confirmed: {refused}");
    let held = stage.run(&["schema", "fix", "--yes"]);
    assert_eq!(held.code, 7, "{held}");
    assert_eq!((stage.outcome("p1").as_str(), stage.outcome("p2").as_str()), ("done", "held"));
    assert_eq!((forced("p1"), forced("p2")), (1, 1), "those of the upgrade");
    assert_eq!(stage.fleet.host("p2").leftovers(), Vec::<String>::new());

    // Another person approves it later, by its fingerprint.
    let words = next_command(&held, "approve the schema changes of p2");
    let fingerprint = words.last().unwrap();
    let unknown = stage.program.run(&["approve", "latest", "--schema", "0123456789ab", "--reason", "x"]);
    assert_eq!(unknown.code, 2, "{unknown}");
    let approved =
        stage.program.run(&["approve", "latest", "--schema", fingerprint, "--reason", "nobody reads it"]);
    assert_eq!(approved.code, 0, "{approved}");
    let fixed = stage.program.run(&["resume"]);
    assert_eq!(fixed.code, 0, "{fixed}");
    assert_eq!((forced("p1"), forced("p2")), (1, 2));
    assert_eq!(stage.report()["approved_schemas"][0]["reason"], "nobody reads it");
    assert_eq!(stage.run(&["schema", "validate"]).code, 0);
}

#[test]
fn a_wave_is_approved_by_another_command_than_the_one_that_goes_on() {
    let stage = Stage::new(GROUPS);
    stage.change_inventory("name = \"prod\"", "name = \"prod\"\ngate = \"hold\"");
    assert_eq!(stage.upgrade().code, 7);
    let wrong = stage.program.run(&["approve", "latest", "--wave", "canary", "--reason", "x"]);
    assert_eq!(wrong.code, 2, "{wrong}");
    let empty = stage.program.run(&["approve", "latest", "--wave", "prod", "--reason", " "]);
    assert_eq!(empty.code, 2, "{empty}");
    assert_eq!(stage.program.run(&["resume"]).code, 7, "nothing was approved yet");
    let approved = stage.program.run(&["approve", "latest", "--wave", "prod", "--reason", "staging is well"]);
    assert_eq!(approved.code, 0, "{approved}");
    assert_eq!(stage.program.run(&["resume"]).code, 0);
    let given = &stage.report()["approved_waves"][0];
    assert_eq!(
        (&given["of"], &given["by"], &given["reason"]),
        (&json!("prod"), &json!("tester"), &json!("staging is well"))
    );
}

#[test]
fn memcached_is_restarted_with_a_proof() {
    let stage = Stage::new(GROUPS);
    let ended = stage.run(&["memcached", "restart", "--yes", "--limit", "@prod"]);
    assert_eq!(ended.code, 0, "{ended}");
    for host in ["p1", "p2", "p3"] {
        assert_eq!(stage.fleet.host(host).asked(), ["memcached restart"]);
    }
    assert_eq!(stage.fleet.host("s1").asked(), Vec::<String>::new());
}

#[test]
fn sites_are_closed_told_and_opened() {
    let stage = Stage::new(GROUPS);
    let closed = stage.run(&["maintenance", "on", "--yes", "--limit", "p1"]);
    assert_eq!(closed.code, 0, "{closed}");
    assert!(stage.fleet.host("p1").in_maintenance());
    let told = stage.run(&["maintenance", "status"]);
    assert_eq!(told.code, 0, "{told}");
    assert!(told.stdout.contains("p[2-3],s1 (3)\n  open\n"), "{told}");
    assert!(told.stdout.contains("p1\n  in maintenance since 20"), "{told}");
    // Whoever closed a site had a reason: an upgrade leaves it closed.
    assert_eq!(stage.upgrade().code, 0);
    assert!(stage.fleet.host("p1").in_maintenance());
    let opened = stage.run(&["maintenance", "off", "--yes", "--limit", "p1"]);
    assert_eq!(opened.code, 0, "{opened}");
    assert!(!stage.fleet.host("p1").in_maintenance());
}

#[test]
fn any_command_is_run_and_the_same_words_are_shown_once() {
    let stage = Stage::new(GROUPS);
    let inventory = stage.inventory.display().to_string();
    let exec = |words: &[&str]| {
        let mut all = vec!["exec", "--inventory", &inventory];
        all.extend(words);
        stage.program.run(&all)
    };
    let ended = exec(&["--", "sh", "-c", "echo \"two  words\""]);
    assert_eq!(ended.code, 0, "{ended}");
    assert!(ended.stdout.contains("p[1-3],s1 (4)\n  two  words\n"), "{ended}");
    let none = stage.program.run(&["resume", "--rerun", "unfinished", "--yes"]);
    assert_eq!(none.code, 3, "what only looks is never meant: {none}");
    let again = stage.program.run(&["resume", &stage.newest_run(), "--rerun", "unfinished", "--yes"]);
    assert_eq!(again.code, 0, "{again}");
    let failed = exec(&["--limit", "p1", "--", "sh", "-c", "echo no room >&2; exit 3"]);
    assert_eq!(failed.code, 5, "{failed}");
    for words in ["step exec: no room (exit code 3)", "full output: "] {
        assert!(failed.stdout.contains(words), "{failed}");
    }
    let again = stage.program.run(&["resume", &stage.newest_run(), "--rerun", "failed", "--yes"]);
    assert_eq!(again.code, 3, "{again}");
    assert!(again.stderr.contains("help: repeat the command with --limit p1"), "{again}");
    let asked = exec(&["--change", "--", "touch", "mark"]);
    assert_eq!(asked.code, 2, "a change is confirmed: {asked}");
    let changed = exec(&["--change", "--yes", "--limit", "p1", "--", "sh", "-c", "echo x >> mark"]);
    assert_eq!(changed.code, 0, "{changed}");
}

#[test]
fn entities_are_generated_anew_on_hosts_for_development_alone() {
    let stage = Stage::new(&[("prod", &["p1"]), ("lab", &["l1"])]);
    stage.change_inventory("[groups.lab]", "[groups.lab]\ndevelopment = true");
    let refused = stage.run(&["entities", "regenerate", "--yes"]);
    assert_eq!(refused.code, 2, "{refused}");
    assert!(refused.stderr.contains("entities-regenerate is refused on p1"), "{refused}");
    assert!(refused.stderr.contains("development = true"), "{refused}");
    assert_eq!(stage.fleet.host("l1").asked(), Vec::<String>::new());
    let done = stage.run(&["entities", "regenerate", "--yes", "--limit", "l1"]);
    assert_eq!(done.code, 0, "{done}");
    assert!(done.stdout.contains("database/Entities/Customer.php~"), "{done}");
    let asked = [
        "memcached restart",
        "artisan doctrine:generate:entities database",
        "artisan doctrine:generate:proxies",
    ];
    assert_eq!(stage.fleet.host("l1").asked(), asked);
}

#[test]
fn an_own_procedure_is_run_by_its_file() {
    let stage = Stage::new(&[("all", &["a"])]);
    let procedure = stage.folder.path().join("hello.toml");
    let text = "format = 1\nname = \"hello\"\n[[steps]]\nid = \"hello\"\ntitle = \"Say hello\"\neffect = \"check\"\nshow = true\n\
                run = [\"echo\", \"hello\"]\n";
    std::fs::write(&procedure, text).unwrap();
    let ended = stage.run(&["run", &procedure.display().to_string()]);
    assert_eq!(ended.code, 0, "{ended}");
    assert!(ended.stdout.contains("a\n  hello\n"), "{ended}");
}
