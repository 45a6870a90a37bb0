//! SSH by russh. The only folder that names it (docs/decisions/0001-russh.md).

mod client;
mod identity;
mod known_hosts;

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use russh::{ChannelMsg, Disconnect};

use self::client::{Handle, Hop};
use self::identity::KeyFiles;
use super::{ConnectError, LinkLost, PassphraseSource, Process, ProcessEvent, Session, Target, Transport};

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
        let mut way: Vec<Handle> = Vec::new();
        for jump in &target.jump {
            let hop = Hop { target, address: &jump.address, port: jump.port, user: &jump.user };
            let handle = self
                .hop(&hop, way.last())
                .await
                .map_err(|error| ConnectError::Jump { via: jump.address.clone(), source: Box::new(error) })?;
            way.push(handle);
        }
        let hop = Hop { target, address: &target.address, port: target.port, user: &target.user };
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

fn lost(error: &russh::Error) -> LinkLost {
    LinkLost(error.to_string())
}

impl Session for SshSession {
    fn start<'a>(
        &'a mut self,
        program: &'a str,
        input: Vec<u8>,
    ) -> BoxFuture<'a, Result<Box<dyn Process>, LinkLost>> {
        async move {
            let channel = self.handle.channel_open_session().await.map_err(|error| lost(&error))?;
            // Nothing is waited for here: the program's answer is the answer. One round trip saved.
            channel.exec(true, program).await.map_err(|error| lost(&error))?;
            channel.data_bytes(input).await.map_err(|error| lost(&error))?;
            channel.eof().await.map_err(|error| lost(&error))?;
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
                    ChannelMsg::Close => return None,
                    _ => continue,
                });
            }
        }
        .boxed()
    }
}
