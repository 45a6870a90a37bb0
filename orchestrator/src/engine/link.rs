//! A lane's connection: made, lost, made again.
//!
//! Owns when that is tried and when it is given up. What is under way on the host goes on meanwhile; a connection
//! that is made again is never a step that is run again (law 3).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::brake::{Brake, BrakeState};
use super::dispatch::HostEvents;
use crate::ledger::{Ledger, OpenError};
use crate::plan::LedgerPlace;
use crate::transport::{self, ConnectError, LinkLost, Target, Transport};

/// How long a host may take to start a shell.
const OPENING: Duration = Duration::from_secs(60);

/// A connection that lasted so long was a good one: when it is lost, patience begins anew.
const LASTING: Duration = Duration::from_secs(5 * 60);

/// How one host is reached, and what every connection to it needs.
pub(super) struct Route {
    pub(super) target: Target,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) connecting: Arc<Semaphore>,
    pub(super) run: String,
    pub(super) place: LedgerPlace,
    pub(super) brake: Brake,
}

/// Why there is no connection.
pub(super) enum NoLink {
    /// It could not be made.
    Unreachable(String),
    /// The brake was pressed first.
    Interrupted,
}

/// A host's connection through a lane.
pub(super) struct Link<'a> {
    route: &'a Route,
    events: &'a HostEvents,
    ledger: Option<Ledger>,
    connected_at: Instant,
    /// Since when there has been no good connection.
    missing_since: Option<Instant>,
}

impl<'a> Link<'a> {
    /// Makes the first connection.
    pub(super) async fn connect(route: &'a Route, events: &'a HostEvents) -> Result<Self, NoLink> {
        let connected = tokio::select! {
            connected = route.connect() => connected,
            () = route.brake.reaches(BrakeState::Drain) => return Err(NoLink::Interrupted),
        };
        let ledger = connected.map_err(|failure| NoLink::Unreachable(failure.why))?;
        events.connected(ledger.keeper().name()).await;
        Ok(Self { route, events, ledger: Some(ledger), connected_at: Instant::now(), missing_since: None })
    }

    /// The connection, made again where it was lost; bounded by the target's patience.
    pub(super) async fn ledger(&mut self) -> Result<&mut Ledger, LinkLost> {
        if self.ledger.is_none() {
            self.ledger = Some(self.again().await?);
        }
        self.ledger.as_mut().ok_or_else(|| LinkLost("there is no connection".to_owned()))
    }

    /// The boot id of the host, as the present connection knows it.
    pub(super) async fn boot(&mut self) -> Result<String, LinkLost> {
        self.ledger().await.map(|ledger| ledger.boot().to_owned())
    }

    /// Takes note that the connection is no good any more.
    pub(super) async fn lost(&mut self, step: Option<&str>, lost: &LinkLost) {
        self.ledger = None;
        if self.missing_since.is_none() || self.connected_at.elapsed() > LASTING {
            self.missing_since = Some(Instant::now());
        }
        self.events.link_lost(step, &lost.0).await;
    }

    /// Takes note that the host has answered.
    pub(super) fn is_good(&mut self) {
        self.missing_since = None;
    }

    async fn again(&mut self) -> Result<Ledger, LinkLost> {
        let since = *self.missing_since.get_or_insert_with(Instant::now);
        let patience = self.route.target.reconnect_for;
        let mut last = "the connection was lost".to_owned();
        for pause in transport::reconnecting() {
            let rest = patience.saturating_sub(since.elapsed());
            if rest.is_zero() {
                break;
            }
            tokio::time::sleep(pause.min(rest)).await;
            // A try that has begun may use its own time.
            match self.route.connect().await {
                Ok(ledger) => {
                    self.connected_at = Instant::now();
                    self.events.link_restored().await;
                    return Ok(ledger);
                }
                Err(failure) => {
                    last = failure.why;
                    if failure.is_final {
                        break;
                    }
                }
            }
        }
        let away = since.elapsed().as_secs();
        Err(LinkLost(format!("the connection could not be made again within {away}s: {last}")))
    }

    /// Ends the connection in order, where there is one.
    pub(super) async fn close(self) {
        if let Some(ledger) = self.ledger {
            // A host that does not even listen to a farewell is left alone.
            let _ = tokio::time::timeout(Duration::from_secs(5), ledger.close()).await;
        }
    }
}

/// Why a try to connect failed.
struct Failure {
    why: String,
    is_final: bool,
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self { why: format!("{error}\nhelp: {}", error.help()), is_final: error.is_final() }
    }
}

impl Route {
    async fn connect(&self) -> Result<Ledger, Failure> {
        let session = transport::connect(&*self.transport, &self.target, &self.connecting).await?;
        let opening = Ledger::open(session, &self.run, &self.target.host, &self.place);
        let failed = |why: String| Failure { why, is_final: false };
        match tokio::time::timeout(OPENING, opening).await {
            Ok(Ok(ledger)) => Ok(ledger),
            Ok(Err(OpenError::NotStarted(error))) => Err(failed(format!("no shell: {error}"))),
            Ok(Err(OpenError::Link(error))) => Err(failed(format!("no shell: {error}"))),
            Err(_) => Err(failed(format!("no shell: no answer within {}s", OPENING.as_secs()))),
        }
    }
}
