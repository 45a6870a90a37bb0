//! The fault matrix on real hosts: what only a machine can have, a reboot, a power cut and a full disk, at every step of
//! the v4 procedure. Cables, servers, controllers and killed steps are tried at every step on embedded hosts.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::Duration;

use ixporch_tests::fleet::Fleet;
use ixporch_tests::verdict::{DISTURBED, STEPS, counted};
use ixporch_tests::wire::{comes, until};
use serde_json::Value;

use crate::stage::Stage;

/// Half of the steps are met before their work, half after it, and the other way round in the next fault.
fn point(cell: usize, odd: bool) -> &'static str {
    if (cell % 2 == 1) == odd { "start" } else { "end" }
}

/// The place of a disturbed step among all steps.
fn place(cell: usize) -> usize {
    STEPS.iter().position(|step| *step == DISTURBED[cell]).unwrap()
}

fn name(cell: usize) -> String {
    format!("h{}", cell + 1)
}

/// Fifteen hosts, each with a witness, and a controller.
struct Ground {
    stage: Stage,
    runtime: tokio::runtime::Runtime,
    odd: bool,
}

impl Ground {
    fn new(odd: bool) -> Option<Self> {
        let stage = Stage::bare()?;
        let names: Vec<String> = (0..DISTURBED.len()).map(name).collect();
        stage.fleet.fleet(&["up", &names.len().to_string()]);
        let mut words = vec!["reset"];
        words.extend(names.iter().map(String::as_str));
        stage.fleet.fleet(&words);
        stage.fleet.fleet(&["publish", "v4.5.0"]);
        for (cell, host) in names.iter().enumerate() {
            stage.hold(host, &format!("{}.{}", DISTURBED[cell], point(cell, odd)));
            stage.artisan(host, "doctrine:schema:validate");
        }
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let ground = Self { stage, runtime, odd };
        std::fs::write(ground.inventory(), ground.inventory_text()).unwrap();
        Some(ground)
    }

    fn inventory(&self) -> String {
        self.stage.program.home().join("fifteen.toml").display().to_string()
    }

    /// Root logins and logins with sudo, in turns.
    fn inventory_text(&self) -> String {
        use std::fmt::Write;
        let var = self.stage.fleet.state().display().to_string();
        let mut text = format!(
            "format = 1\n[defaults]\nidentity_files = [\"{var}/id_ed25519\"]\nknown_hosts = [\"{var}/known_hosts\"]\n\
             schema_approval = \"any\"\non_failure = \"stop\"\nkeepalive = \"2s\"\nconnect_timeout = \"5s\"\n"
        );
        for cell in 0..DISTURBED.len() {
            let user = if cell % 3 == 0 { "root" } else { "ops" };
            let host = name(cell);
            let address = Fleet::address(&host);
            writeln!(text, "[hosts.{host}]\naddress = \"{address}\"\nuser = \"{user}\"").unwrap();
        }
        text
    }

    fn start(&self) -> Child {
        let inventory = self.inventory();
        let mut command =
            self.stage.program.command(&["upgrade", "--yes", "--limit", "*", "--inventory", &inventory]);
        let log = std::fs::File::create(self.stage.program.home().join("controller.log")).unwrap();
        command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.stage.program.home().join("controller.log")).unwrap_or_default()
    }

    /// Waits until a host is held at its step, and lets the fault happen there.
    fn at_every_step(&self, fault: impl Fn(usize) + Sync) {
        std::thread::scope(|scope| {
            for (cell, step) in DISTURBED.iter().enumerate() {
                let fault = &fault;
                scope.spawn(move || {
                    let (host, place) = (name(cell), format!("{step}.{}", point(cell, self.odd)));
                    let came = self.runtime.block_on(comes(|| Stage::is_held(&host, &place)));
                    assert!(came, "{host} never came to {step}:\n{}", self.said());
                    fault(cell);
                });
            }
        });
    }

    fn let_go(&self, cell: usize) {
        Stage::let_go(&name(cell), &format!("{}.{}", DISTURBED[cell], point(cell, self.odd)));
    }

    fn hosts(&self, run: &str) -> Vec<Value> {
        let report = self.stage.program.json(&["--format", "json", "report", run]);
        report["waves"][0]["hosts"].as_array().unwrap().clone()
    }

    fn last_run(&self) -> String {
        let report = self.stage.program.json(&["--format", "json", "report"]);
        report["run"].as_str().unwrap().to_owned()
    }

    /// Says of every step whose end nobody knows how it ended, as a person would who knows the truth; gives the hosts
    /// where it was not done.
    fn resolve(&self, run: &str) -> Vec<String> {
        let mut not_done = Vec::new();
        for host in self.hosts(run).iter().filter(|host| host["outcome"] == "unknown") {
            let (name, step) = (host["host"].as_str().unwrap(), host["failing_step"].as_str().unwrap());
            let cell: usize = name[1..].parse::<usize>().unwrap() - 1;
            assert_eq!(
                step, DISTURBED[cell],
                "{name}: another step than the disturbed one is unknown: {host:#}"
            );
            let how = if point(cell, self.odd) == "end" { "done" } else { "not-done" };
            let words = ["resolve", run, name, "--step", step, "--as", how, "--reason", "looked at the host"];
            let ended = self.stage.program.run(&words);
            assert_eq!(ended.code, 0, "{ended}");
            if how == "not-done" {
                not_done.push(name.to_owned());
            }
        }
        not_done
    }

    /// Every host is upgraded, and the body of every change ran once; again where a person said that it had not been done.
    fn assert_once(&self, run: &str, not_done: &[String]) {
        for (cell, value) in self.hosts(run).iter().enumerate() {
            let host = name(cell);
            let what = format!("{} on {host}", DISTURBED[cell]);
            assert_eq!(value["outcome"], "upgraded", "{what}: {value:#}");
            assert_eq!(value["debts"], serde_json::json!([]), "{what}");
            self.assert_bodies(cell, usize::from(not_done.contains(&host)), &what);
            assert_eq!(self.stage.describe(&host), "v4.5.0", "{what}");
            assert!(!self.stage.in_maintenance(&host), "{what}");
            let (text, code) = self.stage.artisan(&host, "doctrine:schema:validate");
            assert_eq!(code, 0, "{what}: {text}");
            let left = self.stage.fleet.on(
                &host,
                "ls -d /root/.ixporch /home/ops/.ixporch /srv/ixpmanager/.git/ixporch.lock 2>/dev/null; \
                 systemctl list-units --all --no-legend 'ixporch-*'",
            );
            assert_eq!(left, "", "{what}");
        }
    }

    fn assert_bodies(&self, cell: usize, more: usize, what: &str) {
        let bodies = self.stage.fleet.on(&name(cell), "cat /var/lib/witness/bodies");
        let bodies: Vec<String> = bodies.lines().map(str::to_owned).collect();
        let more = BTreeMap::from([(DISTURBED[cell].to_owned(), more)]);
        assert_eq!(counted(&bodies, &more), Ok(()), "{what}");
    }

    /// Lets the run come to its end, with a person's help where one is needed.
    fn ends_well(&self, mut controller: Child, fault: &str) {
        let code = controller.wait().unwrap().code();
        let run = self.last_run();
        let mut not_done = Vec::new();
        if code != Some(0) {
            let unknown: Vec<String> = self
                .hosts(&run)
                .iter()
                .filter(|host| host["outcome"] != "upgraded")
                .map(|host| format!("{} {} {}", host["host"], host["outcome"], host["failing_step"]))
                .collect();
            not_done = self.resolve(&run);
            let resumed = self.stage.program.run(&["resume", &run]);
            assert_eq!(resumed.code, 0, "{unknown:#?}\n{}\n{resumed}", self.said());
        }
        self.assert_once(&run, &not_done);
        ixporch_tests::say(&format!(
            "fault matrix: {fault}: {} cells, no change repeated or lost",
            DISTURBED.len()
        ));
    }
}

#[test]
fn a_host_that_is_rebooted_at_any_step_repeats_and_loses_nothing() {
    let Some(ground) = Ground::new(true) else { return };
    let controller = ground.start();
    ground.at_every_step(|cell| {
        // The step dies with the host; what holds it lets nothing go before.
        ground.stage.fleet.fleet(&["reboot", &name(cell)]);
        ground.let_go(cell);
    });
    ground.ends_well(controller, "host rebooted");
}

#[test]
fn a_power_cut_at_any_step_repeats_and_loses_nothing() {
    let Some(ground) = Ground::new(false) else { return };
    let controller = ground.start();
    ground.at_every_step(|cell| {
        ground.stage.fleet.fleet(&["crash", &name(cell)]);
        ground.let_go(cell);
        ground.stage.fleet.fleet(&["boot", &name(cell)]);
    });
    ground.ends_well(controller, "power cut");
}

#[test]
fn a_disk_that_is_full_at_any_step_takes_no_end_away() {
    let Some(ground) = Ground::new(true) else { return };
    for cell in 0..DISTURBED.len() {
        ground.stage.fleet.on(
            &name(cell),
            "for home in /root /home/ops; do mkdir -p $home/.ixporch; mount -t tmpfs -o size=4m,mode=700 tmpfs $home/.ixporch; done
             chown ops: /home/ops/.ixporch",
        );
    }
    let mut controller = ground.start();
    ground.at_every_step(|cell| {
        ground.stage.fleet.on(
            &name(cell),
            "for home in /root /home/ops; do head -c 5M /dev/zero > $home/.ixporch/full; done 2>/dev/null; true",
        );
        ground.let_go(cell);
    });
    assert_ne!(controller.wait().unwrap().code(), Some(0));
    let run = ground.last_run();
    for (cell, host) in ground.hosts(&run).iter().enumerate() {
        let steps = host["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["step"] == DISTURBED[cell]).unwrap();
        // Where only its words say how it ended, a person must look: there was no room for them.
        let is_read = ["schema-review", "schema-update"].contains(&DISTURBED[cell])
            && point(cell, ground.odd) == "start";
        let wanted = if is_read { "unknown" } else { "succeeded" };
        assert_eq!(step["outcome"], wanted, "{}: its end was lost: {host:#}", DISTURBED[cell]);
        // The next one finds no room to be claimed in, and says so.
        if let Some(next) = STEPS.get(place(cell) + 1).filter(|_| !is_read) {
            assert_eq!(host["failing_step"], *next, "{host:#}");
            let why = host["why"].as_str().unwrap();
            assert!(why.contains("No space left") || why.contains("disk"), "{why}");
        }
        ground.assert_bodies_so_far(cell);
        ground.stage.fleet.on(
            &name(cell),
            "umount /root/.ixporch /home/ops/.ixporch; rmdir /root/.ixporch /home/ops/.ixporch",
        );
    }
    ixporch_tests::say(&format!(
        "fault matrix: disk full: {} cells, no change repeated or lost",
        DISTURBED.len()
    ));
    let again = ground.stage.program.run(&["resume", "--rerun", "unfinished", "--yes"]);
    assert_eq!(again.code, 0, "{again}");
}

impl Ground {
    /// Up to the disturbed step every body ran once, and none after it.
    fn assert_bodies_so_far(&self, cell: usize) {
        let text = self.stage.fleet.on(&name(cell), "cat /var/lib/witness/bodies");
        let bodies: Vec<&str> = text.lines().collect();
        assert_eq!(bodies, &STEPS[..=place(cell)], "{}", name(cell));
    }
}

/// What's story tells: a cable that is pulled for a minute, and a controller that is killed meanwhile.
#[test]
fn a_pulled_cable_and_a_killed_controller_end_in_four_upgraded_hosts() {
    let Some(stage) = Stage::new() else { return };
    stage.fleet.fleet(&["publish", "v4.5.0"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (host, hold) in [("h2", "composer.end"), ("h4", "schema-update.start")] {
        stage.hold(host, hold);
        stage.fleet.on(
            host,
            "mysql -e 'SET GLOBAL general_log_file=\"/var/lib/mysql/statements.log\"; SET GLOBAL general_log=1'",
        );
    }
    let inventory = stage.fleet.inventory();
    let mut command = stage.program.command(&["upgrade", "--yes", "--inventory", &inventory]);
    let mut controller = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    runtime.block_on(async {
        until("composer is under way", || Stage::is_held("h2", "composer.end")).await;
        stage.fleet.fleet(&["fault", "link-down", "h2"]);
        Stage::let_go("h2", "composer.end");
        until("the schema is being updated", || Stage::is_held("h4", "schema-update.start")).await;
        controller.kill().unwrap();
        controller.wait().unwrap();
        Stage::let_go("h4", "schema-update.start");
        // The cable is out for a minute.
        tokio::time::sleep(Duration::from_secs(60)).await;
        stage.fleet.fleet(&["fault", "clear", "h2"]);
    });
    let resumed = stage.program.run(&["resume"]);
    assert_eq!(resumed.code, 0, "{resumed}");
    for (host, outcome, _) in stage.outcomes() {
        assert_eq!(outcome, "upgraded", "{host}: {resumed}");
    }
    let count = |host: &str, words: &str| {
        let script = format!("grep -c '{words}' /var/lib/mysql/statements.log");
        stage.fleet.on(host, &script)
    };
    for host in ["h2", "h4"] {
        assert_eq!(count(host, "ALTER TABLE cust ADD peeringpolicy"), "1", "{host}");
        assert_eq!(count(host, "CREATE TABLE audit_log"), "1", "{host}");
    }
    assert_eq!(stage.fleet.on("h2", "grep -c composer /var/lib/witness/bodies"), "1");
}
