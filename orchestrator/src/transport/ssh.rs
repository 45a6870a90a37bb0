//! SSH by russh. The only folder that names it (docs/decisions/0001-russh.md).

mod algorithms;
mod bastions;
mod client;
mod identity;
mod known_hosts;
mod proxy;
mod revoked;
mod tcp;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use russh::{ChannelMsg, Disconnect};

use self::bastions::{Bastion, Bastions};
use self::client::{Handle, Hop};
use self::identity::{Credentials, KeyFiles};
use self::known_hosts::SharedKnownHosts;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::known_hosts::fuzzing;
use self::proxy::Proxy;
use super::{
    ConnectError, Endpoint, LinkLost, NotStarted, Phase, Process, ProcessEvent, SecretSource, Session, Slots,
    Target, Transport, root,
};
use crate::text::stranger_line;

/// Connections by russh.
pub struct SshTransport {
    keys: KeyFiles,
    known: SharedKnownHosts,
    secrets: Arc<dyn SecretSource>,
    bastions: Bastions,
}

impl SshTransport {
    /// A transport that asks `secrets` for passphrases and passwords.
    pub fn new(secrets: Arc<dyn SecretSource>) -> Self {
        let keys = KeyFiles::new(Arc::clone(&secrets));
        Self { keys, known: SharedKnownHosts::default(), secrets, bastions: Bastions::default() }
    }

    async fn open(&self, target: &Target, slots: &Slots) -> Result<SshSession, ConnectError> {
        let since = Instant::now();
        let bastion = self.bastions.reach(self, target, &target.jumps, slots).await?;
        if bastion.is_some() {
            target.passed(Phase::JumpHosts, since, || names(&target.jumps));
        }
        let Bastion { handle, before, proxy } = self.log_in(target, &target.endpoint, bastion, slots).await?;
        Ok(SshSession { handle, _jumps: before, _proxy: proxy })
    }

    /// Logs in on one server, through the last jump host if there is one.
    async fn log_in(
        &self,
        target: &Target,
        to: &Endpoint,
        via: Option<Arc<Bastion>>,
        slots: &Slots,
    ) -> Result<Bastion, ConnectError> {
        // A person may have to type a passphrase; no connection waits for that.
        let credentials = Credentials::gather(&to.keys, &self.keys).await;
        let hop = &self.hop(target, to);
        let since = Instant::now();
        let connected = |how: &str| {
            if let Some(trace) = hop.trace {
                trace.passed(Phase::Connection, since, how.to_owned());
            }
        };
        match (via, &to.proxy_command) {
            (Some(via), _) => {
                let channel = through(&via.handle, to).await?;
                connected("through the jump host");
                let handle = client::log_in(hop, channel.into_stream(), credentials, slots).await?;
                Ok(Bastion { handle, before: Some(via), proxy: None })
            }
            (None, Some(command)) => {
                let _slot = slots.at_address(to).await;
                let (proxy, stream) = proxy::start(to, command)?;
                connected("by the proxy command");
                match client::log_in(hop, stream, credentials, slots).await {
                    Ok(handle) => Ok(Bastion { handle, before: None, proxy: Some(proxy) }),
                    Err(error) => Err(proxy.explain(to, command, error).await),
                }
            }
            (None, None) => {
                let _slot = slots.at_address(to).await;
                let stream = tcp::connect(to).await?;
                connected(&stream.peer_addr().map_or_else(|_| String::new(), |address| address.to_string()));
                let handle = client::log_in(hop, stream, credentials, slots).await?;
                Ok(Bastion { handle, before: None, proxy: None })
            }
        }
    }

    fn hop<'a>(&'a self, target: &'a Target, to: &'a Endpoint) -> Hop<'a> {
        let (accept_new, keepalive) = (target.accept_new, target.keepalive);
        // Of jump hosts only the time is told that they take together.
        let is_jump = *to != target.endpoint;
        let trace = target.trace.as_ref().filter(|_| !is_jump);
        Hop { to, accept_new, keepalive, known: &self.known, secrets: &*self.secrets, trace, is_jump }
    }
}

/// The names of jump hosts, from the controller outwards.
fn names(jumps: &[Endpoint]) -> String {
    jumps.iter().map(|jump| jump.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Has a jump host open a connection to the next server (RFC 4254, section 7.2).
async fn through(via: &Handle, to: &Endpoint) -> Result<russh::Channel<russh::client::Msg>, ConnectError> {
    let opened = via.channel_open_direct_tcpip(&to.address, u32::from(to.port), "127.0.0.1", 0);
    let no_way =
        |why: String| ConnectError::Tcp { address: to.address.clone(), port: to.port, why, refused: false };
    match tokio::time::timeout(to.connect_timeout, opened).await {
        Ok(Ok(channel)) => Ok(channel),
        Ok(Err(error)) => Err(no_way(format!("the jump host says: {error}"))),
        Err(_) => Err(no_way("the jump host does not answer".to_owned())),
    }
}

impl Transport for SshTransport {
    fn connect<'a>(
        &'a self,
        target: &'a Target,
        slots: &'a Slots,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, ConnectError>> {
        async move {
            let session = Box::new(self.open(target, slots).await?);
            Ok(root::wrapped(session, target, &self.secrets))
        }
        .boxed()
    }
}

struct SshSession {
    handle: Handle,
    /// The jump hosts' connections carry this one, and others; they end with the last one.
    _jumps: Option<Arc<Bastion>>,
    _proxy: Option<Proxy>,
}

/// How often a session channel is asked for: the host may not have closed the last one yet (`MaxSessions`).
const OPEN_TRIES: u32 = 5;
/// How long a host may take to open a channel.
const OPENING: Duration = Duration::from_secs(60);
/// How long a finished program's channel may take to close by itself.
const CLOSING: Duration = Duration::from_millis(250);

impl Session for SshSession {
    fn start<'a>(&'a mut self, program: &'a str) -> BoxFuture<'a, Result<Box<dyn Process>, NotStarted>> {
        async move {
            let no_session =
                |error: &dyn std::fmt::Display| NotStarted(format!("the host opens no session: {error}"));
            let mut tries = 0;
            let channel = loop {
                let opened = tokio::time::timeout(OPENING, self.handle.channel_open_session()).await;
                match opened.map_err(|_| no_session(&format!("no answer within {}s", OPENING.as_secs())))? {
                    Ok(channel) => break channel,
                    Err(russh::Error::ChannelOpenFailure(_)) if tries < OPEN_TRIES => {
                        tries += 1;
                        tokio::time::sleep(CLOSING * tries).await;
                    }
                    Err(error) => return Err(no_session(&error)),
                }
            };
            // No reply is asked for: it would cost a round trip, and silence says as much.
            channel.exec(false, program).await.map_err(|error| no_session(&error))?;
            let process: Box<dyn Process> = Box::new(SshProcess { channel });
            Ok(process)
        }
        .boxed()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        async move {
            // The host may be gone already; there is nobody left to tell.
            let _ = self.handle.disconnect(Disconnect::ByApplication, "", "en").await;
        }
        .boxed()
    }
}

struct SshProcess {
    channel: russh::Channel<russh::client::Msg>,
}

impl Process for SshProcess {
    fn send(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), LinkLost>> {
        async move { self.channel.data_bytes(bytes).await.map_err(|error| LinkLost(error.to_string())) }
            .boxed()
    }

    fn next(&mut self) -> BoxFuture<'_, Option<ProcessEvent>> {
        async move {
            loop {
                return Some(match self.channel.wait().await? {
                    ChannelMsg::Data { data } => ProcessEvent::Stdout(data.to_vec()),
                    ChannelMsg::ExtendedData { data, ext: 1 } => ProcessEvent::Stderr(data.to_vec()),
                    ChannelMsg::ExitStatus { exit_status } => ProcessEvent::Exit(exit_status),
                    ChannelMsg::ExitSignal { signal_name, .. } => {
                        ProcessEvent::Signal(stranger_line(&format!("{signal_name:?}")))
                    }
                    ChannelMsg::Failure => ProcessEvent::Refused,
                    ChannelMsg::Close => return None,
                    _ => continue,
                });
            }
        }
        .boxed()
    }

    /// Waits for the channel to close, so that the next one finds room; one that something in the background
    /// keeps open is closed from this side.
    fn finish(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        async move {
            let closed = async { while self.next().await.is_some() {} };
            if tokio::time::timeout(CLOSING, closed).await.is_err() {
                // The connection may be gone already.
                let _ = self.channel.close().await;
            }
        }
        .boxed()
    }
}
