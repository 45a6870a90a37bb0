//! Faults on the way back: a host whose schema update failed comes back to its start whatever happens meanwhile, database
//! and all, and nothing of that runs twice.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};

use ixporch_tests::wire::{self, State, Wire, until};

use super::ground;
use crate::stage::{Stage, host_of};

/// The steps of the way back, each disturbed on a host of its own.
const BACK: [&str; 5] =
    ["code-back", "components-back", "database-back", "memcached-back", "maintenance-back"];

/// Hosts whose schema update fails half-way, each behind a cable of its own.
fn stage(point: &str) -> (Stage, Vec<Wire>) {
    let stage = Stage::with(&[("all", &BACK)], "keepalive = \"1s\"\nconnect_timeout = \"6s\"\n");
    let wires = stage.runtime.block_on(wire::lay(&stage.fleet, &stage.inventory));
    for step in BACK {
        stage.fleet.host(step).break_schema_update();
        stage.fleet.host(step).hold(step, point);
    }
    (stage, wires)
}

fn start(stage: &Stage) -> Child {
    let inventory = stage.inventory.display().to_string();
    let mut command = stage.program.command(&["upgrade", "--yes", "--inventory", &inventory]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Whether the controller noticed that a host's connection is gone.
fn has_gap(stage: &Stage, host: &str) -> bool {
    host_of(&stage.report(), host)["link_gaps"].as_array().is_some_and(|gaps| !gaps.is_empty())
}

/// Every host is at its start, and each body of the way back ran once.
fn assert_back(stage: &Stage) {
    let report = stage.report();
    for name in BACK {
        let (host, value) = (stage.fleet.host(name), host_of(&report, name));
        assert_eq!((&value["outcome"], &value["went_back"]), (&"rolled-back".into(), &1.into()), "{value:#}");
        assert_eq!(host.tables(), ["cust", "virtualinterface"], "{name}");
        assert_eq!((host.describe().as_str(), host.in_maintenance()), ("v4.4.0", false), "{name}");
        assert_eq!(host.leftovers(), Vec::<String>::new(), "{name}");
        let mut ran: BTreeMap<String, usize> = BTreeMap::new();
        for body in host.bodies() {
            *ran.entry(body).or_default() += 1;
        }
        for step in BACK {
            assert_eq!(ran.get(step), Some(&1), "{step} on {name}");
        }
    }
}

#[test]
fn a_cable_that_is_cut_on_the_way_back_changes_nothing() {
    for point in ["start", "end"] {
        let (stage, wires) = stage(point);
        let mut controller = start(&stage);
        stage.runtime.block_on(async {
            let stage = &stage;
            let all = std::iter::zip(BACK, &wires).map(|(step, wire)| {
                let host = stage.fleet.host(step);
                async move {
                    until(&format!("{step} at {point}"), || host.is_held(step, point)).await;
                    wire.set(State::Cut);
                    host.let_go(step, point);
                    until("the loss is noticed", || has_gap(stage, step)).await;
                    wire.set(State::Whole);
                }
            });
            futures::future::join_all(all).await;
        });
        assert_eq!(controller.wait().unwrap().code(), Some(5));
        assert_back(&stage);
    }
    ground::count("cable cut on the way back", 2 * BACK.len());
}

#[test]
fn a_controller_that_is_killed_on_the_way_back_is_resumed() {
    for point in ["start", "end"] {
        let (stage, _wires) = stage(point);
        let mut controller = start(&stage);
        stage.runtime.block_on(async {
            for step in BACK {
                let host = stage.fleet.host(step);
                until(&format!("{step} at {point}"), || host.is_held(step, point)).await;
            }
        });
        controller.kill().unwrap();
        controller.wait().unwrap();
        for step in BACK {
            stage.fleet.host(step).let_go(step, point);
        }
        let ended = stage.program.run(&["resume"]);
        assert_eq!(ended.code, 5, "{ended}");
        assert_back(&stage);
    }
    ground::count("controller killed on the way back", 2 * BACK.len());
}
