//! Keys that we show: those of the agent, and key files with their passphrases.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::client::{AuthResult, Handle, Handler};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey};
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use crate::transport::PassphraseSource;

/// How often a passphrase is asked for.
const TRIES: usize = 3;

/// The key files of this program's run: each is read, and asked for, once.
pub(super) struct KeyFiles {
    passphrases: Arc<dyn PassphraseSource>,
    /// Held while a passphrase is asked for, so that a person is asked once and not once per host.
    loaded: Mutex<Vec<(PathBuf, Loaded)>>,
}

#[derive(Clone)]
enum Loaded {
    Key(Arc<PrivateKey>),
    Missing,
    Unusable(String),
}

impl KeyFiles {
    pub(super) fn new(passphrases: Arc<dyn PassphraseSource>) -> Self {
        Self { passphrases, loaded: Mutex::new(Vec::new()) }
    }

    /// Reads key files and asks for their passphrases, each once. Files that nobody named are not asked for
    /// where there is an agent: it is there so that nobody has to be asked.
    pub(super) async fn unlock(&self, paths: &[PathBuf], named: bool) {
        let may_ask = named || agent().await.is_none();
        for path in paths {
            let mut loaded = self.loaded.lock().await;
            if !loaded.iter().any(|(known, _)| known == path) {
                let fresh = self.read(path, may_ask).await;
                loaded.push((path.clone(), fresh));
            }
        }
    }

    /// A key that was unlocked before.
    async fn get(&self, path: &Path) -> Loaded {
        let loaded = self.loaded.lock().await;
        loaded.iter().find(|(known, _)| known == path).map_or(Loaded::Missing, |(_, key)| key.clone())
    }

    async fn read(&self, path: &Path, may_ask: bool) -> Loaded {
        if !path.exists() {
            return Loaded::Missing;
        }
        match russh::keys::load_secret_key(path, None) {
            Ok(key) => return Loaded::Key(Arc::new(key)),
            Err(russh::keys::Error::KeyIsEncrypted) if may_ask => {}
            Err(error) => return Loaded::Unusable(format!("{}: {error}", path.display())),
        }
        for _ in 0..TRIES {
            let Some(passphrase) = self.passphrases.passphrase(path).await else {
                return Loaded::Unusable(format!(
                    "{}: it has a passphrase, and nobody can be asked",
                    path.display()
                ));
            };
            if let Ok(key) = russh::keys::load_secret_key(path, Some(passphrase.expose())) {
                return Loaded::Key(Arc::new(key));
            }
        }
        Loaded::Unusable(format!("{}: the passphrase is wrong", path.display()))
    }
}

/// What was tried, for the message when nothing helped.
#[derive(Default)]
struct Tried {
    keys: Vec<String>,
    problems: Vec<String>,
    server_takes: Option<String>,
}

/// The host took none of our keys, or was gone before it had said so.
pub(super) struct Refused {
    /// What was tried, and what the host takes.
    pub(super) why: String,
    /// Whether several keys were shown: a host that hangs up then has had enough of them, and is not just busy.
    pub(super) after_several_keys: bool,
}

/// Shows the host our keys until it takes one.
pub(super) async fn authenticate<H: Handler>(
    handle: &mut Handle<H>,
    user: &str,
    files: &[PathBuf],
    files_first: bool,
    keys: &KeyFiles,
) -> Result<(), Refused> {
    let rsa_hash = handle.best_supported_rsa_hash().await.ok().flatten().flatten().unwrap_or(HashAlg::Sha512);
    let mut tried = Tried::default();
    let order: [bool; 2] = if files_first { [true, false] } else { [false, true] };
    for use_files in order {
        let accepted = if use_files {
            with_files(handle, user, files, keys, rsa_hash, files_first, &mut tried).await
        } else {
            with_agent(handle, user, rsa_hash, &mut tried).await
        };
        if accepted {
            return Ok(());
        }
    }
    let mut why = if tried.keys.is_empty() {
        "there is no key to show".to_owned()
    } else {
        format!("the host took none of {}", tried.keys.join(", "))
    };
    if let Some(methods) = tried.server_takes {
        why = format!("{why} (it offers: {methods})");
    }
    for problem in &tried.problems {
        why = format!("{why}; {problem}");
    }
    Err(Refused { why, after_several_keys: tried.keys.len() > 1 })
}

async fn with_files<H: Handler>(
    handle: &mut Handle<H>,
    user: &str,
    files: &[PathBuf],
    keys: &KeyFiles,
    rsa_hash: HashAlg,
    named: bool,
    tried: &mut Tried,
) -> bool {
    for path in files {
        let key = match keys.get(path).await {
            Loaded::Key(key) => key,
            Loaded::Missing if !named => continue,
            Loaded::Missing => {
                tried.problems.push(format!("{}: no such file", path.display()));
                continue;
            }
            Loaded::Unusable(why) => {
                tried.problems.push(why);
                continue;
            }
        };
        tried.keys.push(path.display().to_string());
        let hash = key.algorithm().is_rsa().then_some(rsa_hash);
        let result = handle.authenticate_publickey(user, PrivateKeyWithHashAlg::new(key, hash)).await;
        if note(result.map_err(|error| error.to_string()), tried) {
            return true;
        }
    }
    false
}

async fn with_agent<H: Handler>(
    handle: &mut Handle<H>,
    user: &str,
    rsa_hash: HashAlg,
    tried: &mut Tried,
) -> bool {
    let Some(mut agent) = agent().await else { return false };
    let identities = match agent.request_identities().await {
        Ok(identities) => identities,
        Err(error) => {
            tried.problems.push(format!("the SSH agent: {error}"));
            return false;
        }
    };
    for identity in identities {
        let result = match identity {
            AgentIdentity::PublicKey { key, comment } => {
                tried.keys.push(format!("{} of the agent", name_of(&key, &comment)));
                let hash = key.algorithm().is_rsa().then_some(rsa_hash);
                handle.authenticate_publickey_with(user, key, hash, &mut agent).await
            }
            AgentIdentity::Certificate { certificate, comment } => {
                tried.keys.push(format!("certificate {comment} of the agent"));
                handle.authenticate_certificate_with(user, certificate, None, &mut agent).await
            }
        };
        if note(result.map_err(|error| error.to_string()), tried) {
            return true;
        }
    }
    false
}

async fn agent() -> Option<AgentClient<UnixStream>> {
    AgentClient::connect_env().await.ok()
}

fn name_of(key: &PublicKey, comment: &str) -> String {
    if comment.is_empty() { key.fingerprint(HashAlg::Sha256).to_string() } else { comment.to_owned() }
}

fn note(result: Result<AuthResult, String>, tried: &mut Tried) -> bool {
    match result {
        Ok(AuthResult::Success) => true,
        Ok(AuthResult::Failure { remaining_methods, .. }) => {
            let methods: Vec<&str> = remaining_methods.iter().map(Into::into).collect();
            if !methods.is_empty() {
                tried.server_takes = Some(methods.join(", "));
            }
            false
        }
        Err(error) => {
            tried.problems.push(error);
            false
        }
    }
}
