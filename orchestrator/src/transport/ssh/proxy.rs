//! A command that leads to an SSH server (`ssh_config(5)`, `ProxyCommand`).

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, Join};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::text::{RemoteText, stranger_line};
use crate::transport::{ConnectError, Endpoint};

/// So much of what a command prints on standard error is kept, for the message if it fails.
const KEPT: u64 = 4096;

/// How long a command that failed may take to say why.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A command that is running. It is killed, and what it started, when nothing needs it any more.
pub(super) struct Proxy {
    child: Child,
    errors: JoinHandle<Vec<u8>>,
}

/// Starts the command: its standard output and input are the connection.
pub(super) fn start(
    to: &Endpoint,
    command: &str,
) -> Result<(Proxy, Join<ChildStdout, ChildStdin>), ConnectError> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", &format!("exec {command}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C at the terminal is for ixporch: the connection ends in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(to, command, error.to_string(), false))?;
    match (child.stdout.take(), child.stdin.take(), child.stderr.take()) {
        (Some(output), Some(input), Some(errors)) => {
            let errors = tokio::spawn(keep(errors));
            Ok((Proxy { child, errors }, tokio::io::join(output, input)))
        }
        _ => Err(failed(to, command, "it has no input or output".to_owned(), false)),
    }
}

/// Reads all that a command prints on standard error, and keeps the beginning.
async fn keep(mut errors: ChildStderr) -> Vec<u8> {
    let mut kept = Vec::new();
    // What cannot be read is not shown.
    let _ = (&mut errors).take(KEPT).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut errors, &mut tokio::io::sink()).await;
    kept
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Proxy {
    fn kill(&mut self) {
        let id = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        // It may have ended by itself.
        let _ = id.map(|group| kill_process_group(group, Signal::KILL));
    }

    /// The error of a connection that did not come about: if the server went away, it was the command that ended.
    pub(super) async fn explain(mut self, to: &Endpoint, command: &str, error: ConnectError) -> ConnectError {
        let ConnectError::KeyExchange { went_away: true, why, .. } = error else { return error };
        self.kill();
        let said = tokio::time::timeout(LAST_WORDS, &mut self.errors).await;
        let said = said.ok().and_then(Result::ok).unwrap_or_default();
        let said = RemoteText::from(String::from_utf8_lossy(&said).trim()).to_string();
        let last = said.lines().last().filter(|line| !line.is_empty()).map(stranger_line);
        failed(to, command, last.unwrap_or(why), true)
    }
}

/// The error of a command. Its arguments may hold a password, and are not shown.
fn failed(to: &Endpoint, command: &str, why: String, went_away: bool) -> ConnectError {
    let program = command.split_whitespace().next().unwrap_or_default().to_owned();
    ConnectError::Proxy { address: to.address.clone(), program, why, went_away }
}
