//! How many connections are made at once.
//!
//! A server counts the connections that have not logged in (`MaxStartups` of `sshd_config(5)`), and a login costs both sides
//! computing time: both are bounded. Waiting for an address that does not answer costs nothing, and holds no slot that
//! another host could need.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Endpoint;

/// Slots for connections that are being made.
#[derive(Debug)]
pub struct Slots {
    count: usize,
    logins: Arc<Semaphore>,
    /// Those of each address that is connected to from here; all proxy commands share those of no address.
    addresses: Mutex<HashMap<(String, u16), Arc<Semaphore>>>,
}

/// A slot that is taken; dropping it gives it back.
pub type Slot = Option<OwnedSemaphorePermit>;

impl Slots {
    /// As many for each address, and as many for logins at all.
    pub fn new(count: usize) -> Self {
        let count = count.max(1);
        Self { count, logins: Arc::new(Semaphore::new(count)), addresses: Mutex::default() }
    }

    /// Waits for a slot of the address that is connected to; it is given back after the login there.
    pub async fn at_address(&self, endpoint: &Endpoint) -> Slot {
        let address = match &endpoint.proxy_command {
            // Where a command leads to is not known; often it is one bastion for all.
            Some(_) => (String::new(), 0),
            None => (endpoint.address.to_lowercase(), endpoint.port),
        };
        let slots = {
            let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(addresses.entry(address).or_insert_with(|| Arc::new(Semaphore::new(self.count))))
        };
        slots.acquire_owned().await.ok()
    }

    /// Waits for a slot for a login: the exchange of keys, and authentication.
    pub async fn login(&self) -> Slot {
        Arc::clone(&self.logins).acquire_owned().await.ok()
    }
}
