//! Who we are: the keys that are offered to a server, in which order, what it said to them, and what it asks besides.
//!
//! Owns the order (`ssh(1)` has another one: named key files come before the agent's other keys here, since a server hangs
//! up after a few keys). Reading key files is `key_files`, asking the agent `agent`.

mod agent;
mod candidates;
mod interactive;
mod key_files;
mod key_text;
mod signer;

use std::collections::VecDeque;
use std::time::Duration;

use russh::client::{AuthResult, Handle, Handler};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg};
use russh::{MethodKind, MethodSet};
use tokio::time::timeout;

pub(super) use self::candidates::Credentials;
use self::candidates::{Candidate, Proof};
use self::interactive::{NoAnswer, Tries};
pub(super) use self::key_files::KeyFiles;
use self::signer::{AgentSigner, FileSigner};
use crate::text::stranger_line;
use crate::transport::{Endpoint, SecretSource};

/// A login: where, as whom, and who knows what the server may ask.
pub(super) struct Login<'a> {
    pub(super) to: &'a Endpoint,
    pub(super) secrets: &'a dyn SecretSource,
    /// How long the server may take for each answer.
    pub(super) limit: Duration,
    /// The name of the jump host that this is; `None`: it is a host.
    pub(super) jump: Option<String>,
}

impl Login<'_> {
    /// Whether questions of the server can be answered.
    fn can_answer(&self) -> bool {
        self.to.password_command.is_some() || self.secrets.can_ask()
    }

    /// What the server answers in time.
    async fn within<T>(
        &self,
        exchange: impl Future<Output = Result<T, russh::Error>>,
    ) -> Result<T, NoAnswer> {
        match timeout(self.limit, exchange).await {
            Ok(answer) => answer.map_err(|error| NoAnswer::Link(stranger_line(&error.to_string()))),
            Err(_) => Err(NoAnswer::Silent),
        }
    }
}

/// The host did not let us in, or was gone before it had said so.
pub(super) enum Refused {
    /// It refused what was offered.
    Told {
        /// What was tried, and what the host takes.
        why: String,
        /// What to do, if it is more than having the right key.
        help: Option<&'static str>,
    },
    /// The connection was cut before the host had refused anything.
    Cut,
    /// It did not answer in time.
    Silent,
}

/// A server counts each key that it refuses, and hangs up after `MaxAuthTries` of them (`sshd_config(5)`: 6).
const TOO_MANY: &str = "the server allows only some tries (MaxAuthTries): name the right key under `identity_files` and set \
                        `identities_only = true`";

const SECOND_FACTOR: &str =
    "run this at a terminal, where you are asked for the rest, or set password_command or SSH_ASKPASS";

const PASSWORD: &str = "load your key into the agent (ssh-add), name it under `identity_files`, set password_command, or run this \
                        at a terminal, where you are asked";

/// What messages call what a person or a command answered.
const ANSWER: &str = "the password or answer";

const WRONG_ANSWER: &str =
    "correct password_command, or run this again at a terminal and type the right password";

/// What the server said so far.
#[derive(Default)]
struct Answers {
    refused: Vec<String>,
    /// What it took, and then asked for more.
    partly: Vec<String>,
    problems: Vec<String>,
    methods: Option<MethodSet>,
}

/// Proves to the server who we are: by keys, and by answers to its questions if it takes no key, or asks for more.
///
/// Returns what it took.
pub(super) async fn authenticate<H: Handler>(
    handle: &mut Handle<H>,
    login: &Login<'_>,
    credentials: Credentials,
) -> Result<String, Refused> {
    let Credentials { candidates, problems, mut agent } = credentials;
    let hash = match timeout(login.limit, handle.best_supported_rsa_hash()).await {
        Ok(hash) => hash.ok().flatten().flatten().unwrap_or(HashAlg::Sha512),
        Err(_) => return Err(Refused::Silent),
    };
    let mut answers = Answers { problems, ..Answers::default() };
    let mut tries = Tries::default();
    let mut left: VecDeque<Candidate> = candidates.iter().cloned().collect();
    loop {
        let takes_keys =
            answers.methods.as_ref().is_none_or(|methods| methods.contains(&MethodKind::PublicKey));
        let (shown, result) = if let Some(candidate) = left.pop_front().filter(|_| takes_keys) {
            let shown = candidate.shown.clone();
            let offered = offer(handle, &login.to.user, candidate, hash, agent.as_mut());
            let Ok(result) = timeout(login.limit, offered).await else { return Err(Refused::Silent) };
            (shown, result)
        } else if let Some(methods) = answers.methods.clone() {
            let result = match tries.next(handle, login, &methods).await {
                None => break,
                Some(Ok(result)) => Ok(result),
                Some(Err(NoAnswer::Silent)) => return Err(Refused::Silent),
                Some(Err(NoAnswer::Unanswered(why))) => {
                    answers.problems.push(why);
                    break;
                }
                // Nothing was answered.
                Some(Err(NoAnswer::Link(_)))
                    if handle.is_closed() && answers.is_untouched() && !tries.has_answered() =>
                {
                    return Err(Refused::Cut);
                }
                Some(Err(NoAnswer::Link(why))) => Err(why),
            };
            (ANSWER.to_owned(), result)
        } else if login.can_answer() {
            // Without any key: what else does the server take (RFC 4252, section 5.2)?
            match login.within(handle.authenticate_none(&login.to.user)).await {
                Ok(AuthResult::Success) => return Ok("nothing: the server asks for no proof".to_owned()),
                Ok(AuthResult::Failure { remaining_methods, .. }) => {
                    answers.methods = Some(remaining_methods);
                    continue;
                }
                Err(NoAnswer::Silent) => return Err(Refused::Silent),
                Err(NoAnswer::Link(_) | NoAnswer::Unanswered(_)) => return Err(Refused::Cut),
            }
        } else {
            break;
        };
        if handle.is_closed() && !matches!(result, Ok(AuthResult::Success)) {
            return Err(answers.hung_up(&shown, left.len()));
        }
        match result {
            Ok(AuthResult::Success) => {
                answers.partly.push(shown);
                return Ok(answers.partly.join(", then "));
            }
            Ok(AuthResult::Failure { remaining_methods, partial_success }) => {
                answers.methods = Some(remaining_methods);
                if partial_success {
                    answers.partly.push(shown);
                    // A server may want keys after its questions.
                    let used = &answers.partly;
                    left = candidates.iter().filter(|key| !used.contains(&key.shown)).cloned().collect();
                } else {
                    answers.refused.push(shown);
                }
            }
            Err(error) => answers.problems.push(format!("{shown}: {error}")),
        }
    }
    Err(answers.refused(login))
}

/// Offers one key.
async fn offer<H: Handler>(
    handle: &mut Handle<H>,
    user: &str,
    candidate: Candidate,
    hash: HashAlg,
    agent: Option<&mut agent::Client>,
) -> Result<AuthResult, String> {
    let Candidate { proof, certificate, .. } = candidate;
    match (proof, agent) {
        (Proof::File(key), _) => {
            let hash = key.algorithm().is_rsa().then_some(hash);
            let Some(certificate) = certificate else {
                let key = PrivateKeyWithHashAlg::new(key, hash);
                return handle
                    .authenticate_publickey(user, key)
                    .await
                    .map_err(|error| stranger_line(&error.to_string()));
            };
            let answer =
                handle.authenticate_certificate_with(user, certificate, hash, &mut FileSigner(key)).await;
            answer.map_err(|error| stranger_line(&error.to_string()))
        }
        (Proof::Agent(key), Some(agent)) => {
            let hash = key.algorithm().is_rsa().then_some(hash);
            let mut signer = AgentSigner { agent, key: Some(key.clone()) };
            let answer = match certificate {
                Some(certificate) => {
                    handle.authenticate_certificate_with(user, certificate, hash, &mut signer).await
                }
                None => handle.authenticate_publickey_with(user, key, hash, &mut signer).await,
            };
            answer.map_err(|error| stranger_line(&error.to_string()))
        }
        (Proof::AgentCertificate(certificate), Some(agent)) => {
            let hash = certificate.algorithm().is_rsa().then_some(hash);
            let mut signer = AgentSigner { agent, key: None };
            let answer = handle.authenticate_certificate_with(user, *certificate, hash, &mut signer).await;
            answer.map_err(|error| stranger_line(&error.to_string()))
        }
        (_, None) => Err("the SSH agent is gone".to_owned()),
    }
}

impl Answers {
    /// Whether the server refused a password or an answer.
    fn was_answered(&self) -> bool {
        self.refused.iter().any(|what| what == ANSWER)
    }

    fn is_untouched(&self) -> bool {
        self.refused.is_empty() && self.partly.is_empty()
    }

    /// All was offered, or the server wants no more of it.
    fn refused(self, login: &Login<'_>) -> Refused {
        if !self.partly.is_empty() {
            let mut why = format!(
                "the host took {}, and then asked for more{}",
                self.partly.join(", "),
                self.offered()
            );
            for problem in &self.problems {
                why = format!("{why}; {problem}");
            }
            let help = if self.was_answered() { WRONG_ANSWER } else { SECOND_FACTOR };
            return Refused::Told { why, help: Some(help) };
        }
        let mut why = if self.refused.is_empty() {
            "there is no key to offer".to_owned()
        } else {
            format!("the host took none of {}{}", self.refused.join(", "), self.offered())
        };
        for problem in &self.problems {
            why = format!("{why}; {problem}");
        }
        let takes = |kind| self.methods.as_ref().is_some_and(|methods| methods.contains(&kind));
        let asks = takes(MethodKind::Password) || takes(MethodKind::KeyboardInteractive);
        let help = if self.was_answered() {
            Some(WRONG_ANSWER)
        } else {
            (asks && !login.can_answer()).then_some(PASSWORD)
        };
        Refused::Told { why, help }
    }

    /// The server hung up when it was shown this, with `left` keys not tried.
    fn hung_up(self, shown: &str, left: usize) -> Refused {
        let is_key = shown != ANSWER;
        if self.refused.is_empty() && self.partly.is_empty() {
            // After an answer it is no bad luck: the same answer would be refused again.
            let why = format!("the host hung up after {shown}");
            return if is_key { Refused::Cut } else { Refused::Told { why, help: None } };
        }
        let keys = match left + usize::from(is_key) {
            0 => String::new(),
            1 => "; 1 more key was not tried".to_owned(),
            left => format!("; {left} more keys were not tried"),
        };
        let said = [("took", &self.partly), ("refused", &self.refused)];
        let said = said.iter().filter(|(_, what)| !what.is_empty());
        let said =
            said.map(|(word, what)| format!("{word} {}", what.join(", "))).collect::<Vec<_>>().join(", ");
        let why = format!("the host {said} and hung up{keys}");
        Refused::Told { why, help: is_key.then_some(TOO_MANY) }
    }

    fn offered(&self) -> String {
        let methods: Vec<&str> =
            self.methods.iter().flat_map(|methods| methods.iter()).map(Into::into).collect();
        if methods.is_empty() { String::new() } else { format!(" (it offers: {})", methods.join(", ")) }
    }
}
