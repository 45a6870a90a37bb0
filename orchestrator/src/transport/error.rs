//! Why a host could not be reached: which part failed, and what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use crate::plan::quote;

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody knows how to reach it; nothing was tried.
    #[error("{why}")]
    NoRoute {
        /// Why not.
        why: String,
    },
    /// The name could not be resolved.
    #[error("name resolution of `{address}` failed: {why}")]
    NameResolution {
        /// The name.
        address: String,
        /// What the resolver said.
        why: String,
    },
    /// No TCP connection came about.
    #[error("TCP connection to {address} port {port} failed: {why}")]
    Tcp {
        /// The address.
        address: String,
        /// The port.
        port: u16,
        /// What the system said.
        why: String,
        /// Whether the other side answered at all.
        refused: bool,
    },
    /// The controller has no room for another connection.
    #[error("no connection to {address}: too many files are open on this machine")]
    OpenFiles {
        /// The address.
        address: String,
    },
    /// The command that leads to the server could not be started, or ended at once.
    #[error("the proxy command of {address} (`{program}`) failed: {why}")]
    Proxy {
        /// The address.
        address: String,
        /// The program that it starts.
        program: String,
        /// What went wrong.
        why: String,
        /// Whether the server, or one on the way, went away, as one does that has too many logins at once.
        went_away: bool,
    },
    /// Both sides talked, and did not agree on keys.
    #[error("key exchange with {address} failed: {why}")]
    KeyExchange {
        /// The address.
        address: String,
        /// What went wrong.
        why: String,
        /// Whether the server went away, as one does that has too many logins at once.
        went_away: bool,
    },
    /// There is no algorithm that both sides have.
    #[error("key exchange with {address} failed: {why}")]
    NothingInCommon {
        /// The address.
        address: String,
        /// What the server offers.
        why: String,
        /// What to set on the server.
        help: String,
    },
    /// The host's key was refused; nothing was sent to it.
    #[error("the host key of `{host}` was refused before any authentication: {refusal}")]
    HostKey {
        /// The host's name in the inventory.
        host: String,
        /// Why.
        refusal: HostKeyRefusal,
    },
    /// The host does not take any of our keys.
    #[error("authentication as `{user}` failed: {why}")]
    Authentication {
        /// The login.
        user: String,
        /// What was tried, and what the host takes.
        why: String,
        /// What to do, if having the right key is not enough.
        help: Option<&'static str>,
    },
    /// The connection was cut before the host had said whether it takes our keys.
    #[error("the connection to {address} was cut during authentication{}", why.as_ref().map_or(String::new(), |why| format!(": {why}")))]
    Cut {
        /// The address.
        address: String,
        /// What the host said on leaving, where it said anything.
        why: Option<String>,
    },
    /// A `known_hosts` or key file cannot be used.
    #[error("{0}")]
    File(String),
    /// It took too long.
    #[error("{what} took longer than {}s", after.as_secs())]
    Timeout {
        /// What was being done.
        what: &'static str,
        /// The time that it had.
        after: Duration,
    },
    /// The login on a jump host failed for another host behind it.
    #[error("{why}")]
    NotTriedAgain {
        /// What it refused, and why.
        why: String,
        /// What to do.
        help: String,
        /// Whether another try may end otherwise.
        transient: bool,
    },
    /// OpenSSH's client failed.
    #[error("ssh: {why}")]
    OpenSsh {
        /// Its last words.
        why: String,
        /// What they mean.
        trouble: OpenSshTrouble,
    },
    /// The jump host could not be reached, or could not reach on.
    #[error("jump host `{via}`: {source}")]
    Jump {
        /// The jump host.
        via: String,
        /// What went wrong there.
        source: Box<ConnectError>,
    },
}

/// What the last words of OpenSSH's client mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenSshTrouble {
    /// It is not installed, or could not be started.
    NotStarted,
    /// Nobody answered at the address.
    Unreachable,
    /// The server went away, as one does that has too many logins at once.
    WentAway,
    /// The host key is unknown, or another one.
    HostKey,
    /// The host took none of what was offered.
    Authentication,
    /// Something else.
    Other,
}

impl OpenSshTrouble {
    fn help(self) -> &'static str {
        match self {
            Self::NotStarted => "install OpenSSH's client, or set transport = \"russh\"",
            Self::Unreachable => "is the host up, and is the way to it open? (ping, firewall, jump host)",
            Self::WentAway => "the server hung up; with many hosts behind one address lower --connecting",
            Self::HostKey => {
                "compare the fingerprint on the host's console; --accept-new records an unknown key, and never a changed one"
            }
            Self::Authentication => {
                "try the same by hand: ssh -v HOST true; ixporch gives ssh no password, but SSH_ASKPASS is used"
            }
            Self::Other => "try the same by hand: ssh -v HOST true",
        }
    }
}

/// Why a host key was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostKeyRefusal {
    /// Another key is known.
    #[error("it shows {shown}, and {}:{line} has {known}", file.display())]
    Changed {
        /// Type and fingerprint of the key that the host shows.
        shown: String,
        /// Type and fingerprint of the key that is known.
        known: String,
        /// The file that it is known by.
        file: PathBuf,
        /// The line in it, from 1.
        line: usize,
        /// The name that was looked for.
        name: Box<str>,
    },
    /// No key is known.
    #[error("it shows {shown}, and no key of `{name}` is known in {}", files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", "))]
    Unknown {
        /// Type and fingerprint of the key that the host shows.
        shown: String,
        /// The name that was looked for.
        name: String,
        /// The files that were looked into.
        files: Vec<PathBuf>,
    },
    /// The key is revoked by a file for that.
    #[error("{shown} is revoked by {}", file.display())]
    RevokedBy {
        /// Type and fingerprint of the key that the host shows.
        shown: String,
        /// The file.
        file: PathBuf,
    },
    /// It cannot be told whether the key is revoked.
    #[error("the revoked host keys cannot be read: {why}")]
    RevocationUnknown {
        /// Why not.
        why: String,
    },
    /// The key is revoked.
    #[error("{shown} is revoked by {}:{line}", file.display())]
    Revoked {
        /// Type and fingerprint of the key that the host shows.
        shown: String,
        /// The file that says so.
        file: PathBuf,
        /// The line in it, from 1.
        line: usize,
    },
    /// The certificate is of a trusted authority, but does not hold.
    #[error("its certificate (authority at {}:{line}) does not hold: {why}", file.display())]
    Certificate {
        /// What is wrong with it.
        why: String,
        /// The file that names the authority.
        file: PathBuf,
        /// The line in it, from 1.
        line: usize,
    },
}

impl ConnectError {
    /// Whether another try may end otherwise: nothing was authenticated, and the other side was
    /// busy or the way was cut.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::KeyExchange { went_away, .. } | Self::Proxy { went_away, .. } => *went_away,
            Self::Cut { .. } => true,
            Self::NotTriedAgain { transient, .. } => *transient,
            Self::OpenSsh { trouble, .. } => *trouble == OpenSshTrouble::WentAway,
            Self::Jump { source, .. } => source.is_transient(),
            _ => false,
        }
    }

    /// Whether a server refused the login, or its host key was refused.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Authentication { .. } | Self::HostKey { .. } => true,
            Self::Jump { source, .. } => source.is_refusal(),
            _ => false,
        }
    }

    /// Whether no later try can end otherwise, until somebody changes something.
    pub fn is_final(&self) -> bool {
        match self {
            Self::HostKey { .. } | Self::NothingInCommon { .. } | Self::NoRoute { .. } | Self::File(_) => {
                true
            }
            Self::OpenSsh { trouble, .. } => {
                matches!(trouble, OpenSshTrouble::HostKey | OpenSshTrouble::NotStarted)
            }
            Self::Jump { source, .. } => source.is_final(),
            _ => false,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::NoRoute { .. } => {
                "correct OpenSSH's settings, or set `jump` or ssh_config = \"none\" for this host".to_owned()
            }
            Self::NameResolution { address, .. } => {
                format!("check the spelling, or give an `address` in the inventory (getent hosts {address})")
            }
            Self::Tcp { port, refused: true, .. } => {
                format!(
                    "the machine answers, but nothing listens on port {port}: is sshd running, is `port` right?"
                )
            }
            Self::Tcp { .. } => {
                "is the host up, and is the way to it open? (ping, firewall, jump host)".to_owned()
            }
            Self::OpenFiles { .. } => {
                "raise the limit (ulimit -n 4096), or select fewer hosts with --limit".to_owned()
            }
            Self::Proxy { .. } => {
                "run the command by hand: it must print the server's version line (`SSH-2.0-…`)".to_owned()
            }
            Self::KeyExchange { went_away: true, .. } | Self::Cut { .. } => {
                "the server hung up; with many hosts behind one address lower --connecting".to_owned()
            }
            Self::KeyExchange { .. } => "compare with `ssh -v`; the server may be very old".to_owned(),
            Self::NothingInCommon { help, .. } | Self::NotTriedAgain { help, .. } => help.clone(),
            Self::HostKey { refusal, .. } => refusal.help(),
            Self::Authentication { help: Some(help), .. } => (*help).to_owned(),
            Self::Authentication { .. } => {
                "load your key into the agent (ssh-add), name it under `identity_files`, or check `user`"
                    .to_owned()
            }
            Self::OpenSsh { trouble, .. } => trouble.help().to_owned(),
            Self::File(_) => "correct the file, or the path in the inventory".to_owned(),
            Self::Timeout { .. } => {
                "is the host overloaded? a longer `connect_timeout` waits longer".to_owned()
            }
            Self::Jump { source, .. } => source.help(),
        }
    }
}

impl HostKeyRefusal {
    fn help(&self) -> String {
        match self {
            Self::Changed { file, line, name, .. } => {
                let (name, path) = (quote(name), quote(&file.display().to_string()));
                format!(
                    "possible man-in-the-middle attack. Compare the fingerprint on the host's console. \
                     If the key really changed, remove line {line}: ssh-keygen -R {name} -f {path}"
                )
            }
            Self::Unknown { .. } => {
                "compare the fingerprint on the host's console, then run again with --accept-new".to_owned()
            }
            Self::RevocationUnknown { .. } => {
                "correct the file of revoked_host_keys, or RevokedHostKeys of OpenSSH's settings".to_owned()
            }
            Self::Revoked { .. } | Self::RevokedBy { .. } => {
                "the host must get another key; a revoked one is never accepted".to_owned()
            }
            Self::Certificate { .. } => "have the authority sign the host's key again".to_owned(),
        }
    }
}

/// A program was certainly not started on a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotStarted(pub String);

/// The connection went away while something was under way on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the result did not arrive: {0}")]
pub struct LinkLost(pub String);
