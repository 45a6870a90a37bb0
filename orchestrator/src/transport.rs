//! The way to a host: traits that the ledger and the engine use, and errors that say what failed.
//!
//! Owns what a connection is. Must not know russh: `ssh/` is the only folder that names it.

mod error;
mod patience;
pub mod ssh;

use std::path::PathBuf;
use std::time::Duration;

use futures::future::BoxFuture;

pub use error::{ConnectError, HostKeyRefusal, LinkLost, NotStarted};
pub use patience::{connect, reconnecting};

/// Where to connect to, and as whom.
#[derive(Debug, Clone)]
pub struct Target {
    /// The host's name in the inventory, for messages.
    pub host: String,
    /// Host name or address.
    pub address: String,
    /// Port of the SSH server.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// Jump hosts, the first one nearest to the controller.
    pub jump: Vec<JumpTarget>,
    /// Private key files, in the order in which they are tried.
    pub identity_files: Vec<PathBuf>,
    /// Whether the files were named by the user: they are tried before the agent's other keys then.
    pub identity_files_named: bool,
    /// Files of host keys; `--accept-new` adds to the first one.
    pub known_hosts: Vec<PathBuf>,
    /// Whether an unknown host key is recorded and accepted. A changed one never is.
    pub accept_new: bool,
    /// How long connecting may take, and how long key exchange and authentication after it.
    pub connect_timeout: Duration,
    /// After how much silence the other side is asked whether it is there.
    pub keepalive: Duration,
    /// How long a connection that was lost is tried again.
    pub reconnect_for: Duration,
}

/// One jump host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JumpTarget {
    /// Host name or address.
    pub address: String,
    /// Port of its SSH server.
    pub port: u16,
    /// Who logs in there.
    pub user: String,
}

/// A way to hosts. Implementations hold nothing of a run.
pub trait Transport: Send + Sync + 'static {
    /// Connects and authenticates; the host key has been verified when this succeeds.
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Box<dyn Session>, ConnectError>>;
}

/// An authenticated connection.
pub trait Session: Send {
    /// Starts `program` by the login shell.
    ///
    /// `program` must be words that every login shell takes alike. Its standard input is what is sent to it.
    ///
    /// # Errors
    /// The program was certainly not started.
    fn start<'a>(&'a mut self, program: &'a str) -> BoxFuture<'a, Result<Box<dyn Process>, NotStarted>>;

    /// Ends the connection in order.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// A program that was started on a host. Dropping it does not end it.
pub trait Process: Send {
    /// Sends bytes to its standard input.
    ///
    /// # Errors
    /// The connection went away; some of it may have arrived.
    fn send(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), LinkLost>>;

    /// What it does next; `None` when nothing further will be heard of it.
    fn next(&mut self) -> BoxFuture<'_, Option<ProcessEvent>>;

    /// Lets go of it, when everything that was wanted of it has been heard.
    fn finish(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// What is heard of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessEvent {
    /// The host refused to run it.
    Refused,
    /// It wrote to standard output.
    Stdout(Vec<u8>),
    /// It wrote to standard error.
    Stderr(Vec<u8>),
    /// It ended with this exit code.
    Exit(u32),
    /// It was ended by this signal.
    Signal(String),
}

/// Asks a person for the passphrase of a key file.
pub trait PassphraseSource: Send + Sync + 'static {
    /// The passphrase, or `None` where nobody can be asked.
    fn passphrase<'a>(&'a self, key: &'a std::path::Path) -> BoxFuture<'a, Option<crate::redact::Secret>>;
}
