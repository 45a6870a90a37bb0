//! How many round trips a step costs after login.

use std::path::Path;
use std::time::Duration;

use ixporch_tests::slow_link;
use ixporch_tests::sshd::Sshd;

use crate::stage::{Stage, host_of};

/// Long against what a login shell and a delayed acknowledgement cost on one machine.
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

/// Most of a round trip is left for the work itself (a login shell, acknowledgements), less than a third one would
/// take; the slower steps are a busy machine's.
fn assert_two_round_trips(report: &serde_json::Value) {
    let host = host_of(report, "a");
    let mut times: Vec<u64> =
        host["steps"].as_array().unwrap().iter().map(|step| step["milliseconds"].as_u64().unwrap()).collect();
    assert_eq!(times.len(), STEPS);
    times.sort_unstable();
    let round_trip = u64::try_from(ROUND_TRIP.as_millis()).unwrap();
    assert!(
        times[STEPS / 3] < round_trip * 11 / 4,
        "more than two round trips a step: {times:?} ms at {round_trip} ms"
    );
}

#[test]
fn a_trivial_step_costs_two_round_trips_at_the_most() {
    let stage = Stage::new(&[("all", &["a"])]);
    let port = stage.fleet.host("a").port;
    let slow = stage.runtime.block_on(slow_link::start(port, ROUND_TRIP / 2));
    stage.change_inventory(&format!("port = {port}\n"), &format!("port = {slow}\n"));
    let known_hosts = stage.folder.path().join("known_hosts");
    let line = std::fs::read_to_string(&known_hosts).unwrap();
    std::fs::write(&known_hosts, line.replace(&port.to_string(), &slow.to_string())).unwrap();
    let ended = stage.run(&["upgrade", "--yes", "--procedure", &some_steps(stage.folder.path())]);
    assert_eq!(ended.code, 0, "{ended}");
    assert_two_round_trips(&stage.report());
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
    assert_two_round_trips(&stage.report());
}
