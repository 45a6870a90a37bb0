//! The remote protocol: start a step on a host, follow it, collect its end; and the probe.
//!
//! Owns the shell text that reaches a host and the frames that come back. The engine knows only
//! start, follow and end: what stands behind them may change without it.

mod frame;
mod output;
mod probe;
mod script;

use crate::plan::PlannedStep;
use crate::transport::{LinkLost, Process, ProcessEvent, Session};

pub use output::{Capped, StepOutput};
pub use probe::{ProbeError, ProbeRequest, probe};

use frame::{Decoder, End};

/// The right to start one step. Only the dispatcher gives it, after the intent is on disk (law 2).
#[derive(Debug)]
#[must_use]
pub struct Permit(());

impl Permit {
    /// Gives the right; for the dispatcher alone.
    pub(crate) fn give() -> Self {
        Self(())
    }
}

/// The steps of one run on one host, over one connection.
pub struct Ledger {
    session: Box<dyn Session>,
}

/// How a step ended on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepEnded {
    /// The path that it needs is not there: it was not run.
    NotNeeded,
    /// It was run.
    Ran {
        /// Its exit code.
        exit: i32,
        /// Whether its proof holds; `None`: it has none, or it could not be looked at.
        proven: Option<bool>,
    },
}

/// The program that every login shell is asked to become; the step's script is its input.
const SHELL: &str = "exec /bin/sh -s";

impl Ledger {
    /// A ledger over an authenticated connection.
    pub fn new(session: Box<dyn Session>) -> Self {
        Self { session }
    }

    /// Starts a step. The permit is used up: nothing starts a step twice.
    pub async fn start(&mut self, permit: Permit, step: &PlannedStep) -> Result<RunningStep, LinkLost> {
        let Permit(()) = permit;
        self.run(&script::step(step)).await
    }

    async fn run(&mut self, body: &str) -> Result<RunningStep, LinkLost> {
        let nonce = uuid::Uuid::now_v7().simple().to_string();
        let process = self.session.start(SHELL, script::framed(&nonce, body).into_bytes()).await?;
        Ok(RunningStep { process, stdout: Decoder::new(&nonce), stderr: Decoder::new(&nonce) })
    }

    /// Ends the connection in order.
    pub async fn close(self) {
        self.session.close().await;
    }
}

/// A step that was started.
pub struct RunningStep {
    process: Box<dyn Process>,
    stdout: Decoder,
    stderr: Decoder,
}

impl RunningStep {
    /// Follows the step to its end; its output goes to `output`, which bounds it.
    ///
    /// # Errors
    /// The connection or the shell ended without a word on the step: its end is unknown.
    pub async fn follow(&mut self, output: &mut StepOutput) -> Result<StepEnded, LinkLost> {
        let mut farewell = None;
        loop {
            if let (Some(end), Some(_)) = (self.stdout.end(), self.stderr.end()) {
                return step_ended(end);
            }
            match self.process.next().await {
                Some(ProcessEvent::Stdout(bytes)) => self.stdout.push(&bytes, &mut output.stdout),
                Some(ProcessEvent::Stderr(bytes)) => self.stderr.push(&bytes, &mut output.stderr),
                Some(ProcessEvent::Exit(code)) => {
                    farewell = Some(format!("the shell ended with exit code {code}"));
                }
                Some(ProcessEvent::Signal(name)) => {
                    farewell = Some(format!("the shell was ended by signal {name}"));
                }
                None => {
                    // The word on the step may have come on one stream, and the other one been cut.
                    if let Some(end) = self.stdout.end() {
                        return step_ended(end);
                    }
                    let why = farewell.unwrap_or_else(|| "nothing further was heard".to_owned());
                    return Err(LinkLost(why));
                }
            }
        }
    }
}

fn step_ended(end: &End) -> Result<StepEnded, LinkLost> {
    match end.word.as_str() {
        "absent" => Ok(StepEnded::NotNeeded),
        "held" => Ok(StepEnded::Ran { exit: end.exit, proven: Some(true) }),
        "refuted" => Ok(StepEnded::Ran { exit: end.exit, proven: Some(false) }),
        "unclear" | "none" => Ok(StepEnded::Ran { exit: end.exit, proven: None }),
        word => Err(LinkLost(format!("the host's answer cannot be read: {}", word.escape_debug()))),
    }
}
