//! The way to a host: traits that the ledger and the engine use, and errors that say what failed.
//!
//! Owns what a connection is. Must not know russh: `ssh/` is the only folder that names it.

mod chosen;
mod error;
pub mod openssh;
mod patience;
mod root;
mod secret;
mod slots;
pub mod ssh;
mod trace;

use std::path::PathBuf;
use std::time::Duration;

use futures::future::BoxFuture;
use ixporch_inventory::RootBy;

pub use chosen::ChosenTransport;
pub use error::{ConnectError, HostKeyRefusal, LinkLost, NotStarted, OpenSshTrouble};
pub use patience::{connect, reconnecting};
pub use secret::{Purpose, SecretRequest, SecretSource};
pub use slots::{Slot, Slots};
pub use trace::{Passed, Phase, Trace};

/// How a host is reached.
#[derive(Debug, Clone)]
pub struct Target {
    /// The host itself.
    pub endpoint: Endpoint,
    /// Jump hosts, the first one nearest to the controller.
    pub jumps: Vec<Endpoint>,
    /// Whether an unknown host key is recorded and accepted. A changed one never is.
    pub accept_new: bool,
    /// After how much silence the other side is asked whether it is there.
    pub keepalive: Duration,
    /// How long a connection that was lost is tried again.
    pub reconnect_for: Duration,
    /// Why it must not be reached: nobody knows how.
    pub refusal: Option<String>,
    /// The arguments of OpenSSH's client, if that connects; `None`: russh does.
    pub openssh: Option<Vec<String>>,
    /// Where the phases of a connection are kept; `None`: nobody asks.
    pub trace: Option<Trace>,
    /// How its login becomes root before anything runs; `None`: everything runs as the login.
    pub root: Option<Root>,
}

/// How a login becomes root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// The program.
    pub by: RootBy,
    /// The command on the controller that prints the password; `None`: a person is asked.
    pub password_command: Option<String>,
}

impl Target {
    /// Keeps that a phase was passed, if anybody asks.
    fn passed(&self, phase: Phase, since: std::time::Instant, detail: impl FnOnce() -> String) {
        if let Some(trace) = &self.trace {
            trace.passed(phase, since, detail());
        }
    }

    /// The host's name in the inventory, for messages.
    pub fn host(&self) -> &str {
        &self.endpoint.name
    }
}

/// One SSH server: where it is, how it is verified, and how one logs in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What messages call it.
    pub name: String,
    /// Host name or address.
    pub address: String,
    /// Port of the SSH server.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// The keys that are offered.
    pub keys: Keys,
    /// The command on the controller that prints the login's password; `None`: a person is asked, if there is one.
    pub password_command: Option<String>,
    /// Files of host keys.
    pub known_hosts: Vec<PathBuf>,
    /// The file to which `--accept-new` adds; `None`: new keys are refused.
    pub record_in: Option<PathBuf>,
    /// A file of host keys that are never accepted.
    pub revoked_host_keys: Option<PathBuf>,
    /// The name under which its host key is known, instead of its address (`HostKeyAlias` of `ssh_config(5)`).
    pub host_key_alias: Option<String>,
    /// The command that connects to it through standard input and output, instead of TCP; for the first of a route.
    pub proxy_command: Option<String>,
    /// How long connecting may take, and how long key exchange and authentication after it.
    pub connect_timeout: Duration,
}

/// The keys that are offered to a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// Key files, in the order in which they are tried. A file that holds a public key means that key of the agent.
    pub files: Vec<PathBuf>,
    /// Certificates of keys, besides those that stand beside the key files.
    pub certificates: Vec<PathBuf>,
    /// Whether the user named the files: they are tried before the agent's other keys then.
    pub named: bool,
    /// Whether a person is asked for their passphrases although there is an agent.
    pub may_ask: bool,
    /// Whether only the keys of the files are offered, and no others of the agent.
    pub only: bool,
    /// The agent that is asked.
    pub agent: Agent,
}

/// Which agent is asked for keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Agent {
    /// The one that `SSH_AUTH_SOCK` names, if any.
    #[default]
    Environment,
    /// The one that listens at this socket.
    Socket(PathBuf),
    /// None.
    None,
}

/// A way to hosts. Implementations hold nothing of a run.
pub trait Transport: Send + Sync + 'static {
    /// Connects and authenticates; the host key has been verified when this succeeds. It takes slots for what it costs.
    fn connect<'a>(
        &'a self,
        target: &'a Target,
        slots: &'a Slots,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, ConnectError>>;
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
