//! What a written plan holds, and that it is read as it was.

use std::collections::BTreeMap;
use std::fmt::Write;

use ixporch_inventory::Inventory;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::facts::{Composition, Database, Facts};
use crate::plan::{Options, ProbeResult, Request, build, sample, tests::facts};
use crate::procedure::Procedure;

/// The most that one more host may add to `run-started`.
const BYTES_A_HOST: usize = 12 * 1024;

/// The plan of the built-in upgrade of so many hosts, on which every condition holds.
fn upgrade(hosts: usize) -> Plan {
    let mut text = String::from(
        "format = 1\n[defaults]\nuser = \"ops\"\non_failure = \"rollback\"\n\
         writers = { stop = [\"systemctl\", \"stop\", \"ixp-writers\"], start = [\"systemctl\", \"start\", \"ixp-writers\"] }\n",
    );
    for number in 1..=hosts {
        let _ = write!(text, "[hosts.ixp{number:04}]\naddress = \"ixp{number:04}.fleet.example.net\"\n");
        let _ = writeln!(text, "url = \"https://portal.ixp{number:04}.example.net/ixp/\"");
    }
    let inventory = Inventory::parse("test", &text).unwrap();
    let probes: BTreeMap<String, ProbeResult> =
        inventory.hosts.iter().map(|host| (host.name.clone(), Ok(probed()))).collect();
    let options = Options { target: Some("v4.5.0".to_owned()), ..Options::default() };
    let (procedure, left) = (Procedure::built_in("ixp-manager-v4").unwrap().unwrap(), BTreeMap::new());
    let (inventory, facts, options) = (&inventory, &probes, &options);
    build(&Request { inventory, procedure: &procedure, facts, left: &left, options, default_user: "me" })
        .unwrap()
}

fn probed() -> Facts {
    let database = Some(Database { family: "mariadb".to_owned(), version: "10.1.48".to_owned() });
    let composition = Composition {
        commit: Some("a".repeat(40)),
        composer_lock: Some("c".repeat(64)),
        bower_json: Some("d".repeat(64)),
        php: Some("7.0.33".to_owned()),
        database,
    };
    Facts { composition: Some(composition), ..facts() }
}

fn written(plan: &Plan) -> Value {
    serde_json::to_value(plan).unwrap()
}

fn parsed(written: &Value) -> Result<Plan, String> {
    serde_json::from_str(&written.to_string()).map_err(|error| error.to_string())
}

#[test]
fn one_more_host_adds_little() {
    let plan = upgrade(10);
    let whole = serde_json::to_vec(&plan).unwrap().len();
    let scripts = written(&plan)["scripts"].to_string().len();
    let a_host = (whole - scripts) / 10;
    assert!(a_host <= BYTES_A_HOST, "{a_host} bytes a host, {scripts} for all scripts");
}

#[test]
fn a_script_and_a_step_are_written_once_and_shared_when_they_are_read() {
    let plan = upgrade(2);
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(text.matches("\"id\":\"composer\"").count(), 1);
    let again: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(again, plan);
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
    for plan in [&plan, &again] {
        let backup =
            |host| plan.host(host).unwrap().step("backup").unwrap().command.argv.last().unwrap().as_ptr();
        assert_eq!(backup("ixp0001"), backup("ixp0002"));
    }
    let host = &written(&plan)["waves"][0]["hosts"][1];
    assert_eq!(host["action"]["steps"][0], "tree-check");
    assert!(host["back"].as_array().unwrap().iter().all(Value::is_string), "{host}");
}

#[test]
fn a_plan_with_all_texts_in_its_steps_is_the_same_plan() {
    let plan = upgrade(2);
    let scripts = written(&plan)["scripts"].take();
    let older = json!({
        "format": 1,
        "procedure": plan.procedure,
        "procedure_digest": plan.procedure_digest,
        "target": plan.target,
        "waves": plan.waves,
        "unplaced": [],
    });
    let mut text = older.to_string();
    for (digest, script) in scripts.as_object().unwrap() {
        text = text.replace(&json!({ "script": digest }).to_string(), &script.to_string());
    }
    assert!(!text.contains("{\"script\":"));
    let read: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(read, plan);
    assert_eq!(read.digest(), plan.digest());
}

#[test]
fn a_reference_to_nothing_and_an_altered_text_are_errors_that_name_it() {
    let whole = written(&upgrade(1));
    let (digest, _) = whole["scripts"].as_object().unwrap().iter().next().unwrap();
    let mut lost = whole.clone();
    lost["scripts"].as_object_mut().unwrap().remove(digest);
    let error = parsed(&lost).unwrap_err();
    assert!(error.contains(digest) && error.contains("does not contain"), "{error}");
    let mut altered = whole.clone();
    altered["scripts"][digest] = json!("echo 1;");
    let error = parsed(&altered).unwrap_err();
    assert!(error.contains(digest) && error.contains("does not match"), "{error}");
    let mut stepless = whole.clone();
    stepless["steps"].as_object_mut().unwrap().remove("backup");
    let error = parsed(&stepless).unwrap_err();
    assert!(error.contains("`backup`"), "{error}");
    assert_eq!(parsed(&whole).unwrap(), upgrade(1));
}

fn any_step() -> impl Strategy<Value = PlannedStep> {
    let argument = prop_oneof!["[ -~]{0,8}", "[a\n]{120,140}", Just("same\n".repeat(50))];
    let values = proptest::collection::btree_map("[A-B]", "[a-b]?", 0..3);
    let parts = ("[a-c]", proptest::collection::vec(argument, 0..4), values, any::<[bool; 6]>());
    parts.prop_map(|(id, argv, environment, flags)| {
        let mut step = sample::step(&id, flags[0].then_some("up"));
        step.command.argv = argv.into_iter().map(Argument::from).collect();
        step.command.environment = environment;
        step.command.cwd = flags[1].then(|| "/srv".to_owned());
        (step.alone, step.show, step.tells_health) = (flags[2], flags[3], flags[4]);
        step.when_exists = flags[5].then(|| "artisan".to_owned());
        step
    })
}

proptest! {
    #[test]
    fn every_plan_is_read_as_it_was_written(
        hosts in proptest::collection::vec((any::<[bool; 4]>(), proptest::collection::vec(any_step(), 0..5)), 0..4),
    ) {
        let names: Vec<String> = (0..hosts.len()).map(|number| format!("h{number}")).collect();
        let mut wave = sample::wave("all", names.iter().map(String::as_str));
        for (host, (flags, steps)) in wave.hosts.iter_mut().zip(hosts) {
            host.back = steps.iter().filter(|_| flags[0]).cloned().collect();
            host.health = steps.iter().take(1).cloned().collect();
            host.payers = steps.iter().skip(1).cloned().collect();
            host.action = if flags[1] { HostAction::Steps(steps) } else { HostAction::Unreachable("gone".to_owned()) };
            (host.unfinished, host.stays_closed) = (flags[2], flags[3]);
        }
        let plan = sample::plan(vec![wave]);
        let text = serde_json::to_string(&plan).unwrap();
        let read: Plan = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &plan);
        prop_assert_eq!(read.digest(), plan.digest());
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}
