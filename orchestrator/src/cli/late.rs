//! Hosts that answer late: the others do not wait for them.
//!
//! Owns how long a run waits for the answers of hosts before it starts those that have answered, and how the others are
//! planned when they answer.

use std::collections::BTreeMap;
use std::time::Duration;

use ixporch_inventory::Inventory;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::access::{Asking, Progress};
use crate::facts::Facts;
use crate::plan::{self, LeftBehind, Options, Plan};
use crate::procedure::Procedure;

/// How long hosts are waited for at least. Hosts that are well answer within this time, and are planned together.
const AT_LEAST: Duration = Duration::from_secs(3);

/// What is slow for all hosts, a busy controller for instance, makes none of them late: they are waited for this many times
/// as long as the last answer took.
const TIMES: u32 = 2;

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
            () = late => return,
        }
    }
}

/// What hosts are planned from, apart from their facts.
pub(super) struct Basis {
    pub(super) inventory: Inventory,
    pub(super) procedure: Procedure,
    pub(super) left: BTreeMap<String, LeftBehind>,
    pub(super) options: Options,
    pub(super) default_user: String,
}

impl Basis {
    /// The plan of hosts with these facts; the others are planned later.
    pub(super) fn plan(
        &self,
        facts: &BTreeMap<String, Result<Facts, String>>,
    ) -> Result<Plan, plan::PlanError> {
        plan::build(&plan::Request {
            inventory: &self.inventory,
            procedure: &self.procedure,
            facts,
            left: &self.left,
            options: &self.options,
            default_user: &self.default_user,
        })
    }

    /// Plans hosts as they answer, in a task of its own; `None`: all have answered.
    pub(super) fn plan_late(self, mut asking: Asking<Facts>) -> Option<mpsc::Receiver<Plan>> {
        if asking.is_over() {
            return None;
        }
        let (sender, arriving) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Some(host) = asking.answered().await {
                let Some(answer) = asking.answers.remove(&host) else { continue };
                let facts = BTreeMap::from([(host.clone(), answer)]);
                // It was built before, with fewer facts: it can be built.
                let Ok(plan) = self.plan(&facts) else { continue };
                if sender.send(plan.only(&host)).await.is_err() {
                    return;
                }
            }
        });
        Some(arriving)
    }
}
