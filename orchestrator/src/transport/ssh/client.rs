//! Makes the connection: name, TCP, key exchange, host key, authentication; each with its own time
//! and its own error.

use std::io::Cursor;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use russh::client::{self, DisconnectReason};
use russh::keys::PublicKeyOrCertificate;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Chain, Join, ReadHalf, WriteHalf};
use tokio::time::timeout;

use super::algorithms;
use super::identity::{self, Credentials, Login, Refused};
use super::known_hosts::{self, KnownHosts, Names, SharedKnownHosts, Verdict};
use super::{revoked, tcp};
use crate::text::stranger_line;
use crate::transport::{ConnectError, Endpoint, HostKeyRefusal, Phase, SecretSource, Slots, Trace};

pub(super) type Handle = client::Handle<Verifier>;

/// Answers what russh asks in the course of a connection.
pub(super) struct Verifier {
    known: Arc<KnownHosts>,
    names: Names,
    record_new_in: Option<std::path::PathBuf>,
    revoked_host_keys: Option<std::path::PathBuf>,
    notes: Arc<Notes>,
}

/// What the verifier found out, for the error that russh cannot carry.
#[derive(Default)]
struct Notes {
    refusal: Mutex<Option<HostKeyRefusal>>,
    problem: Mutex<Option<ConnectError>>,
    farewell: Mutex<Option<String>>,
    /// The host key that was shown.
    shown: Mutex<Option<String>>,
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
        put(&self.notes.shown, known_hosts::describe_shown(shown));
        if let Some(file) = &self.revoked_host_keys {
            let refusal = match revoked::is_revoked(file, shown).await {
                Ok(false) => None,
                Ok(true) => {
                    let (shown, file) = (known_hosts::describe_shown(shown), file.clone());
                    Some(HostKeyRefusal::RevokedBy { shown, file })
                }
                Err(why) => Some(HostKeyRefusal::RevocationUnknown { why }),
            };
            if let Some(refusal) = refusal {
                put(&self.notes.refusal, refusal);
                return Ok(false);
            }
        }
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
                put(&self.notes.farewell, stranger_line(&info.message));
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
    /// The host keys that are known.
    pub(super) known: &'a SharedKnownHosts,
    /// Who answers what the server asks.
    pub(super) secrets: &'a dyn SecretSource,
    /// Where its phases are kept.
    pub(super) trace: Option<&'a Trace>,
    /// Whether it leads to a jump host.
    pub(super) is_jump: bool,
}

impl Hop<'_> {
    fn passed(&self, phase: Phase, since: Instant, detail: &str) {
        if let Some(trace) = self.trace {
            trace.passed(phase, since, detail.to_owned());
        }
    }
}

/// How long a server may be silent before it is taken for a silent one: usually it speaks at once (RFC 4253, section 4.2).
const SILENT: Duration = Duration::from_secs(2);

/// Waits for the first byte of a server; returns the stream with that byte again, and whether it came.
async fn first_byte<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
) -> (Join<Chain<Cursor<Vec<u8>>, ReadHalf<S>>, WriteHalf<S>>, bool) {
    let (mut reader, writer) = tokio::io::split(stream);
    let mut first = [0];
    // An error comes again when the stream is read.
    let read = timeout(SILENT, reader.read(&mut first)).await;
    let first = if matches!(read, Ok(Ok(1))) { first.to_vec() } else { Vec::new() };
    let speaks = !first.is_empty();
    (tokio::io::join(Cursor::new(first).chain(reader), writer), speaks)
}

/// Exchanges keys, verifies the host key, and authenticates.
pub(super) async fn log_in<S>(
    hop: &Hop<'_>,
    stream: S,
    credentials: Credentials,
    slots: &Slots,
) -> Result<Handle, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let to = hop.to;
    let limit = to.connect_timeout;
    let names = Names::of(to);
    let known = hop.known.read(&to.known_hosts, hop.accept_new)?;
    let notes = Arc::new(Notes::default());
    let config = Arc::new(algorithms::config(&known, &names, hop.keepalive));
    let verifier = Verifier {
        known,
        names,
        record_new_in: to.record_in.clone().filter(|_| hop.accept_new),
        revoked_host_keys: to.revoked_host_keys.clone(),
        notes: Arc::clone(&notes),
    };
    let since = Instant::now();
    let (stream, speaks) = first_byte(stream).await;
    if speaks {
        hop.passed(Phase::Version, since, "");
    }
    // A server that is silent costs nothing, and takes no slot from one that speaks.
    let _slot = if speaks { slots.login().await } else { None };
    let since = Instant::now();
    let mut handle = match timeout(limit, client::connect_stream(config, stream, verifier)).await {
        Ok(Ok(handle)) => handle,
        Ok(Err(error)) => return Err(key_exchange_error(to, &notes, &error)),
        Err(_) => return Err(ConnectError::Timeout { what: "key exchange", after: limit }),
    };
    hop.passed(Phase::KeyExchange, since, &take(&notes.shown).unwrap_or_default());
    let login = Login { to, secrets: hop.secrets, limit, jump: hop.is_jump.then(|| to.name.clone()) };
    let since = Instant::now();
    match identity::authenticate(&mut handle, &login, credentials).await {
        Ok(by) => {
            hop.passed(Phase::Authentication, since, &by);
            Ok(handle)
        }
        // On a dead connection every key looks refused.
        Err(Refused::Cut) => {
            Err(ConnectError::Cut { address: to.address.clone(), why: take(&notes.farewell) })
        }
        Err(Refused::Told { why, help }) => {
            let why = match take(&notes.farewell) {
                Some(farewell) => format!("{why}; the host hung up: {farewell}"),
                None => why,
            };
            Err(ConnectError::Authentication { user: to.user.clone(), why, help })
        }
        Err(Refused::Silent) => Err(ConnectError::Timeout { what: "authentication", after: limit }),
    }
}

fn key_exchange_error(to: &Endpoint, notes: &Notes, error: &russh::Error) -> ConnectError {
    if let Some(refusal) = take(&notes.refusal) {
        return ConnectError::HostKey { host: to.name.clone(), refusal };
    }
    if let Some(problem) = take(&notes.problem) {
        return problem;
    }
    if let russh::Error::NoCommonAlgo { kind, ours, theirs } = error {
        let (why, help) = algorithms::nothing_in_common(kind, ours, theirs);
        let why = stranger_line(&why);
        return ConnectError::NothingInCommon { address: to.address.clone(), why, help };
    }
    let went_away = matches!(error, russh::Error::HUP | russh::Error::Disconnect | russh::Error::IO(_));
    let why = match (take(&notes.farewell), error) {
        (Some(farewell), _) => format!("the host hung up: {farewell}"),
        (None, russh::Error::IO(error)) => tcp::plain(error),
        (None, error) => stranger_line(&error.to_string()),
    };
    ConnectError::KeyExchange { address: to.address.clone(), why, went_away }
}
