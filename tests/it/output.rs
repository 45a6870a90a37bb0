//! What becomes of a command when what it prints arrives nowhere.

use std::fs::{File, OpenOptions};
use std::process::Stdio;

use ixporch_tests::program::{Ended, Program};
use serde_json::json;

use crate::errors::{ONE, error_of, upgraded};
use crate::stage::{Stage, host_of, program};

/// Closes standard output before the program is started.
const CLOSED: &[&str] = &["sh", "-c", "exec \"$@\" >&-", "sh"];

/// Lets files have two blocks and no more. Without `trap` the signal would end the program.
const SMALL_FILES: &[&str] = &["sh", "-c", "trap '' XFSZ; ulimit -f 2; exec \"$@\"", "sh"];

/// Runs the program with standard output somewhere else.
fn run_to(program: &Program, arguments: &[&str], stdout: impl Into<Stdio>) -> Ended {
    let output = program.command(arguments).stdout(stdout).stderr(Stdio::piped()).output().unwrap();
    Ended {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap_or(-1),
    }
}

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// As `subprocess.DEVNULL` of Python, `"ignore"` of Node, and daemons have it.
fn discarded() -> File {
    OpenOptions::new().read(true).write(true).open("/dev/null").unwrap()
}

/// A pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn assert_output_failed(ended: &Ended, why: &str) {
    assert_eq!(ended.code, 1, "{ended}");
    let error = format!("error: standard output could not be written: {why}");
    assert!(ended.stderr.contains(&error), "{error} is not in {ended}");
    assert!(ended.stderr.lines().last().unwrap().starts_with("help: "), "{ended}");
}

#[test]
fn a_full_disk_fails_every_command_that_prints_a_result() {
    let (stage, inventory) = upgraded();
    let all: &[&[&str]] = &[
        &["--help"],
        &["help"],
        &["--version"],
        &["report", "--help"],
        &["runs"],
        &["report"],
        &["report", "--host", "s1"],
        &["logs", "latest", "s1"],
        &["evidence", "latest", "--no-sign"],
        &["schema"],
        &["procedure", "show", "ixp-manager-v4"],
        &["procedure", "check", "ixp-manager-v4"],
        &["inventory", "schema"],
        &["inventory", "check", "--inventory", &inventory],
        &["inventory", "list", "--inventory", &inventory],
        &["inventory", "explain", "s1", "--inventory", &inventory],
        &["status", "--inventory", &inventory],
        &["check", "--inventory", &inventory],
        &["plan", "--exit-code", "--inventory", &inventory],
        &["lock", "show", "--inventory", &inventory],
        &["ledger", "list", "--inventory", &inventory],
    ];
    for arguments in all {
        let ended = run_to(&stage.program, arguments, full());
        assert_output_failed(&ended, "No space left on device (os error 28)");
    }
    for format in ["json", "jsonl"] {
        let error = error_of(&run_to(&stage.program, &["--format", format, "report"], full()));
        let why = "standard output could not be written: No space left on device (os error 28)";
        assert_eq!((&error["code"], &error["message"]), (&json!("output-failed"), &json!(why)));
    }
}

#[test]
fn a_run_whose_report_cannot_be_written_is_recorded_and_says_so() {
    let stage = Stage::new(ONE);
    stage.fleet.host("s1").break_composer();
    let inventory = stage.inventory.display().to_string();
    let upgrade = ["--format", "jsonl", "upgrade", "--yes", "--inventory", &inventory];
    let ended = run_to(&stage.program, &upgrade, full());
    let (error, report) = (error_of(&ended), stage.report());
    let expected = report["exit_code"].as_u64().unwrap();
    assert_ne!(expected, 0, "{report:#}");
    assert_eq!((&error["code"], ended.code), (&json!("output-failed"), 1));
    let message = error["message"].as_str().unwrap();
    assert!(message.ends_with(&format!("the run is recorded, with exit code {expected}")), "{message}");
    let words: Vec<&str> = error["help"].as_str().unwrap().rsplit(' ').take(2).collect();
    assert_eq!(words[1], "report", "{error}");
    assert_eq!(stage.program.run(&["report", words[0]]).code, 0);
    assert!(!host_of(&report, "s1")["outcome"].is_null(), "{report:#}");

    // Whoever closed the pipe, or discards the output, wants to know how the run ended.
    for arguments in [&upgrade[..], &upgrade[2..]] {
        let ended = run_to(&stage.program, arguments, unread());
        assert_eq!(Some(u64::try_from(ended.code).unwrap()), stage.report()["exit_code"].as_u64(), "{ended}");
        assert!(!ended.stderr.contains("standard output"), "{ended}");
        let ended = run_to(&stage.program, arguments, discarded());
        assert_eq!(Some(u64::try_from(ended.code).unwrap()), stage.report()["exit_code"].as_u64(), "{ended}");
    }
}

#[test]
fn a_standard_output_that_is_closed_fails_what_only_prints() {
    let (stage, inventory) = upgraded();
    let closed = stage.program.clone().behind(CLOSED);
    let only_print: &[&[&str]] = &[
        &["runs"],
        &["report"],
        &["--format", "json", "report"],
        &["logs", "latest", "s1"],
        &["evidence", "latest", "--no-sign"],
        &["schema"],
        &["procedure", "show", "ixp-manager-v4"],
        &["inventory", "schema"],
        &["inventory", "list", "--inventory", &inventory],
    ];
    for arguments in only_print {
        let ended = closed.run(arguments);
        assert_eq!(ended.code, 1, "{ended}");
        assert!(ended.stderr.contains("standard output could not be written: it is closed"), "{ended}");
    }
    // What tells more by its exit code keeps it: Python's and Node's way to discard output looks the same.
    for arguments in [&["--version"][..], &["inventory", "check", "--inventory", &inventory]] {
        assert_eq!(closed.run(arguments).code, 0);
        assert_eq!(run_to(&stage.program, arguments, discarded()).code, 0);
    }
    // Nothing is lost on purpose here, or nothing is printed.
    assert_eq!(closed.run(&["init", "new.toml"]).code, 0);
    assert_eq!(run_to(&stage.program, &["report"], Stdio::null()).code, 0);
    let daemon = stage.program.command(&["report"]).stdout(discarded()).stderr(discarded()).status().unwrap();
    assert_eq!(daemon.code(), Some(0));
}

#[test]
fn a_descriptor_that_is_only_for_reading_is_no_output() {
    let home = tempfile::tempdir().unwrap();
    let ended = run_to(&program(&home), &["inventory", "schema"], File::open("/dev/null").unwrap());
    assert_output_failed(&ended, "Bad file descriptor (os error 9)");
}

#[test]
fn a_closed_pipe_is_silent() {
    let (stage, inventory) = upgraded();
    for arguments in
        [&["report"][..], &["--help"], &["--format", "jsonl", "report"], &["inventory", "schema"]]
    {
        let ended = run_to(&stage.program, arguments, unread());
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{arguments:?}");
    }
    let ended = run_to(&stage.program, &["plan", "--exit-code", "--inventory", &inventory], unread());
    let read = stage.program.run(&["plan", "--exit-code", "--inventory", &inventory]);
    assert_eq!(ended.code, read.code, "{ended}");
}

#[test]
fn a_standard_error_that_cannot_be_written_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let code = |arguments: &[&str], stdout: Stdio, stderr: Stdio| {
        program(&home).command(arguments).stdout(stdout).stderr(stderr).status().unwrap().code().unwrap()
    };
    for (arguments, expected) in
        [(&["runs"][..], 0), (&["report"], 3), (&["reprot"], 2), (&["--format", "json", "reprot"], 2)]
    {
        assert_eq!(code(arguments, Stdio::null(), full().into()), expected, "{arguments:?}");
        assert_eq!(code(arguments, Stdio::null(), unread()), expected, "{arguments:?}");
    }
    assert_eq!(code(&["init", "a.toml"], Stdio::null(), full().into()), 0);
    assert_eq!(code(&["inventory", "schema"], full().into(), full().into()), 1);
}

#[test]
fn a_file_that_does_not_fit_is_an_error_and_no_part_of_an_inventory_is_left() {
    let home = tempfile::tempdir().unwrap();
    let small = program(&home).behind(SMALL_FILES);
    let ended = small.run(&["init"]);
    assert_eq!(ended.code, 1, "{ended}");
    assert!(ended.stderr.contains("inventory.toml") && ended.stderr.contains("File too large"), "{ended}");
    assert!(!home.path().join("inventory.toml").exists());
    assert_eq!(program(&home).run(&["init"]).code, 0, "nothing is in its way");

    let file = File::create(home.path().join("schema.json")).unwrap();
    assert_output_failed(&run_to(&small, &["inventory", "schema"], file), "File too large (os error 27)");
    let whole = File::create(home.path().join("schema.json")).unwrap();
    assert_eq!(run_to(&program(&home), &["inventory", "schema"], whole).code, 0);
}
