//! How many round trips a step costs after login.

use std::path::Path;
use std::time::Duration;

use ixporch_tests::slow_link;
use ixporch_tests::sshd::Sshd;

use crate::stage::Stage;

/// Long against what starting a process costs on a busy machine.
const ROUND_TRIP: Duration = Duration::from_millis(600);

const STEPS: usize = 6;

/// Trivial steps, as a procedure.
fn some_steps(folder: &Path) -> String {
    let step = |number: usize| {
        format!("[[steps]]\nid = \"step-{number}\"\ntitle = \"T\"\neffect = \"change\"\nrun = [\"true\"]\n")
    };
    let steps: Vec<String> = (1..=STEPS).map(step).collect();
    let path = folder.join("trivial.toml");
    std::fs::write(&path, format!("format = 1\nname = \"trivial\"\n{}", steps.concat())).unwrap();
    path.display().to_string()
}

/// How long each step took from its intent to its end, by the journal.
fn times(stage: &Stage) -> Vec<u128> {
    let events = stage.program.run(&["--format", "jsonl", "report"]).stdout;
    let events: Vec<serde_json::Value> =
        events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let at =
        |event: &serde_json::Value| -> jiff::Timestamp { event["at"].as_str().unwrap().parse().unwrap() };
    let of = |name: &'static str| events.iter().filter(move |event| event["event"] == name).map(at);
    let steps = of("step-started").zip(of("step-finished"));
    steps.map(|(from, to)| u128::try_from(to.duration_since(from).as_millis()).unwrap()).collect()
}

/// Most of a round trip is left for the work itself, less than a second one would take; the slower steps are a busy
/// machine's.
fn assert_one_round_trip(stage: &Stage) {
    let mut times = times(stage);
    assert_eq!(times.len(), STEPS);
    times.sort_unstable();
    let round_trip = ROUND_TRIP.as_millis();
    assert!(times[0] >= round_trip, "the link is not slow: {times:?} ms");
    assert!(
        times[STEPS / 3] < round_trip * 7 / 4,
        "more than one round trip a step: {times:?} ms at {round_trip} ms"
    );
}

#[test]
fn a_trivial_step_costs_one_round_trip() {
    let stage = Stage::new(&[("all", &["a"])]);
    let port = stage.fleet.host("a").port;
    let slow = stage.runtime.block_on(slow_link::start(port, ROUND_TRIP / 2));
    stage.change_inventory(&format!("port = {port}\n"), &format!("port = {slow}\n"));
    let known_hosts = stage.folder.path().join("known_hosts");
    let line = std::fs::read_to_string(&known_hosts).unwrap();
    std::fs::write(&known_hosts, line.replace(&port.to_string(), &slow.to_string())).unwrap();
    let ended = stage.run(&["upgrade", "--yes", "--procedure", &some_steps(stage.folder.path())]);
    assert_eq!(ended.code, 0, "{ended}");
    assert_one_round_trip(&stage);
}

/// OpenSSH's server opens its window only after the channel, which an embedded one does not show.
#[test]
fn it_costs_no_more_on_openssh() {
    let stage = Stage::new(&[("all", &["a"])]);
    let Some(sshd) = Sshd::start(stage.folder.path()) else { return };
    let slow = stage.runtime.block_on(slow_link::start(sshd.port, ROUND_TRIP / 2));
    let port = stage.fleet.host("a").port;
    stage.change_inventory(&format!("port = {port}\n"), &format!("port = {slow}\n"));
    std::fs::write(stage.folder.path().join("known_hosts"), sshd.known_hosts_line(slow)).unwrap();
    let ended = stage.run(&["upgrade", "--yes", "--procedure", &some_steps(stage.folder.path())]);
    assert_eq!(ended.code, 0, "{ended}");
    assert_one_round_trip(&stage);
}
