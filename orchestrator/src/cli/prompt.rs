//! Questions to the person at the terminal, and passphrases.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::redact::Secret;
use crate::transport::PassphraseSource;

/// Whether there is a person to ask: questions go to standard error, answers come from standard input.
pub(super) fn is_attended() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a yes-or-no question; anything but yes is no, and the end of the input is no answer.
pub(super) fn ask(question: &str) -> Option<bool> {
    use std::io::Write;
    {
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "{question} [y/N] ");
        let _ = err.flush();
    }
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")),
    }
}

/// Asks on a thread of its own: a person may never answer, and nothing must wait for that thread.
pub(super) fn off_thread<T: Send + 'static>(
    ask: impl FnOnce() -> Option<T> + Send + 'static,
) -> BoxFuture<'static, Option<T>> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // Whoever asked may have given up.
        let _ = sender.send(ask());
    });
    async move { receiver.await.ok().flatten() }.boxed()
}

/// Passphrases from the terminal, or from `SSH_ASKPASS` where there is none.
pub(super) struct Passphrases {
    pub(super) askpass: Option<PathBuf>,
}

impl PassphraseSource for Passphrases {
    fn passphrase<'a>(&'a self, key: &'a Path) -> BoxFuture<'a, Option<Secret>> {
        let question = format!("Passphrase of {}:", key.display());
        if is_attended() {
            return off_thread(move || from_terminal(&question));
        }
        match &self.askpass {
            Some(program) => from_program(program.clone(), question).boxed(),
            None => async { None }.boxed(),
        }
    }
}

fn from_terminal(question: &str) -> Option<Secret> {
    let terminal = console::Term::stderr();
    terminal.write_str(&format!("{question} ")).ok()?;
    terminal.read_secure_line().ok().map(Secret::new)
}

/// As ssh-add(1) has it: the question is the only argument, the answer is on standard output.
async fn from_program(program: PathBuf, question: String) -> Option<Secret> {
    let output =
        tokio::process::Command::new(program).arg(question).stdin(std::process::Stdio::null()).output().await;
    let output = output.ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}
