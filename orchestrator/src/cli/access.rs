//! Asks hosts something, all at once: one connection each, one host's misfortune its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use ixporch_inventory::{Become, Host, Inventory};
use tokio::task::JoinSet;

use super::args::Connecting;
use super::planning;
use super::settings::Settings;
use super::targets;
use crate::ledger::Ledger;
use crate::plan::{HostId, HostPlan, LedgerPlace, Plan};
use crate::transport::{self, Phase, Slots, Target, Trace, Transport};

/// How long an answer may take: the slowest question of a probe has 20 seconds of its own on the host.
pub(super) const ANSWER: Duration = Duration::from_secs(120);

/// How often those are told of that are waited for.
const TICK: Duration = Duration::from_millis(100);

/// What hosts answered, by their names; where there is no answer, why.
pub(super) type Answers<T> = BTreeMap<String, Result<T, String>>;

/// How hosts are reached.
pub(super) struct Access<'a> {
    pub(super) settings: &'a Settings,
    pub(super) file: &'a Path,
    pub(super) inventory: &'a Inventory,
    pub(super) connecting: &'a Connecting,
    pub(super) transport: Arc<dyn Transport>,
    /// Whether nothing but what the login may do is done: it does not become root.
    pub(super) as_login: bool,
    /// Where the phases of the connections to these hosts are kept.
    pub(super) traces: BTreeMap<String, Trace>,
}

impl<'a> Access<'a> {
    /// The hosts of an inventory, which was read from `file`.
    pub(super) fn new(
        settings: &'a Settings,
        file: &'a Path,
        inventory: &'a Inventory,
        connecting: &'a Connecting,
    ) -> Self {
        let transport = planning::transport(settings);
        let traces = BTreeMap::new();
        Self { settings, file, inventory, connecting, transport, as_login: false, traces }
    }

    /// Where to connect to for a host.
    pub(super) fn target(&self, host: &Host) -> Target {
        let accept_new = self.connecting.accept_new;
        let target = targets::target(self.settings, self.file, self.inventory, host, accept_new);
        let target = Target { trace: self.traces.get(&host.name).cloned(), ..target };
        if self.as_login { Target { root: None, ..target } } else { target }
    }

    /// The hosts of a plan that was made earlier, as far as the inventory still means the same by their names. Jump hosts may
    /// have changed since, but not the user: the plan's commands are made for one login, and so is the ledger.
    pub(super) fn targets_of(&self, plan: &Plan) -> BTreeMap<String, Target> {
        let is_same = |plan: &HostPlan, host: &&Host| {
            let user = host.user().unwrap_or(&self.settings.user);
            // A root shell has a ledger of its own, too.
            let root_by = host.root_by(&self.settings.user);
            let is_same_root = plan.place.root_by.is_none() || plan.place.root_by == root_by;
            HostId::of(host) == plan.id() && plan.login_user() == user && is_same_root
        };
        let hosts = plan.hosts().filter_map(|(_, plan)| {
            Some((plan, self.inventory.host(&plan.host).filter(|host| is_same(plan, host))?))
        });
        hosts.map(|(plan, host)| (host.name.clone(), self.target_of(plan, host))).collect()
    }

    /// Where to connect to for a host as it was planned.
    fn target_of(&self, plan: &HostPlan, host: &Host) -> Target {
        let target = self.target(host);
        if plan.place.root_by.is_none() { Target { root: None, ..target } } else { target }
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
        self.ask_and_tell(hosts, question, patience, &mut |_: Progress<'_, T>| {}).await
    }

    /// The same; `tell` hears of every answer as it comes, and again and again of the hosts that are waited for.
    pub(super) async fn ask_and_tell<T, Q>(
        &self,
        hosts: &[&Host],
        question: Q,
        patience: Duration,
        tell: &mut dyn FnMut(Progress<'_, T>),
    ) -> Answers<T>
    where
        T: Send + 'static,
        Q: for<'l> Fn(&Host) -> Question<T>,
    {
        self.begin(hosts, question, patience).all(tell).await
    }

    /// Begins to ask every host what `question` asks.
    pub(super) fn begin<T, Q>(&self, hosts: &[&Host], question: Q, patience: Duration) -> Asking<T>
    where
        T: Send + 'static,
        Q: for<'l> Fn(&Host) -> Question<T>,
    {
        let slots = Arc::new(Slots::new(usize::try_from(self.connecting.connecting).unwrap_or(1)));
        let talking = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let mut names = BTreeMap::new();
        for host in hosts {
            let (target, place, question) = (self.target(host), place(host), question(host));
            let (transport, slots) = (Arc::clone(&self.transport), Arc::clone(&slots));
            let talking = Arc::clone(&talking);
            let asked = Box::pin(ask_one(transport, target, place, slots, question, patience, talking));
            names.insert(tasks.spawn(asked).id(), host.name.clone());
        }
        Asking { tasks, names, talking, answers: BTreeMap::new() }
    }
}

/// Hosts that are asked, all at once.
pub(super) struct Asking<T> {
    tasks: JoinSet<Result<T, String>>,
    /// The hosts without an answer.
    names: BTreeMap<tokio::task::Id, String>,
    talking: Arc<AtomicUsize>,
    /// The answers so far.
    pub(super) answers: Answers<T>,
}

impl<T: Send + 'static> Asking<T> {
    /// Whether all hosts have answered.
    pub(super) fn is_over(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether a host has a connection, so that its answer will come.
    pub(super) fn is_talking(&self) -> bool {
        self.talking.load(Ordering::Relaxed) > 0
    }

    /// Waits for all answers.
    pub(super) async fn all(mut self, tell: &mut dyn FnMut(Progress<'_, T>)) -> Answers<T> {
        while self.next(tell).await.is_some() {}
        self.answers
    }

    /// Waits for the next answer, and gives its host; `None`: all hosts have answered.
    pub(super) async fn answered(&mut self) -> Option<String> {
        let (id, answer) = match self.tasks.join_next_with_id().await? {
            Ok((id, answer)) => (id, answer),
            // A panic while one host is asked is that host's misfortune alone.
            Err(error) => (error.id(), Err("the query crashed: this is a bug in ixporch".to_owned())),
        };
        let name = self.names.remove(&id).unwrap_or_default();
        self.answers.insert(name.clone(), answer);
        Some(name)
    }

    /// The same; `tell` hears of the answer, and again and again of the hosts that are waited for.
    pub(super) async fn next(&mut self, tell: &mut dyn FnMut(Progress<'_, T>)) -> Option<String> {
        loop {
            tokio::select! {
                name = self.answered() => {
                    let host = name?;
                    if let Some(answer) = self.answers.get(&host) {
                        tell(Progress::Answered { host: &host, answer });
                    }
                    return Some(host);
                }
                () = tokio::time::sleep(TICK) => {
                    let waiting = self.names.values().map(String::as_str).collect();
                    let talking = self.talking.load(Ordering::Relaxed);
                    tell(Progress::Waiting { waiting, talking, answers: &self.answers });
                }
            }
        }
    }
}

/// How far asking the hosts has come.
pub(super) enum Progress<'a, T> {
    /// A host answered, or there will be no answer.
    Answered {
        /// The host.
        host: &'a str,
        /// Its answer.
        answer: &'a Result<T, String>,
    },
    /// Some time has passed.
    Waiting {
        /// The hosts without an answer.
        waiting: Vec<&'a str>,
        /// How many of them have a connection, so that their answers will come.
        talking: usize,
        /// The answers so far.
        answers: &'a Answers<T>,
    },
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
    slots: Arc<Slots>,
    question: Question<T>,
    patience: Duration,
    talking: Arc<AtomicUsize>,
) -> Result<T, String> {
    let connected = transport::connect(&*transport, &target, &slots).await;
    let session = connected.map_err(|error| format!("{error}\nhelp: {}", error.help()))?;
    talking.fetch_add(1, Ordering::Relaxed);
    // Nobody's run: what is asked here starts no step. A person may have to type a password first.
    let since = Instant::now();
    let answer = match Ledger::open(session, "none", target.host(), &place).await {
        Err(error) => Ok(Err(error.to_string())),
        Ok(mut ledger) => {
            if let Some(trace) = &target.trace {
                trace.passed(Phase::Shell, since, String::new());
            }
            let asking = async {
                let answer = question(&mut ledger, &place).await;
                ledger.close().await;
                answer
            };
            tokio::time::timeout(patience, asking).await
        }
    };
    talking.fetch_sub(1, Ordering::Relaxed);
    answer.unwrap_or_else(|_| {
        let seconds = patience.as_secs();
        Err(format!("it is connected, but did not answer within {seconds}s\nhelp: is the host overloaded? (uptime, free)"))
    })
}
