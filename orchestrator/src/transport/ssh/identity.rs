//! Who we are: the keys that are offered to a server, in which order, and what it said to them.
//!
//! Owns the order (`ssh(1)` has another one: named key files come before the agent's other keys here, since a server hangs
//! up after a few keys). Reading key files is `key_files`, asking the agent `agent`.

mod agent;
mod candidates;
mod key_files;
mod key_text;
mod signer;

use russh::client::{AuthResult, Handle, Handler};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg};
use russh::{MethodKind, MethodSet};

pub(super) use self::candidates::Credentials;
use self::candidates::{Candidate, Proof};
pub(super) use self::key_files::KeyFiles;
use self::signer::{AgentSigner, FileSigner};
use crate::text::stranger_line;

/// The host took none of our keys, or was gone before it had said so.
pub(super) struct Refused {
    /// What was tried, and what the host takes.
    pub(super) why: String,
    /// What to do, if it is more than having the right key.
    pub(super) help: Option<&'static str>,
    /// Whether the connection was cut before the host had refused anything.
    pub(super) cut: bool,
}

/// A server counts each key that it refuses, and hangs up after `MaxAuthTries` of them (`sshd_config(5)`: 6).
const TOO_MANY: &str = "the server allows only some tries (MaxAuthTries): name the right key under `identity_files` and set \
                        `identities_only = true`";

const SECOND_FACTOR: &str =
    "ixporch offers keys only: allow this login with a key alone (AuthenticationMethods of sshd_config)";

/// What the server said so far.
#[derive(Default)]
struct Answers {
    refused: Vec<String>,
    /// The keys that it took, and then asked for more.
    partly: Vec<String>,
    problems: Vec<String>,
    methods: Option<MethodSet>,
}

/// Offers the server keys until it takes one.
pub(super) async fn authenticate<H: Handler>(
    handle: &mut Handle<H>,
    user: &str,
    credentials: Credentials,
) -> Result<(), Refused> {
    let Credentials { candidates, problems, mut agent } = credentials;
    let hash = handle.best_supported_rsa_hash().await.ok().flatten().flatten().unwrap_or(HashAlg::Sha512);
    let mut answers = Answers { problems, ..Answers::default() };
    let mut candidates = candidates.into_iter();
    while let Some(candidate) = candidates.next() {
        let shown = candidate.shown.clone();
        let result = offer(handle, user, candidate, hash, agent.as_mut()).await;
        if handle.is_closed() && !matches!(result, Ok(AuthResult::Success)) {
            let left = 1 + candidates.count();
            return Err(answers.hung_up(left));
        }
        match result {
            Ok(AuthResult::Success) => return Ok(()),
            Ok(AuthResult::Failure { remaining_methods, partial_success }) => {
                let list = if partial_success { &mut answers.partly } else { &mut answers.refused };
                list.push(shown);
                let goes_on = remaining_methods.contains(&MethodKind::PublicKey);
                answers.methods = Some(remaining_methods);
                if !goes_on {
                    break;
                }
            }
            Err(error) => answers.problems.push(format!("{shown}: {error}")),
        }
    }
    Err(answers.refused())
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
    /// All keys were offered, or the server wants no more of them.
    fn refused(self) -> Refused {
        if !self.partly.is_empty() {
            let why = format!(
                "the host took {}, and then asked for more{}",
                self.partly.join(", "),
                self.offered()
            );
            return Refused { why, help: Some(SECOND_FACTOR), cut: false };
        }
        let mut why = if self.refused.is_empty() {
            "there is no key to offer".to_owned()
        } else {
            format!("the host took none of {}{}", self.refused.join(", "), self.offered())
        };
        for problem in &self.problems {
            why = format!("{why}; {problem}");
        }
        Refused { why, help: None, cut: false }
    }

    /// The server hung up with `left` keys not tried.
    fn hung_up(self, left: usize) -> Refused {
        let count = self.refused.len();
        if count == 0 {
            return Refused { why: String::new(), help: None, cut: true };
        }
        let why = format!(
            "the host refused {} and hung up; {left} more {} not tried",
            self.refused.join(", "),
            if left == 1 { "key was" } else { "keys were" }
        );
        Refused { why, help: Some(TOO_MANY), cut: false }
    }

    fn offered(&self) -> String {
        let methods: Vec<&str> =
            self.methods.iter().flat_map(|methods| methods.iter()).map(Into::into).collect();
        if methods.is_empty() { String::new() } else { format!(" (it offers: {})", methods.join(", ")) }
    }
}
