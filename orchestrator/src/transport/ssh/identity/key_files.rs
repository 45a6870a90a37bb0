//! Key files: private keys with their passphrases, public keys, and the certificates beside them.
//!
//! Owns that each file is read once, and that a person is asked for a passphrase once and not once per host.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::{Certificate, Error, PrivateKey, PublicKey};
use tokio::sync::Mutex;

use super::key_text;
use crate::plan::quote;
use crate::transport::{Purpose, SecretRequest, SecretSource};

/// How often a passphrase is asked for.
const TRIES: usize = 3;

/// The key files of this program's run.
pub(in crate::transport::ssh) struct KeyFiles {
    secrets: Arc<dyn SecretSource>,
    /// Held while a passphrase is asked for.
    read: Mutex<Vec<(PathBuf, KeyFile)>>,
}

/// What a key file holds.
#[derive(Clone)]
pub(super) enum KeyFile {
    /// A private key.
    Private(Arc<PrivateKey>),
    /// A private key that is still encrypted; its public half, if that is known.
    Locked(Option<PublicKey>),
    /// Only a public key.
    Public(PublicKey),
    /// There is no such file.
    Missing,
    /// Why it cannot be used; its public half, if that stands beside it.
    Unusable(String, Option<PublicKey>),
}

impl KeyFile {
    /// Its public half.
    pub(super) fn public(&self) -> Option<&PublicKey> {
        match self {
            Self::Private(key) => Some(key.public_key()),
            Self::Locked(key) | Self::Unusable(_, key) => key.as_ref(),
            Self::Public(key) => Some(key),
            Self::Missing => None,
        }
    }
}

impl KeyFiles {
    pub(in crate::transport::ssh) fn new(secrets: Arc<dyn SecretSource>) -> Self {
        Self { secrets, read: Mutex::new(Vec::new()) }
    }

    /// A key file as it is; nobody is asked.
    pub(super) async fn peek(&self, path: &Path) -> KeyFile {
        let mut read = self.read.lock().await;
        if let Some((_, file)) = read.iter().find(|(known, _)| known == path) {
            return file.clone();
        }
        let file = open(path);
        read.push((path.to_owned(), file.clone()));
        file
    }

    /// A key file with its passphrase asked for.
    pub(super) async fn unlocked(&self, path: &Path) -> KeyFile {
        self.peek(path).await;
        let mut read = self.read.lock().await;
        let Some((_, file)) = read.iter_mut().find(|(known, _)| known == path) else {
            return KeyFile::Missing;
        };
        if matches!(file, KeyFile::Locked(_)) {
            *file = self.ask(path).await;
        }
        file.clone()
    }

    async fn ask(&self, path: &Path) -> KeyFile {
        let request = SecretRequest {
            purpose: Purpose::Passphrase(path.to_owned()),
            command: None,
            question: format!("Passphrase of {}:", path.display()),
            echo: false,
            is_password: true,
            host: String::new(),
        };
        for _ in 0..TRIES {
            let passphrase = match self.secrets.secret(&request).await {
                Ok(passphrase) => passphrase,
                Err(why) => return unusable(path, &format!("it has a passphrase, and {why}")),
            };
            let text = match fs_err::read_to_string(path) {
                Ok(text) => text,
                Err(error) => return unusable(path, &error.to_string()),
            };
            match key_text::decode(&text, Some(passphrase.expose())) {
                Ok(key) => return KeyFile::Private(Arc::new(key)),
                // Its own passphrase cannot open a form that is not known.
                Err(error) if is_of_unknown_form(&text, &error) => {
                    return unusable(path, &unknown_form(path));
                }
                Err(_) => {}
            }
        }
        unusable(path, "the passphrase is wrong")
    }
}

/// The certificate in a file; `None`: there is no such file.
pub(super) fn certificate(path: &Path) -> Option<Result<Certificate, String>> {
    let text = match fs_err::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => return Some(Err(error.to_string())),
    };
    let certificate = Certificate::from_openssh(text.trim_end());
    Some(certificate.map_err(|error| format!("{}: it is no certificate: {error}", path.display())))
}

/// The file that stands beside `path`, with `suffix` after its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn open(path: &Path) -> KeyFile {
    let text = match fs_err::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // As ssh does: the agent may hold the key of which only the public half is here.
            let public = public_key(&beside(path, ".pub"));
            return public.map_or(KeyFile::Missing, KeyFile::Public);
        }
        Err(error) => return KeyFile::Unusable(error.to_string(), public_key(&beside(path, ".pub"))),
    };
    if let Ok(key) = PublicKey::from_openssh(text.trim_end()) {
        return KeyFile::Public(key);
    }
    if let Some(mode) = open_to_others(path) {
        let file = quote(&path.display().to_string());
        return unusable(path, &format!("others can read it (mode {mode:04o}): chmod 600 {file}"));
    }
    match key_text::decode(&text, None) {
        Ok(key) => KeyFile::Private(Arc::new(key)),
        Err(error) if matches!(error, Error::KeyIsEncrypted) || is_encrypted(&text) => {
            let own = PrivateKey::from_openssh(&text).ok().map(|key| key.public_key().clone());
            KeyFile::Locked(own.or_else(|| public_key(&beside(path, ".pub"))))
        }
        Err(error) => unusable(path, &error.to_string()),
    }
}

fn public_key(path: &Path) -> Option<PublicKey> {
    PublicKey::from_openssh(fs_err::read_to_string(path).ok()?.trim_end()).ok()
}

/// The mode of a key file of this user that others may read; `ssh(1)` refuses such a file, too.
fn open_to_others(path: &Path) -> Option<u32> {
    let metadata = fs_err::metadata(path).ok()?;
    let mode = metadata.mode() & 0o777;
    (metadata.uid() == rustix::process::getuid().as_raw() && mode & 0o077 != 0).then_some(mode)
}

/// Whether a PEM file says that it is encrypted (RFC 1421, RFC 7468).
fn is_encrypted(text: &str) -> bool {
    text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED")
}

/// Whether it is not the passphrase that is wrong, but the form of the file that cannot be read.
fn is_of_unknown_form(text: &str, error: &Error) -> bool {
    let is_legacy_ec = text.contains("-----BEGIN EC PRIVATE KEY-----") && is_encrypted(text);
    is_legacy_ec || matches!(error, Error::UnknownAlgorithm(_) | Error::UnsupportedKeyType { .. })
}

fn unknown_form(path: &Path) -> String {
    let file = quote(&path.display().to_string());
    format!("this form of an encrypted key cannot be read; convert it: ssh-keygen -p -f {file}")
}

fn unusable(path: &Path, why: &str) -> KeyFile {
    KeyFile::Unusable(format!("{}: {why}", path.display()), public_key(&beside(path, ".pub")))
}
