//! Passphrases, passwords and codes: from a command, from the person at the terminal, or from `SSH_ASKPASS`.
//!
//! Owns that everything is asked once, one question after another, and that what a host refused is not given to it again. Secrets
//! are kept in memory alone, for as long as the program runs.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::prompt::{is_attended, off_thread};
use crate::redact::Secret;
use crate::text::{RemoteText, stranger_line};
use crate::transport::{Purpose, SecretRequest, SecretSource};

/// How long a command may take to print a secret: a person may have to unlock a password store.
const COMMAND: Duration = Duration::from_secs(120);

/// What a secret is known by: what it is for, and the command that prints it.
type Key = (Purpose, Option<String>);

/// What is known so far.
pub(super) struct Secrets {
    askpass: Option<PathBuf>,
    /// Held while something is asked: who waits for the same answer gets it, too.
    known: tokio::sync::Mutex<HashMap<Key, Result<Secret, String>>>,
    refused: Mutex<HashSet<(Key, String)>>,
}

impl Secrets {
    /// Nothing is known yet; `askpass` is the program of `SSH_ASKPASS`.
    pub(super) fn new(askpass: Option<PathBuf>) -> Self {
        Self { askpass, known: tokio::sync::Mutex::default(), refused: Mutex::default() }
    }

    async fn ask(&self, request: &SecretRequest) -> Result<Secret, String> {
        if let Some(command) = &request.command {
            return from_command(command).await;
        }
        let question = stranger_line(&request.question);
        if is_attended() {
            let echo = request.echo;
            let answer = off_thread(move || from_terminal(&question, echo)).await;
            return answer.ok_or_else(|| "nothing was typed".to_owned());
        }
        match &self.askpass {
            Some(program) => from_askpass(program, question).await,
            None => Err("nobody can be asked".to_owned()),
        }
    }

    /// Forgets that a host refused something: it is about to be asked for anew.
    fn was_refused(&self, key: &Key, host: &str) -> bool {
        self.refused.lock().is_ok_and(|mut refused| refused.remove(&(key.clone(), host.to_owned())))
    }
}

impl SecretSource for Secrets {
    fn secret<'a>(&'a self, request: &'a SecretRequest) -> BoxFuture<'a, Result<Secret, String>> {
        async move {
            let mut known = self.known.lock().await;
            if matches!(request.purpose, Purpose::Passphrase(_)) {
                // Whoever asks for it keeps the opened key.
                return self.ask(request).await;
            }
            let key = (request.purpose.clone(), request.command.clone());
            if let Some(answer) = known.get(&key) {
                let is_final = request.command.is_some() || !self.can_ask();
                match self
                    .refused
                    .lock()
                    .is_ok_and(|refused| refused.contains(&(key.clone(), request.host.clone())))
                {
                    false => return answer.clone(),
                    true if is_final => return Err("the host refused it before".to_owned()),
                    true => drop(self.was_refused(&key, &request.host)),
                }
            }
            let answer = self.ask(request).await;
            known.insert(key, answer.clone());
            answer
        }
        .boxed()
    }

    fn refused(&self, request: &SecretRequest) {
        let key = (request.purpose.clone(), request.command.clone());
        if let Ok(mut refused) = self.refused.lock() {
            refused.insert((key, request.host.clone()));
        }
    }

    fn can_ask(&self) -> bool {
        is_attended() || self.askpass.is_some()
    }
}

fn from_terminal(question: &str, echo: bool) -> Option<Secret> {
    let terminal = console::Term::stderr();
    terminal.write_str(&format!("{question} ")).ok()?;
    let line = if echo { terminal.read_line() } else { terminal.read_secure_line() };
    line.ok().map(Secret::new)
}

/// As ssh-add(1) has it: the question is the only argument, the answer is on standard output.
async fn from_askpass(program: &std::path::Path, question: String) -> Result<Secret, String> {
    let mut command = tokio::process::Command::new(program);
    command.arg(question);
    printed(command, &program.display().to_string()).await
}

async fn from_command(line: &str) -> Result<Secret, String> {
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", line]);
    // The rest of the line may be a secret.
    let program = line.split_whitespace().next().unwrap_or_default();
    printed(command, &format!("`{program} …`")).await
}

/// The first line that a program prints.
async fn printed(mut command: tokio::process::Command, shown: &str) -> Result<Secret, String> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(COMMAND, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("{shown} cannot be started: {error}")),
        Err(_) => return Err(format!("{shown} printed nothing within {}s", COMMAND.as_secs())),
    };
    if !output.status.success() {
        let said = RemoteText::from_bytes(&output.stderr).last_lines(1).pop();
        let said = said.map_or_else(String::new, |line| format!(": {line}"));
        return Err(format!("{shown} failed ({}){said}", output.status));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| format!("{shown} printed what is no text"))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret::new(line.to_owned())),
        _ => Err(format!("{shown} printed nothing")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(command: &str, host: &str) -> SecretRequest {
        SecretRequest {
            purpose: Purpose::Root { by: "sudo", user: "ops".to_owned() },
            command: Some(command.to_owned()),
            question: String::new(),
            echo: false,
            host: host.to_owned(),
        }
    }

    #[tokio::test]
    async fn a_command_is_run_once_for_all_hosts_and_what_one_refused_it_is_not_given_again() {
        let folder = tempfile::tempdir().unwrap();
        let counted = folder.path().join("counted");
        let command = format!("echo x >> '{}'; echo pass word", counted.display());
        let secrets = Secrets::new(None);
        for host in ["h1", "h2"] {
            let secret = secrets.secret(&request(&command, host)).await.unwrap();
            assert_eq!(secret.expose(), "pass word");
        }
        assert_eq!(std::fs::read_to_string(counted).unwrap(), "x\n");
        secrets.refused(&request(&command, "h1"));
        assert!(secrets.secret(&request(&command, "h1")).await.is_err());
        assert!(secrets.secret(&request(&command, "h2")).await.is_ok());
    }

    #[tokio::test]
    async fn a_command_that_gives_nothing_says_why_and_shows_no_secret() {
        let secrets = Secrets::new(None);
        for (command, wanted) in [
            ("echo hunter2; echo locked >&2; exit 3", "`echo …` failed (exit status: 3): locked"),
            ("true hunter2", "`true …` printed nothing"),
        ] {
            let why = secrets.secret(&request(command, "h1")).await.unwrap_err();
            assert_eq!(why, wanted);
        }
    }
}
