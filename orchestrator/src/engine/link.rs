//! The connection of a lane, which is restored when it is lost.
//!
//! Owns when to connect, and when to give up. Steps on the host go on without a connection. A reconnection never
//! repeats a
//! step (law 3).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::brake::{Brake, BrakeState};
use super::dispatch::HostEvents;
use crate::ledger::Ledger;
use crate::plan::LedgerPlace;
use crate::text::RemoteText;
use crate::transport::{self, ConnectError, LinkLost, Slots, Target, Transport};

/// A connection that lasted this long was good: when it is lost, the patience starts anew.
const LASTING: Duration = Duration::from_secs(5 * 60);

/// How one host is reached, and what every connection to it needs.
pub(super) struct Route {
    pub(super) target: Target,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) slots: Arc<Slots>,
    pub(super) run: String,
    pub(super) place: LedgerPlace,
    pub(super) brake: Brake,
}

/// Why there is no connection.
pub(super) enum NoLink {
    /// No attempt succeeded.
    Unreachable(RemoteText),
    /// The run was interrupted first.
    Interrupted,
}

/// The connection of one lane.
pub(super) struct Link<'a> {
    route: &'a Route,
    events: &'a HostEvents,
    ledger: Option<Ledger>,
    connected_at: Instant,
    /// Since when there has been no good connection.
    missing_since: Option<Instant>,
}

impl<'a> Link<'a> {
    /// Connects for the first time.
    pub(super) async fn connect(route: &'a Route, events: &'a HostEvents) -> Result<Self, NoLink> {
        let connected = tokio::select! {
            connected = route.connect() => connected,
            () = route.brake.reaches(BrakeState::Drain) => return Err(NoLink::Interrupted),
        };
        let ledger =
            connected.map_err(|failure| NoLink::Unreachable(RemoteText::from(failure.why.as_str())))?;
        events.connected(ledger.keeper().name()).await;
        Ok(Self { route, events, ledger: Some(ledger), connected_at: Instant::now(), missing_since: None })
    }

    /// The connection; restored if it was lost, unless that takes longer than the target's `reconnect_for`.
    pub(super) async fn ledger(&mut self) -> Result<&mut Ledger, LinkLost> {
        if self.ledger.is_none() {
            self.ledger = Some(self.again().await?);
        }
        self.ledger.as_mut().ok_or_else(|| LinkLost("there is no connection".to_owned()))
    }

    /// The boot id of the host, according to the current connection.
    pub(super) async fn boot(&mut self) -> Result<String, LinkLost> {
        self.ledger().await.map(|ledger| ledger.boot().to_owned())
    }

    /// Records that the connection was lost.
    pub(super) async fn lost(&mut self, step: Option<&str>, lost: &LinkLost) {
        self.ledger = None;
        if self.missing_since.is_none() || self.connected_at.elapsed() > LASTING {
            self.missing_since = Some(Instant::now());
        }
        self.events.link_lost(step, &lost.0).await;
    }

    /// Records that the host answered: the patience starts anew.
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
            // An attempt that has started may use its own timeout.
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
        Err(LinkLost(format!("the connection could not be restored within {away}s: {last}")))
    }

    /// Closes the connection, if there is one.
    pub(super) async fn close(self) {
        if let Some(ledger) = self.ledger {
            // Closing is a courtesy: a host that does not answer is not waited for.
            let _ = tokio::time::timeout(Duration::from_secs(5), ledger.close()).await;
        }
    }
}

/// Why an attempt to connect failed.
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
        let session = transport::connect(&*self.transport, &self.target, &self.slots).await?;
        let opened = Ledger::open(session, &self.run, self.target.host(), &self.place).await;
        opened.map_err(|error| Failure { why: error.to_string(), is_final: false })
    }
}
