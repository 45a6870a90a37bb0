//! The transport of each host: russh, or OpenSSH's own client.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::openssh::OpenSshTransport;
use super::ssh::SshTransport;
use super::{ConnectError, SecretSource, Session, Slots, Target, Transport};

/// Both transports; a target says which of them is meant.
pub struct ChosenTransport {
    russh: SshTransport,
    openssh: OpenSshTransport,
}

impl ChosenTransport {
    /// Transports that ask `secrets`.
    pub fn new(secrets: &Arc<dyn SecretSource>) -> Self {
        Self {
            russh: SshTransport::new(Arc::clone(secrets)),
            openssh: OpenSshTransport::new(Arc::clone(secrets)),
        }
    }
}

impl Transport for ChosenTransport {
    fn connect<'a>(
        &'a self,
        target: &'a Target,
        slots: &'a Slots,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, ConnectError>> {
        match target.openssh {
            None => self.russh.connect(target, slots),
            Some(_) => self.openssh.connect(target, slots),
        }
    }
}
