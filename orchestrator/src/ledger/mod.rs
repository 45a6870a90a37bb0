//! The remote protocol: start a step on a host, follow it, collect its end; and the probe.
//!
//! Owns the shell text that reaches a host and the frames that come back. The engine knows only
//! start, follow and end: what stands behind them may change without it.

mod frame;
mod output;
mod probe;
mod script;

use crate::plan::PlannedStep;
use crate::text::RemoteText;
use crate::transport::{LinkLost, NotStarted, Process, ProcessEvent, Session};

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
    /// Whether the login shell is known to print nothing of its own.
    quiet_login: bool,
}

/// The script within what a session is asked to run; for tests that play a host.
#[cfg(test)]
pub(crate) fn script_of(program: &str) -> String {
    script::of(program)
}

/// How a step ended on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepEnded {
    /// The path that it needs is not there: it was not run.
    NotNeeded,
    /// The path that must not be there is there: it was not run.
    Refused,
    /// Nobody could look whether that path is there, so it was not run.
    Blind,
    /// It was certainly not run: the host did not let it begin.
    NotStarted(String),
    /// It was run.
    Ran {
        /// Its exit code.
        exit: i32,
        /// Whether its proof holds; `None`: it has none, or it could not be looked at.
        proven: Option<bool>,
    },
}

impl Ledger {
    /// A ledger over an authenticated connection. Where the login shell is known to print nothing of its own
    /// (the probe finds out), the word that a step's output begins is saved, and with it a round trip: OpenSSH
    /// sends a small packet only when the one before it has been acknowledged.
    pub fn new(session: Box<dyn Session>, quiet_login: bool) -> Self {
        Self { session, quiet_login }
    }

    /// Starts a step. The permit is used up: nothing starts a step twice.
    ///
    /// # Errors
    /// The step was certainly not started.
    pub async fn start(&mut self, permit: Permit, step: &PlannedStep) -> Result<RunningStep, NotStarted> {
        let Permit(()) = permit;
        self.run(&script::step(step)).await
    }

    async fn run(&mut self, body: &str) -> Result<RunningStep, NotStarted> {
        let nonce = uuid::Uuid::now_v7().simple().to_string();
        let decoder = || if self.quiet_login { Decoder::begun(&nonce) } else { Decoder::new(&nonce) };
        let (stdout, stderr) = (decoder(), decoder());
        let process =
            self.session.start(&script::program(&script::framed(&nonce, body, !self.quiet_login))).await?;
        Ok(RunningStep { process, stdout, stderr, quiet_login: self.quiet_login })
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
    quiet_login: bool,
}

impl RunningStep {
    /// Follows the step to its end; its output goes to `output`, which bounds it.
    ///
    /// # Errors
    /// The connection or the shell ended without a word on the step: its end is unknown.
    pub async fn follow(self, output: &mut StepOutput) -> Result<StepEnded, LinkLost> {
        self.follow_login(output).await.0
    }

    /// The same, and whether the login shell printed nothing of its own.
    async fn follow_login(mut self, output: &mut StepOutput) -> (Result<StepEnded, LinkLost>, bool) {
        let mut farewell = None;
        let ended = loop {
            if let (Some(end), Some(_)) = (self.stdout.end(), self.stderr.end()) {
                break step_ended(end);
            }
            match self.process.next().await {
                Some(ProcessEvent::Refused) => {
                    break Ok(StepEnded::NotStarted("the host refused to run a program".to_owned()));
                }
                Some(ProcessEvent::Stdout(bytes)) => self.stdout.push(&bytes, &mut output.stdout),
                Some(ProcessEvent::Stderr(bytes)) => self.stderr.push(&bytes, &mut output.stderr),
                Some(ProcessEvent::Exit(code)) => {
                    farewell = Some(format!("the shell ended with exit code {code}"));
                }
                Some(ProcessEvent::Signal(name)) => {
                    farewell = Some(format!("the shell was ended by signal {name}"));
                }
                None => break self.cut_off(farewell),
            }
        };
        let quiet =
            self.quiet_login || (self.stdout.preamble().is_empty() && self.stderr.preamble().is_empty());
        if ended.is_ok() {
            self.process.finish().await;
        }
        (ended, quiet)
    }

    /// Nothing further will be heard.
    fn cut_off(&self, farewell: Option<String>) -> Result<StepEnded, LinkLost> {
        // The word on the step may have come on one stream, and the other one been cut.
        if let Some(end) = self.stdout.end() {
            return step_ended(end);
        }
        // Where no beginning is awaited, nobody can say that there was none.
        let begun = self.quiet_login || self.stdout.has_begun() || self.stderr.has_begun();
        match farewell {
            // The login shell ended in order, and never came to our words.
            Some(farewell) if !begun => {
                let said = [self.stdout.preamble(), self.stderr.preamble()].concat();
                let lines = RemoteText::from_bytes(&said).last_lines(4).join(" / ");
                let said = if lines.is_empty() { String::new() } else { format!(", and said: {lines}") };
                Ok(StepEnded::NotStarted(format!("{farewell} before it ran anything{said}")))
            }
            farewell => Err(LinkLost(farewell.unwrap_or_else(|| "nothing further was heard".to_owned()))),
        }
    }
}

fn step_ended(end: &End) -> Result<StepEnded, LinkLost> {
    match end.word.as_str() {
        "absent" => Ok(StepEnded::NotNeeded),
        "present" => Ok(StepEnded::Refused),
        "blind" => Ok(StepEnded::Blind),
        "held" => Ok(StepEnded::Ran { exit: end.exit, proven: Some(true) }),
        "refuted" => Ok(StepEnded::Ran { exit: end.exit, proven: Some(false) }),
        "unclear" | "none" => Ok(StepEnded::Ran { exit: end.exit, proven: None }),
        word => Err(LinkLost(format!("the host's answer cannot be read: {}", word.escape_debug()))),
    }
}
