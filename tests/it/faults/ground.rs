//! The ground that faults are played on: a host with a cable for each step, and a controller that can be killed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use ixporch_tests::embedded::EmbeddedHost;
use ixporch_tests::verdict::{self, DISTURBED};
use ixporch_tests::wire::{self, State, Wire, until};
use serde_json::Value;

use crate::stage::{Stage, host_of};

/// Says how many cells of the matrix were tried.
pub(crate) fn count(fault: &str, cells: usize) {
    ixporch_tests::say(&format!("fault matrix: {fault}: {cells} cells, no change repeated or lost"));
}

fn name(cell: usize) -> String {
    format!("h{cell}")
}

/// A host for each step, each behind a cable of its own.
pub(crate) struct Ground {
    pub(crate) stage: Stage,
    wires: Vec<Wire>,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let names: Vec<String> = (0..DISTURBED.len()).map(name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let stage = Stage::with(&[("all", &names)], "keepalive = \"1s\"\nconnect_timeout = \"6s\"\n");
        let wires = stage.runtime.block_on(wire::lay(&stage.fleet, &stage.inventory));
        Self { stage, wires }
    }

    pub(crate) fn host(&self, cell: usize) -> &EmbeddedHost {
        self.stage.fleet.host(&name(cell))
    }

    pub(crate) fn wire(&self, cell: usize) -> &Wire {
        &self.wires[cell]
    }

    pub(crate) fn mend(&self) {
        for wire in &self.wires {
            wire.set(State::Whole);
        }
    }

    /// Lets every host wait at this point of its own step; gives the steps that have such a point.
    pub(crate) fn hold_all(&self, point: &str) -> Vec<usize> {
        // A step that runs nothing but `sh` has no middle to be held in.
        let held: Vec<usize> = (0..DISTURBED.len())
            .filter(|cell| point != "middle" || DISTURBED[*cell] != "closed-check")
            .collect();
        for cell in &held {
            self.host(*cell).hold(DISTURBED[*cell], point);
        }
        held
    }

    pub(crate) fn wait_until_held(&self, cells: &[usize], point: &str) {
        self.stage.runtime.block_on(async {
            for cell in cells {
                let host = self.host(*cell);
                until(&format!("{} at {point}", DISTURBED[*cell]), || host.is_held(DISTURBED[*cell], point))
                    .await;
            }
        });
    }

    pub(crate) fn let_go(&self, cells: &[usize], point: &str) {
        for cell in cells {
            self.host(*cell).let_go(DISTURBED[*cell], point);
        }
    }

    /// Starts the upgrade.
    pub(crate) fn start(&self) -> Controller {
        let inventory = self.stage.inventory.display().to_string();
        self.controller(&["upgrade", "--yes", "--inventory", &inventory])
    }

    /// Starts to resume the run.
    pub(crate) fn resume(&self) -> Controller {
        self.controller(&["resume"])
    }

    fn controller(&self, words: &[&str]) -> Controller {
        let log = self.stage.folder.path().join("controller.log");
        let file = std::fs::File::create(&log).unwrap();
        let mut command = self.stage.program.command(words);
        let child = command.stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Controller { child, log }
    }

    pub(crate) fn journal(&self) -> Journal {
        let runs = self.stage.folder.path().join(".local/state/ixporch/runs");
        let run = std::fs::read_dir(runs).into_iter().flatten().flatten().map(|run| run.path()).max();
        Journal(run.map(|run| run.join("journal.jsonl")).unwrap_or_default())
    }

    /// The hosts and steps whose end nobody knows.
    pub(crate) fn unknown(&self, run: &str) -> Vec<(String, String)> {
        let report = self.stage.program.json(&["--format", "json", "report", run]);
        let hosts = report["waves"][0]["hosts"].as_array().unwrap();
        let unknown = hosts.iter().filter(|host| host["outcome"] == "unknown");
        unknown
            .map(|host| {
                (host["host"].as_str().unwrap().to_owned(), host["failing_step"].as_str().unwrap().to_owned())
            })
            .collect()
    }

    /// Waits for a resumed run, and looks at everything.
    pub(crate) fn assert_ends_well(&self, mut controller: Controller, cells: &[usize]) {
        let code = controller.wait();
        assert_eq!(code, 0, "{}", controller.said());
        self.assert_undisturbed(&self.stage.last_run(), cells, 0);
    }

    /// Every host has ended as an undisturbed one, nothing is left on it, and the body of every change has run once;
    /// `more` times more where a person said that it had done nothing.
    pub(crate) fn assert_undisturbed(&self, run: &str, cells: &[usize], more: usize) {
        let report = self.stage.program.json(&["--format", "json", "report", run]);
        for cell in cells {
            let value = host_of(&report, &name(*cell));
            let more = BTreeMap::from([(DISTURBED[*cell].to_owned(), more)]);
            let verdict = verdict::undisturbed(self.host(*cell), &value, &more);
            assert_eq!(verdict, Ok(()), "{} on {}", DISTURBED[*cell], name(*cell));
        }
    }
}

/// A run's journal, read while it is written.
pub(crate) struct Journal(PathBuf);

impl Journal {
    fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn has(&self, event: &str, cell: usize, step: Option<&str>) -> bool {
        self.events().iter().any(|found| {
            found["event"] == event
                && found["host"] == name(cell)
                && step.is_none_or(|step| found["step"] == step)
        })
    }

    pub(crate) fn lost_link_of(&self, cell: usize) -> bool {
        self.has("link-lost", cell, None)
    }

    /// Whether the intent of the host's own step is written.
    pub(crate) fn decided(&self, cell: usize) -> bool {
        self.has("step-started", cell, Some(DISTURBED[cell]))
    }

    /// Takes the intents of the hosts' own steps out again, and leaves half of one at the end.
    pub(crate) fn forget_intents(&self, cells: &[usize]) {
        let text = std::fs::read_to_string(&self.0).unwrap();
        let is_intent = |line: &&str| {
            let event: Value = serde_json::from_str(line).unwrap();
            event["event"] == "step-started"
                && cells.iter().any(|cell| event["host"] == name(*cell) && event["step"] == DISTURBED[*cell])
        };
        let (intents, rest): (Vec<&str>, Vec<&str>) = text.lines().partition(is_intent);
        assert_eq!(intents.len(), cells.len());
        let half = &intents[0][..intents[0].len() / 2];
        std::fs::write(&self.0, format!("{}\n{half}", rest.join("\n"))).unwrap();
    }
}

/// A controller in a process of its own.
pub(crate) struct Controller {
    child: Child,
    log: PathBuf,
}

impl Controller {
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn wait(&mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// What it said on standard error.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}
