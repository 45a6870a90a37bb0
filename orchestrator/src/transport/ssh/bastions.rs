//! Connections to jump hosts, shared by all hosts behind them.
//!
//! Owns how many there are of a route, and what happens if one is refused. A server counts its logins (`MaxStartups`), and some
//! shut out who fails often (`PerSourcePenalties` of `sshd_config(5)`): so a few connections carry all hosts, and after a
//! refusal nobody tries again for a while. A connection ends with the last host that uses it.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::SshTransport;
use super::client::Handle;
use super::proxy::Proxy;
use crate::transport::{ConnectError, Endpoint, Slots, Target};

/// So many connections lead through the same jump hosts at most.
const MOST: usize = 4;

/// With so many hosts on each, another connection is made.
const CROWDED: usize = 16;

/// How long nobody tries again what a jump host refused.
const REFUSED_FOR: Duration = Duration::from_secs(60);

/// One connection, and what carries it.
pub(super) struct Bastion {
    pub(super) handle: Handle,
    /// The jump host through which it goes.
    pub(super) before: Option<Arc<Bastion>>,
    /// The command that leads to it.
    pub(super) proxy: Option<Proxy>,
}

/// The connections to all jump hosts.
#[derive(Default)]
pub(super) struct Bastions {
    /// By the jump hosts from the controller outwards, and whether new host keys are recorded.
    pools: std::sync::Mutex<Vec<Known>>,
}

struct Known {
    route: Vec<Endpoint>,
    accept_new: bool,
    pool: Arc<Mutex<Pool>>,
}

/// The connections through the same jump hosts.
#[derive(Default)]
struct Pool {
    open: Vec<Weak<Bastion>>,
    failure: Option<Failure>,
}

/// A login that failed.
struct Failure {
    at: Instant,
    why: String,
    help: String,
    /// Whether the server refused it: it would refuse the next one, too.
    is_refusal: bool,
    is_transient: bool,
}

impl Bastions {
    fn pool(&self, route: &[Endpoint], accept_new: bool) -> Arc<Mutex<Pool>> {
        let mut pools = self.pools.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_it = |known: &&Known| known.route == route && known.accept_new == accept_new;
        if let Some(known) = pools.iter().find(is_it) {
            return Arc::clone(&known.pool);
        }
        let pool = Arc::default();
        pools.push(Known { route: route.to_vec(), accept_new, pool: Arc::clone(&pool) });
        pool
    }

    /// A connection to the last of these jump hosts; `None`: there are none.
    pub(super) fn reach<'a>(
        &'a self,
        transport: &'a SshTransport,
        target: &'a Target,
        route: &'a [Endpoint],
        slots: &'a Slots,
    ) -> BoxFuture<'a, Result<Option<Arc<Bastion>>, ConnectError>> {
        async move {
            let Some(last) = route.last() else { return Ok(None) };
            let pool = self.pool(route, target.accept_new);
            // Whoever comes meanwhile waits for what is being made, and shares in it, also in its failure.
            let came = Instant::now();
            let mut pool = pool.lock().await;
            let (open, is_crowded) = pool.least_used();
            if let Some(bastion) = open.as_ref().filter(|_| !is_crowded) {
                return Ok(Some(Arc::clone(bastion)));
            }
            let made = match pool.may_try(came) {
                Ok(()) => {
                    let made = self.make(transport, target, route, slots).await;
                    if let Err(error) = &made {
                        pool.remember(error);
                    }
                    made
                }
                Err(error) => Err(error),
            };
            match (made, open) {
                (Ok(bastion), _) => {
                    let bastion = Arc::new(bastion);
                    pool.open.push(Arc::downgrade(&bastion));
                    Ok(Some(bastion))
                }
                // One more is a convenience: the others carry it, too.
                (Err(_), Some(bastion)) => Ok(Some(bastion)),
                (Err(error @ ConnectError::Jump { .. }), None) => Err(error),
                (Err(error), None) => {
                    Err(ConnectError::Jump { via: last.name.clone(), source: Box::new(error) })
                }
            }
        }
        .boxed()
    }

    /// Logs in on the last of these jump hosts, through the others.
    async fn make(
        &self,
        transport: &SshTransport,
        target: &Target,
        route: &[Endpoint],
        slots: &Slots,
    ) -> Result<Bastion, ConnectError> {
        let Some((last, before)) = route.split_last() else {
            return Err(ConnectError::File("the route has no end".to_owned()));
        };
        let carrier = self.reach(transport, target, before, slots).await?;
        transport.log_in(target, last, carrier, slots).await
    }
}

impl Pool {
    /// The connection with the fewest hosts, and whether another one is to be made.
    fn least_used(&mut self) -> (Option<Arc<Bastion>>, bool) {
        self.open.retain(|known| known.upgrade().is_some_and(|bastion| !bastion.handle.is_closed()));
        let may_have_more = self.open.len() < MOST;
        let open = self.open.iter().filter_map(Weak::upgrade);
        let least =
            open.map(|bastion| (Arc::strong_count(&bastion), bastion)).min_by_key(|(count, _)| *count);
        // One of them is the count's own.
        let is_crowded = least.as_ref().is_some_and(|(hosts, _)| *hosts > CROWDED && may_have_more);
        (least.map(|(_, bastion)| bastion), is_crowded)
    }

    /// Whether a login may be tried by who came at this moment: not if one failed since, nor soon after a refusal.
    fn may_try(&self, came: Instant) -> Result<(), ConnectError> {
        let counts = |failure: &&Failure| {
            failure.at >= came || failure.is_refusal && failure.at.elapsed() < REFUSED_FOR
        };
        let Some(failure) = self.failure.as_ref().filter(counts) else { return Ok(()) };
        let told = if failure.is_refusal { " (not tried again)" } else { "" };
        let why = format!("{}{told}", failure.why);
        let (help, transient) = (failure.help.clone(), failure.is_transient);
        Err(ConnectError::NotTriedAgain { why, help, transient })
    }

    fn remember(&mut self, error: &ConnectError) {
        self.failure = Some(Failure {
            at: Instant::now(),
            why: error.to_string(),
            help: error.help(),
            is_refusal: error.is_refusal(),
            is_transient: error.is_transient(),
        });
    }
}
