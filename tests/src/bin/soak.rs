//! `tests/soak`: upgrades of embedded hosts under random faults, until the time is over or something is violated.
//!
//! Every round has a seed of its own, which is printed; `--seed` begins with that round again.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "it is a test with a program of its own"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fastrand::Rng;
use ixporch_tests::embedded::{EmbeddedFleet, EmbeddedHost};
use ixporch_tests::program::Program;
use ixporch_tests::verdict::{CHECKS, STEPS, undisturbed};
use ixporch_tests::wire::{self, State, Wire, until};
use serde_json::Value;

/// Set for the child process, which is the program `ixporch` itself.
const AS_PROGRAM: &str = "IXPORCH_SOAK_RUNS_THE_PROGRAM";

const HOSTS: [&str; 3] = ["s1", "p1", "p2"];

/// How often a run may be taken up again in one round.
const RESUMES: u32 = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    CutAndMend(u64),
    Reset,
    RestartServer(u64),
    KillStep,
    KillController,
    CtrlC,
    Slow(u64),
}

/// A fault at a point of a step of one host.
#[derive(Debug, Clone, Copy)]
struct Plan {
    step: &'static str,
    point: &'static str,
    fault: Fault,
}

fn main() -> ExitCode {
    if std::env::var_os(AS_PROGRAM).is_some() {
        return ixporch::cli::main();
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1)?.parse::<u64>().ok()
    };
    let minutes = value("--minutes").unwrap_or(1);
    let mut seed = value("--seed").unwrap_or_else(|| Rng::new().u64(1..1_000_000_000));
    // A copy: the program may be built anew meanwhile.
    let own = tempfile::tempdir().unwrap();
    let program = own.path().join("ixporch");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let end = Instant::now() + Duration::from_secs(minutes * 60);
    let (mut rounds, mut faults) = (0, 0);
    loop {
        println!("round {rounds}: --seed {seed}");
        match round(&program, seed) {
            Ok(tried) => faults += tried,
            Err(violation) => {
                println!("VIOLATION with --seed {seed}: {violation}");
                return ExitCode::FAILURE;
            }
        }
        rounds += 1;
        if Instant::now() >= end {
            println!("{rounds} rounds, {faults} faults: no violation");
            return ExitCode::SUCCESS;
        }
        seed = Rng::with_seed(seed).u64(1..1_000_000_000);
    }
}

/// The faults of a host, in the order of its steps.
fn plan(rng: &mut Rng) -> Vec<Plan> {
    let mut steps: Vec<usize> = (0..rng.usize(0..4)).map(|_| rng.usize(0..STEPS.len())).collect();
    steps.sort_unstable();
    steps.dedup();
    let fault = |rng: &mut Rng| match rng.u32(0..10) {
        0 | 1 => Fault::CutAndMend(rng.u64(0..6000)),
        2 | 3 => Fault::Reset,
        4 => Fault::RestartServer(rng.u64(0..2000)),
        5 | 6 => Fault::KillStep,
        7 => Fault::KillController,
        8 => Fault::CtrlC,
        _ => Fault::Slow(rng.u64(0..500)),
    };
    steps
        .into_iter()
        .map(|step| Plan {
            step: STEPS[step],
            point: rng.choice(["start", "end"]).unwrap(),
            fault: fault(rng),
        })
        .collect()
}

struct Round<'a> {
    fleet: &'a EmbeddedFleet,
    wires: &'a [Wire],
    program: Program,
    controller: Mutex<Option<Child>>,
}

fn round(program: &Path, seed: u64) -> Result<usize, String> {
    let mut rng = Rng::with_seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let fleet = runtime.block_on(EmbeddedFleet::start(folder.path(), &HOSTS));
    fleet.hosts.iter().for_each(EmbeddedHost::publish_next_release);
    let more = "keepalive = \"1s\"\nconnect_timeout = \"2s\"\n";
    let inventory = fleet.inventory(&[("staging", &HOSTS[..1]), ("prod", &HOSTS[1..])], more);
    let wires = runtime.block_on(wire::lay(&fleet, &inventory));
    let plans: Vec<Vec<Plan>> = HOSTS.iter().map(|_| plan(&mut rng)).collect();
    for (host, plans) in fleet.hosts.iter().zip(&plans) {
        println!("  {}: {plans:?}", host.name);
        for plan in plans {
            host.hold(plan.step, plan.point);
        }
    }
    let program = Program::new(program, folder.path()).with_variable(AS_PROGRAM, "1");
    let round = Round { fleet: &fleet, wires: &wires, program, controller: Mutex::new(None) };
    let result = std::thread::scope(|scope| {
        for (host, plans) in plans.iter().enumerate() {
            let (round, runtime) = (&round, &runtime);
            scope.spawn(move || {
                for plan in plans {
                    round.disturb(runtime, host, *plan);
                }
            });
        }
        round.run(&inventory)
    });
    result?;
    round.check(&plans)?;
    Ok(plans.iter().map(Vec::len).sum())
}

impl Round<'_> {
    fn disturb(&self, runtime: &tokio::runtime::Runtime, host: usize, plan: Plan) {
        let (machine, cable) = (&self.fleet.hosts[host], &self.wires[host]);
        runtime.block_on(async {
            let what = format!("{} at {} of {}", machine.name, plan.point, plan.step);
            until(&what, || machine.is_held(plan.step, plan.point)).await;
            match plan.fault {
                Fault::CutAndMend(milliseconds) => {
                    cable.set(State::Cut);
                    machine.let_go(plan.step, plan.point);
                    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                    cable.set(State::Whole);
                }
                Fault::Reset => cable.reset(),
                Fault::RestartServer(milliseconds) => {
                    cable.set(State::Refused);
                    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                    cable.set(State::Whole);
                }
                Fault::KillStep => machine.kill_step(plan.step),
                Fault::KillController => self.signal("-KILL"),
                Fault::CtrlC => self.signal("-INT"),
                Fault::Slow(milliseconds) => tokio::time::sleep(Duration::from_millis(milliseconds)).await,
            }
            machine.let_go(plan.step, plan.point);
        });
    }

    fn signal(&self, name: &str) {
        if let Some(child) = self.controller.lock().unwrap().as_ref() {
            // It may have ended already.
            let _ = std::process::Command::new("kill").args([name, &child.id().to_string()]).status();
        }
    }

    /// Runs the upgrade, and takes it up again as long as it needs that.
    fn run(&self, inventory: &Path) -> Result<(), String> {
        let inventory = inventory.display().to_string();
        let mut words = vec!["upgrade", "--yes", "--inventory", &inventory];
        for _ in 0..RESUMES {
            let mut command = self.program.command(&words);
            let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            *self.controller.lock().unwrap() = Some(child);
            let code = loop {
                let status = self.controller.lock().unwrap().as_mut().unwrap().try_wait().unwrap();
                if let Some(status) = status {
                    break status.code();
                }
                std::thread::sleep(Duration::from_millis(10));
            };
            *self.controller.lock().unwrap() = None;
            if code == Some(0) {
                return Ok(());
            }
            self.resolve()?;
            words = vec!["resume"];
        }
        Err(format!("it has no end after {RESUMES} times resumed: {:#}", self.report()))
    }

    fn report(&self) -> Value {
        self.program.json(&["--format", "json", "report"])
    }

    fn hosts(&self) -> Vec<Value> {
        let report = self.report();
        let waves = report["waves"].as_array().cloned().unwrap_or_default();
        waves.iter().flat_map(|wave| wave["hosts"].as_array().cloned().unwrap_or_default()).collect()
    }

    /// Tells how steps ended whose processes were killed, as the stand-ins know it.
    fn resolve(&self) -> Result<(), String> {
        for host in self.hosts().iter().filter(|host| host["outcome"] == "unknown") {
            let name = host["host"].as_str().unwrap_or_default();
            let Some(step) = host["failing_step"].as_str() else { continue };
            let machine = self.fleet.host(name);
            // What runs still, or has ended since, is found by resuming.
            let Some(folder) = machine.ledger_of(step) else { continue };
            if folder.join("rc").exists() || CHECKS.contains(&step) || machine.is_running(step) {
                continue;
            }
            let how = if machine.is_held(step, "end") { "done" } else { "not-done" };
            let words =
                ["resolve", "latest", name, "--step", step, "--as", how, "--reason", "the soak knows"];
            let ended = self.program.run(&words);
            if ended.code != 0 {
                return Err(format!("resolve: {ended}"));
            }
        }
        Ok(())
    }

    fn check(&self, plans: &[Vec<Plan>]) -> Result<(), String> {
        for (host, plans) in self.hosts().iter().zip(plans) {
            let name = host["host"].as_str().unwrap_or_default();
            let killed = plans.iter().filter(|plan| plan.fault == Fault::KillStep && plan.point == "start");
            let more: BTreeMap<String, usize> = killed.map(|plan| (plan.step.to_owned(), 1)).collect();
            undisturbed(self.fleet.host(name), host, &more)?;
        }
        Ok(())
    }
}
