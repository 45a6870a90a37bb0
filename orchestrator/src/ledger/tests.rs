//! The runner in real shells, without a connection.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use data_encoding::BASE64;

use super::*;
use crate::plan::{Argument, sample};

/// What a shell answers to these requests once it has become the runner.
fn answers(shell: &[&str], home: &Path, requests: &[String]) -> String {
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .arg(runner::PROGRAM)
        .env("HOME", home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let opening = format!(
        "nonce=N0NCE\n{}\nopen_ledger '' run host no",
        concat!(include_str!("../../procedures/sh/trust.sh"), include_str!("host/runner.sh"))
    );
    let mut stdin = child.stdin.take().unwrap();
    for request in [opening].iter().chain(requests) {
        writeln!(stdin, "{}", BASE64.encode(request.as_bytes())).unwrap();
    }
    drop(stdin);
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

fn request(script: &str, mode: &str, out: u64) -> String {
    let mut step = sample::step("own", None);
    step.command.argv = ["sh", "-c", script].map(Argument::from).to_vec();
    let spec = script::spec(&step, "run/host/01-own");
    format!("step 01-own change {mode} \"$boot\" {out} 0 {}", quote(&spec))
}

fn made() -> String {
    "ask make_ledger".to_owned()
}

#[test]
fn every_login_shell_becomes_the_runner() {
    let mut seen = Vec::new();
    for shell in ["sh", "dash", "bash", "zsh", "fish", "csh", "tcsh"] {
        if Command::new(shell).arg("--version").stdin(Stdio::null()).output().is_err() {
            continue;
        }
        let home = tempfile::tempdir().unwrap();
        let script = "printf '%s' 'it'\\''s !here \\\\ %'; exit 3";
        let said = answers(&[shell, "-c"], home.path(), &[made(), request(script, "new", 0)]);
        assert!(said.contains("it's !here \\\\ %N0NCE end 3 none "), "{shell}: {said}");
        seen.push(shell);
    }
    assert!(seen.len() >= 2, "only {seen:?} were found");
}

#[test]
fn a_step_is_found_again_from_the_byte_that_is_known() {
    for shell in [&["dash", "-c"][..], &["bash", "--posix", "-c"], &["busybox", "sh", "-c"]] {
        let home = tempfile::tempdir().unwrap();
        let first = answers(shell, home.path(), &[made(), request("echo hello", "new", 0)]);
        assert!(first.contains("hello\nN0NCE end 0 none "), "{shell:?}: {first}");
        let again = answers(shell, home.path(), &[request("echo other", "adopt", 2)]);
        assert!(again.contains("llo\nN0NCE end 0 none ") && !again.contains("other"), "{shell:?}: {again}");
    }
}

#[test]
fn of_many_connections_that_start_a_step_one_body_runs() {
    let home = tempfile::tempdir().unwrap();
    let count = home.path().join("count");
    let script = format!("echo x >> '{}'; sleep 0.2", count.display());
    answers(&["sh", "-c"], home.path(), &[made()]);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| answers(&["sh", "-c"], home.path(), &[request(&script, "new", 0)]));
        }
    });
    // A connection that lost the race starts nothing.
    let after = answers(&["sh", "-c"], home.path(), &[request(&script, "adopt", 0)]);
    assert!(after.contains("N0NCE end 0 none "), "{after}");
    assert_eq!(std::fs::read_to_string(&count).unwrap(), "x\n");
}

#[test]
fn without_the_runs_ledger_nothing_starts() {
    let home = tempfile::tempdir().unwrap();
    let ran = home.path().join("ran");
    let script = format!("touch '{}'", ran.display());
    let fresh = answers(&["sh", "-c"], home.path(), &[request(&script, "new", 0)]);
    assert!(fresh.contains("N0NCE not-started the run's ledger"), "{fresh}");
    let adopted = answers(&["sh", "-c"], home.path(), &[request(&script, "adopt", 0)]);
    assert!(adopted.contains("N0NCE end 0 lost-claim "), "{adopted}");
    assert!(!ran.exists() && !home.path().join(".ixporch").exists());
}

#[test]
fn a_claim_of_an_earlier_boot_is_unknown_and_one_that_has_not_begun_is_still_good() {
    let home = tempfile::tempdir().unwrap();
    let lost = request("true", "adopt", 0).replace("\"$boot\"", "another-boot");
    let said = answers(&["sh", "-c"], home.path(), &[made(), lost]);
    assert!(said.contains("N0NCE end 0 lost-claim "), "{said}");
    let claim = "mkdir \"$ledger/01-own\"".to_owned();
    let said = answers(&["sh", "-c"], home.path(), &[made(), claim, request("true", "adopt", 0)]);
    assert!(said.contains("N0NCE end 0 none "), "{said}");
}

#[test]
fn an_end_is_read_and_what_cannot_be_read_is_no_end() {
    let meaning = |said: &str| Ended::read(said).and_then(|ended| ended.meaning());
    let ran = StepEnded::Ran { exit: 7, proven: Some(true), milliseconds: 120 };
    assert_eq!(meaning("end 7 held 120 5 4 whole unit"), Ok(ran));
    assert_eq!(meaning("end 0 vanished-held 0 5 4 whole"), Ok(StepEnded::Vanished { proven: Some(true) }));
    assert_eq!(meaning("end 0 lost-claim 0 0 0 whole"), Ok(StepEnded::ClaimLost));
    assert!(meaning("end x held 120 5 4 whole").is_err());
    assert!(meaning("end 0 \u{1b}[2J 0 5 4 whole").is_err());
}

#[test]
fn a_ledger_that_is_gone_never_says_that_nothing_began() {
    let home = tempfile::tempdir().unwrap();
    let asked = |before: &str| {
        let line = format!("ask {}", quote(&format!("{before} {}", may_have_begun("12-schema-update"))));
        answers(&["sh", "-c"], home.path(), &[line])
    };
    assert!(asked("").ends_with("N0NCE end 0\n"), "{}", asked(""));
    assert!(asked("mkdir -p \"$ledger/12-schema-update\";").ends_with("N0NCE end 1\n"));
    assert!(asked("mkdir \"$ledger/12-schema-update/begun\";").ends_with("N0NCE end 0\n"));
}
