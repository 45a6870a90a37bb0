//! Connections by OpenSSH's own client (`transport = "openssh"`): one `ssh` for each connection.
//!
//! Owns how `ssh` is started, when it counts as logged in, and what its errors mean. What it is told of a host comes with the
//! target. It covers what russh cannot: GSSAPI, PKCS#11, a connection that is shared by `ControlMaster`.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use crate::text::{RemoteText, stranger_line};
use crate::transport::{
    ConnectError, LinkLost, NotStarted, OpenSshTrouble, Phase, Process, ProcessEvent, SecretSource, Session,
    Slots, Target, Transport, root,
};

/// What `ssh` exits with if it fails itself, as with a connection that is lost (`ssh(1)`, EXIT STATUS).
const ITSELF: i32 = 255;

/// How long `ssh` may take to end after its input has ended.
const CLOSING: Duration = Duration::from_millis(250);

/// How long key exchange, authentication and the start of the login's shell may take, besides connecting.
const LOGIN: Duration = Duration::from_secs(60);

/// How many bytes of noise before the shell are kept: they explain a failure.
const NOISE: usize = 8192;

/// Connections by `ssh`.
pub struct OpenSshTransport {
    secrets: Arc<dyn SecretSource>,
}

impl OpenSshTransport {
    /// A transport that asks `secrets` for the password of sudo. `ssh` itself asks nobody but `SSH_ASKPASS`.
    pub fn new(secrets: Arc<dyn SecretSource>) -> Self {
        Self { secrets }
    }
}

impl Transport for OpenSshTransport {
    fn connect<'a>(
        &'a self,
        target: &'a Target,
        slots: &'a Slots,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, ConnectError>> {
        async move {
            let first = target.jumps.first().unwrap_or(&target.endpoint);
            let _address = slots.at_address(first).await;
            let _login = slots.login().await;
            let since = std::time::Instant::now();
            let session: Box<dyn Session> = Box::new(open(target).await?);
            target.passed(Phase::OpenSsh, since, String::new);
            Ok(root::wrapped(session, target, &self.secrets))
        }
        .boxed()
    }
}

/// Starts `ssh`, and waits for the login's shell, which reads one line and runs it.
async fn open(target: &Target) -> Result<OpenSshSession, ConnectError> {
    let mark = uuid::Uuid::now_v7().simple().to_string();
    let shell = format!("exec /bin/sh -c 'echo {mark} >&2; read -r line; eval \"$line\"'");
    let arguments = target.openssh.as_deref().unwrap_or_default();
    let mut child = Command::new("ssh")
        .args(arguments)
        .arg(shell)
        // It must not ask at the terminal, which it may not read.
        .env("SSH_ASKPASS_REQUIRE", "force")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C at the terminal is for ixporch: the connection ends in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| trouble(OpenSshTrouble::NotStarted, format!("`ssh` cannot be started: {error}")))?;
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(trouble(OpenSshTrouble::NotStarted, "`ssh` has no input or output".to_owned()));
    };
    let mut running =
        Running { child, stdin: Some(stdin), stdout: Some(stdout), stderr: Some(stderr), left: Vec::new() };
    // `ssh` keeps the time for connecting itself.
    let limit = target.endpoint.connect_timeout + LOGIN;
    match tokio::time::timeout(limit, running.reach(&format!("{mark}\n"))).await {
        Ok(Ok(())) => Ok(OpenSshSession { running: Some(running) }),
        Ok(Err(said)) => Err(read(&said)),
        Err(_) => Err(ConnectError::Timeout { what: "the login by OpenSSH's client", after: limit }),
    }
}

fn trouble(trouble: OpenSshTrouble, why: String) -> ConnectError {
    ConnectError::OpenSsh { why, trouble }
}

/// What the last words of `ssh` mean.
fn read(said: &str) -> ConnectError {
    use OpenSshTrouble::{Authentication, HostKey, Other, Unreachable, WentAway};
    let lines = RemoteText::from(said).last_lines(20);
    let has = |words: &str| lines.iter().any(|line| line.contains(words));
    let kind = if has("Host key verification failed") || has("HOST IDENTIFICATION HAS CHANGED") {
        HostKey
    } else if has("Permission denied (") || has("Too many authentication failures") {
        Authentication
    } else if ["Could not resolve", "Connection refused", "timed out", "No route to host", "unreachable"]
        .iter()
        .any(|words| has(words))
    {
        Unreachable
    } else if has("kex_exchange_identification") || has("Connection closed by") || has("Connection reset by")
    {
        WentAway
    } else {
        Other
    };
    // `ssh` draws a frame around a changed host key.
    let is_worth_it =
        |line: &&String| !line.starts_with("@@@") && !line.starts_with("Warning: Permanently added");
    let worth: Vec<&str> = lines.iter().filter(is_worth_it).map(String::as_str).collect();
    let skip = worth.len().saturating_sub(4);
    let last = worth.get(skip..).unwrap_or_default().join("; ");
    let why = if last.is_empty() { "it ended and printed nothing".to_owned() } else { last };
    trouble(kind, why)
}

/// A running `ssh`. What it started is killed with it.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    /// What standard error had after the mark.
    left: Vec<u8>,
}

/// How much is read at once.
const PIECE: usize = 32 * 1024;

/// What comes next of a stream, empty at its end; nothing ever comes of one that is closed.
async fn piece(stream: Option<&mut (impl AsyncReadExt + Unpin)>) -> Vec<u8> {
    let Some(stream) = stream else { return std::future::pending().await };
    let mut bytes = Vec::with_capacity(PIECE);
    // What cannot be read has ended.
    let _ = stream.read_buf(&mut bytes).await;
    bytes
}

impl Running {
    /// Waits for a mark on standard error; `Err`: `ssh` ended, and said this.
    async fn reach(&mut self, mark: &str) -> Result<(), String> {
        let (mut stderr, mut stdout) = (Vec::new(), Vec::new());
        while let Some(event) = self.event().await {
            match event {
                ProcessEvent::Stderr(bytes) => stderr.extend_from_slice(&bytes),
                ProcessEvent::Stdout(bytes) => stdout.extend_from_slice(&bytes),
                ProcessEvent::Exit(_) | ProcessEvent::Signal(_) | ProcessEvent::Refused => break,
            }
            let found = stderr.windows(mark.len()).position(|window| window == mark.as_bytes());
            if let Some(at) = found {
                self.left = stderr.split_off(at + mark.len());
                return Ok(());
            }
            for noise in [&mut stderr, &mut stdout] {
                let surplus = noise.len().saturating_sub(NOISE);
                noise.drain(..surplus);
            }
        }
        stdout.extend_from_slice(&stderr);
        Err(String::from_utf8_lossy(&stdout).into_owned())
    }

    /// What `ssh` does next.
    async fn event(&mut self) -> Option<ProcessEvent> {
        loop {
            if self.stdout.is_none() && self.stderr.is_none() {
                return self.end().await;
            }
            tokio::select! {
                bytes = piece(self.stdout.as_mut()) => if bytes.is_empty() {
                    self.stdout = None;
                } else {
                    return Some(ProcessEvent::Stdout(bytes));
                },
                bytes = piece(self.stderr.as_mut()) => if bytes.is_empty() {
                    self.stderr = None;
                } else {
                    return Some(ProcessEvent::Stderr(bytes));
                },
            }
        }
    }

    /// How `ssh` ended; `None`: it lost the connection, or its end has been told.
    async fn end(&mut self) -> Option<ProcessEvent> {
        // Once: the end of a process is told only once.
        self.stdin.take()?;
        match self.child.wait().await.ok()?.code() {
            Some(ITSELF) | None => None,
            Some(code) => Some(ProcessEvent::Exit(u32::try_from(code).unwrap_or(u32::MAX))),
        }
    }

    /// Ends it: its input ends, and what does not end by that is killed.
    async fn close(mut self) {
        self.stdin = None;
        let ended = async {
            while self.stdout.is_some() || self.stderr.is_some() {
                self.event().await;
            }
        };
        let _ = tokio::time::timeout(CLOSING, ended).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::TERM);
        }
    }
}

/// A connection; its one shell waits for what it is to become.
struct OpenSshSession {
    running: Option<Running>,
}

impl Session for OpenSshSession {
    fn start<'a>(&'a mut self, program: &'a str) -> BoxFuture<'a, Result<Box<dyn Process>, NotStarted>> {
        async move {
            let Some(running) = self.running.take() else {
                return Err(NotStarted("this connection has had its program".to_owned()));
            };
            let mut process = OpenSshProcess(running);
            process.send(format!("{program}\n").into_bytes()).await.map_err(|lost| NotStarted(lost.0))?;
            let process: Box<dyn Process> = Box::new(process);
            Ok(process)
        }
        .boxed()
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        async move {
            if let Some(running) = self.running.take() {
                running.close().await;
            }
        }
        .boxed()
    }
}

struct OpenSshProcess(Running);

impl Process for OpenSshProcess {
    fn send(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), LinkLost>> {
        async move {
            let lost = |why: String| LinkLost(stranger_line(&why));
            let Some(stdin) = self.0.stdin.as_mut() else { return Err(lost("`ssh` has ended".to_owned())) };
            stdin.write_all(&bytes).await.map_err(|error| lost(format!("`ssh` has ended: {error}")))
        }
        .boxed()
    }

    fn next(&mut self) -> BoxFuture<'_, Option<ProcessEvent>> {
        async move {
            if !self.0.left.is_empty() {
                return Some(ProcessEvent::Stderr(std::mem::take(&mut self.0.left)));
            }
            self.0.event().await
        }
        .boxed()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.0.close().boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_ssh_are_understood() {
        let kind = |said: &str| match read(said) {
            ConnectError::OpenSsh { trouble, .. } => trouble,
            other => panic!("{other}"),
        };
        for (said, wanted) in [
            ("ops@h: Permission denied (publickey).\n", OpenSshTrouble::Authentication),
            ("@@@@@@\nHost key verification failed.\n", OpenSshTrouble::HostKey),
            ("ssh: connect to host h port 22: Connection refused\n", OpenSshTrouble::Unreachable),
            ("kex_exchange_identification: read: Connection reset by peer\n", OpenSshTrouble::WentAway),
            ("sh: 1: nothing\n", OpenSshTrouble::Other),
        ] {
            assert_eq!(kind(said), wanted, "{said}");
        }
        let hostile = read("@@@@\nnext\u{1b}[2J\u{202e}\n").to_string();
        assert!(hostile.contains("next\u{fffd}") && !hostile.contains("@@@"), "{hostile}");
        assert!(read("").to_string().contains("printed nothing"));
    }
}
