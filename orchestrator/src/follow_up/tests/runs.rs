//! Runs that have been, event by event: what the tables of follow-up decisions are given.

use std::sync::Arc;

use jiff::Timestamp;

use crate::event::{Envelope, HostOutcome, RunEvent, RunHeader, RunKind, StepEnd, StepOutcome, sample};
use crate::plan::{self, HostAction, HostPlan, PlannedStep};
use crate::state::RunState;

/// A run that has been.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) header: RunHeader,
    events: Vec<RunEvent>,
}

pub(super) fn step(id: &str, number: u32, debts: &[&str], undo: &[&str]) -> PlannedStep {
    PlannedStep {
        number,
        debts: debts.iter().map(|debt| (*debt).to_owned()).collect(),
        undo: undo.iter().map(|undo| (*undo).to_owned()).collect(),
        alone: id == "restart",
        ..plan::sample::step(id, None)
    }
}

/// A host that is closed, changed, restarted and opened, with a way back.
pub(super) fn host(name: &str) -> HostPlan {
    let steps = vec![
        step("down", 1, &["up"], &[]),
        step("work", 2, &["restart", "views"], &["work-back"]),
        step("restart", 3, &[], &[]),
        step("views", 4, &[], &[]),
        step("up", 5, &[], &[]),
    ];
    HostPlan {
        action: HostAction::Steps(steps),
        back: vec![step("work-back", 6, &[], &[])],
        ..plan::sample::host(name)
    }
}

impl Run {
    pub(super) fn new(id: &str, order: u64, kind: RunKind, hosts: &[&str]) -> Self {
        let mut header = RunHeader { kind, order, ..sample::header(id, hosts) };
        for planned in &mut header.plan.waves[0].hosts {
            *planned = host(&planned.host);
        }
        Self { header, events: Vec::new() }
    }

    pub(super) fn upgrade(id: &str, order: u64, hosts: &[&str]) -> Self {
        Self::new(id, order, RunKind::Upgrade, hosts)
    }

    pub(super) fn of(mut self, follows: &str) -> Self {
        self.header.follows = Some(follows.to_owned());
        self
    }

    pub(super) fn inventory(mut self, inventory: &str) -> Self {
        inventory.clone_into(&mut self.header.inventory);
        self
    }

    /// With other steps on all hosts.
    pub(super) fn steps(mut self, steps: &[PlannedStep]) -> Self {
        for planned in &mut self.header.plan.waves[0].hosts {
            planned.action = HostAction::Steps(steps.to_vec());
        }
        self
    }

    pub(super) fn event(mut self, event: RunEvent) -> Self {
        self.events.push(event);
        self
    }

    pub(super) fn locked(self, host: &str) -> Self {
        self.event(RunEvent::HostLocked { host: host.to_owned(), order: 0 })
    }

    /// It takes the host's lock later than others whose locks or sessions have smaller places.
    pub(super) fn locked_at(self, host: &str, order: u64) -> Self {
        self.event(RunEvent::HostLocked { host: host.to_owned(), order })
    }

    pub(super) fn begins(self, host: &str, step: &str) -> Self {
        self.event(RunEvent::StepStarted { host: host.to_owned(), step: step.to_owned(), boot: None })
    }

    pub(super) fn does(self, host: &str, step: &str) -> Self {
        self.ends_step(host, step, StepOutcome::Succeeded)
    }

    pub(super) fn ends_step(self, host: &str, step: &str, outcome: StepOutcome) -> Self {
        let end = Box::new(StepEnd::without_output(outcome, None));
        let (host_name, step_id) = (host.to_owned(), step.to_owned());
        self.begins(host, step).event(RunEvent::StepFinished { host: host_name, step: step_id, end })
    }

    pub(super) fn all(self, host: &str) -> Self {
        let steps: Vec<String> =
            self.header.plan.host(host).unwrap().steps().iter().map(|step| step.id.clone()).collect();
        steps.iter().fold(self, |run, step| run.does(host, step))
    }

    pub(super) fn ends(self, host: &str, outcome: HostOutcome) -> Self {
        self.event(RunEvent::HostReleased { host: host.to_owned() }).stops(host, outcome)
    }

    pub(super) fn stops(self, host: &str, outcome: HostOutcome) -> Self {
        let (host, reasons) = (host.to_owned(), Vec::new());
        self.event(RunEvent::HostFinished { host, outcome, reasons })
    }

    pub(super) fn over(self, exit_code: u8) -> Self {
        self.event(RunEvent::RunFinished { exit_code })
    }

    /// A run whose hosts were all upgraded.
    pub(super) fn upgraded(id: &str, order: u64, hosts: &[&str]) -> Self {
        let run = Self::upgrade(id, order, hosts);
        hosts.iter().fold(run, |run, host| run.all(host).ends(host, HostOutcome::Upgraded)).over(0)
    }

    /// A run of one host that failed at `work`.
    pub(super) fn failed(id: &str, order: u64, host: &str) -> Self {
        Self::upgrade(id, order, &[host]).fails(host).over(6)
    }

    pub(super) fn fails(self, host: &str) -> Self {
        self.does(host, "down").ends_step(host, "work", StepOutcome::Failed).ends(host, HostOutcome::Failed)
    }

    /// A run whose controller was killed on its hosts.
    pub(super) fn killed(id: &str, order: u64, hosts: &[&str]) -> Self {
        let run = Self::upgrade(id, order, hosts);
        hosts.iter().fold(run, |run, host| run.locked(host).does(host, "down").begins(host, "work"))
    }

    /// A command that only looks.
    pub(super) fn look(id: &str, order: u64, host: &str) -> Self {
        let mut look = plan::sample::step("exec", None);
        look.effect = crate::procedure::Effect::Check;
        let run = Self::new(id, order, RunKind::Look, &[host]).steps(&[look]);
        run.does(host, "exec").ends(host, HostOutcome::Done).over(0)
    }

    /// A procedure whose one step completes open steps of others.
    pub(super) fn completing(id: &str, order: u64, host: &str, completes: &str) -> Self {
        let step = PlannedStep { completes: vec![completes.to_owned()], ..plan::sample::step("again", None) };
        let run = Self::new(id, order, RunKind::Procedure, &[host]).steps(&[step]);
        run.does(host, "again").ends(host, HostOutcome::Done).over(0)
    }

    pub(super) fn state(&self) -> RunState {
        let started = RunEvent::RunStarted(Arc::new(self.header.clone()));
        let events = std::iter::once(started).chain(self.events.iter().cloned());
        // Every clock says the same: orders alone tell what was later.
        let envelopes: Vec<Envelope> = (1..)
            .zip(events)
            .map(|(sequence, event)| Envelope { sequence, at: Timestamp::UNIX_EPOCH, event })
            .collect();
        RunState::fold(&envelopes)
    }
}
