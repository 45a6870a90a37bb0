//! OpenSSH's client: asked for its settings of a host (`ssh -G`).
//!
//! Owns how it is started. What its answer means belongs to the inventory, which knows what a setting is.

use std::path::Path;
use std::process::{Command, Stdio};

/// Why OpenSSH's client did not answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no `ssh`.
    #[error("`ssh` is not installed")]
    Missing,
    /// It could not be started.
    #[error("`ssh` cannot be started: {0}")]
    NotStarted(std::io::Error),
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
    let output =
        command.args(arguments).stdin(Stdio::null()).output().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => AskError::Missing,
            _ => AskError::NotStarted(error),
        })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("Pseudo-terminal")).collect();
    let said = if lines.is_empty() { output.status.to_string() } else { lines.join("; ") };
    Err(AskError::Refused(said))
}
