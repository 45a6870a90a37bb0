//! What a connection went through: its phases, how long each took, and what was found out in it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A part of connecting. They come in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Reaching the last jump host, or waiting for others that reach it.
    JumpHosts,
    /// Name resolution and TCP, or the jump host's or the proxy command's connection to the server.
    Connection,
    /// The server's first words (RFC 4253, section 4.2).
    Version,
    /// Key exchange, with the verification of the host key (RFC 4253, section 7).
    KeyExchange,
    /// Authentication (RFC 4252).
    Authentication,
    /// All of these, by OpenSSH's client.
    OpenSsh,
    /// The login's shell, and what gives a root shell.
    Shell,
}

impl Phase {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::JumpHosts => "jump hosts",
            Self::Connection => "connection",
            Self::Version => "version",
            Self::KeyExchange => "key exchange",
            Self::Authentication => "authentication",
            Self::OpenSsh => "ssh",
            Self::Shell => "shell",
        }
    }
}

/// A phase that was passed.
#[derive(Debug, Clone)]
pub struct Passed {
    /// Which.
    pub phase: Phase,
    /// How long it took.
    pub took: Duration,
    /// What was found out: the host key, the key that was taken.
    pub detail: String,
}

/// Where the phases of a connection are kept.
#[derive(Debug, Clone, Default)]
pub struct Trace(Arc<Mutex<Vec<Passed>>>);

impl Trace {
    /// Forgets an earlier try.
    pub(super) fn begin(&self) {
        if let Ok(mut passed) = self.0.lock() {
            passed.clear();
        }
    }

    /// Keeps that a phase was passed, which began at this moment.
    pub fn passed(&self, phase: Phase, since: Instant, detail: String) {
        if let Ok(mut passed) = self.0.lock() {
            passed.push(Passed { phase, took: since.elapsed(), detail });
        }
    }

    /// What was passed, in its order.
    pub fn all(&self) -> Vec<Passed> {
        self.0.lock().map(|passed| passed.clone()).unwrap_or_default()
    }
}
