//! Signatures by `ssh-keygen -Y`: whatever it can sign with (files, agents, hardware keys) and whatever `allowed_signers` may
//! say is then exactly what OpenSSH makes of it, as it is for git. The format is SSHSIG (OpenSSH's PROTOCOL.sshsig).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::NamedTempFile;

use crate::cli::error::CliError;
use crate::text::harmless_line;

/// What signatures are for: one that was made for anything else is none.
const NAMESPACE: &str = "ixporch-evidence";

/// A key to sign with.
pub(in crate::cli) enum SigningKey {
    /// A file.
    File(PathBuf),
    /// A public key whose other half the agent holds.
    Agent(String),
}

/// The first key that an agent holds, as OpenSSH writes public keys.
pub(in crate::cli) fn agents_first_key() -> Option<SigningKey> {
    let output = Command::new("ssh-add").arg("-L").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    text.lines().next().map(|line| SigningKey::Agent(line.to_owned()))
}

/// Signs; asks for the key's passphrase where there is a terminal.
pub(super) fn sign(key: &SigningKey, message: &[u8]) -> Result<String, CliError> {
    let (path, shown, _public) = match key {
        SigningKey::File(path) => (path.clone(), path.display().to_string(), None),
        SigningKey::Agent(public) => {
            let file = temporary(public.as_bytes()).map_err(|why| CliError::internal(why.to_string()))?;
            (file.path().to_owned(), "the agent's first key".to_owned(), Some(file))
        }
    };
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", "sign", "-n", NAMESPACE, "-f"]).arg(&path);
    let output = run(command, message).map_err(CliError::invalid)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(CliError::invalid(format!("cannot sign the evidence with {shown}: {}", said(&output)))
        .help("choose another key with --sign-with, or do not sign: --no-sign"))
}

/// Who signed a message; `Err`: why the signature is none.
pub(super) fn verify(signature: &str, message: &[u8], allowed: Option<&Path>) -> Result<String, String> {
    let file = temporary(signature.as_bytes()).map_err(|error| error.to_string())?;
    let Some(allowed) = allowed else {
        let mut command = Command::new("ssh-keygen");
        command.args(["-Y", "check-novalidate", "-n", NAMESPACE, "-s"]).arg(file.path());
        let output = run(command, message)?;
        if !output.status.success() {
            return Err(format!("its signature does not match its content: {}", said(&output)));
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let key = text.split_whitespace().find(|word| word.starts_with("SHA256:")).unwrap_or("a key");
        return Ok(format!("{}, not verified", harmless_line(key)));
    };
    if let Err(error) = fs_err::File::open(allowed) {
        return Err(format!("cannot read the allowed signers: {error}"));
    }
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", "find-principals", "-s"]).arg(file.path()).arg("-f").arg(allowed);
    let output = run(command, message)?;
    let found = String::from_utf8_lossy(&output.stdout).into_owned();
    // One key may stand there under several names, each for purposes of its own; those with `!` are excluded names.
    let principals: Vec<&str> =
        found.lines().filter(|name| !name.is_empty() && !name.starts_with('!')).collect();
    let mut why = None;
    for principal in principals {
        let mut command = Command::new("ssh-keygen");
        command.args(["-Y", "verify", "-n", NAMESPACE, "-I", principal, "-s"]).arg(file.path());
        command.arg("-f").arg(allowed);
        let output = run(command, message)?;
        if output.status.success() {
            return Ok(harmless_line(principal));
        }
        why = Some(format!("its signature does not match its content: {}", said(&output)));
    }
    if let Some(why) = why {
        return Err(why);
    }
    let key = verify(signature, message, None)?;
    let key = key.split(',').next().unwrap_or(&key);
    Err(format!("it is signed with {key}, which is not in {}", allowed.display()))
}

fn temporary(bytes: &[u8]) -> std::io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new()?;
    file.write_all(bytes)?;
    // ssh-keygen wants a line break at the end of keys and signatures.
    if !bytes.ends_with(b"\n") {
        file.write_all(b"\n")?;
    }
    file.flush()?;
    Ok(file)
}

/// Runs it with `input` as its standard input.
fn run(mut command: Command, input: &[u8]) -> Result<Output, String> {
    let cannot = |error: std::io::Error| format!("cannot run ssh-keygen: {error}");
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.map_err(cannot)?;
    if let Some(mut stdin) = child.stdin.take() {
        // It may have ended before it read everything; then it says why.
        let _ = stdin.write_all(input);
    }
    child.wait_with_output().map_err(cannot)
}

/// The last line that it printed.
fn said(output: &Output) -> String {
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let line = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason was given");
    harmless_line(line.trim())
}
