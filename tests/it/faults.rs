//! The fault matrix over embedded hosts: every step of the v4 procedure against every fault that a controller, a
//! cable or a process can have. Reboots, power cuts and full disks are on the fleet (`on_the_fleet::faults`).
//!
//! One run tries one fault on as many hosts as the procedure has steps, each at another step. Afterwards every host
//! must have ended as an undisturbed one, and the body of every change must have run once, as the host counted it.

mod back;
mod ground;

use std::collections::BTreeMap;

use ixporch_tests::wire::{State, until};

use ixporch_tests::verdict::{DISTURBED, STEPS, undisturbed};

use self::ground::Ground;
use crate::stage::{Stage, host_of};

/// The steps whose work a person must judge when their process is killed: those without a proof that decides.
fn resolve_unknown(ground: &Ground, run: &str, done: bool) -> usize {
    let mut resolved = 0;
    for (host, step) in ground.unknown(run) {
        let how = if done { "done" } else { "not-done" };
        let words = ["resolve", run, &host, "--step", &step, "--as", how, "--reason", "looked at it"];
        let ended = ground.stage.program.run(&words);
        assert_eq!(ended.code, 0, "{ended}");
        resolved += 1;
    }
    resolved
}

/// Plays a fault at a point of every step while the controller lives; gives the number of cells.
fn while_it_runs(point: &str, fault: &impl AsyncFn(&Ground, usize)) -> usize {
    let ground = Ground::new();
    let cells = ground.hold_all(point);
    let mut controller = ground.start();
    ground.stage.runtime.block_on(async {
        let all = cells.iter().map(|cell| {
            let ground = &ground;
            async move {
                let host = ground.host(*cell);
                until(&format!("{} at {point}", DISTURBED[*cell]), || host.is_held(DISTURBED[*cell], point))
                    .await;
                fault(ground, *cell).await;
            }
        });
        futures::future::join_all(all).await;
    });
    let code = controller.wait();
    let run = ground.stage.last_run();
    if code != 0 {
        // Only what a person must judge may keep a run from its end.
        let done = point == "end";
        assert!(resolve_unknown(&ground, &run, done) > 0, "exit code {code}: {}", controller.said());
        let resumed = ground.stage.program.run(&["resume", &run]);
        assert_eq!(resumed.code, 0, "{resumed}");
        ground.assert_undisturbed(&run, &cells, usize::from(!done));
    } else {
        ground.assert_undisturbed(&run, &cells, 0);
    }
    cells.len()
}

#[test]
fn a_cable_that_is_cut_silently_and_mended_changes_nothing() {
    let mut cells = 0;
    for point in ["start", "middle", "end"] {
        cells += while_it_runs(point, &async |ground: &Ground, cell: usize| {
            ground.wire(cell).set(State::Cut);
            ground.host(cell).let_go(DISTURBED[cell], point);
            until("the loss is noticed", || ground.journal().lost_link_of(cell)).await;
            ground.wire(cell).set(State::Whole);
        });
    }
    ground::count("cable cut silently", cells);
}

#[test]
fn a_connection_that_is_reset_changes_nothing() {
    let mut cells = 0;
    for point in ["start", "end"] {
        cells += while_it_runs(point, &async |ground: &Ground, cell: usize| {
            ground.wire(cell).reset();
            ground.host(cell).let_go(DISTURBED[cell], point);
        });
    }
    ground::count("connection reset", cells);
}

#[test]
fn a_server_that_is_restarted_changes_nothing() {
    // Losing the connection itself is tried at every point by a cut cable; here it is refused for a while, too.
    let point = "middle";
    let cells = while_it_runs(point, &async |ground: &Ground, cell: usize| {
        ground.wire(cell).set(State::Refused);
        until("the loss is noticed", || ground.journal().lost_link_of(cell)).await;
        ground.host(cell).let_go(DISTURBED[cell], point);
        ground.wire(cell).set(State::Whole);
    });
    ground::count("server restarted", cells);
}

#[test]
fn a_step_whose_processes_are_killed_is_proven_or_judged_by_a_person() {
    let mut cells = 0;
    for point in ["start", "end"] {
        cells += while_it_runs(point, &async |ground: &Ground, cell: usize| {
            let host = ground.host(cell);
            host.kill_step(DISTURBED[cell]);
            host.let_go_for_good(DISTURBED[cell]);
        });
    }
    ground::count("step killed", cells);
}

#[test]
fn a_controller_that_is_killed_while_steps_run_is_resumed() {
    let mut cells = 0;
    for point in ["start", "middle", "end"] {
        let ground = Ground::new();
        let held = ground.hold_all(point);
        let controller = ground.start();
        ground.wait_until_held(&held, point);
        controller.kill();
        // Half of the steps end before anybody looks again, half while they are looked for.
        let (before, after) = held.split_at(held.len() / 2);
        ground.let_go(before, point);
        let again = ground.resume();
        ground.let_go(after, point);
        ground.assert_ends_well(again, &held);
        cells += held.len();
    }
    ground::count("controller killed while running", cells);
}

#[test]
fn a_controller_that_is_killed_while_the_schema_is_looked_at_again_is_resumed() {
    let steps = ["schema-recheck", "schema-verify"];
    let stage = Stage::new(&[("all", &steps)]);
    for step in steps {
        stage.fleet.host(step).hold(step, "middle");
    }
    let inventory = stage.inventory.display().to_string();
    let mut controller =
        stage.program.command(&["upgrade", "--yes", "--inventory", &inventory]).spawn().unwrap();
    stage.runtime.block_on(async {
        for step in steps {
            until(step, || stage.fleet.host(step).is_held(step, "middle")).await;
        }
    });
    controller.kill().unwrap();
    controller.wait().unwrap();
    for step in steps {
        stage.fleet.host(step).let_go_for_good(step);
    }
    let ended = stage.program.run(&["resume"]);
    assert_eq!(ended.code, 0, "{ended}");
    for step in steps {
        let value = host_of(&stage.report(), step);
        assert_eq!(undisturbed(stage.fleet.host(step), &value, &BTreeMap::new()), Ok(()));
    }
}

#[test]
fn a_controller_that_is_killed_before_it_heard_the_end_is_resumed() {
    let ground = Ground::new();
    let held = ground.hold_all("end");
    let controller = ground.start();
    ground.wait_until_held(&held, "end");
    for cell in &held {
        ground.wire(*cell).set(State::FromHostCut);
    }
    ground.let_go(&held, "end");
    ground.stage.runtime.block_on(async {
        for cell in &held {
            let host = ground.host(*cell);
            let ended = || host.ledger_of(DISTURBED[*cell]).is_some_and(|folder| folder.join("rc").exists());
            until("the host has written the end", ended).await;
        }
    });
    controller.kill();
    ground.mend();
    ground.assert_ends_well(ground.resume(), &held);
    ground::count("controller killed between rc and outcome", held.len());
}

/// The step that runs directly before a disturbed one.
fn before(cell: usize) -> &'static str {
    let place = STEPS.iter().position(|step| *step == DISTURBED[cell]).unwrap();
    STEPS[place - 1]
}

/// Brings every host to the moment in which the intent of its step is in the journal, and the host has not heard of it.
fn decided_and_not_told() -> (Ground, ground::Controller, Vec<usize>) {
    let ground = Ground::new();
    let cells: Vec<usize> = (1..DISTURBED.len()).collect();
    for cell in &cells {
        ground.host(*cell).hold(before(*cell), "end");
    }
    ground.host(0).hold(DISTURBED[0], "end");
    let controller = ground.start();
    ground.stage.runtime.block_on(async {
        for cell in &cells {
            let host = ground.host(*cell);
            until("the step before is held", || host.is_held(before(*cell), "end")).await;
            ground.wire(*cell).set(State::ToHostCut);
            host.let_go(before(*cell), "end");
        }
        for cell in &cells {
            until("the intent is written", || ground.journal().decided(*cell)).await;
        }
    });
    (ground, controller, cells)
}

#[test]
fn a_controller_that_is_killed_between_intent_and_claim_is_resumed() {
    let (ground, controller, cells) = decided_and_not_told();
    controller.kill();
    ground.host(0).let_go(DISTURBED[0], "end");
    // What was on its way to the hosts arrives now, while the run is taken up again.
    ground.mend();
    ground.assert_ends_well(ground.resume(), &cells);
    ground::count("controller killed between intent and claim", cells.len());
}

#[test]
fn a_controller_that_is_killed_before_the_intent_is_resumed() {
    let (ground, controller, cells) = decided_and_not_told();
    controller.kill();
    ground.host(0).let_go(DISTURBED[0], "end");
    // Nothing has reached the hosts: cutting the connections makes sure of it.
    for cell in &cells {
        ground.wire(*cell).reset();
    }
    // A journal without the intents, and with half of one as a power cut leaves it, is that of the moment before.
    ground.journal().forget_intents(&cells);
    ground.mend();
    ground.assert_ends_well(ground.resume(), &cells);
    ground::count("controller killed before the intent", cells.len());
}
