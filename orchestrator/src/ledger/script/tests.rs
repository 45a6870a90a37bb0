//! The spec of a step, played by every shell that a host's `/bin/sh` may be.

use std::path::Path;
use std::process::{Command as Process, Stdio};

use super::*;
use crate::plan::{Argument, sample};

fn planned(argv: &[&str], proof: Option<PlannedProof>, when_exists: Option<&str>) -> PlannedStep {
    let mut step = sample::step("x", None);
    step.command.argv = argv.iter().copied().map(Argument::from).collect();
    step.command.timeout_seconds = 5;
    step.proof = proof;
    step.when_exists = when_exists.map(str::to_owned);
    step
}

/// Every shell of this machine that a host's /bin/sh may be.
fn shells() -> Vec<Vec<&'static str>> {
    let all = [vec!["dash"], vec!["bash", "--posix"], vec!["busybox", "sh"]];
    let is_there = |shell: &Vec<&str>| {
        let asked = Process::new(shell[0]).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok()
    };
    all.into_iter().filter(is_there).collect()
}

/// Runs a step's spec in a claimed folder; gives the exit code and the word of its record, and its output.
fn play(shell: &[&str], folder: &Path, step: &PlannedStep) -> (String, String) {
    std::fs::write(folder.join("spec"), super::spec(step, "run/01-x")).unwrap();
    std::fs::write(folder.join("rc.tmp"), [b' '; 127]).unwrap();
    for file in ["out.0", "err.0", "out-whole", "err-whole"] {
        std::fs::write(folder.join(file), "").unwrap();
    }
    let status = Process::new(shell[0])
        .args(&shell[1..])
        .arg(folder.join("spec"))
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{shell:?}");
    let record = std::fs::read_to_string(folder.join("rc")).unwrap();
    let words: Vec<&str> = record.split_whitespace().take(2).collect();
    (words.join(" "), std::fs::read_to_string(folder.join("out.0")).unwrap())
}

fn ends(step: &PlannedStep) -> Vec<String> {
    let shells = shells();
    assert!(!shells.is_empty());
    shells
        .iter()
        .map(|shell| {
            let folder = tempfile::tempdir().unwrap();
            play(shell, folder.path(), step).0
        })
        .collect()
}

fn assert_ends(step: &PlannedStep, wanted: &str) {
    let ends = ends(step);
    assert!(ends.iter().all(|end| end == wanted), "{ends:?} are not all {wanted}");
}

#[test]
fn exit_codes_come_back_in_every_shell() {
    assert_ends(&planned(&["true"], None, None), "0 none");
    assert_ends(&planned(&["sh", "-c", "exit 7"], None, None), "7 none");
    assert_ends(&planned(&["no-such-program"], None, None), "127 none");
}

#[test]
fn output_is_kept_as_it_is() {
    for shell in shells() {
        let folder = tempfile::tempdir().unwrap();
        let step = planned(&["printf", "one\\ntwo\\000three"], None, None);
        assert_eq!(play(&shell, folder.path(), &step).1, "one\ntwo\0three", "{shell:?}");
    }
}

#[test]
fn what_a_step_leaves_in_the_background_is_not_waited_for() {
    let began = std::time::Instant::now();
    assert_ends(&planned(&["sh", "-c", "sleep 30 & echo left"], None, None), "0 none");
    assert!(began.elapsed() < std::time::Duration::from_secs(20));
}

/// The mark of a process that nothing but the deadline ends: it has left its group, and ignores TERM.
const ESCAPES: &str = "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 61' & sleep 60";

#[test]
fn the_deadline_is_kept_by_the_host_and_ends_the_children_too() {
    let mut slow = planned(&["sh", "-c", ESCAPES], None, None);
    slow.command.timeout_seconds = 1;
    let folder = tempfile::tempdir().unwrap();
    // One shell: what counts is the text beneath it, and each takes the whole time.
    let mark = format!("deadline/{}", std::process::id());
    std::fs::write(folder.path().join("spec"), super::spec(&slow, &mark)).unwrap();
    std::fs::write(folder.path().join("rc.tmp"), [b' '; 127]).unwrap();
    let status = Process::new("sh").arg(folder.path().join("spec")).stdin(Stdio::null()).status().unwrap();
    assert!(status.success());
    let record = std::fs::read_to_string(folder.path().join("rc")).unwrap();
    // coreutils' timeout has a code of its own, busybox' reports the signal.
    assert!(["124 ", "137 ", "143 "].iter().any(|code| record.starts_with(code)), "{record}");
    let left = Process::new("sh")
        .arg("-c")
        .arg(format!("grep -ls IXPORCH_STEP={mark} /proc/[0-9]*/environ"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}

#[test]
fn proofs_are_looked_at_whatever_the_exit_code_was() {
    let exists = |path: &str| Some(PlannedProof::Exists(path.to_owned()));
    let absent = |path: &str| Some(PlannedProof::Absent(path.to_owned()));
    assert_ends(&planned(&["true"], exists("/"), None), "0 held");
    assert_ends(&planned(&["false"], exists("/no/such/path"), None), "1 refuted");
    assert_ends(&planned(&["true"], absent("/no/such/it's $HOME"), None), "0 held");
    assert_ends(&planned(&["true"], absent("/"), None), "0 refuted");
}

#[test]
fn a_step_whose_path_is_missing_is_not_run() {
    assert_ends(&planned(&["false"], None, Some("/no/such/path")), "0 absent");
    assert_ends(&planned(&["false"], None, Some("/")), "1 none");
}

#[test]
fn a_step_that_must_not_find_a_path_is_not_run_where_it_is() {
    let mut step = planned(&["false"], None, None);
    step.unless_exists = Some("/".to_owned());
    assert_ends(&step, "0 present");
    step.unless_exists = Some("/no/such/path".to_owned());
    assert_ends(&step, "1 none");
}

#[test]
fn what_is_left_to_be_done_is_proven_by_the_rows_of_a_query() {
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("rows");
    let php = folder.path().join("php");
    std::fs::write(&php, format!("#!/bin/sh\n[ \"$4\" = 'SELECT 1 FROM a' ] && cat '{}'\n", rows.display()))
        .unwrap();
    Process::new("chmod").arg("+x").arg(&php).status().unwrap();
    let proof = |before: &str, after: &str| {
        std::fs::write(&rows, before).unwrap();
        let proof = PlannedProof::NoRows {
            query: "SELECT 1 FROM a".to_owned(),
            php: vec![php.display().to_string()],
        };
        let change = format!("printf '%s' '{after}' > '{}'", rows.display());
        let claim = tempfile::tempdir().unwrap();
        play(&["sh"], claim.path(), &planned(&["sh", "-c", &change], Some(proof), None)).0
    };
    assert_eq!(proof("12", "0"), "0 held");
    assert_eq!(proof("0", "0"), "0 held");
    assert_eq!(proof("12", "12"), "0 refuted");
    // Partly done, or not to be seen: a person has to look.
    assert_eq!(proof("12", "3"), "0 unclear");
    assert_eq!(proof("12", "no database"), "0 unclear");
}

#[test]
fn a_restart_is_proven_by_what_memcached_says_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let php = folder.path().join("php");
    std::fs::write(&php, format!("#!/bin/sh\ncat '{}'\n", state.display())).unwrap();
    Process::new("chmod").arg("+x").arg(&php).status().unwrap();
    let proof = |argv: &[&str]| {
        std::fs::write(&state, "memcached 41 500").unwrap();
        let proof = PlannedProof::MemcachedRestarted {
            unit: None,
            address: "127.0.0.1:1".to_owned(),
            php: vec![php.display().to_string()],
        };
        // One shell at a time: the state is shared.
        let claim = tempfile::tempdir().unwrap();
        play(&["sh"], claim.path(), &planned(argv, Some(proof), None)).0
    };
    let write = |text: &str| format!("printf '%s' '{text}' > '{}'", state.display());
    assert_eq!(proof(&["true"]), "0 refuted");
    assert_eq!(proof(&["sh", "-c", &write("memcached 42 0")]), "0 held");
    assert_eq!(proof(&["sh", "-c", &write("memcached 41 0")]), "0 held");
    assert_eq!(proof(&["sh", "-c", &write("memcached 41 501")]), "0 refuted");
}
