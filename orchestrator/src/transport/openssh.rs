//! OpenSSH's client: asked for its settings of a host (`ssh -G`), and used to connect (`session`).
//!
//! Owns how it is started. What its answer means belongs to the inventory, which knows what a setting is.

mod session;

use std::fs::File;
use std::io::{ErrorKind, Read, Seek};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

pub use session::OpenSshTransport;

use crate::text::RemoteText;

/// How long `ssh` may take: `Match exec` may run anything.
const LIMIT: Duration = Duration::from_secs(30);

/// How often is looked whether it has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Why OpenSSH's client did not answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no `ssh`.
    #[error("`ssh` is not installed")]
    Missing,
    /// It could not be started, or its answer not be read.
    #[error("`ssh` cannot be started: {0}")]
    NotStarted(#[from] std::io::Error),
    /// It refused, as with a mistake in a file.
    #[error("{0}")]
    Refused(String),
}

/// What `ssh -G` is to read.
#[derive(Debug, Clone, Copy)]
pub enum Files<'a> {
    /// Its own: those of the user and of the system.
    Own,
    /// One file.
    One(&'a Path),
    /// None.
    None,
}

/// What `ssh` prints with `arguments`, which ask for settings. It connects to nothing; `Match exec` starts programs, as it
/// does whenever `ssh` is used.
///
/// # Errors
/// It did not answer.
pub fn ask(files: Files<'_>, arguments: &[String]) -> Result<String, AskError> {
    let mut command = Command::new("ssh");
    match files {
        Files::Own => {}
        Files::One(path) => drop(command.arg("-F").arg(path)),
        Files::None => drop(command.args(["-F", "none"])),
    }
    // Files, not pipes: a program that `Match exec` leaves in the background keeps them open.
    let (mut output, mut errors) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.args(arguments).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(errors.try_clone()?);
    let child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => AskError::Missing,
        _ => AskError::NotStarted(error),
    })?;
    let status = wait(child)?;
    if status.success() {
        return Ok(text(&mut output)?);
    }
    let said = text(&mut errors)?;
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("Pseudo-terminal")).collect();
    let said = if lines.is_empty() { status.to_string() } else { lines.join("; ") };
    Err(AskError::Refused(RemoteText::from(said.as_str()).to_string()))
}

/// Waits for the end of `ssh`, which normally takes some milliseconds.
fn wait(mut child: Child) -> Result<ExitStatus, AskError> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if began.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            return Err(AskError::Refused(format!("no answer within {}s", LIMIT.as_secs())));
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

fn text(file: &mut File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
