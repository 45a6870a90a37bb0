//! Looking needs nothing and leaves nothing (law 8): no lock, no ledger, no installation.

use std::fmt::Write;
use std::fs;
use std::net::TcpStream;

use tokio::net::TcpSocket;

use crate::stage::Stage;

/// Two hosts, one of which has no installation.
fn with_a_plain_host() -> Stage {
    let stage = Stage::new(&[("all", &["ixp", "plain"])]);
    fs::remove_dir_all(stage.fleet.host("plain").root()).unwrap();
    stage
}

#[test]
fn a_command_runs_on_any_host_that_one_can_log_into() {
    let stage = with_a_plain_host();
    let inventory = stage.inventory.display().to_string();
    let exec = |words: &[&str]| stage.program.run(&[&["exec", "--inventory", &inventory], words].concat());
    let ended = exec(&["--", "echo", "it is up"]);
    assert_eq!(ended.code, 0, "{ended}");
    assert!(ended.stdout.contains("it is up") && ended.stdout.contains("2 done"), "{ended}");
    assert_eq!(stage.fleet.host("plain").leftovers(), Vec::<String>::new());
    assert_eq!(stage.fleet.host("plain").asked(), Vec::<String>::new(), "no tool is asked for its version");

    let failed = exec(&["--", "sh", "-c", "echo why >&2; exit 3"]);
    assert_eq!(failed.code, 5, "{failed}");
    assert!(failed.stdout.contains("exit code 3") && failed.stdout.contains("why"), "{failed}");
    let late = exec(&["--timeout", "1s", "--limit", "plain", "--", "sleep", "60"]);
    assert_eq!(late.code, 5, "{late}");
    assert!(late.stdout.contains("the host ended it after 1s"), "{late}");
}

#[test]
fn programs_are_given_the_environment_of_the_inventory() {
    let stage = Stage::new(&[("all", &["a"])]);
    let trace = stage.folder.path().join("trace");
    let variables =
        format!("environment = {{ GIT_TRACE = \"{}\", SEEN = \"it's \\\"here\\\"\" }}", trace.display());
    stage.change_inventory("[defaults]\n", &format!("[defaults]\n{variables}\n"));
    let ended = stage.run(&["exec", "--", "sh", "-c", "echo $SEEN"]);
    assert!(ended.stdout.contains("it's \"here\""), "{ended}");
    // What asks upstream is given it, too.
    assert!(!trace.exists());
    assert_eq!(stage.run(&["check"]).code, 0);
    assert!(fs::read_to_string(&trace).unwrap().contains("ls-remote"));
}

#[test]
fn status_and_check_say_that_there_is_no_installation() {
    let stage = with_a_plain_host();
    let status = stage.run(&["status"]);
    assert_eq!(status.code, 0, "{status}");
    assert!(status.stdout.contains("plain  no installation with git: "), "{status}");
    let row = status.stdout.lines().find(|line| line.starts_with("plain ")).unwrap();
    assert!(!row.contains("open"), "there is no site: {row}");
    let check = stage.run(&["check", "--limit", "plain"]);
    assert_eq!(check.code, 5, "{check}");
    assert!(check.stdout.contains("installation-missing"), "{check}");
    assert_eq!(stage.fleet.host("plain").leftovers(), Vec::<String>::new());
}

#[test]
fn whoever_looks_waits_for_no_lock_and_takes_none() {
    let stage = Stage::new(&[("all", &["a"])]);
    let host = stage.fleet.host("a");
    let lock = host.root().join(".git/ixporch.lock");
    fs::write(&lock, "run 0198aaaa\noperator ada\norigin elsewhere\n").unwrap();
    for look in
        [&["exec", "--", "true"][..], &["schema", "diff"], &["maintenance", "status"], &["status"], &["plan"]]
    {
        let mut arguments = look.to_vec();
        let at = arguments.iter().position(|word| *word == "--").unwrap_or(arguments.len());
        let inventory = stage.inventory.display().to_string();
        arguments.splice(at..at, ["--inventory", &inventory]);
        let ended = stage.program.run(&arguments);
        assert_eq!(ended.code, 0, "{look:?}: {ended}");
    }
    assert_eq!(host.leftovers(), [lock.display().to_string()], "and nothing of its own");
    assert_ne!(stage.upgrade().code, 0, "a change waits for it");
}

#[test]
fn a_change_on_a_host_without_an_installation_locks_in_its_state_folder_and_says_so() {
    let stage = with_a_plain_host();
    let host = stage.fleet.host("plain");
    let seen = host.folder().join("seen");
    let script = format!("ls -A $HOME/.ixporch > {}", seen.display());
    let inventory = stage.inventory.display().to_string();
    let ended = stage.program.run(&[
        "exec",
        "--change",
        "--yes",
        "--inventory",
        &inventory,
        "--limit",
        "plain",
        "--",
        "sh",
        "-c",
        &script,
    ]);
    assert_eq!(ended.code, 0, "{ended}");
    assert!(ended.stderr.contains("the lock is in the login's state_dir"), "{ended}");
    assert_eq!(fs::read_to_string(&seen).unwrap(), "ixporch.lock\nruns\n");
    assert_eq!(host.leftovers(), Vec::<String>::new());
}

/// Hosts that answer, and 45 that do not: of half of them no packet comes back, the others take the connection and are silent.
struct Silent {
    stage: Stage,
    _sockets: Vec<tokio::net::TcpListener>,
    _waiting: Vec<TcpStream>,
}

fn with_silent_hosts() -> Silent {
    let stage = Stage::new(&[("all", &["g1", "g2", "g3", "g4", "g5"])]);
    let _in_runtime = stage.runtime.enter();
    let listener = |backlog| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("0.0.0.0:0".parse().unwrap()).unwrap();
        socket.listen(backlog).unwrap()
    };
    // A queue that is full takes no further connection: on loopback that is a host from which nothing comes back.
    let (full, silent) = (listener(1), listener(1024));
    let (closed, open) = (full.local_addr().unwrap().port(), silent.local_addr().unwrap().port());
    let mut waiting = Vec::new();
    while let Ok(stream) =
        TcpStream::connect_timeout(&([127, 0, 0, 1], closed).into(), std::time::Duration::from_millis(300))
    {
        waiting.push(stream);
    }
    let mut hosts = String::new();
    for number in 1..=45 {
        let port = if number % 2 == 0 { closed } else { open };
        let _ = write!(
            hosts,
            "[hosts.b{number}]\naddress = \"127.1.0.{number}\"\nport = {port}\ngroups = [\"all\"]\n"
        );
    }
    stage.change_inventory("[[waves]]", &format!("{hosts}[[waves]]"));
    stage.change_inventory("[defaults]\n", "[defaults]\nconnect_timeout = \"8s\"\n");
    Silent { stage, _sockets: vec![full, silent], _waiting: waiting }
}

#[test]
fn hosts_that_do_not_answer_delay_no_other_one() {
    let silent = with_silent_hosts();
    let stage = &silent.stage;
    let status = stage.run(&["status", "--connecting", "5"]);
    assert_eq!(status.code, 4, "{status}");
    // The table of those that answered is there before the first of the others is given up.
    let first = status.stdout.split("TCP connection").next().unwrap();
    for host in &stage.fleet.hosts {
        assert_eq!(first.matches(&format!("\n{} ", host.name)).count(), 1, "{status}");
    }
    assert_eq!(first.matches("host  release").count(), 2, "a table of its own: {status}");
    assert!(status.stderr.contains("waiting for 45 of 50 hosts: b["), "{status}");
    let lines = stage.run(&["--format", "jsonl", "status", "--connecting", "5"]).stdout;
    let order: Vec<bool> = lines.lines().map(|line| line.contains("\"reachable\":true")).collect();
    assert_eq!(order, [vec![true; 5], vec![false; 45]].concat());

    let inventory = stage.inventory.display().to_string();
    let exec = stage.program.run(&[
        "exec",
        "--inventory",
        &inventory,
        "--forks",
        "2",
        "--connecting",
        "5",
        "--",
        "true",
    ]);
    assert_eq!(exec.code, 4, "{exec}");
    let ended: Vec<&str> = exec
        .stderr
        .lines()
        .filter(|line| {
            line.contains(": done")
                || line.contains(": unreachable")
                || line.contains("  done")
                || line.contains("  unreachable")
        })
        .collect();
    assert!(ended.len() >= 50, "{exec}");
    assert!(ended[..5].iter().all(|line| line.starts_with('g')), "{exec}");
}
