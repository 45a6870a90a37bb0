//! Probes all selected hosts at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ixporch_inventory::{Become, Host, Inventory};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::args::Connecting;
use super::settings::Settings;
use super::targets;
use crate::facts::Facts;
use crate::ledger::{self, Ledger, ProbeRequest};
use crate::transport::{self, Target, Transport};

/// What the probes gave, by host.
pub(super) type Probes = BTreeMap<String, Result<Facts, String>>;

/// How hosts are reached and asked.
pub(super) struct Prober<'a> {
    pub(super) settings: &'a Settings,
    pub(super) file: &'a Path,
    pub(super) inventory: &'a Inventory,
    pub(super) connecting: &'a Connecting,
    pub(super) transport: Arc<dyn Transport>,
    /// The tag to go to; `None`: the head of each host's branch.
    pub(super) to: Option<&'a str>,
}

impl Prober<'_> {
    /// Asks all `hosts`; one that cannot be asked has a reason instead of facts.
    pub(super) async fn probe(&self, hosts: &[&Host]) -> Probes {
        let connecting = Arc::new(Semaphore::new(usize::try_from(self.connecting.connecting).unwrap_or(1)));
        let mut tasks = JoinSet::new();
        let mut names = BTreeMap::new();
        for host in hosts {
            let target =
                targets::target(self.settings, self.file, self.inventory, host, self.connecting.accept_new);
            let request = self.request(host);
            let (transport, connecting) = (Arc::clone(&self.transport), Arc::clone(&connecting));
            let handle =
                tasks.spawn(async move { Box::pin(probe_one(transport, target, request, connecting)).await });
            names.insert(handle.id(), host.name.clone());
        }
        let mut probes = BTreeMap::new();
        while let Some(joined) = tasks.join_next_with_id().await {
            let (id, result) = match joined {
                Ok((id, result)) => (id, result),
                // A panic in one probe is that host's misfortune alone.
                Err(error) => (error.id(), Err("its probe broke down: a fault of ixporch".to_owned())),
            };
            if let Some(name) = names.remove(&id) {
                probes.insert(name, result);
            }
        }
        probes
    }

    fn request(&self, host: &Host) -> ProbeRequest {
        let references = match self.to {
            Some(tag) => vec![format!("refs/tags/{tag}"), format!("refs/tags/{tag}^{{}}")],
            None => vec![format!("refs/heads/{}", host.text("branch").unwrap_or_default())],
        };
        ProbeRequest {
            ixp_root: host.text("ixp_root").unwrap_or_default().to_owned(),
            web_user: host.text("web_user").unwrap_or_default().to_owned(),
            sudo: host.become_method() == Become::Sudo,
            php: host.list("php").to_vec(),
            composer: host.list("composer").to_vec(),
            bower: host.list("bower").to_vec(),
            memcached_unit: host.text("memcached.service").filter(|unit| *unit != "none").map(str::to_owned),
            references,
        }
    }
}

async fn probe_one(
    transport: Arc<dyn Transport>,
    target: Target,
    request: ProbeRequest,
    connecting: Arc<Semaphore>,
) -> Result<Facts, String> {
    let connected = transport::connect(&*transport, &target, &connecting).await;
    let session = connected.map_err(|error| {
        format!(
            "{error}
help: {}",
            error.help()
        )
    })?;
    let mut ledger = Ledger::new(session, false);
    let probed = ledger::probe(&mut ledger, &request);
    // The slowest question has 20 seconds of its own on the host.
    let facts = match tokio::time::timeout(std::time::Duration::from_secs(120), probed).await {
        Ok(facts) => facts.map_err(|error| format!("the probe failed: {error}")),
        Err(_) => Err("the probe failed: no answer within 120s".to_owned()),
    };
    ledger.close().await;
    facts
}
