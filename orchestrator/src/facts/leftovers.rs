//! Leftovers: the lock and the ledgers that runs of ixporch left on a host.
//!
//! Pure. The shell text that looks for them is in `ledger`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::text::harmless_line;

/// The lock and ledgers that were found on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftovers {
    /// The host's lock, if it is locked.
    pub lock: Option<HostLock>,
    /// The ledgers of runs, the oldest first.
    pub ledgers: Vec<LedgerRun>,
    /// The host's current boot id.
    pub boot: String,
}

/// A host's lock: it belongs to one run, and names its owner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostLock {
    /// The run that holds the host.
    pub run: String,
    /// Who started that run.
    pub operator: String,
    /// The controller on which it was started.
    pub origin: String,
    /// Since when, by the controller's clock.
    pub since: Option<Timestamp>,
    /// The host's boot id when the lock was taken.
    pub boot: String,
    /// The folder of the run's ledger on the host.
    pub ledger: String,
    /// What is in the place of a lock and is none: a link, a folder, a pipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strange: Option<String>,
}

/// The ledger of one run on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRun {
    /// The run.
    pub run: String,
    /// What the run's inventory calls the host.
    #[serde(default)]
    pub host: String,
    /// The folder on the host.
    #[serde(default)]
    pub folder: String,
    /// Its steps on this host, in order.
    pub steps: Vec<LedgerStep>,
}

/// One step in a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerStep {
    /// Its id.
    pub step: String,
    /// Its state.
    pub state: LedgerState,
    /// Its exit code, if it has ended.
    pub exit_code: Option<i32>,
    /// The steps that are owed once it has begun.
    pub debts: Vec<String>,
}

/// The state of a step according to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LedgerState {
    /// It is claimed, but has not begun.
    Claimed,
    /// It is running.
    Running,
    /// It has ended.
    Ended,
    /// It began, and its process disappeared without reporting a result.
    Vanished,
}

impl HostLock {
    /// The text of the lock. The host adds its boot id and the ledger's folder.
    pub fn to_text(&self) -> String {
        let since = self.since.map_or_else(String::new, |at| at.to_string());
        let line = |key: &str, value: &str| format!("{key} {}\n", harmless_line(value));
        let who = line("run", &self.run) + &line("operator", &self.operator);
        who + &line("origin", &self.origin) + &line("since", &since)
    }

    /// Reads a lock; `None` if it names no run.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lock = Self::default();
        for line in text.lines() {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            let value = harmless_line(value.trim());
            match key {
                "run" => lock.run = value,
                "operator" => lock.operator = value,
                "origin" => lock.origin = value,
                "since" => lock.since = value.parse().ok(),
                "boot" => lock.boot = value,
                "ledger" => lock.ledger = value,
                "strange" => lock.strange = Some(value),
                _ => {}
            }
        }
        (!lock.run.is_empty()).then_some(lock)
    }

    /// Says which run holds the host, and since when.
    pub fn holder(&self) -> String {
        if let Some(path) = &self.strange {
            return format!("{path}, which is no lock, but a link, a folder or a pipe");
        }
        let since =
            self.since.map_or_else(String::new, |at| format!(" since {}", at.strftime("%Y-%m-%d %H:%M:%SZ")));
        format!("run {} of {} on {}{since}", self.run, self.operator, self.origin)
    }
}

impl Leftovers {
    /// The ledger of the run that holds the lock, if this login can see it.
    pub fn of_the_lock(&self) -> Option<&LedgerRun> {
        let lock = self.lock.as_ref()?;
        self.ledgers.iter().find(|ledger| ledger.run == lock.run && ledger.folder == lock.ledger)
    }
}

impl LedgerRun {
    /// The steps that this run still owes the host. A debt arises when its step begins, and ends when the
    /// paying step has succeeded.
    pub fn debts(&self) -> Vec<&str> {
        let paid = |payer: &str| {
            self.steps.iter().any(|step| {
                step.step == payer && step.state == LedgerState::Ended && step.exit_code == Some(0)
            })
        };
        let begun = self.steps.iter().filter(|step| step.state != LedgerState::Claimed);
        begun.flat_map(|step| &step.debts).map(String::as_str).filter(|payer| !paid(payer)).collect()
    }

    /// The last step in it.
    pub fn last(&self) -> Option<&LedgerStep> {
        self.steps.last()
    }

    /// Whether one of its steps is still running.
    pub fn is_running(&self) -> bool {
        self.steps.iter().any(|step| step.state == LedgerState::Running)
    }
}

/// Reads the lines that a host prints of its ledgers: `ledger RUN HOST FOLDER`, and for each of its steps
/// `step STATE EXIT ID DEBTS` (`-` for a missing value; several debts are separated by commas).
pub(super) fn ledgers(text: &str) -> Vec<LedgerRun> {
    let mut runs: Vec<LedgerRun> = Vec::new();
    for line in text.lines() {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["ledger", run, host, folder @ ..] => runs.push(LedgerRun {
                run: harmless_line(run),
                host: harmless_line(host),
                folder: harmless_line(&folder.join(" ")),
                steps: Vec::new(),
            }),
            ["step", state, exit, id, debts] => {
                let state = match *state {
                    "claimed" => LedgerState::Claimed,
                    "running" => LedgerState::Running,
                    "ended" => LedgerState::Ended,
                    _ => LedgerState::Vanished,
                };
                let step = LedgerStep {
                    step: harmless_line(id),
                    state,
                    exit_code: exit.parse().ok(),
                    debts: debts.split(',').filter(|debt| *debt != "-").map(harmless_line).collect(),
                };
                if let Some(run) = runs.last_mut() {
                    run.steps.push(step);
                }
            }
            _ => {}
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;

    #[test]
    fn a_lock_comes_back_as_it_was_written() {
        let lock = HostLock {
            run: "0198".to_owned(),
            operator: "alice".to_owned(),
            origin: "laptop".to_owned(),
            since: Some(Timestamp::UNIX_EPOCH),
            boot: "b".to_owned(),
            ledger: "/root/.ixporch/runs/0198".to_owned(),
            strange: None,
        };
        let text = format!("{}boot b\nledger /root/.ixporch/runs/0198\n", lock.to_text());
        assert_eq!(HostLock::parse(&text), Some(lock));
        assert_eq!(HostLock::parse("garbage\n"), None);
    }

    #[test]
    fn facts_of_older_versions_are_read() {
        let leftovers = Leftovers { boot: "b".to_owned(), ..Leftovers::default() };
        let facts = Facts { leftovers, ..Facts::default() };
        let text = serde_json::to_string(&facts).unwrap();
        let older = text.replace("\"leftovers\":", "\"traces\":");
        assert_ne!(older, text);
        assert_eq!(serde_json::from_str::<Facts>(&older).unwrap(), facts);
    }

    #[test]
    fn open_debts_are_read_from_a_ledger() {
        let runs = ledgers(
            "ledger 0198 h1 /root/.ixporch/runs/0198/h1\nstep ended 0 maintenance-on maintenance-off\nstep running - composer -\n",
        );
        assert_eq!(runs[0].debts(), ["maintenance-off"]);
        assert!(runs[0].is_running());
        let paid = ledgers("ledger 1 h1 /f\nstep ended 0 on off\nstep ended 0 off -\n");
        assert!(paid[0].debts().is_empty());
        let refused = ledgers("ledger 1 h1 /f\nstep claimed - on off\n");
        assert!(refused[0].debts().is_empty());
    }
}
