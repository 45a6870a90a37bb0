//! What is done about runs that have been: which one is meant, what is left of it, and journals that cannot be read.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use ixporch_tests::program::Ended;
use ixporch_tests::wire::until;

use crate::stage::{GROUPS, Stage, host_of, program};

/// The folder of runs of a stage.
fn runs(stage: &Stage) -> PathBuf {
    stage.folder.path().join(".local/state/ixporch/runs")
}

/// Starts an upgrade, and kills its controller while composer runs on the host.
fn kill_an_upgrade(stage: &Stage, host: &str) -> String {
    let inventory = stage.inventory.display().to_string();
    stage.fleet.host(host).hold("composer", "middle");
    let mut child = stage
        .program
        .command(&["upgrade", "--yes", "--inventory", &inventory])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    stage
        .runtime
        .block_on(until("composer is held", || stage.fleet.host(host).is_held("composer", "middle")));
    let run = stage.last_run();
    child.kill().unwrap();
    child.wait().unwrap();
    stage.fleet.host(host).let_go("composer", "middle");
    run
}

fn said(ended: &Ended, words: &str) {
    assert!(ended.stderr.contains(words) || ended.stdout.contains(words), "{words} is not in {ended}");
}

#[test]
fn a_command_that_only_looks_does_not_stand_between_a_killed_upgrade_and_its_resume() {
    let stage = Stage::new(&[("all", &["a"])]);
    let run = kill_an_upgrade(&stage, "a");
    assert!(stage.fleet.host("a").in_maintenance());
    let inventory = stage.inventory.display().to_string();
    let look = stage.program.run(&["exec", "--inventory", &inventory, "--", "true"]);
    assert_eq!(stage.last_run(), run, "a look became the last run: {look}");
    // Settling cannot complete what is still to be resumed.
    let settle = stage.program.run(&["settle", &run, "a", "--yes"]);
    assert_eq!(settle.code, 6, "{settle}");
    said(&settle, &format!("help: ixporch resume {}", &run[..13]));
    let resumed = stage.program.run(&["resume", "--yes"]);
    assert_eq!(resumed.code, 0, "{resumed}");
    said(&resumed, &format!("resuming run {}", &run[..13]));
    assert!(!stage.fleet.host("a").in_maintenance());
    let again = stage.program.run(&["resume"]);
    said(&again, "there is nothing to resume");
}

#[test]
fn a_killed_upgrade_is_what_a_rollback_means() {
    let stage = Stage::new(&[("all", &["a"])]);
    let run = kill_an_upgrade(&stage, "a");
    let inventory = stage.inventory.display().to_string();
    let _ = stage.program.run(&["exec", "--inventory", &inventory, "--", "true"]);
    let back = stage.program.run(&["rollback", "--yes"]);
    said(&back, &format!("rolling back run {}", &run[..13]));
    assert_eq!(back.code, 0, "{back}");
    let host = stage.fleet.host("a");
    assert_eq!((host.describe().as_str(), host.in_maintenance()), ("v4.4.0", false));
    assert_eq!(host.leftovers(), Vec::<String>::new());
}

#[test]
fn a_host_that_only_the_first_run_upgraded_is_rolled_back_after_a_rerun_of_the_others() {
    let stage = Stage::new(&[("all", &["a", "b"])]);
    stage.stop_on_failure();
    stage.fleet.host("b").break_composer();
    assert_eq!(stage.upgrade().code, 6);
    let first = stage.last_run();
    stage.fleet.host("b").mend_composer();
    let again = stage.program.run(&["resume", &first, "--rerun", "failed", "--yes"]);
    assert_eq!(again.code, 0, "{again}");
    let second = stage.last_run();
    let other = stage.program.run(&["rollback", &first, "--limit", "b", "--yes"]);
    assert_eq!(other.code, 3, "{other}");
    said(&other, &second[..13]);
    let back = stage.program.run(&["rollback", &first, "--limit", "a", "--yes"]);
    assert_eq!(back.code, 0, "{back}");
    assert_eq!(stage.fleet.host("a").describe(), "v4.4.0");
    assert_eq!(stage.fleet.host("b").describe(), "v4.5.0");
}

#[test]
fn nothing_is_asked_of_hosts_behind_a_wave_of_which_every_host_is_blocked() {
    let stage = Stage::new(GROUPS);
    // A change in the tree blocks the upgrade.
    std::fs::write(stage.fleet.host("s1").root().join("artisan"), "changed by hand").unwrap();
    let inventory = stage.inventory.display().to_string();
    let (code, shown) = stage.program.at_a_terminal(&["upgrade", "--inventory", &inventory], "y\n");
    assert!(!shown.contains("[y/N]"), "{shown}");
    assert_ne!(code, Some(0), "{shown}");
    assert!(!shown.contains("--approve prod"), "{shown}");
    assert_eq!(stage.outcome("p1"), "not-started");
}

#[test]
fn only_these_hosts_of_a_run_are_resumed() {
    let stage = Stage::new(&[("all", &["a", "b"])]);
    stage.change_inventory("schema_approval = \"any\"", "schema_approval = \"review\"");
    // Without a terminal both hosts go back to their start, and wait for an approval.
    assert_eq!(stage.upgrade().code, 7);
    let run = stage.last_run();
    let schema = stage.program.json(&["--format", "json", "schema"]);
    let fingerprint = schema[0]["fingerprint"].as_str().unwrap().to_owned();
    let one = stage.program.run(&["resume", &run, "--limit", "a", "--approve-schema", &fingerprint]);
    assert_eq!(stage.fleet.host("a").describe(), "v4.5.0", "{one}");
    assert_eq!(stage.fleet.host("b").describe(), "v4.4.0", "{one}");
    let rest = stage.program.run(&["resume", &run]);
    assert_eq!(rest.code, 0, "{rest}");
    assert_eq!(stage.fleet.host("b").describe(), "v4.5.0");
}

#[test]
fn a_damaged_journal_blocks_the_hosts_that_it_may_concern_until_it_is_archived() {
    let stage = Stage::new(&[("all", &["a", "b"])]);
    assert_eq!(stage.run(&["upgrade", "--yes", "--limit", "a"]).code, 0);
    let damaged = stage.last_run();
    let journal = runs(&stage).join(&damaged).join("journal.jsonl");
    let mut text = std::fs::read_to_string(&journal).unwrap();
    text.push_str("garbage\n");
    std::fs::write(&journal, text).unwrap();

    // The other host is upgraded all the same.
    let other = stage.run(&["upgrade", "--yes", "--limit", "b"]);
    assert_eq!(other.code, 0, "{other}");
    stage.fleet.host("a").publish("4.6.0", "cust\nvirtualinterface\naudit_log\nlogos\n");
    let blocked = stage.run(&["upgrade", "--yes", "--limit", "a"]);
    assert_eq!(blocked.code, 4, "{blocked}");
    said(&blocked, "cannot be read, and that run may have changed this host");
    assert_eq!(stage.fleet.host("a").describe(), "v4.5.0");

    let verified = stage.program.run(&["runs", "verify"]);
    assert_eq!(verified.code, 3, "{verified}");
    said(&verified, "damaged");
    said(&verified, "it may have changed a: nothing is started there");
    said(&verified, &format!("ixporch runs archive {}", &damaged[..13]));
    let archived = stage.program.run(&["runs", "archive", &damaged, "--yes"]);
    assert_eq!(archived.code, 0, "{archived}");
    assert!(stage.folder.path().join(".local/state/ixporch/archive").join(&damaged).is_dir());
    assert_eq!(stage.program.run(&["runs", "verify"]).code, 0);
    let free = stage.run(&["upgrade", "--yes", "--limit", "a"]);
    assert_eq!(free.code, 0, "{free}");
}

#[test]
fn a_run_that_cannot_be_read_is_not_passed_over_by_resume() {
    let stage = Stage::new(&[("all", &["a"])]);
    let killed = kill_an_upgrade(&stage, "a");
    let journal = runs(&stage).join(&killed).join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    let names = |ended: &Ended| {
        assert_eq!(ended.code, 3, "{ended}");
        said(ended, "runs verify");
    };
    std::fs::write(&journal, format!("{text}garbage\n")).unwrap();
    names(&stage.program.run(&["resume"]));
    names(&stage.program.run(&["rollback", "--yes"]));
    // Lines that are gone are missed, as the summary knows how many there were.
    std::fs::write(&journal, &text).unwrap();
    let _ = stage.program.run(&["runs"]);
    for left in [0, text.find('\n').unwrap() / 2, text.find('\n').unwrap() + 1] {
        std::fs::write(&journal, &text[..left]).unwrap();
        names(&stage.program.run(&["resume"]));
        let verified = stage.program.run(&["runs", "verify"]);
        assert_eq!(verified.code, 3, "{verified}");
        said(&verified, "lines are missing");
    }
    std::fs::write(&journal, &text).unwrap();
    let resumed = stage.program.run(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed}");
}

#[test]
fn a_run_that_is_followed_up_or_has_ended_is_neither_approved_nor_taken_up() {
    let stage = Stage::new(&[("all", &["a"])]);
    assert_eq!(stage.upgrade().code, 0);
    let run = stage.last_run();
    let approve = || stage.program.run(&["approve", &run, "--wave", "all", "--reason", "well"]);
    let ended = approve();
    assert_eq!(ended.code, 3, "{ended}");
    said(&ended, "has ended: nothing of it waits for an approval");
    // Another command follows it up: it holds the run, which is not going on.
    let lock = std::fs::File::create(runs(&stage).join(&run).join("lock")).unwrap();
    lock.lock().unwrap();
    let back = stage.program.run(&["rollback", &run, "--yes"]);
    assert_eq!(back.code, 8, "{back}");
    said(&back, "another command follows up run");
    assert!(!stage.program.run(&["runs"]).stdout.contains("going on"));
    drop(lock);
    assert_eq!(stage.program.run(&["rollback", &run, "--yes"]).code, 0);
}

#[test]
fn an_event_of_a_newer_version_is_kept_and_skipped_if_its_writer_says_that_this_is_safe() {
    let stage = Stage::new(&[("all", &["a"])]);
    assert_eq!(stage.upgrade().code, 0);
    let run = stage.last_run();
    let journal = runs(&stage).join(&run).join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    let with = |more: &str| {
        let line =
            format!("{{\"sequence\":9999,\"at\":\"2026-01-01T00:00:00Z\",\"event\":\"moon-rose\"{more}}}\n");
        std::fs::write(&journal, format!("{text}{line}")).unwrap();
    };
    with(",\"skippable\":true");
    let verified = stage.program.run(&["runs", "verify"]);
    assert_eq!(verified.code, 0, "{verified}");
    said(&verified, "skipped events of a newer version: moon-rose");
    assert_eq!(stage.program.run(&["report", &run]).code, 0);
    with(",\"skippable\":false");
    let refused = stage.program.run(&["report", &run]);
    assert_eq!(refused.code, 3, "{refused}");
    said(&refused, "the event `moon-rose` is unknown to this version");
}

#[test]
fn old_runs_are_deleted_and_what_is_needed_is_kept() {
    let stage = Stage::new(&[("all", &["a"])]);
    assert_eq!(stage.upgrade().code, 0);
    let upgrade = stage.last_run();
    let inventory = stage.inventory.display().to_string();
    for _ in 0..3 {
        let _ = stage.program.run(&["exec", "--inventory", &inventory, "--", "true"]);
    }
    assert_eq!(std::fs::read_dir(runs(&stage)).unwrap().count(), 4);
    let refused = stage.program.run(&["runs", "prune", "--keep", "1"]);
    assert_eq!(refused.code, 2, "{refused}");
    let pruned = stage.program.run(&["runs", "prune", "--keep", "1", "--yes"]);
    assert_eq!(pruned.code, 0, "{pruned}");
    said(&pruned, "2 runs deleted, 2 kept");
    said(&pruned, &format!("kept: {}, because it is the last upgrade or rollback of a host", &upgrade[..13]));
    assert!(runs(&stage).join(&upgrade).is_dir());
    assert_eq!(stage.program.run(&["rollback", "--yes"]).code, 0);
}

#[test]
fn recreated_views_complete_the_open_step_of_the_run_that_left_it() {
    let stage = Stage::new(&[("all", &["a"])]);
    stage.stop_on_failure();
    stage.fleet.host("a").break_schema_update();
    assert_eq!(stage.upgrade().code, 6);
    let run = stage.last_run();
    let open = || stage.program.run(&["settle", &run, "a", "--yes"]);
    let before = stage.run(&["status"]);
    said(&before, "views");
    let views = stage.run(&["views", "recreate", "--yes", "--limit", "a"]);
    said(&views, "done");
    let after = stage.run(&["status"]);
    assert!(!after.stdout.contains("views"), "{after}");
    said(&after, &format!("settle {} a", &run[..13]));
    // What is left is still completed by the run that left it.
    let settled = open();
    assert!(!settled.stderr.contains("views cannot be completed"), "{settled}");
}

/// A state folder with the journals of an older version.
fn with_old_journals(home: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/journals/0.1.0");
    let to = home.join(".local/state/ixporch/runs");
    for run in std::fs::read_dir(&from).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir()) {
        let folder = to.join(run.file_name());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(run.path().join("journal.jsonl"), folder.join("journal.jsonl")).unwrap();
    }
    from.join("inventory.toml")
}

/// Runs of version 0.1.0, as that version wrote them: an upgrade of which two hosts failed, a command, a rollback, a
/// settlement, a look at schemas, recreated views, and an upgrade that was cut off.
#[test]
fn journals_of_an_older_version_are_read_by_reports_resume_and_history() {
    let home = tempfile::tempdir().unwrap();
    let program = program(&home);
    let inventory = with_old_journals(home.path()).display().to_string();
    let listed = program.json(&["--format", "json", "runs"]);
    let kinds: Vec<(String, String)> = listed["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| (run["run"].as_str().unwrap()[9..13].to_owned(), run["kind"].as_str().unwrap().to_owned()))
        .collect();
    let kinds: Vec<(&str, &str)> = kinds.iter().map(|(run, kind)| (run.as_str(), kind.as_str())).collect();
    assert_eq!(
        kinds,
        [
            ("d2e4", "upgrade"),
            ("cdf3", "procedure"),
            ("c973", "look"),
            ("c499", "settle"),
            ("bc9f", "rollback"),
            ("b968", "look"),
            ("9d24", "upgrade"),
        ]
    );
    for (run, _) in &kinds {
        let report = program.run(&["report", &format!("01a21a1a-{run}")]);
        assert_eq!(report.code, 0, "{report}");
    }
    let first = program.json(&["--format", "json", "report", "01a21a1a-9d24"]);
    let outcome = |host: &str| host_of(&first, host)["outcome"].as_str().unwrap().to_owned();
    assert_eq!([outcome("s1"), outcome("p1"), outcome("p2")], ["upgraded", "failed", "failed"]);
    // What others did since is told, and nothing is to be typed about it.
    let report = program.run(&["report", "01a21a1a-9d24"]);
    said(&report, "since then: run 01a21a1a-bc9f rolled the host back");
    said(&report, "completed since by another run: maintenance-off");
    for command in ["rollback 01a21a1a-9d24 --limit p", "settle 01a21a1a-9d24"] {
        assert!(!report.stdout.contains(command), "{report}");
    }
    assert_eq!(host_of(&first, "p1")["work_since"]["deed"], "rolled-back");
    assert!(host_of(&first, "s1")["work_since"].is_null());
    let settled = program.json(&["--format", "json", "report", "01a21a1a-c499"]);
    assert_eq!(host_of(&settled, "p2")["outcome"], "done");

    // The one that was cut off is what resume means; its host cannot be reached here.
    // It is of an inventory elsewhere, so it is not taken for one of this inventory unless it is named.
    let unnamed = program.run(&["resume", "--inventory", &inventory]);
    assert_eq!(unnamed.code, 3, "{unnamed}");
    said(&unnamed, "help: ixporch resume 01a21a1a-d2e4");
    let resumed = program.run(&["resume", "01a21a1a-d2e4", "--inventory", &inventory]);
    said(&resumed, "resuming run 01a21a1a-d2e4");
    assert_ne!(resumed.code, 3, "{resumed}");
    // What each host's history says of the first run.
    let back = |host: &str| {
        program.run(&["rollback", "01a21a1a-9d24", "--limit", host, "--yes", "--inventory", &inventory])
    };
    said(&back("p1"), "nothing to roll back");
    said(&back("s1"), "s1");
    let settle = program.run(&["settle", "01a21a1a-9d24", "p2", "--yes", "--inventory", &inventory]);
    said(&settle, "left no step open on p2");
    assert_eq!(program.run(&["runs", "verify"]).code, 0);
}
