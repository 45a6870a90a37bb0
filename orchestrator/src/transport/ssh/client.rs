//! Makes the connection: name, TCP, key exchange, host key, authentication; each with its own time
//! and its own error.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::client::{self, Config, DisconnectReason};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKeyOrCertificate};
use russh::{Preferred, cipher, compression};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::identity::{self, Credentials, Refused};
use super::known_hosts::{self, KnownHosts, Names, Verdict};
use crate::transport::{ConnectError, Endpoint, HostKeyRefusal};

pub(super) type Handle = client::Handle<Verifier>;

/// Answers what russh asks in the course of a connection.
pub(super) struct Verifier {
    known: KnownHosts,
    names: Names,
    record_new_in: Option<std::path::PathBuf>,
    notes: Arc<Notes>,
}

/// What the verifier found out, for the error that russh cannot carry.
#[derive(Default)]
struct Notes {
    refusal: Mutex<Option<HostKeyRefusal>>,
    problem: Mutex<Option<ConnectError>>,
    farewell: Mutex<Option<String>>,
}

fn put<T>(slot: &Mutex<Option<T>>, value: T) {
    if let Ok(mut slot) = slot.lock() {
        *slot = Some(value);
    }
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().ok().and_then(|mut slot| slot.take())
}

impl client::Handler for Verifier {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let verdict = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.known.judge(&self.names, key),
            PublicKeyOrCertificate::Certificate(certificate) => {
                self.known.judge_certificate(&self.names, certificate)
            }
        };
        match (verdict, shown, &self.record_new_in) {
            (Verdict::Trusted, ..) => Ok(true),
            (
                Verdict::Refused(HostKeyRefusal::Unknown { .. }),
                PublicKeyOrCertificate::PublicKey { key, .. },
                Some(file),
            ) => match known_hosts::record(file, self.names.own(), key) {
                Ok(()) => Ok(true),
                Err(error) => {
                    put(&self.notes.problem, error);
                    Ok(false)
                }
            },
            (Verdict::Refused(refusal), ..) => {
                put(&self.notes.refusal, refusal);
                Ok(false)
            }
        }
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Self::Error>) -> Result<(), Self::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                put(&self.notes.farewell, crate::text::RemoteText::from(info.message.as_str()).to_string());
                Ok(())
            }
            DisconnectReason::Error(error) => Err(error),
        }
    }
}

/// One connection of a route.
pub(super) struct Hop<'a> {
    /// Whom it leads to.
    pub(super) to: &'a Endpoint,
    /// Whether an unknown host key is recorded.
    pub(super) accept_new: bool,
    pub(super) keepalive: Duration,
}

/// Resolves the name and opens a TCP connection to the first address that answers.
pub(super) async fn tcp(to: &Endpoint) -> Result<TcpStream, ConnectError> {
    let (address, port, limit) = (to.address.as_str(), to.port, to.connect_timeout);
    let no_name = |why: String| ConnectError::NameResolution { address: address.to_owned(), why };
    let addresses: Vec<_> = match timeout(limit, tokio::net::lookup_host((address, port))).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => return Err(no_name(error.to_string())),
        Err(_) => return Err(no_name(format!("no answer within {}s", limit.as_secs()))),
    };
    let mut failure = no_name("it has no address".to_owned());
    for socket in addresses {
        let (why, refused) = match timeout(limit, TcpStream::connect(socket)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(|error| no_name(error.to_string()))?;
                return Ok(stream);
            }
            Ok(Err(error)) => (plain(&error), error.kind() == std::io::ErrorKind::ConnectionRefused),
            Err(_) => (format!("no answer within {}s", limit.as_secs()), false),
        };
        failure = ConnectError::Tcp { address: address.to_owned(), port, why, refused };
    }
    Err(failure)
}

/// What the system said, without the number of its error.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// Exchanges keys, verifies the host key, and authenticates.
pub(super) async fn log_in<S>(
    hop: &Hop<'_>,
    stream: S,
    credentials: Credentials,
) -> Result<Handle, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let to = hop.to;
    let limit = to.connect_timeout;
    let names = Names::of(to);
    let known = KnownHosts::read(&to.known_hosts)?;
    let notes = Arc::new(Notes::default());
    let config = Arc::new(config(&known, &names, hop.keepalive));
    let verifier = Verifier {
        known,
        names,
        record_new_in: to.known_hosts.first().filter(|_| hop.accept_new).cloned(),
        notes: Arc::clone(&notes),
    };
    let mut handle = match timeout(limit, client::connect_stream(config, stream, verifier)).await {
        Ok(Ok(handle)) => handle,
        Ok(Err(error)) => return Err(key_exchange_error(to, &notes, &error)),
        Err(_) => return Err(ConnectError::Timeout { what: "key exchange", after: limit }),
    };
    match timeout(limit, identity::authenticate(&mut handle, &to.user, credentials)).await {
        Ok(Ok(())) => Ok(handle),
        // On a dead connection every key looks refused.
        Ok(Err(refused)) if refused.cut => {
            Err(ConnectError::Cut { address: to.address.clone(), why: take(&notes.farewell) })
        }
        Ok(Err(Refused { why, help, .. })) => {
            let why = match take(&notes.farewell) {
                Some(farewell) => format!("{why}; the host hung up: {farewell}"),
                None => why,
            };
            Err(ConnectError::Authentication { user: to.user.clone(), why, help })
        }
        Err(_) => Err(ConnectError::Timeout { what: "authentication", after: limit }),
    }
}

fn key_exchange_error(to: &Endpoint, notes: &Notes, error: &russh::Error) -> ConnectError {
    if let Some(refusal) = take(&notes.refusal) {
        return ConnectError::HostKey { host: to.name.clone(), refusal };
    }
    if let Some(problem) = take(&notes.problem) {
        return problem;
    }
    let went_away = matches!(error, russh::Error::HUP | russh::Error::Disconnect | russh::Error::IO(_));
    let why = match (take(&notes.farewell), error) {
        (Some(farewell), _) => format!("the host hung up: {farewell}"),
        (None, russh::Error::IO(error)) => plain(error),
        (None, error) => error.to_string(),
    };
    ConnectError::KeyExchange { address: to.address.clone(), why, went_away }
}

fn config(known: &KnownHosts, names: &Names, keepalive: Duration) -> Config {
    let mut key = Preferred::DEFAULT.key.to_vec();
    // SHA-1 signatures are not asked for.
    key.retain(|algorithm| *algorithm != Algorithm::Rsa { hash: None });
    // A host has keys of several types; the one that is known must be the one it shows.
    let types: Vec<Algorithm> = known.key_types(names);
    let is_rsa = |algorithm: &Algorithm| matches!(algorithm, Algorithm::Rsa { .. });
    let is_known = |algorithm: &Algorithm| {
        types.iter().any(|known| known == algorithm || (is_rsa(known) && is_rsa(algorithm)))
    };
    key.sort_by_key(|algorithm| !is_known(algorithm));
    let certificates = if known.has_authority(names) {
        vec![
            Algorithm::Ed25519,
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
            Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
        ]
    } else {
        Vec::new()
    };
    Config {
        preferred: Preferred {
            key: Cow::Owned(key),
            host_key_certificates: Cow::Owned(certificates),
            cipher: Cow::Owned(vec![
                cipher::AES_256_GCM,
                cipher::CHACHA20_POLY1305,
                cipher::AES_256_CTR,
                cipher::AES_192_CTR,
                cipher::AES_128_CTR,
            ]),
            compression: Cow::Owned(vec![compression::NONE]),
            ..Preferred::DEFAULT
        },
        keepalive_interval: Some(keepalive),
        keepalive_max: 3,
        inactivity_timeout: None,
        // A step's output is drained as it comes; a short queue bounds what one host can hold here.
        channel_buffer_size: 16,
        nodelay: true,
        ..Config::default()
    }
}
