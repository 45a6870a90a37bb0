//! Waves: what starts, what holds, and the printed command that goes on.

use ixporch_tests::program::Ended;
use ixporch_tests::wire::until;

use crate::stage::{GROUPS, Stage, host_of};

/// The words after the program's name in the `next:` line that says `what`.
pub(crate) fn next_command(ended: &Ended, what: &str) -> Vec<String> {
    let line = ended.stdout.lines().find_map(|line| line.strip_prefix("next: ")?.strip_prefix(what));
    let line = line.unwrap_or_else(|| panic!("no next line says {what}: {ended}"));
    let command = line.rsplit_once(": ").unwrap().1;
    command.split(' ').skip(1).map(str::to_owned).collect()
}

/// Runs a command as it was printed.
pub(crate) fn run_as_printed(stage: &Stage, ended: &Ended, what: &str) -> Ended {
    let words = next_command(ended, what);
    stage.program.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_gate_without_a_terminal_holds_and_the_printed_command_goes_on() {
    let stage = Stage::new(GROUPS);
    stage.change_inventory("name = \"prod\"", "name = \"prod\"\ngate = \"confirm\"");
    let held = stage.upgrade();
    assert_eq!(held.code, 7, "{held}");
    assert_eq!((stage.outcome("s1").as_str(), stage.outcome("p1").as_str()), ("upgraded", "not-started"));
    assert!(
        held.stdout.contains("it waits for an approval (gate = confirm), and there is no terminal to ask at"),
        "{held}"
    );
    let run = stage.last_run();
    let before = stage.fleet.host("s1").asked();
    let ended = run_as_printed(&stage, &held, "approve wave prod");
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(stage.last_run(), run, "another run was started");
    for host in ["p1", "p2", "p3"] {
        assert_eq!(stage.outcome(host), "upgraded");
    }
    assert_eq!(stage.fleet.host("s1").asked(), before, "staging was touched again");
    let approved = &stage.report()["approved_waves"][0];
    assert_eq!((&approved["of"], &approved["by"]), (&"prod".into(), &"tester".into()));
}

#[test]
fn a_gate_that_holds_starts_only_when_it_is_approved() {
    let stage = Stage::new(GROUPS);
    stage.change_inventory("name = \"prod\"", "name = \"prod\"\ngate = \"hold\"");
    assert_eq!(stage.upgrade().code, 7);
    let wrong = stage.program.run(&["resume", "--approve", "prd"]);
    assert_eq!(wrong.code, 2, "{wrong}");
    assert!(
        wrong.stderr.contains("the run has no wave `prd` to approve\nhelp: did you mean `prod`?"),
        "{wrong}"
    );
    let ended = stage.program.run(&["resume", "--approve", "prod", "--reason", "the board said so"]);
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(stage.report()["approved_waves"][0]["reason"], "the board said so");
}

#[test]
fn too_many_failures_leave_the_rest_as_it_is_and_the_sum_is_shown() {
    const CANARY: [&str; 6] = ["c1", "c2", "c3", "c4", "c5", "c6"];
    let stage = Stage::new(&[("staging", &["s1"]), ("canary", &CANARY), ("prod", &["p1"])]);
    stage.change_inventory("name = \"canary\"", "name = \"canary\"\nparallel = 5\nmax_failures = \"15%\"");
    stage.fleet.host("c1").break_composer();
    let in_flight = ["c2", "c3", "c4", "c5"];
    for host in in_flight {
        stage.fleet.host(host).hold("composer", "middle");
    }
    let inventory = stage.inventory.display().to_string();
    let arguments = ["upgrade", "--yes", "--inventory", &inventory];
    let mut command = stage.program.command(&arguments);
    let controller = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    // One fails while four others are in the middle of composer.
    stage.runtime.block_on(async {
        for host in in_flight {
            until("it is at composer", || stage.fleet.host(host).is_held("composer", "middle")).await;
        }
        until("one has failed", || stage.outcome("c1") == "rolled-back").await;
    });
    for host in in_flight {
        stage.fleet.host(host).let_go("composer", "middle");
    }
    let output = controller.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    let outcomes = CANARY.map(|host| stage.outcome(host));
    assert_eq!(outcomes, ["rolled-back", "upgraded", "upgraded", "upgraded", "upgraded", "not-started"]);
    assert_eq!((stage.outcome("s1").as_str(), stage.outcome("p1").as_str()), ("upgraded", "not-started"));
    for host in ["c6", "p1"] {
        assert_eq!(stage.fleet.host(host).asked(), Vec::<String>::new(), "{host}");
    }
    let sum =
        "wave `canary`: 1 of 6 hosts failed (1 rolled-back); the limit is 0 (max_failures = 15% of 6 hosts)";
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains(sum), "{shown}");
    assert_eq!(host_of(&stage.report(), "c6")["why"], sum);
}

#[test]
fn a_host_that_is_closed_while_it_is_watched_stops_what_follows() {
    let stage = Stage::new(&[("staging", &["s1"]), ("prod", &["p1"])]);
    stage.change_inventory("name = \"staging\"", "name = \"staging\"\nsoak = \"4s\"");
    let inventory = stage.inventory.display().to_string();
    let arguments = ["upgrade", "--yes", "--inventory", &inventory];
    let mut controller = stage.program.command(&arguments).spawn().unwrap();
    let host = stage.fleet.host("s1");
    stage.runtime.block_on(until("s1 is opened again", || {
        host.asked().last().is_some_and(|asked| asked == "artisan up") && host.leftovers().is_empty()
    }));
    std::fs::write(host.root().join("storage/framework/down"), "{}").unwrap();
    assert_eq!(controller.wait().unwrap().code(), Some(5));
    let why = &host_of(&stage.report(), "s1")["why"];
    let wanted = "it was upgraded, and a health check failed afterwards: `site-is-open`: the site is in maintenance (exit code 1)";
    assert_eq!(why, wanted);
    assert_eq!(stage.outcome("p1"), "not-started");
}

#[test]
fn waves_are_chosen_on_the_command_line() {
    let stage = Stage::new(GROUPS);
    let plan = stage.run(&["--format", "json", "plan", "--wave", "staging"]);
    assert!(plan.stdout.contains("\"s1\"") && !plan.stdout.contains("\"p1\""), "{plan}");
    let staging = stage.run(&["upgrade", "--yes", "--until-wave", "staging"]);
    assert_eq!(staging.code, 0, "{staging}");
    assert_eq!(stage.report()["waves"].as_array().unwrap().len(), 1);
    let wrong = stage.run(&["plan", "--wave", "stagin"]);
    assert_eq!(wrong.code, 2, "{wrong}");
    assert!(wrong.stderr.contains("no wave `stagin`\nhelp: did you mean `staging`?"), "{wrong}");
    let outside = stage.run(&["plan", "--wave", "staging", "--limit", "p1"]);
    assert_eq!(outside.code, 2, "{outside}");
    assert!(outside.stderr.contains("it is in none of the chosen waves"), "{outside}");
    let prod = stage.run(&["upgrade", "--yes", "--from-wave", "prod"]);
    assert_eq!(prod.code, 0, "{prod}");
    assert_eq!(stage.fleet.host("p3").describe(), "v4.5.0");
}

#[test]
fn all_hosts_at_once_are_not_assumed() {
    let stage = Stage::new(&[("all", &["a", "b"])]);
    stage.change_inventory("[[waves]]\nname = \"all\"\nhosts = \"@all\"\n", "");
    let refused = stage.upgrade();
    assert_eq!(refused.code, 2, "{refused}");
    assert!(
        refused.stderr.contains("declares no waves") && refused.stderr.contains("--limit '*'"),
        "{refused}"
    );
    assert_eq!(stage.fleet.host("a").asked(), Vec::<String>::new());
    let meant = stage.run(&["upgrade", "--yes", "--limit", "*"]);
    assert_eq!(meant.code, 0, "{meant}");
}
