//! Secrets that somebody else knows: passphrases, passwords, codes.
//!
//! Owns what is asked for, and who must be asked. Must not know how a person or a program is asked: the command line does.

use std::path::PathBuf;

use futures::future::BoxFuture;

use crate::redact::Secret;

/// What a secret is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The passphrase of a key file.
    Passphrase(PathBuf),
    /// What an SSH server asks a login for (RFC 4252, section 8; RFC 4256).
    Login {
        /// The login.
        user: String,
        /// The server's question, without the server's own name: several hosts may ask the same.
        prompt: String,
        /// The jump host that asks; what it is told is told to nobody else. `None`: a host.
        jump: Option<String>,
    },
    /// The password for sudo or su.
    Root {
        /// The program.
        by: &'static str,
        /// The login.
        user: String,
    },
}

/// A secret that is needed.
#[derive(Debug, Clone)]
pub struct SecretRequest {
    /// What for. Whoever answered once is not asked again for the same.
    pub purpose: Purpose,
    /// The command on the controller that prints it; `None`: a person, or `SSH_ASKPASS`, is asked.
    pub command: Option<String>,
    /// The question to a person.
    pub question: String,
    /// Whether the answer may be shown while it is typed.
    pub echo: bool,
    /// Whether it is a password: it is good for more than one login.
    pub is_password: bool,
    /// The host that needs it. Where it was refused, the same answer is not given again.
    pub host: String,
}

/// Whoever knows secrets, or knows whom to ask. They are kept in memory for the time of one command, and never written.
pub trait SecretSource: Send + Sync + 'static {
    /// The secret; `Err` says why there is none.
    fn secret<'a>(&'a self, request: &'a SecretRequest) -> BoxFuture<'a, Result<Secret, String>>;

    /// A host took what it was given: others may be given it, too.
    fn accepted(&self, request: &SecretRequest);

    /// A host refused what it was given: it is not given that again.
    fn refused(&self, request: &SecretRequest);

    /// Whether the host refused it, and nobody can correct it: a program that would ask for it need not be started.
    fn is_refused_for_good(&self, request: &SecretRequest) -> bool;

    /// Whether anybody can be asked.
    fn can_ask(&self) -> bool;
}
