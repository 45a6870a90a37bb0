//! Hosts that answer late: the others do not wait for them.
//!
//! Owns how long a run waits for the answers of hosts before it starts those that have answered, and how the others are
//! planned when they answer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ixporch_inventory::{Host, Inventory, Selector};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::access::{Asking, Progress};
use super::error::CliError;
use super::planning;
use crate::facts::Facts;
use crate::journal::Store;
use crate::plan::{self, HostAction, LeftBehind, Options, Plan, PlanError, ProbeResult};
use crate::procedure::Procedure;

/// How long hosts are waited for at least. Hosts that are well answer within this time, and are planned together.
const AT_LEAST: Duration = Duration::from_secs(3);

/// What is slow for all hosts, a busy controller for instance, makes none of them late: they are waited for this many times
/// as long as the last answer took.
const TIMES: u32 = 2;

/// How long hosts are waited for that have a connection: they are there, and at work on their answers.
const TALKING: Duration = Duration::from_secs(15);

/// How often it is looked whether hosts have a connection.
const LOOK: Duration = Duration::from_millis(200);

/// Waits until all hosts have answered, or one can be started and the others are late.
pub(super) async fn in_time(asking: &mut Asking<Facts>, tell: &mut dyn FnMut(Progress<'_, Facts>)) {
    let began = Instant::now();
    // Without a host that can be started there is nothing to be gained.
    let mut until = None;
    loop {
        let late = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            answered = asking.next(tell) => {
                let Some(host) = answered else { return };
                let can_start = asking.answers.get(&host).is_some_and(Result::is_ok);
                if until.is_some() || can_start {
                    until = Some(began + AT_LEAST.max(began.elapsed() * TIMES));
                }
            }
            () = late => {
                if !asking.is_talking() || began.elapsed() > TALKING {
                    return;
                }
                until = Some(Instant::now() + LOOK);
            }
        }
    }
}

/// What hosts are planned from, apart from their facts.
pub(super) struct Basis {
    pub(super) store: Store,
    /// The inventory's file.
    pub(super) file: PathBuf,
    /// The run that the hosts are taken over from.
    pub(super) earlier: Option<String>,
    pub(super) inventory: Inventory,
    pub(super) procedure: Procedure,
    pub(super) options: Options,
    pub(super) default_user: String,
}

impl Basis {
    /// The plan of hosts with these facts; the others are planned later.
    pub(super) fn plan(
        &self,
        facts: &BTreeMap<String, ProbeResult>,
        left: &BTreeMap<String, LeftBehind>,
        options: &Options,
    ) -> Result<Plan, PlanError> {
        plan::build(&plan::Request {
            inventory: &self.inventory,
            procedure: &self.procedure,
            facts,
            left,
            options,
            default_user: &self.default_user,
        })
    }

    /// Plans hosts as they answer, in a task of its own; `planned`: the plan without them. `None`: all have answered.
    pub(super) fn plan_late(self, mut asking: Asking<Facts>, planned: &Plan) -> Option<mpsc::Receiver<Plan>> {
        if asking.is_over() {
            return None;
        }
        let (sender, arriving) = mpsc::channel(1);
        let planned = planned.clone();
        tokio::spawn(async move {
            while let Some(host) = asking.answered().await {
                let Some(answer) = asking.answers.remove(&host) else { continue };
                let plan = self.plan_one(&host, answer).unwrap_or_else(|why| {
                    let mut plan = planned.clone().only(&host);
                    for host in plan.waves.iter_mut().flat_map(|wave| &mut wave.hosts) {
                        host.action =
                            HostAction::Unreachable(format!("it cannot be planned: {}", why.message()));
                    }
                    plan
                });
                if sender.send(plan).await.is_err() {
                    return;
                }
            }
        });
        Some(arriving)
    }

    /// The plan with this host alone. Other runs may have been at work there since the run began.
    fn plan_one(&self, name: &str, answer: ProbeResult) -> Result<Plan, CliError> {
        let options = Options { limit: Some(Selector::parse(name)?), ..self.options.clone() };
        let history = self.store.history()?;
        let hosts: Vec<&Host> = self.inventory.host(name).into_iter().collect();
        let left =
            planning::left_behind(&history, &self.inventory, &hosts, self.earlier.as_deref(), &self.file);
        Ok(self.plan(&BTreeMap::from([(name.to_owned(), answer)]), &left, &options)?.only(name))
    }
}
