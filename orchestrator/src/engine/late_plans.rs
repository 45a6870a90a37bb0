//! Hosts that are planned while the run goes on: they had not answered when it began.
//!
//! Owns which plan of a host counts. It must not know how a plan is made.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{SetOnce, mpsc};

use super::dispatch::RunEvents;
use crate::event::RunEvent;
use crate::plan::{HostPlan, Plan, PlannedWave};

/// The hosts that the run's plan had no steps for when it began, with their plans as they come.
pub(super) struct LatePlans {
    hosts: BTreeMap<String, SetOnce<HostPlan>>,
}

impl LatePlans {
    /// Those of a plan.
    pub(super) fn of(plan: &Plan) -> Self {
        let late = plan.hosts().map(|(_, host)| host).filter(|host| host.is_planned_later());
        Self { hosts: late.map(|host| (host.host.clone(), SetOnce::new())).collect() }
    }

    /// The plan of a host as far as it is known now.
    pub(super) fn now<'a>(&'a self, plan: &'a HostPlan) -> &'a HostPlan {
        self.hosts.get(&plan.host).and_then(SetOnce::get).unwrap_or(plan)
    }

    /// A wave with the plans of its hosts as far as they are known now.
    pub(super) fn wave<'a>(&self, wave: &'a PlannedWave) -> Cow<'a, PlannedWave> {
        if !wave.hosts.iter().any(HostPlan::is_planned_later) {
            return Cow::Borrowed(wave);
        }
        let hosts = wave.hosts.iter().map(|plan| self.now(plan).clone()).collect();
        Cow::Owned(PlannedWave { hosts, ..wave.clone() })
    }

    /// Waits for the plan of a host. It stays planned later if nothing will plan it any more.
    pub(super) async fn arrives<'a>(&'a self, plan: &'a HostPlan) -> &'a HostPlan {
        match self.hosts.get(&plan.host) {
            Some(late) => late.wait().await,
            None => plan,
        }
    }

    /// Takes the plans as they come, and records each before anybody sees it; `planned`: the plan of the run's beginning.
    pub(super) async fn take(
        self: Arc<Self>,
        planned: Plan,
        arriving: Option<mpsc::Receiver<Plan>>,
        events: RunEvents,
    ) {
        if let Some(mut arriving) = arriving {
            while let Some(plan) = arriving.recv().await {
                for host in plan.hosts().map(|(_, host)| host.clone()) {
                    self.put(&plan, host, &events).await;
                }
            }
        }
        for (_, host) in planned.hosts() {
            if let Some(late) = self.hosts.get(&host.host) {
                // Fails where its plan has arrived.
                let _ = late.set(host.clone());
            }
        }
    }

    async fn put(&self, plan: &Plan, host: HostPlan, events: &RunEvents) {
        let Some(late) = self.hosts.get(&host.host).filter(|late| !late.initialized()) else { return };
        let (name, plan) = (host.host.clone(), Box::new(plan.clone()));
        events.tell(RunEvent::HostPlanned { host: name, plan }).await;
        // Only this task sets it.
        let _ = late.set(host);
    }
}
