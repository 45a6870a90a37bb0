//! Runs that lose their controller, their journal or their patience, and what people do about them.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};

use ixporch_tests::wire::until;

use crate::stage::{Stage, host_of};

/// Starts the upgrade in the background.
fn start(stage: &Stage, more: &[&str]) -> Child {
    let inventory = stage.inventory.display().to_string();
    let mut words = vec!["upgrade", "--yes", "--inventory", &inventory];
    words.extend(more);
    stage.program.command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn wait_until(stage: &Stage, what: &str, holds: impl FnMut() -> bool) {
    stage.runtime.block_on(until(what, holds));
}

fn signal(child: &Child, name: &str) {
    let sent = std::process::Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// A procedure of one change with this script and these further lines.
fn procedure(stage: &Stage, script: &str, more: &str) -> String {
    let path = stage.folder.path().join("own.toml");
    let text = format!(
        "format = 1\nname = \"own\"\n[[steps]]\nid = \"own\"\ntitle = \"T\"\neffect = \"change\"\nscript = '''\n{script}\n'''\n{more}\n"
    );
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn of_two_controllers_exactly_one_gets_each_host() {
    let stage = Stage::new(&[("all", &["a", "b", "c"])]);
    let both: Vec<Child> = (0..2).map(|_| start(&stage, &[])).collect();
    let ended: Vec<_> = both.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let said: String =
        ended.iter().map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).collect();
    for host in &stage.fleet.hosts {
        let count = host.bodies().iter().filter(|body| *body == "composer").count();
        assert_eq!(count, 1, "{}: {count} times composer\n{said}", host.name);
        assert_eq!(host.leftovers(), Vec::<String>::new());
    }
    // Whoever came too late to a host says who has it, or finds it current already.
    let codes: Vec<Option<i32>> = ended.iter().map(|output| output.status.code()).collect();
    assert!(codes.iter().all(|code| matches!(code, Some(0 | 8 | 4))), "{codes:?}\n{said}");
    assert!(said.contains("locked by run ") || said.contains("another run was at work here"), "{said}");
}

#[test]
fn a_lock_is_waited_for() {
    let stage = Stage::new(&[("all", &["a"])]);
    let host = stage.fleet.host("a");
    host.hold("composer", "middle");
    let mut first = start(&stage, &[]);
    wait_until(&stage, "composer is held", || host.is_held("composer", "middle"));
    let second = start(&stage, &["--lock-wait", "1m"]);
    let runs = stage.folder.path().join(".local/state/ixporch/runs");
    wait_until(&stage, "the second run has begun", || std::fs::read_dir(&runs).unwrap().count() == 2);
    host.let_go("composer", "middle");
    assert_eq!(first.wait().unwrap().code(), Some(0));
    let second = second.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(4), "{said}");
    assert!(said.contains("another run was at work here since the plan was made"), "{said}");
    assert_eq!(host.leftovers(), Vec::<String>::new());
    assert_eq!(stage.upgrade().code, 0);
}

#[test]
fn a_journal_that_is_removed_stops_the_run_and_is_put_back() {
    let stage = Stage::new(&[("all", &["a"])]);
    let host = stage.fleet.host("a");
    host.hold("composer", "middle");
    let child = start(&stage, &[]);
    wait_until(&stage, "composer is held", || host.is_held("composer", "middle"));
    let run = stage.last_run();
    std::fs::remove_dir_all(stage.folder.path().join(".local/state/ixporch/runs").join(&run)).unwrap();
    host.let_go("composer", "middle");
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("was removed while the run was going on"), "{said}");
    assert!(said.contains(&format!("resume {}", &run[..13])), "{said}");
    assert!(!host.bodies().contains(&"frontend".to_owned()), "something was started without a journal");
    let resumed = stage.program.run(&["resume", &run]);
    assert_eq!(resumed.code, 0, "{resumed}");
    assert_eq!(host.bodies().iter().filter(|body| *body == "composer").count(), 1);
}

#[test]
fn ctrl_c_twice_leaves_the_steps_to_the_hosts_and_resume_finds_them() {
    let stage = Stage::new(&[("all", &["a"])]);
    let host = stage.fleet.host("a");
    host.hold("composer", "middle");
    let child = start(&stage, &[]);
    wait_until(&stage, "composer is held", || host.is_held("composer", "middle"));
    signal(&child, "-INT");
    let journal = stage.folder.path().join(".local/state/ixporch/runs").join(stage.last_run());
    // The second one is another press, not part of the first.
    let mut pressed = false;
    wait_until(&stage, "it has left", || {
        if !pressed {
            signal(&child, "-INT");
        }
        pressed =
            std::fs::read_to_string(journal.join("journal.jsonl")).unwrap().contains("interrupted twice");
        pressed
    });
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let status = stage.run(&["status"]);
    assert!(status.stdout.contains("composer is running"), "{status}");
    host.let_go("composer", "middle");
    let resumed = stage.program.run(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed}");
    assert_eq!(host.bodies().iter().filter(|body| *body == "composer").count(), 1);
    assert_eq!(host.leftovers(), Vec::<String>::new());
}

#[test]
fn a_deadline_is_kept_while_nobody_is_connected() {
    let stage = Stage::new(&[("all", &["a"])]);
    let host = stage.fleet.host("a");
    let pids = stage.folder.path().join("pids");
    let script = format!(
        "setsid sh -c 'echo $$ >> {0}; exec sleep 600' &\nsh -c 'echo $$ >> {0}; trap \"\" TERM; sleep 600' &\necho $$ >> {0}\nsleep 600",
        pids.display()
    );
    let own = procedure(&stage, &script, "timeout = \"3s\"");
    let mut child = start(&stage, &["--procedure", &own]);
    let begun = || std::fs::read_to_string(&pids).is_ok_and(|text| text.lines().count() == 3);
    wait_until(&stage, "the step runs", begun);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    let ended = || host.ledger_of("own").is_some_and(|folder| folder.join("rc").exists());
    wait_until(&stage, "the host has ended it", ended);
    for pid in std::fs::read_to_string(&pids).unwrap().lines() {
        let process = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(process.is_empty() || process.contains(") Z "), "a child lives: {process}");
    }
    let resumed = stage.program.run(&["resume"]);
    assert_eq!(resumed.code, 5, "{resumed}");
    let report = stage.report();
    assert_eq!(host_of(&report, "a")["steps"][0]["outcome"], "timed-out", "{report:#}");
    assert_eq!(host.leftovers(), Vec::<String>::new());
}

/// What a running program has used of memory at the most, in KiB (proc(5)).
fn peak_memory(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[test]
fn a_step_that_prints_five_gigabytes_costs_a_fixed_amount_on_both_sides() {
    let stage = Stage::new(&[("all", &["a"])]);
    let host = stage.fleet.host("a");
    let own = procedure(&stage, "head -c 5000000000 /dev/zero; echo the end", "timeout = \"10m\"");
    let mut child = start(&stage, &["--procedure", &own]);
    let (mut memory, mut disk) = (0, 0);
    let used = |folder: &std::path::Path| -> u64 {
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
    };
    wait_until(&stage, "it has ended", || {
        memory = memory.max(peak_memory(&child));
        disk = disk.max(host.ledger_of("own").map_or(0, |folder| used(&folder)));
        child.try_wait().unwrap().is_some()
    });
    let report = stage.report();
    let step = &host_of(&report, "a")["steps"][0];
    assert_eq!(step["outcome"], "succeeded", "{report:#}");
    assert_eq!(step["stdout"]["bytes"], 5_000_000_008_u64);
    assert!(step["stdout"]["tail"].as_str().unwrap().ends_with("the end\n"));
    // An idle controller has some 20 MiB.
    assert!(memory > 0 && memory < (20 + 64) * 1024, "{memory} KiB on the controller");
    assert!(disk > 0 && disk < 32 * 1024 * 1024, "{disk} bytes on the host");
    let kept = stage.program.run(&["logs", "latest", "a", "own"]).stdout.len();
    assert!(kept < 2 * 1024 * 1024, "{kept} bytes kept");
    ixporch_tests::say(&format!(
        "5 GB: {memory} KiB on the controller, {disk} bytes on the host at the most"
    ));
}

#[test]
fn the_hosts_that_failed_are_run_again_and_what_was_owed_is_paid() {
    let stage = Stage::new(&[("staging", &["s1"]), ("prod", &["p1", "p2"])]);
    stage.stop_on_failure();
    stage.fleet.host("s1").break_composer();
    let first = stage.upgrade();
    assert_eq!(first.code, 6, "{first}");
    stage.fleet.host("s1").mend_composer();
    let again = stage.program.run(&["resume", "--rerun", "failed", "--yes"]);
    assert_eq!(again.code, 0, "{again}");
    for host in &stage.fleet.hosts {
        assert_eq!((host.describe().as_str(), host.in_maintenance()), ("v4.5.0", false), "{}", host.name);
        assert_eq!(host.leftovers(), Vec::<String>::new());
    }
    // The first run has been taken over, and is not taken up again.
    let runs = stage.program.json(&["--format", "json", "runs"]);
    let first = runs["runs"][1]["run"].as_str().unwrap();
    let resumed = stage.program.run(&["resume", first]);
    assert_eq!(resumed.code, 3, "{resumed}");
    assert!(resumed.stderr.contains("was taken over by run"), "{resumed}");
}

#[test]
fn ledgers_are_kept_where_asked_for_and_cleaned_up() {
    let stage = Stage::new(&[("all", &["a"])]);
    assert_eq!(stage.run(&["upgrade", "--yes", "--keep-ledger"]).code, 0);
    let host = stage.fleet.host("a");
    assert_eq!(host.leftovers().len(), 1);
    let list = stage.run(&["ledger", "list"]);
    assert!(list.stdout.contains("composition was the last to end"), "{list}");
    let clean = stage.run(&["ledger", "clean"]);
    assert!(clean.stdout.contains("deleted"), "{clean}");
    assert_eq!(host.leftovers(), Vec::<String>::new());
    assert!(stage.run(&["ledger", "list"]).stdout.contains("no ledgers"));
}

#[test]
fn a_lock_is_shown_and_broken_and_its_run_does_not_go_on() {
    let stage = Stage::new(&[("all", &["a"])]);
    let host = stage.fleet.host("a");
    host.hold("composer", "middle");
    let mut child = start(&stage, &[]);
    wait_until(&stage, "composer is held", || host.is_held("composer", "middle"));
    child.kill().unwrap();
    child.wait().unwrap();
    // Another controller, which has no journal of that run, is told all that the host knows.
    let elsewhere = tempfile::tempdir().unwrap();
    let journals = elsewhere.path().display().to_string();
    let shown = stage.run(&["--state-dir", &journals, "lock", "show"]);
    for words in
        ["locked by run", "composer is running", "open step: maintenance-off", "no journal of it is here"]
    {
        assert!(shown.stdout.contains(words), "{words} is missing\n{shown}");
    }
    let status = stage.run(&["--state-dir", &journals, "status"]);
    assert!(status.stdout.contains("composer is running"), "{status}");
    let refused = stage.run(&["lock", "break", "a", "--reason", "it is in the way"]);
    assert_eq!(refused.code, 8, "{refused}");
    host.let_go("composer", "middle");
    let ended = || host.ledger_of("composer").is_some_and(|folder| folder.join("rc").exists());
    wait_until(&stage, "composer has ended", ended);
    let broken = stage.run(&["lock", "break", "a", "--reason", "that laptop is gone"]);
    assert_eq!(broken.code, 0, "{broken}");
    let resumed = stage.program.run(&["resume"]);
    assert_ne!(resumed.code, 0, "{resumed}");
    assert!(resumed.stdout.contains("its lock was broken"), "{resumed}");
    assert_eq!(host.bodies().iter().filter(|body| *body == "composer").count(), 1);
    let again = stage.program.run(&["resume", "--rerun", "unfinished", "--yes"]);
    assert_eq!(again.code, 0, "{again}");
    assert!(!host.in_maintenance());
    assert_eq!(host.leftovers(), Vec::<String>::new());
}

#[test]
fn output_is_shown_while_the_step_runs_each_stream_apart() {
    use std::io::BufRead;
    let stage = Stage::new(&[("all", &["a"])]);
    let go_on = stage.folder.path().join("go-on");
    let script = format!(
        "echo first; echo second >&2; while [ ! -e '{}' ]; do sleep 0.02; done; echo third",
        go_on.display()
    );
    let own = procedure(&stage, &script, "timeout = \"1m\"");
    let mut child = start(&stage, &["--procedure", &own, "--live"]);
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap()).lines();
    // Which of the two streams arrives first is not said.
    let shown_lines = lines.by_ref().map_while(Result::ok).filter(|line| line.starts_with("a  own "));
    let mut shown: Vec<String> = shown_lines.take(2).collect();
    shown.sort();
    assert_eq!(shown, ["a  own ! second", "a  own | first"]);
    std::fs::write(&go_on, "").unwrap();
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(rest.contains(&"a  own | third".to_owned()), "{rest:#?}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
