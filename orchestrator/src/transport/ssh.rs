//! SSH by russh. The only folder that names it (docs/decisions/0001-russh.md).

mod client;
mod identity;
mod known_hosts;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use russh::{ChannelMsg, Disconnect};

use self::client::{Handle, Hop};
use self::identity::KeyFiles;
use super::{
    ConnectError, LinkLost, NotStarted, PassphraseSource, Process, ProcessEvent, Session, Target, Transport,
};

/// Connections by russh.
pub struct SshTransport {
    keys: KeyFiles,
}

impl SshTransport {
    /// A transport that asks `passphrases` for those of encrypted key files.
    pub fn new(passphrases: Arc<dyn PassphraseSource>) -> Self {
        Self { keys: KeyFiles::new(passphrases) }
    }

    async fn open(&self, target: &Target) -> Result<SshSession, ConnectError> {
        // A person may have to type a passphrase; no connection waits for that.
        self.keys.unlock(&target.identity_files, target.identity_files_named).await;
        let mut way: Vec<Handle> = Vec::new();
        for jump in &target.jump {
            let hop = Hop {
                target,
                name: &jump.address,
                address: &jump.address,
                port: jump.port,
                user: &jump.user,
            };
            let handle = self
                .hop(&hop, way.last())
                .await
                .map_err(|error| ConnectError::Jump { via: jump.address.clone(), source: Box::new(error) })?;
            way.push(handle);
        }
        let hop = Hop {
            target,
            name: &target.host,
            address: &target.address,
            port: target.port,
            user: &target.user,
        };
        let handle = self.hop(&hop, way.last()).await?;
        Ok(SshSession { handle, _way: way })
    }

    /// Connects to one host, through `via` where there is one.
    async fn hop(&self, hop: &Hop<'_>, via: Option<&Handle>) -> Result<Handle, ConnectError> {
        let Some(via) = via else {
            let stream = client::tcp(hop).await?;
            return client::log_in(hop, stream, &self.keys).await;
        };
        let opened = via.channel_open_direct_tcpip(hop.address, u32::from(hop.port), "127.0.0.1", 0);
        let no_way = |why: String| ConnectError::Tcp {
            address: hop.address.to_owned(),
            port: hop.port,
            why,
            refused: false,
        };
        let channel = match tokio::time::timeout(hop.target.connect_timeout, opened).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(error)) => return Err(no_way(format!("the jump host says: {error}"))),
            Err(_) => return Err(no_way("the jump host does not answer".to_owned())),
        };
        client::log_in(hop, channel.into_stream(), &self.keys).await
    }
}

impl Transport for SshTransport {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Box<dyn Session>, ConnectError>> {
        async move {
            let session: Box<dyn Session> = Box::new(self.open(target).await?);
            Ok(session)
        }
        .boxed()
    }
}

struct SshSession {
    handle: Handle,
    /// The jump hosts' connections carry this one; they end when it does.
    _way: Vec<Handle>,
}

/// How often a session channel is asked for: the host may not have closed the last one yet (`MaxSessions`).
const OPEN_TRIES: u32 = 5;
/// How long a finished program's channel may take to close by itself.
const CLOSING: Duration = Duration::from_millis(250);

impl Session for SshSession {
    fn start<'a>(&'a mut self, program: &'a str) -> BoxFuture<'a, Result<Box<dyn Process>, NotStarted>> {
        async move {
            let mut tries = 0;
            let channel = loop {
                match self.handle.channel_open_session().await {
                    Ok(channel) => break channel,
                    Err(russh::Error::ChannelOpenFailure(_)) if tries < OPEN_TRIES => {
                        tries += 1;
                        tokio::time::sleep(CLOSING * tries).await;
                    }
                    Err(error) => return Err(NotStarted(error.to_string())),
                }
            };
            // No reply is asked for: it would cost a round trip, and silence says as much.
            channel.exec(false, program).await.map_err(|error| NotStarted(error.to_string()))?;
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
                        ProcessEvent::Signal(format!("{signal_name:?}"))
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
