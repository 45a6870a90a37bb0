//! The SSH server of an embedded host: public keys only, `exec` only, by the machine's own `sh`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use russh::keys::{PrivateKey, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelMsg};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

/// The user whom every embedded host logs in: whoever runs this process.
pub(super) fn user() -> String {
    let output = std::process::Command::new("id").arg("-un").output().expect("id can be run");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Serves until the runtime ends.
pub(super) fn serve(listener: TcpListener, key: PrivateKey, accepted: PublicKey, home: PathBuf) {
    let config = Arc::new(Config {
        keys: vec![key],
        methods: (&[russh::MethodKind::PublicKey][..]).into(),
        auth_rejection_time: std::time::Duration::from_millis(10),
        nodelay: true,
        ..Config::default()
    });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("TCP can be told not to wait");
            let connection =
                Connection { accepted: accepted.clone(), home: home.clone(), channels: HashMap::new() };
            let config = Arc::clone(&config);
            tokio::spawn(async move {
                if let Ok(session) = russh::server::run_stream(config, stream, connection).await {
                    // A client that goes away is none of our business.
                    let _ = session.await;
                }
            });
        }
    });
}

struct Connection {
    accepted: PublicKey,
    home: PathBuf,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, _: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let known = key.public_key.key_data() == self.accepted.key_data();
        Ok(if known { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        program: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(channel) = self.channels.remove(&id) else { return Ok(()) };
        session.channel_success(id)?;
        let program = String::from_utf8_lossy(program).into_owned();
        let home = self.home.clone();
        tokio::spawn(run(channel, program, home));
        Ok(())
    }
}

/// Runs a program by `sh -c`, as sshd runs it by the login shell.
async fn run(channel: Channel<Msg>, program: String, home: PathBuf) {
    let path = format!("{}/bin:/usr/local/bin:/usr/bin:/bin", home.display());
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(program)
        .env_clear()
        .env("PATH", path)
        .env("HOME", &home)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .current_dir(&home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sh can be started");
    let (mut stdin, mut stdout, mut stderr) =
        (child.stdin.take().unwrap(), child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (mut from_client, to_client) = channel.split();
    tokio::spawn(async move {
        while let Some(message) = from_client.wait().await {
            match message {
                ChannelMsg::Data { data } if stdin.write_all(&data).await.is_err() => break,
                ChannelMsg::Eof | ChannelMsg::Close => break,
                _ => {}
            }
        }
    });
    // What a login shell may print of its own, before it runs anything.
    let noise = std::fs::read(home.join("login-noise")).unwrap_or_default();
    if !noise.is_empty() {
        let _ = to_client.data_bytes(noise.clone()).await;
        let _ = to_client.extended_data_bytes(1, noise).await;
    }
    let out = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = stdout.read(&mut buffer).await {
            if to_client.data_bytes(buffer[..count].to_vec()).await.is_err() {
                break;
            }
        }
    };
    let err = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
            if to_client.extended_data_bytes(1, buffer[..count].to_vec()).await.is_err() {
                break;
            }
        }
    };
    tokio::join!(out, err);
    let code = child.wait().await.ok().and_then(|status| status.code()).unwrap_or(255);
    // The client may have hung up in the meantime.
    let _ = to_client.exit_status(u32::try_from(code).unwrap_or(255)).await;
    let _ = to_client.eof().await;
    let _ = to_client.close().await;
}
