//! Asks hosts something, all at once: one connection each, one host's misfortune its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use ixporch_inventory::{Become, Host, Inventory};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::args::Connecting;
use super::settings::Settings;
use super::targets;
use crate::ledger::Ledger;
use crate::plan::{HostId, HostPlan, LedgerPlace, Plan};
use crate::transport::{self, Target, Transport};

/// How long an answer may take: the slowest question of a probe has 20 seconds of its own on the host.
const ANSWER: Duration = Duration::from_secs(120);

/// What hosts answered, by their names; where there is no answer, why.
pub(super) type Answers<T> = BTreeMap<String, Result<T, String>>;

/// How hosts are reached.
pub(super) struct Access<'a> {
    pub(super) settings: &'a Settings,
    pub(super) file: &'a Path,
    pub(super) inventory: &'a Inventory,
    pub(super) connecting: &'a Connecting,
    pub(super) transport: Arc<dyn Transport>,
}

impl Access<'_> {
    /// Where to connect to for a host.
    pub(super) fn target(&self, host: &Host) -> Target {
        targets::target(self.settings, self.file, self.inventory, host, self.connecting.accept_new)
    }

    /// The hosts of a plan that was made earlier, as far as the inventory still means the same by their names. Jump hosts may
    /// have changed since, but not the user: the plan's commands are made for one login, and so is the ledger.
    pub(super) fn targets_of(&self, plan: &Plan) -> BTreeMap<String, Target> {
        let is_same = |plan: &HostPlan, host: &&Host| {
            let user = host.user().unwrap_or(&self.settings.user);
            HostId::of(host) == plan.id() && plan.login_user() == user
        };
        let hosts = plan
            .hosts()
            .filter_map(|(_, plan)| self.inventory.host(&plan.host).filter(|host| is_same(plan, host)));
        hosts.map(|host| (host.name.clone(), self.target(host))).collect()
    }

    /// Asks every host what `question` asks.
    pub(super) async fn ask<T, Q>(&self, hosts: &[&Host], question: Q) -> Answers<T>
    where
        T: Send + 'static,
        Q: for<'l> Fn(&Host) -> Question<T>,
    {
        self.ask_for(hosts, question, ANSWER).await
    }

    /// The same with patience of its own.
    pub(super) async fn ask_for<T, Q>(&self, hosts: &[&Host], question: Q, patience: Duration) -> Answers<T>
    where
        T: Send + 'static,
        Q: for<'l> Fn(&Host) -> Question<T>,
    {
        let connecting = Arc::new(Semaphore::new(usize::try_from(self.connecting.connecting).unwrap_or(1)));
        let mut tasks = JoinSet::new();
        let mut names = BTreeMap::new();
        for host in hosts {
            let (target, place, question) = (self.target(host), place(host), question(host));
            let (transport, connecting) = (Arc::clone(&self.transport), Arc::clone(&connecting));
            let asked = Box::pin(ask_one(transport, target, place, connecting, question, patience));
            names.insert(tasks.spawn(asked).id(), host.name.clone());
        }
        let mut answers = BTreeMap::new();
        while let Some(joined) = tasks.join_next_with_id().await {
            let (id, answer) = match joined {
                Ok((id, answer)) => (id, answer),
                // A panic while one host is asked is that host's misfortune alone.
                Err(error) => (error.id(), Err("the query crashed: this is a bug in ixporch".to_owned())),
            };
            if let Some(name) = names.remove(&id) {
                answers.insert(name, answer);
            }
        }
        answers
    }
}

/// What is asked of a host over its connection.
pub(super) type Question<T> =
    Box<dyn for<'l> FnOnce(&'l mut Ledger, &'l LedgerPlace) -> BoxFuture<'l, Result<T, String>> + Send>;

/// Where a host keeps what is ixporch's, as far as the inventory alone tells.
fn place(host: &Host) -> LedgerPlace {
    LedgerPlace {
        state_dir: host.text("state_dir").map(str::to_owned),
        sudo: host.become_method() == Become::Sudo,
        ixp_root: host.text("ixp_root").unwrap_or_default().to_owned(),
        ..LedgerPlace::default()
    }
}

async fn ask_one<T>(
    transport: Arc<dyn Transport>,
    target: Target,
    place: LedgerPlace,
    connecting: Arc<Semaphore>,
    question: Question<T>,
    patience: Duration,
) -> Result<T, String> {
    let connected = transport::connect(&*transport, &target, &connecting).await;
    let session = connected.map_err(|error| format!("{error}\nhelp: {}", error.help()))?;
    let asking = async {
        // Nobody's run: what is asked here starts no step.
        let mut ledger =
            Ledger::open(session, "none", target.host(), &place).await.map_err(|error| error.to_string())?;
        let answer = question(&mut ledger, &place).await;
        ledger.close().await;
        answer
    };
    tokio::time::timeout(patience, asking)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {}s", patience.as_secs())))
}
