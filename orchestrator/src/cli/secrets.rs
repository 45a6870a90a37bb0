//! Passphrases, passwords and codes: from a command, from the person at the terminal, or from `SSH_ASKPASS`.
//!
//! Owns that everything is asked once, that an answer is tried on one host before others get it, and that what a host refused
//! is not given to it again: a login that fails often may be locked. Secrets are kept in memory alone, for as long as the
//! program runs.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Notify;

use super::prompt;
use crate::redact::Secret;
use crate::text::{RemoteText, stranger_line};
use crate::transport::{Purpose, SecretRequest, SecretSource};

/// How long a command may take to print a secret: a person may have to unlock a password store.
const COMMAND: Duration = Duration::from_secs(120);

/// How long a person may take. A run goes on on other hosts meanwhile, and sites may be closed.
const PERSON: Duration = Duration::from_secs(300);

/// How long an answer is tried on one host before another one tries it, too.
const TRIED: Duration = Duration::from_secs(30);

/// After a question without an answer, the time until it is asked again.
const UNKNOWN: Duration = Duration::from_secs(30);

/// How long what is no password is kept: a code is good once, and for half a minute or so (RFC 6238).
const CODE: Duration = Duration::from_secs(25);

/// After so many refusals, and no host that took it, an answer is given to nobody.
const REFUSALS: usize = 3;

/// What a secret is known by: the command that prints it, or what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Command(String),
    Purpose(Purpose),
}

impl Key {
    fn of(request: &SecretRequest) -> Self {
        match &request.command {
            Some(command) => Self::Command(command.clone()),
            None => Self::Purpose(request.purpose.clone()),
        }
    }
}

/// What is known of one secret.
#[derive(Default)]
struct Known {
    /// Held while it is asked for.
    asking: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    /// Told when a host took or refused it.
    told: Notify,
}

#[derive(Default)]
struct State {
    answer: Option<(Instant, Result<Secret, String>)>,
    /// Since when a host tries it that no host has taken so far.
    tried: Option<Instant>,
    is_proven: bool,
    refused_by: HashSet<String>,
}

impl Known {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The answer, as far as it still counts.
    fn current(&self, request: &SecretRequest) -> Option<Result<Secret, String>> {
        let (since, answer) = self.answer.as_ref()?;
        let counts_for = match answer {
            Err(_) => UNKNOWN,
            Ok(_) if request.is_password => return Some(answer.clone()),
            Ok(_) => CODE,
        };
        (since.elapsed() < counts_for).then(|| answer.clone())
    }
}

/// What is known so far.
pub(super) struct Secrets {
    askpass: Option<PathBuf>,
    known: Mutex<HashMap<Key, Arc<Known>>>,
}

impl Secrets {
    /// Nothing is known yet; `askpass` is the program of `SSH_ASKPASS`.
    pub(super) fn new(askpass: Option<PathBuf>) -> Self {
        Self { askpass, known: Mutex::default() }
    }

    fn known(&self, request: &SecretRequest) -> Arc<Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(Key::of(request)).or_default())
    }

    async fn ask(&self, request: &SecretRequest) -> Result<Secret, String> {
        if let Some(command) = &request.command {
            return from_command(command).await;
        }
        let question = stranger_line(&request.question);
        if prompt::is_attended() {
            let answer = tokio::time::timeout(PERSON, prompt::secret(&question, request.echo)).await;
            return match answer {
                Ok(Some(secret)) if !secret.expose().is_empty() => Ok(secret),
                Ok(_) => Err("nothing was typed".to_owned()),
                Err(_) => Err(format!("nobody answered within {}s", PERSON.as_secs())),
            };
        }
        match &self.askpass {
            Some(program) => from_askpass(program, question).await,
            None => Err("nobody can be asked".to_owned()),
        }
    }

    /// Whether a refused answer can be replaced by another one: only a person knows better.
    fn may_correct(request: &SecretRequest) -> bool {
        request.command.is_none() && prompt::is_attended()
    }

    async fn shared(&self, request: &SecretRequest) -> Result<Secret, String> {
        let known = self.known(request);
        loop {
            let waits = {
                let _asking = known.asking.lock().await;
                let current = {
                    let mut state = known.state();
                    if state.refused_by.contains(&request.host) {
                        if !Self::may_correct(request) {
                            return Err("the host refused it before".to_owned());
                        }
                        *state = State::default();
                    } else if !state.is_proven && state.refused_by.len() >= REFUSALS {
                        return Err(format!("{REFUSALS} hosts refused it, and none took it"));
                    }
                    state.current(request)
                };
                let answer = if let Some(answer) = current {
                    answer
                } else {
                    let answer = self.ask(request).await;
                    *known.state() =
                        State { answer: Some((Instant::now(), answer.clone())), ..State::default() };
                    answer
                };
                let mut state = known.state();
                let is_tried = state.tried.is_some_and(|since| since.elapsed() < TRIED);
                if answer.is_err() || state.is_proven || !is_tried {
                    state.tried = Some(Instant::now());
                    return answer;
                }
                known.told.notified()
            };
            // Another host tries it first.
            let _ = tokio::time::timeout(TRIED, waits).await;
        }
    }
}

impl SecretSource for Secrets {
    fn secret<'a>(&'a self, request: &'a SecretRequest) -> BoxFuture<'a, Result<Secret, String>> {
        async move {
            match request.purpose {
                // Whoever asks for it keeps the opened key.
                Purpose::Passphrase(_) => self.ask(request).await,
                Purpose::Login { .. } | Purpose::Root { .. } => self.shared(request).await,
            }
        }
        .boxed()
    }

    fn accepted(&self, request: &SecretRequest) {
        let known = self.known(request);
        {
            let mut state = known.state();
            (state.is_proven, state.tried) = (true, None);
        }
        known.told.notify_waiters();
    }

    fn refused(&self, request: &SecretRequest) {
        let known = self.known(request);
        {
            let mut state = known.state();
            state.refused_by.insert(request.host.clone());
            state.tried = None;
        }
        known.told.notify_waiters();
    }

    fn is_refused_for_good(&self, request: &SecretRequest) -> bool {
        !Self::may_correct(request) && self.known(request).state().refused_by.contains(&request.host)
    }

    fn can_ask(&self) -> bool {
        prompt::is_attended() || self.askpass.is_some()
    }
}

/// As ssh-add(1) has it: the question is the only argument, the answer is on standard output.
async fn from_askpass(program: &Path, question: String) -> Result<Secret, String> {
    let mut command = tokio::process::Command::new(program);
    command.arg(question);
    printed(command, &program.display().to_string()).await
}

async fn from_command(line: &str) -> Result<Secret, String> {
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", line]);
    printed(command, &format!("`{}`", shown(line))).await
}

/// A command that prints a secret, as it may be shown: its program. Variables before it and arguments may be secrets.
pub(super) fn shown(line: &str) -> String {
    let is_variable = |word: &&str| word.contains('=');
    let program = line.split_whitespace().find(|word| !is_variable(word)).unwrap_or_default();
    format!("{program} …")
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
            is_password: true,
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
            secrets.accepted(&request(&command, host));
        }
        assert_eq!(std::fs::read_to_string(counted).unwrap(), "x\n");
        secrets.refused(&request(&command, "h1"));
        assert!(secrets.is_refused_for_good(&request(&command, "h1")));
        assert!(!secrets.is_refused_for_good(&request(&command, "h2")));
        assert!(secrets.secret(&request(&command, "h1")).await.is_err());
        assert!(secrets.secret(&request(&command, "h2")).await.is_ok());
    }

    #[tokio::test]
    async fn an_answer_is_tried_on_one_host_first_and_after_three_refusals_on_none() {
        let secrets = Arc::new(Secrets::new(None));
        let first = secrets.secret(&request("echo wrong", "h1")).await;
        assert!(first.is_ok());
        let (second, hosts) = (Arc::clone(&secrets), ["h2", "h3", "h4"]);
        let waiting = tokio::spawn(async move {
            let mut got = Vec::new();
            for host in hosts {
                let answer = second.secret(&request("echo wrong", host)).await;
                got.push(answer.is_ok());
                second.refused(&request("echo wrong", host));
            }
            got
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "it waits for the first host");
        secrets.refused(&request("echo wrong", "h1"));
        assert_eq!(waiting.await.unwrap(), [true, true, false]);
    }

    #[tokio::test]
    async fn a_command_that_gives_nothing_says_why_and_shows_no_secret() {
        let secrets = Secrets::new(None);
        for (command, wanted) in [
            ("echo hunter2; echo locked >&2; exit 3", "`echo …` failed (exit status: 3): locked"),
            ("TOKEN=hunter2 true hunter2", "`true …` printed nothing"),
        ] {
            let why = secrets.secret(&request(command, "h1")).await.unwrap_err();
            assert_eq!(why, wanted);
        }
    }
}
