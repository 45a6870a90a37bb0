//! How many round trips a step costs after login.

use std::time::Duration;

use ixporch_tests::slow_link;

use crate::stage::{Stage, host_of};

const ROUND_TRIP: Duration = Duration::from_millis(200);

#[test]
fn a_trivial_step_costs_two_round_trips_at_the_most() {
    let stage = Stage::new(&[("all", &["a"])]);
    let port = stage.fleet.host("a").port;
    let slow = stage.runtime.block_on(slow_link::start(port, ROUND_TRIP / 2));
    stage.change_inventory(&format!("port = {port}\n"), &format!("port = {slow}\n"));
    let known_hosts = stage.folder.path().join("known_hosts");
    let line = std::fs::read_to_string(&known_hosts).unwrap();
    std::fs::write(&known_hosts, line.replace(&port.to_string(), &slow.to_string())).unwrap();

    let step = |number| {
        format!("[[steps]]\nid = \"step-{number}\"\ntitle = \"T\"\neffect = \"change\"\nrun = [\"true\"]\n")
    };
    let steps: Vec<String> = (1..=10).map(step).collect();
    let procedure = stage.folder.path().join("ten.toml");
    std::fs::write(&procedure, format!("format = 1\nname = \"ten\"\n{}", steps.concat())).unwrap();
    let ended = stage.run(&["upgrade", "--yes", "--procedure", &procedure.display().to_string()]);
    assert_eq!(ended.code, 0, "{ended}");

    let host = host_of(&stage.report(), "a");
    let mut times: Vec<u64> =
        host["steps"].as_array().unwrap().iter().map(|step| step["milliseconds"].as_u64().unwrap()).collect();
    assert_eq!(times.len(), 10);
    times.sort_unstable();
    // Half a round trip is left for the work itself, and the median for a busy machine.
    let round_trips = times[5] / u64::try_from(ROUND_TRIP.as_millis()).unwrap();
    assert!(round_trips <= 2, "{round_trips} round trips a step: {times:?}");
    println!("round trips per step: {round_trips}; times: {times:?} ms at a round trip of {ROUND_TRIP:?}");
}
