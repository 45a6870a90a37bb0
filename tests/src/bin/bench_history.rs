//! `tests/bench/history`: how long commands take on a controller that has carried out many runs.
//!
//! The runs are copies of a real journal of version 0.1.0, so that old and new programs can read them. Nothing listens at
//! the hosts' ports: what is measured is the work on the controller.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "it is a benchmark with a program of its own"
)]

use std::fmt::Write;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ixporch_tests::program::Program;
use serde_json::{Value, json};

/// The journal that is copied, and the host of it.
const JOURNAL: &str = "it/journals/0.1.0/01a21a1a-9d24-7198-b0a0-3b75a3253f6a/journal.jsonl";
const HOST: &str = "s1";

/// The steps that are kept: enough for open steps, backups and rollbacks.
const STEPS: [&str; 6] =
    ["maintenance-on", "backup", "code-pull", "schema-update", "views", "maintenance-off"];

/// Each command is timed so often; the fastest counts, since the machine only adds to it.
const TIMES: usize = 5;

struct Bench {
    programs: Vec<PathBuf>,
    runs: u64,
    hosts: u64,
}

fn main() {
    let bench = arguments();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let bytes = write_runs(&bench, &state, folder.path());
    println!("{} runs of {} hosts, {} MB of journals", bench.runs, bench.hosts, bytes / 1_000_000);
    let inventory = folder.path().join("inventory.toml").display().to_string();
    let commands: [(&str, Vec<&str>); 5] = [
        ("status of one host", vec!["status", "--inventory", &inventory, "--limit", "h000"]),
        // Nobody answers: what is left of the time is work, if all hosts are waited for at once.
        ("plan", vec!["plan", "--connecting", "100", "--inventory", &inventory]),
        ("runs", vec!["runs"]),
        ("report latest", vec!["report", "latest"]),
        ("rollback of 3 hosts", vec!["rollback", "--yes", "--limit", "h000,h001,h002"]),
    ];
    let programs: Vec<String> = bench.programs.iter().map(|path| format!("{:>40}", path.display())).collect();
    println!("{:22}{}", "", programs.concat());
    for (name, arguments) in commands {
        let mut line = format!("{name:22}");
        for program in &bench.programs {
            let program = Program::new(program, folder.path());
            let mut arguments = arguments.clone();
            let state = state.display().to_string();
            arguments.extend(["--state-dir", &state]);
            // The first time, summaries may be made.
            let first = timed(&program, &arguments);
            let best = (0..TIMES).map(|_| timed(&program, &arguments)).min().unwrap();
            let _ = write!(
                line,
                "{:>26} first, {:>5.2} s",
                format!("{:.2} s", first.as_secs_f64()),
                best.as_secs_f64()
            );
        }
        println!("{line}");
    }
}

fn timed(program: &Program, arguments: &[&str]) -> Duration {
    let began = Instant::now();
    let ended = program.run(arguments);
    let took = began.elapsed();
    assert!(ended.code != 101, "{ended}");
    took
}

fn arguments() -> Bench {
    let mut bench = Bench { programs: Vec::new(), runs: 300, hosts: 100 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap();
        match word.as_str() {
            "--runs" => bench.runs = value().parse().unwrap(),
            "--hosts" => bench.hosts = value().parse().unwrap(),
            "--program" | "--against" => bench.programs.push(std::fs::canonicalize(value()).unwrap()),
            other => panic!("unknown argument {other}: --runs N, --hosts N, --against PROGRAM"),
        }
    }
    bench
}

/// Writes the runs and their inventory; gives the length of all journals.
fn write_runs(bench: &Bench, state: &Path, folder: &Path) -> usize {
    let journal = Path::new(env!("CARGO_MANIFEST_DIR")).join(JOURNAL);
    let text = std::fs::read_to_string(journal).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut header = lines[0].clone();
    let mut wave = header["plan"]["waves"][0].clone();
    let plans: Vec<&Value> = lines[0]["plan"]["waves"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|wave| wave["hosts"].as_array().unwrap())
        .collect();
    let mut plan = (*plans.iter().find(|plan| plan["host"] == HOST).unwrap()).clone();
    plan["action"]["upgrade"]
        .as_array_mut()
        .unwrap()
        .retain(|step| STEPS.iter().any(|kept| step["id"] == *kept));
    plan["health"] = json!([]);
    plan["back"] = json!([]);
    let is_kept = |event: &&Value| {
        event["host"] == HOST && (event["step"].is_null() || STEPS.iter().any(|kept| event["step"] == *kept))
    };
    let events: Vec<Value> = lines[1..].iter().filter(is_kept).cloned().collect();
    let name = |number: u64| format!("h{number:03}");
    wave["members"] = json!([]);
    wave["hosts"] = (0..bench.hosts)
        .map(|number| {
            let mut plan = plan.clone();
            plan["host"] = json!(name(number));
            plan["login"] = json!(format!("-p {} ops@127.0.0.1", 2000 + number));
            plan
        })
        .collect();
    header["plan"]["waves"] = json!([wave]);
    header["inventory"] = json!(folder.join("inventory.toml").display().to_string());
    let mut inventory = format!(
        "format = 1\n[defaults]\nuser = \"ops\"\nixp_root = {}\nconnect_timeout = \"1s\"\n",
        plan["place"]["ixp_root"]
    );
    for number in 0..bench.hosts {
        let _ = write!(
            inventory,
            "[hosts.{}]\naddress = \"127.0.0.1\"\nport = {}\n",
            name(number),
            2000 + number
        );
    }
    std::fs::write(folder.join("inventory.toml"), inventory).unwrap();
    (0..bench.runs).map(|run| write_run(run, bench.hosts, &header, &events, state)).sum()
}

fn write_run(run: u64, hosts: u64, header: &Value, events: &[Value], state: &Path) -> usize {
    // UUIDv7 begin with the time in milliseconds (RFC 9562).
    let began = 1_790_000_000_000 + run * 3_600_000;
    let id = format!("{:08x}-{:04x}-7000-8000-{run:012x}", began >> 16, began & 0xffff);
    let at = |second: u64| {
        let (hours, minutes, seconds) = (run % 24, second / 60 % 60, second % 60);
        json!(format!("2026-09-{:02}T{hours:02}:{minutes:02}:{seconds:02}Z", 1 + run / 24 % 30))
    };
    let mut header = header.clone();
    header["run"] = json!(id);
    header["at"] = at(0);
    let mut text = format!("{header}\n");
    let mut sequence = 1;
    for number in 0..hosts {
        for event in events {
            sequence += 1;
            let mut event = event.clone();
            event["sequence"] = json!(sequence);
            event["host"] = json!(format!("h{number:03}"));
            event["at"] = at(sequence / 4);
            let _ = writeln!(text, "{event}");
        }
    }
    let ended = json!({ "sequence": sequence + 1, "at": at(sequence / 4 + 1), "event": "run-finished", "exit_code": 0 });
    let _ = writeln!(text, "{ended}");
    let folder = state.join("runs").join(id);
    std::fs::create_dir_all(&folder).unwrap();
    let mut journal = std::fs::File::create(folder.join("journal.jsonl")).unwrap();
    journal.write_all(text.as_bytes()).unwrap();
    // As ixporch leaves it: else the first command would wait for the disk.
    journal.sync_all().unwrap();
    text.len()
}
