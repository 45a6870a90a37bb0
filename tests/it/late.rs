//! Hosts that answer late: nobody waits for them, and they are upgraded when they answer.

use std::net::TcpListener;
use std::process::{Child, Stdio};

use ixporch_tests::wire::until;
use tokio::net::TcpStream;

use crate::stage::{Stage, host_of};

/// Hosts `a` and `b` answer; the connections of `late` are taken and hear nothing, until somebody opens the line.
struct Late {
    stage: Stage,
    line: TcpListener,
    port: u16,
}

impl Late {
    fn new() -> Self {
        let stage = Stage::new(&[("all", &["a", "b", "late"])]);
        let port = stage.fleet.host("late").port;
        let line = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = line.local_addr().unwrap().port();
        let timeout = "connect_timeout = \"120s\"";
        stage.change_inventory(&format!("port = {port}\n"), &format!("port = {far}\n{timeout}\n"));
        let known_hosts = stage.folder.path().join("known_hosts");
        let known = std::fs::read_to_string(&known_hosts).unwrap();
        std::fs::write(&known_hosts, known.replace(&port.to_string(), &far.to_string())).unwrap();
        Self { stage, line, port }
    }

    /// Starts the upgrade in the background.
    fn upgrade(&self) -> Child {
        let inventory = self.stage.inventory.display().to_string();
        let words = ["upgrade", "--yes", "--inventory", &inventory];
        self.stage.program.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits until these hosts have ended.
    fn ended(&self, hosts: &[&str]) {
        let runs = self.stage.folder.path().join(".local/state/ixporch/runs");
        let journal = || {
            let run = std::fs::read_dir(&runs).ok()?.next()?.ok()?;
            std::fs::read_to_string(run.path().join("journal.jsonl")).ok()
        };
        let has = |journal: &str, host: &&str| {
            let ended = format!("\"event\":\"host-finished\",\"host\":\"{host}\"");
            journal.contains(&ended)
        };
        let all = || journal().is_some_and(|journal| hosts.iter().all(|host| has(&journal, host)));
        self.stage.runtime.block_on(until("the others have ended", all));
    }

    /// From now on the late host answers.
    fn open(&self) {
        let (line, port) = (self.line.try_clone().unwrap(), self.port);
        line.set_nonblocking(true).unwrap();
        self.stage.runtime.spawn(async move {
            let line = tokio::net::TcpListener::from_std(line).unwrap();
            while let Ok((mut near, _)) = line.accept().await {
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
    }

    fn composer_ran(&self) -> Vec<usize> {
        let count = |host: &str| {
            let bodies = self.stage.fleet.host(host).bodies();
            bodies.iter().filter(|body| *body == "composer").count()
        };
        ["a", "b", "late"].map(count).to_vec()
    }
}

#[test]
fn a_host_that_answers_late_is_upgraded_after_the_others() {
    let late = Late::new();
    let upgrade = late.upgrade();
    late.ended(&["a", "b"]);
    let report = late.stage.report();
    assert_eq!(host_of(&report, "late")["outcome"], serde_json::Value::Null, "{report:#}");
    late.open();
    let ended = upgrade.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert_eq!(ended.status.code(), Some(0), "{out}\n{err}");
    assert!(err.contains("late  has not answered yet: it is planned and started when it does"), "{err}");
    assert!(err.contains("late  planned:  "), "{err}");
    assert!(out.contains("3 upgraded"), "{out}");
    assert_eq!(late.composer_ran(), [1, 1, 1]);
    // Its way back is planned as well.
    let back = late.stage.program.run(&["rollback", "--yes"]);
    assert_eq!(back.code, 0, "{back}");
    for host in &late.stage.fleet.hosts {
        assert_eq!(host.leftovers(), Vec::<String>::new());
    }
}

#[test]
fn a_host_that_had_not_answered_when_the_controller_was_killed_is_upgraded_by_resume() {
    let late = Late::new();
    let mut upgrade = late.upgrade();
    late.ended(&["a", "b"]);
    upgrade.kill().unwrap();
    upgrade.wait().unwrap();
    let told = late.stage.program.run(&["report"]);
    assert!(told.stdout.contains("late  unfinished\n    it has not answered since the run began"), "{told}");
    late.open();
    let resumed = late.stage.program.run(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed}");
    assert_eq!(late.composer_ran(), [1, 1, 1]);
    assert_eq!(late.stage.outcome("late"), "upgraded");
}

#[test]
fn whoever_reads_the_plan_first_waits_for_all_of_it() {
    let late = Late::new();
    late.stage.change_inventory("connect_timeout = \"120s\"", "connect_timeout = \"5s\"");
    let plan = late.stage.run(&["plan"]);
    assert_eq!(plan.code, 4, "{plan}");
    assert!(!plan.stdout.contains("has not answered yet"), "{plan}");
    assert!(plan.stdout.contains("late  unreachable"), "{plan}");
    let ended = late.stage.upgrade();
    assert_eq!(ended.code, 4, "{ended}");
    assert!(ended.stderr.contains("late  planned:  unreachable"), "{ended}");
    assert_eq!(late.stage.outcome("a"), "upgraded");
}
