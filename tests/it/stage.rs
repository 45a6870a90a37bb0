//! A stage for tests: a folder, some embedded hosts, and the program.

use std::path::PathBuf;

use ixporch_tests::embedded::EmbeddedFleet;
use ixporch_tests::program::{Ended, Program};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// One host for staging, three for prod.
pub(crate) const GROUPS: &[(&str, &[&str])] = &[("staging", &["s1"]), ("prod", &["p1", "p2", "p3"])];

/// The program with an empty home.
pub(crate) fn program(home: &TempDir) -> Program {
    Program::new(env!("CARGO_BIN_EXE_ixporch-under-test"), home.path())
}

/// Embedded hosts that run as long as this lives.
pub(crate) struct Stage {
    pub(crate) fleet: EmbeddedFleet,
    pub(crate) program: Program,
    pub(crate) inventory: PathBuf,
    pub(crate) runtime: Runtime,
    pub(crate) folder: TempDir,
}

impl Stage {
    /// Hosts of these names in groups (and waves) of these names, upstream one release ahead.
    pub(crate) fn new(groups: &[(&str, &[&str])]) -> Self {
        Self::with(groups, "")
    }

    /// The same with more settings for every host.
    pub(crate) fn with(groups: &[(&str, &[&str])], more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let names: Vec<&str> = groups.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let fleet = runtime.block_on(EmbeddedFleet::start(folder.path(), &names));
        for host in &fleet.hosts {
            host.publish_next_release();
        }
        let inventory = fleet.inventory(groups, more);
        let program = program(&folder);
        Self { fleet, program, inventory, runtime, folder }
    }

    /// From now on hosts that fail are left as they are.
    pub(crate) fn stop_on_failure(&self) {
        self.change_inventory("[defaults]\n", "[defaults]\non_failure = \"stop\"\n");
    }

    /// Replaces text in the inventory.
    pub(crate) fn change_inventory(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(&self.inventory).unwrap();
        assert!(text.contains(from), "{from} is not in\n{text}");
        std::fs::write(&self.inventory, text.replace(from, to)).unwrap();
    }

    /// Runs a subcommand that takes an inventory.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let inventory = self.inventory.display().to_string();
        let mut all = arguments.to_vec();
        all.extend(["--inventory", &inventory]);
        self.program.run(&all)
    }

    /// Runs the upgrade.
    pub(crate) fn upgrade(&self) -> Ended {
        self.run(&["upgrade", "--yes"])
    }

    /// The report of the last run, as JSON.
    pub(crate) fn report(&self) -> serde_json::Value {
        self.program.json(&["--format", "json", "report"])
    }

    /// The id of the last run.
    pub(crate) fn last_run(&self) -> String {
        self.report()["run"].as_str().unwrap().to_owned()
    }

    /// The id of the newest run, also if it only looked.
    pub(crate) fn newest_run(&self) -> String {
        let runs = self.program.json(&["--format", "json", "runs"]);
        runs["runs"][0]["run"].as_str().unwrap().to_owned()
    }

    /// The outcome of a host in the last run.
    pub(crate) fn outcome(&self, host: &str) -> String {
        host_of(&self.report(), host)["outcome"].as_str().unwrap_or("none").to_owned()
    }
}

/// A host's part of a report.
pub(crate) fn host_of(report: &serde_json::Value, host: &str) -> serde_json::Value {
    let waves = report["waves"].as_array().unwrap();
    let hosts = waves.iter().flat_map(|wave| wave["hosts"].as_array().unwrap());
    hosts
        .clone()
        .find(|value| value["host"] == host)
        .unwrap_or_else(|| panic!("no {host} in {report:#}"))
        .clone()
}
