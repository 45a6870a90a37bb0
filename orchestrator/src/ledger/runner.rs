//! The controller's side of the runner: one shell for each connection, which handles one request after another.
//!
//! Owns requests and answers as lines. It must not know what they mean for a step.

use std::collections::VecDeque;
use std::time::Duration;

use data_encoding::BASE64;

use super::frame::{Decoder, Gate, Piece};
use super::output::StepOutput;
use crate::event::Stream;
use crate::text::RemoteText;
use crate::transport::{LinkLost, NotStarted, Process, ProcessEvent, Session};

/// The first script of every connection.
const RUNNER: &str = concat!(include_str!("../../procedures/sh/trust.sh"), include_str!("host/runner.sh"));

/// The command by which any login shell becomes the runner.
///
/// bash, dash, zsh, fish and csh disagree on backslashes, exclamation marks and line breaks within quotes. Requests are
/// sent in
/// base64, which has none of these, one per line.
pub(super) const PROGRAM: &str =
    "exec /bin/sh -c 'while read -r line; do eval \"$(echo $line | base64 -d)\"; done'";

/// How long to wait for standard error that is still on its way when a step's end was reported.
const STRAGGLERS: Duration = Duration::from_secs(2);

/// Why there is no runner.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The host started no shell.
    #[error(transparent)]
    NotStarted(#[from] NotStarted),
    /// The connection was lost.
    #[error(transparent)]
    Link(#[from] LinkLost),
    /// The login's shell does not run what it is sent.
    #[error("the login's shell did not answer within {}s{said}\nhelp: {HELP}", SHELL.as_secs())]
    Silent {
        /// What it printed.
        said: String,
    },
}

/// How long the login's shell may take to start, and to answer the first script.
const SHELL: Duration = Duration::from_secs(60);

const HELP: &str = "does its .bashrc, or the like, read standard input, ask a question or wait for something? try: ssh HOST true; \
                    and is the host overloaded?";

/// A shell on the host that waits for requests.
pub(super) struct Runner {
    session: Box<dyn Session>,
    process: Box<dyn Process>,
    stdout: Decoder,
    stderr: Gate,
    pieces: VecDeque<Piece>,
    farewell: Option<String>,
    /// How many marks standard error must have: one at its beginning, and one after each question.
    marks: u64,
}

impl Runner {
    /// Starts a runner with `opening` as its first request; returns the runner and its answer.
    pub(super) async fn open(
        mut session: Box<dyn Session>,
        opening: &str,
    ) -> Result<(Self, String), OpenError> {
        let nonce = uuid::Uuid::now_v7().simple().to_string();
        let process = session.start(PROGRAM).await?;
        let mut runner = Self {
            session,
            process,
            stdout: Decoder::new(&nonce),
            stderr: Gate::new(&nonce),
            pieces: VecDeque::new(),
            farewell: None,
            marks: 1,
        };
        runner.request(&format!("unset nonce; nonce={nonce}\n{RUNNER}\n{opening}")).await?;
        // The login shell's own output is kept: it explains a failure to start.
        let mut before = StepOutput::default();
        let answer = tokio::time::timeout(SHELL, runner.answer(&mut before)).await;
        let said = || {
            let noise = [before.stdout.kept(), runner.stderr.before().to_owned()].concat();
            let lines = RemoteText::from_bytes(&noise).last_lines(4).join(" / ");
            if lines.is_empty() { String::new() } else { format!(", and said: {lines}") }
        };
        match answer {
            Ok(Ok(answer)) => Ok((runner, answer)),
            Ok(Err(lost)) => match &runner.farewell {
                Some(farewell) => {
                    Err(NotStarted(format!("no shell: {farewell} before it ran anything{}", said())).into())
                }
                None => Err(lost.into()),
            },
            Err(_) => Err(OpenError::Silent { said: said() }),
        }
    }

    /// Sends a request.
    pub(super) async fn request(&mut self, script: &str) -> Result<(), LinkLost> {
        let mut line = BASE64.encode(script.as_bytes());
        line.push('\n');
        self.process.send(line.into_bytes()).await
    }

    /// Waits for the runner's answer; what arrives before it goes to `output`.
    pub(super) async fn answer(&mut self, output: &mut StepOutput) -> Result<String, LinkLost> {
        loop {
            while let Some(piece) = self.pieces.pop_front() {
                match piece {
                    Piece::Bytes(bytes) => output.push(Stream::Stdout, &bytes),
                    // A check is repeated: its first output does not count.
                    Piece::Said(said) if said == "again" => output.forget(),
                    Piece::Said(said) => match read_gap(&said) {
                        Some(("out", bytes)) => output.stdout.skip(bytes),
                        Some((_, bytes)) => output.stderr.skip(bytes),
                        None => return Ok(said),
                    },
                }
            }
            self.hear(output).await?;
        }
    }

    /// Asks a question; returns the answer when all that was printed for it has arrived, or after [`STRAGGLERS`].
    pub(super) async fn ask(&mut self, question: &str, output: &mut StepOutput) -> Result<String, LinkLost> {
        self.request(question).await?;
        self.marks += 1;
        let said = self.answer(output).await?;
        let all = async { while self.stderr.marks() < self.marks && self.hear(output).await.is_ok() {} };
        // The answer counts without it.
        let _ = tokio::time::timeout(STRAGGLERS, all).await;
        Ok(said)
    }

    /// Waits until this many bytes of standard error have arrived, or for [`STRAGGLERS`].
    pub(super) async fn stragglers(&mut self, output: &mut StepOutput, bytes: u64) {
        let all = async {
            while output.stderr.bytes().saturating_add(self.stderr.held()) < bytes
                && self.hear(output).await.is_ok()
            {}
        };
        // Missing bytes are counted as dropped.
        let _ = tokio::time::timeout(STRAGGLERS, all).await;
        output.push(Stream::Stderr, &self.stderr.flush());
    }

    async fn hear(&mut self, output: &mut StepOutput) -> Result<(), LinkLost> {
        match self.process.next().await {
            Some(ProcessEvent::Stdout(bytes)) => self.pieces.extend(self.stdout.push(&bytes)),
            Some(ProcessEvent::Stderr(bytes)) => output.push(Stream::Stderr, &self.stderr.pass(&bytes)),
            Some(ProcessEvent::Refused) => {
                self.farewell = Some("the host refused to run a shell".to_owned());
                return Err(self.lost());
            }
            Some(ProcessEvent::Exit(code)) => {
                self.farewell = Some(format!("the shell ended with exit code {code}"));
            }
            Some(ProcessEvent::Signal(name)) => {
                self.farewell = Some(format!("the shell was ended by signal {name}"));
            }
            None => return Err(self.lost()),
        }
        Ok(())
    }

    fn lost(&self) -> LinkLost {
        LinkLost(self.farewell.clone().unwrap_or_else(|| "the connection was cut".to_owned()))
    }

    /// Closes the connection.
    pub(super) async fn close(self) {
        self.process.finish().await;
        self.session.close().await;
    }
}

/// Reads a report of bytes that the host did not keep, so that they cannot be sent.
fn read_gap(said: &str) -> Option<(&str, u64)> {
    let (stream, bytes) = said.strip_prefix("gap ")?.split_once(' ')?;
    Some((stream, bytes.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::BoxFuture;

    use super::*;

    /// A runner of which everything is heard in this order: a server may send the two streams in any.
    struct Heard(VecDeque<ProcessEvent>);

    impl Process for Heard {
        fn send(&mut self, _: Vec<u8>) -> BoxFuture<'_, Result<(), LinkLost>> {
            async { Ok(()) }.boxed()
        }

        fn next(&mut self) -> BoxFuture<'_, Option<ProcessEvent>> {
            async { self.0.pop_front() }.boxed()
        }

        fn finish(self: Box<Self>) -> BoxFuture<'static, ()> {
            async {}.boxed()
        }
    }

    impl Session for Heard {
        fn start<'a>(&'a mut self, _: &'a str) -> BoxFuture<'a, Result<Box<dyn Process>, NotStarted>> {
            async { Err(NotStarted(String::new())) }.boxed()
        }

        fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
            async {}.boxed()
        }
    }

    #[tokio::test]
    async fn an_answer_is_complete_although_standard_error_arrives_after_it() {
        let out = |text: &str| ProcessEvent::Stdout(text.into());
        let err = |text: &str| ProcessEvent::Stderr(text.into());
        let events = [
            out("N0NCE end 1\n"),
            err("N0NCE\nit is "),
            err("closed\nN0"),
            err("NCE\n"),
            out("N0NCE end 0\n"),
        ];
        let mut runner = Runner {
            session: Box::new(Heard(VecDeque::new())),
            process: Box::new(Heard(events.into())),
            stdout: Decoder::new("N0NCE"),
            stderr: Gate::new("N0NCE"),
            pieces: VecDeque::new(),
            farewell: None,
            marks: 1,
        };
        let mut output = StepOutput::default();
        assert_eq!(runner.ask("ask", &mut output).await.unwrap(), "end 1");
        assert_eq!(output.stderr.kept(), b"it is closed\n");
        // An answer counts without its last mark, too.
        assert_eq!(runner.ask("ask", &mut StepOutput::default()).await.unwrap(), "end 0");
    }
}
