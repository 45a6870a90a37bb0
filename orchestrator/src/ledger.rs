//! The remote protocol: starts a step on a host, or finds the one that was started, and follows it to its end.
//!
//! Owns the shell text that is sent to a host, and reads the answers (docs/ledger.md). A step runs in its own process,
//! under a
//! claim in the host's ledger, and survives the connection. The engine learns only what was found.

mod frame;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod lock;
mod output;
mod probe;
mod questions;
mod runner;
mod script;
mod survey;

use tokio::time::Instant;

use crate::plan::{LedgerPlace, PlannedStep, quote};
use crate::text::RemoteText;
use crate::transport::{LinkLost, Session};

pub use lock::Locked;
pub use output::{Capped, Listener, StepOutput};
pub use probe::{PreflightRequest, ProbeError, ProbeRequest, Reference, probe};
pub use runner::OpenError;
pub use survey::{Question, break_lock, fetch, is_running, remove_folder, remove_ledger, survey, users};

use runner::Runner;

/// The permission to start one step. Only the dispatcher gives it, once the intent is on disk (law 2).
#[derive(Debug)]
#[must_use]
pub struct Permit(());

impl Permit {
    /// Gives the permission; for the dispatcher only.
    pub(crate) fn give() -> Self {
        Self(())
    }
}

/// A request to start a step, or to find it. It may be repeated: the claim lets the step start once (law 3).
#[derive(Debug)]
pub struct StepRequest<'a> {
    _permit: Permit,
    step: &'a PlannedStep,
    /// The number of the attempt, from 1. It grows when a person resolves a step as not done.
    attempt: u32,
    /// How often the host has gone back to its start.
    went_back: u32,
    /// The boot of the host in which the start was requested; `None`: the host has not been asked yet.
    decided_in: Option<String>,
    /// Whether an earlier attempt has ended, and a person resolved it as not done.
    anew: bool,
}

impl<'a> StepRequest<'a> {
    /// A step that the host does not know yet.
    pub fn new(permit: Permit, step: &'a PlannedStep, attempt: u32) -> Self {
        Self { _permit: permit, step, attempt, went_back: 0, decided_in: None, anew: false }
    }

    /// A new attempt of a step that has ended: its end was inconclusive, and a person resolved it as not done.
    pub fn anew(permit: Permit, step: &'a PlannedStep, attempt: u32) -> Self {
        Self { anew: true, ..Self::new(permit, step, attempt) }
    }

    /// A step that may have been started already, in this boot of the host or an earlier one.
    pub fn adopt(permit: Permit, step: &'a PlannedStep, attempt: u32, boot: Option<&str>) -> Self {
        let decided_in = Some(boot.unwrap_or("unknown").to_owned());
        Self { _permit: permit, step, attempt, went_back: 0, decided_in, anew: false }
    }

    /// The same after the host went back to its start this often: attempts from before are not found.
    #[must_use]
    pub fn after_going_back(self, went_back: u32) -> Self {
        Self { went_back, ..self }
    }
}

/// The result of removing something from a host; `Err`: why it is still there.
pub type Removed = Result<(), String>;

/// What keeps a step's process alive when the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// A transient systemd unit: it survives even `KillUserProcesses=yes`.
    Unit,
    /// A session of its own (setsid(1)).
    Session,
}

impl Keeper {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unit => "systemd unit",
            Self::Session => "setsid",
        }
    }
}

/// The ledger of one run on a host, over one connection.
pub struct Ledger {
    runner: Runner,
    boot: String,
    keeper: Keeper,
    run: String,
    host: String,
}

/// What was found of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepEnded {
    /// Its `when_exists` path is missing, so it was not run.
    NotNeeded,
    /// Its `unless_exists` path exists, so it was not run.
    Refused,
    /// Whether that path exists could not be checked, so it was not run.
    Blind,
    /// It was certainly not run: the host could not start it.
    NotStarted(String),
    /// It ran.
    Ran {
        /// Its exit code.
        exit: i32,
        /// Whether its proof holds; `None`: it has none, or it could not be checked.
        proven: Option<bool>,
        /// How long it ran, by the host's clock.
        milliseconds: u64,
    },
    /// It began, and its process disappeared without reporting a result.
    Vanished {
        /// Whether its proof shows that its work is done; `None`: the proof does not decide.
        proven: Option<bool>,
    },
    /// An earlier attempt is still running, although a person resolved it as not done.
    StillRunning,
    /// The host was rebooted since the start was requested, and does not know the step.
    ClaimLost,
}

/// The script in a line that is sent to a runner; for tests that play a host.
#[cfg(test)]
pub(crate) fn script_of(line: &[u8]) -> String {
    let encoded = String::from_utf8_lossy(line).trim().to_owned();
    String::from_utf8(data_encoding::BASE64.decode(encoded.as_bytes()).unwrap()).unwrap()
}

impl Ledger {
    /// Starts a runner over an authenticated connection. `host` is the host's name in the inventory.
    pub async fn open(
        session: Box<dyn Session>,
        run: &str,
        host: &str,
        place: &LedgerPlace,
    ) -> Result<Self, OpenError> {
        let sudo = if place.sudo { "yes" } else { "no" };
        let folder = place.state_dir.as_deref().unwrap_or_default();
        let opening = format!("open_ledger {} {} {} {sudo}", quote(folder), quote(run), quote(host));
        let (runner, said) = Runner::open(session, &opening).await?;
        let mut words = said.split(' ').skip(1);
        let boot = words.next().unwrap_or_default().to_owned();
        let keeper = if words.next() == Some("unit") { Keeper::Unit } else { Keeper::Session };
        Ok(Self { runner, boot, keeper, run: run.to_owned(), host: host.to_owned() })
    }

    /// The host's boot id (`/proc/sys/kernel/random/boot_id`).
    pub fn boot(&self) -> &str {
        &self.boot
    }

    /// What keeps steps alive on this host.
    pub fn keeper(&self) -> Keeper {
        self.keeper
    }

    /// Starts a step, or finds the one that was started, and follows it to its end. `output` holds the output that is
    /// known already, and takes the rest. After a lost connection the same request may be repeated over the next one.
    ///
    /// # Errors
    /// The connection was lost. The step goes on.
    pub async fn run(
        &mut self,
        request: &mut StepRequest<'_>,
        output: &mut StepOutput,
    ) -> Result<StepEnded, LinkLost> {
        let folder = request.step.folder(request.attempt, request.went_back);
        let (mode, boot) = match &request.decided_in {
            None if request.anew => ("anew", self.boot.clone()),
            None => ("new", self.boot.clone()),
            Some(boot) => ("adopt", boot.clone()),
        };
        request.decided_in = Some(boot.clone());
        let spec = script::spec(request.step, &format!("{}/{}/{folder}", self.run, self.host));
        let line = format!(
            "step {} {} {mode} {} {} {} {}",
            quote(&folder),
            script::effect(request.step.effect),
            quote(&boot),
            output.stdout.bytes(),
            output.stderr.bytes(),
            quote(&spec)
        );
        self.runner.request(&line).await?;
        let said = self.runner.answer(output).await?;
        if let Some(why) = said.strip_prefix("not-started ") {
            return Ok(StepEnded::NotStarted(RemoteText::from(why).to_string()));
        }
        let ended = Ended::read(&said)?;
        self.runner.stragglers(output, ended.stderr_bytes).await;
        output.ends_at(ended.stdout_bytes, ended.stderr_bytes, ended.whole);
        ended.meaning()
    }

    /// Runs a script as a question; returns its exit code.
    async fn ask(&mut self, script: &str, output: &mut StepOutput) -> Result<i32, LinkLost> {
        let said = self.runner.ask(&format!("ask {}", quote(script)), output).await?;
        said.strip_prefix("end ").and_then(|code| code.parse().ok()).ok_or_else(|| unreadable(&said))
    }

    /// Asks a question of another module; returns its exit code.
    ///
    /// # Errors
    /// The connection was lost.
    pub async fn answer_to(&mut self, question: &Question, output: &mut StepOutput) -> Result<i32, LinkLost> {
        self.ask(&question.0, output).await
    }

    /// Runs a check as a question, without a lock, a claim or leftovers.
    ///
    /// # Errors
    /// The connection was lost. The check may be repeated.
    pub async fn look(&mut self, step: &PlannedStep, output: &mut StepOutput) -> Result<StepEnded, LinkLost> {
        if step.when_exists.is_some() || step.unless_exists.is_some() {
            let mut word = StepOutput::default();
            self.ask(&format!("{}guard", script::guard(step)), &mut word).await?;
            match String::from_utf8_lossy(&word.stdout.kept()).trim() {
                "absent" => return Ok(StepEnded::NotNeeded),
                "present" => return Ok(StepEnded::Refused),
                "blind" => return Ok(StepEnded::Blind),
                _ => {}
            }
        }
        let began = Instant::now();
        let exit = self.ask(&step.command.to_shell_line(&format!("look/{}", step.id)), output).await?;
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(StepEnded::Ran { exit, proven: None, milliseconds })
    }

    /// Whether a step of this run may have begun on the host. If the ledger is gone it may have.
    ///
    /// # Errors
    /// The connection was lost.
    pub async fn has_begun(
        &mut self,
        step: &PlannedStep,
        attempt: u32,
        went_back: u32,
    ) -> Result<bool, LinkLost> {
        let script = may_have_begun(&step.folder(attempt, went_back));
        Ok(self.ask(&script, &mut StepOutput::default()).await? == 0)
    }

    /// Closes the connection.
    pub async fn close(self) {
        self.runner.close().await;
    }
}

/// Succeeds unless the ledger exists and shows that the step in `folder` has not begun.
fn may_have_begun(folder: &str) -> String {
    let folder = quote(folder);
    format!("[ ! -d \"$ledger\" ] || [ -d \"$ledger/\"{folder}/begun ] || [ -e \"$ledger/\"{folder}/rc ]")
}

fn unreadable(said: &str) -> LinkLost {
    LinkLost(format!("the host's answer cannot be read: {}", said.escape_debug()))
}

/// The end of a step, as the runner reports it.
struct Ended {
    exit: i32,
    word: String,
    milliseconds: u64,
    stdout_bytes: u64,
    stderr_bytes: u64,
    whole: bool,
}

impl Ended {
    /// Reads `end EXIT WORD MILLISECONDS OUT ERR whole|cut KEEPER`.
    fn read(said: &str) -> Result<Self, LinkLost> {
        let words: Vec<&str> = said.split(' ').collect();
        let read = || {
            let ["end", exit, word, milliseconds, stdout, stderr, whole, ..] = words.as_slice() else {
                return None;
            };
            Some(Self {
                exit: exit.parse().ok()?,
                word: (*word).to_owned(),
                milliseconds: milliseconds.parse().ok()?,
                stdout_bytes: stdout.parse().ok()?,
                stderr_bytes: stderr.parse().ok()?,
                whole: *whole == "whole",
            })
        };
        read().ok_or_else(|| unreadable(said))
    }

    fn meaning(&self) -> Result<StepEnded, LinkLost> {
        let ran = |proven| StepEnded::Ran { exit: self.exit, proven, milliseconds: self.milliseconds };
        Ok(match self.word.as_str() {
            "absent" => StepEnded::NotNeeded,
            "present" => StepEnded::Refused,
            "blind" => StepEnded::Blind,
            "no-room" => {
                StepEnded::NotStarted("the host's ledger could not be written: is its disk full?".to_owned())
            }
            "held" => ran(Some(true)),
            "refuted" => ran(Some(false)),
            "unclear" | "none" => ran(None),
            "lost-claim" => StepEnded::ClaimLost,
            "still-running" => StepEnded::StillRunning,
            "vanished-held" => StepEnded::Vanished { proven: Some(true) },
            "vanished-refuted" => StepEnded::Vanished { proven: Some(false) },
            word if word.starts_with("vanished-") => StepEnded::Vanished { proven: None },
            word => return Err(unreadable(word)),
        })
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod trust_tests;
