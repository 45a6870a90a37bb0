//! Where one host of a run stands: its steps, its debts, what it waits for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::event::{HostOutcome, Reason, RunKind, StepEnd, StepOutcome};
use crate::facts::HostLock;
use crate::plan::{HostPlan, LeftBehind, PlannedStep};
use crate::procedure::{Effect, Reads};
use crate::schema::{Fingerprint, Narrowed, SchemaChanges};
use crate::text::RemoteText;

/// Who says that a step never began, where the host does; no login is called so.
pub(crate) const ITSELF: &str = "ixporch itself";

/// Where a host stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostState {
    /// How it ended; `None` while its lane goes on, or where the run was cut off.
    pub outcome: Option<HostOutcome>,
    /// When it did.
    pub ended: Option<Timestamp>,
    /// Why, the main reason first.
    pub reasons: Vec<Reason>,
    /// Its steps that were started or skipped, in that order.
    pub steps: Vec<StepState>,
    /// What it is owed.
    pub debts: Vec<Debt>,
    /// Whether the run holds the host's lock.
    pub locked: bool,
    /// Who holds it, where that kept the run from the host.
    pub held_by: Option<HostLock>,
    /// The pending schema changes that its review let pass.
    pub approved: Option<Fingerprint>,
    /// The person who did; `None`: a policy, or nobody.
    pub approved_by: Option<String>,
    /// What is pending on it and was not let pass, because the evidence is of something else.
    pub unproven: Option<Fingerprint>,
    /// The schema review that it waits for.
    pub awaits: Option<AwaitedReview>,
    /// Why it is being taken back to its start.
    pub going_back: Option<Vec<Reason>>,
    /// Whether a step had failed when it was taken back to its start last.
    pub rolls_back: bool,
    /// When something was done there last, or its end was seen.
    pub heard: Option<Timestamp>,
    /// The place of its last lock; see [`RunEvent::HostLocked`](crate::event::RunEvent::HostLocked).
    pub locked_in: u64,
    /// The place of what was done there last: of its lock, or of the session in earlier journals.
    pub heard_in: u64,
    /// Whether it was watched after its upgrade for as long as its wave wants.
    pub watched: bool,
    /// How often it was taken back to its start.
    pub went_back: u32,
    /// What keeps its steps alive when the connection ends.
    pub keeper: String,
    /// The times in which there was no connection.
    pub gaps: Vec<LinkGap>,
}

/// A schema review that a host waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitedReview {
    /// What is pending there.
    pub fingerprint: Fingerprint,
    /// When it began to wait.
    pub since: Timestamp,
    /// When it stops waiting.
    pub until: Timestamp,
}

/// A time without a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkGap {
    /// When that was noticed.
    pub from: Timestamp,
    /// When there was one again; `None`: not within the run.
    pub to: Option<Timestamp>,
    /// The step that was being followed.
    pub step: Option<String>,
    /// What was noticed.
    pub why: RemoteText,
}

/// Where a step stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepState {
    /// Its id.
    pub id: String,
    /// How it ended; `None`: it was started, and no end was seen.
    pub end: Option<StepEnd>,
    /// When it was started last; `None`: it was skipped without a start.
    pub started: Option<Timestamp>,
    /// The host's boot in which its start was decided.
    pub boot: Option<String>,
    /// Which try it is, from 1; a person's word that it was not done lets it be tried again.
    pub attempt: u32,
    /// A person's word on how it had ended.
    pub resolution: Option<Resolution>,
    /// Whether what it did was taken back since: it is as if it had not been started.
    pub undone: bool,
    /// Whether an earlier try of it may have begun, whatever became of the later ones.
    pub began_before: bool,
}

/// A person's word on a step whose end nobody saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Whether it is done.
    pub done: bool,
    /// Why they say so.
    pub reason: String,
    /// Who said so.
    pub by: String,
}

/// Something a host is still owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debt {
    /// The step that pays it.
    pub step: String,
    /// The step that made it; `None`: an earlier run.
    pub since: Option<String>,
}

impl StepState {
    /// Whether nothing is left to be done of it: it succeeded, was not needed, or a person said that it is done.
    pub fn is_done(&self) -> bool {
        let ended_well = self
            .end
            .as_ref()
            .is_some_and(|end| matches!(end.outcome, StepOutcome::Succeeded | StepOutcome::Skipped));
        !self.undone && (ended_well || self.resolution.as_ref().is_some_and(|said| said.done))
    }

    /// Whether it began, and neither its end, nor its proof, nor a person says that it did all or nothing.
    pub fn is_begun_once(&self) -> bool {
        let did_nothing = self.end.as_ref().is_some_and(|end| end.proven == Some(false));
        self.may_have_begun() && !self.is_done() && !did_nothing && self.resolution.is_none()
    }

    /// Whether its end is known, and is no good one: it is not run again by the same run.
    pub fn has_failed(&self) -> bool {
        let failed = |end: &StepEnd| matches!(end.outcome, StepOutcome::Failed | StepOutcome::TimedOut);
        !self.undone && self.end.as_ref().is_some_and(failed)
    }

    /// Whether it was started, and nobody saw its end.
    pub fn is_unknown(&self) -> bool {
        !self.undone && self.end.as_ref().is_none_or(|end| end.outcome == StepOutcome::Unknown)
    }

    /// Whether the host told its end, and that said nothing: its words were lost.
    pub fn end_said_nothing(&self) -> bool {
        self.is_unknown() && self.end.as_ref().is_some_and(|end| end.exit_code.is_some())
    }

    /// Whether it may have begun, and was not taken back since.
    pub(crate) fn may_have_begun(&self) -> bool {
        let is_told_by_the_host = |said: &Resolution| said.by == ITSELF;
        let began = self.end.as_ref().is_none_or(|end| end.begun && end.outcome != StepOutcome::Skipped)
            && !self.resolution.as_ref().is_some_and(is_told_by_the_host);
        !self.undone && (self.began_before || began)
    }

    /// A person's word that it did nothing may be wrong: what it did is taken back, whatever becomes of the next try.
    pub(super) fn remember_beginning(&mut self) {
        self.began_before |= self.may_be_tried_again() && self.may_have_begun();
    }

    /// Whether it is not done, by a person's word or because it was taken back, and has not been tried again since.
    pub fn may_be_tried_again(&self) -> bool {
        self.undone || self.is_unknown() && self.resolution.as_ref().is_some_and(|said| !said.done)
    }
}

impl HostState {
    /// A host at the beginning of a run: what earlier runs owe it is still owed.
    pub(super) fn new(plan: &HostPlan) -> Self {
        let debts = plan.owed.iter().map(|step| Debt { step: step.clone(), since: None }).collect();
        Self { debts, ..Self::default() }
    }

    /// Whether a step of it was started whose end nobody saw, and nobody has judged.
    pub fn has_unknown_step(&self) -> bool {
        self.steps.iter().any(|step| !step.is_done() && step.is_unknown())
    }

    /// Whether the run did anything with it: only then does it tell what was left behind there.
    pub fn was_touched(&self) -> bool {
        self.locked || self.steps.iter().any(|step| !step.undone)
    }

    /// Whether a change was begun on it, taken back or not.
    pub fn has_changed(&self, plan: &HostPlan) -> bool {
        let may_have_begun = |known: &&StepState| {
            known.end.as_ref().is_none_or(|end| end.begun && end.outcome != StepOutcome::Skipped)
        };
        let mut begun = self.steps.iter().filter(may_have_begun);
        begun.any(|known| plan.step(&known.id).is_some_and(|step| step.effect == Effect::Change))
    }

    /// Whether it has ended for good, and its lock was not given back.
    pub fn is_owed_release(&self) -> bool {
        self.locked && self.outcome.is_some_and(|outcome| !outcome.is_unfinished())
    }

    /// The step of this id, where it was started or skipped.
    pub fn step(&self, id: &str) -> Option<&StepState> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// What steps left open although they succeeded.
    pub(super) fn left_by_way_back(&self) -> Vec<Debt> {
        let leaves = |step: &str| {
            self.step(step).and_then(|step| step.end.as_ref()).is_some_and(StepEnd::leaves_memcached_down)
        };
        let is_left = |debt: &&Debt| debt.since.as_deref().is_some_and(leaves);
        self.debts.iter().filter(is_left).cloned().collect()
    }

    /// It is as it was before the run; what was tried there stays told.
    pub(super) fn is_back(&mut self) {
        self.went_back += 1;
        self.going_back = None;
        self.approved = None;
        self.approved_by = None;
        // Nothing that the run did is left, nor what it owed for it; what the way back itself could not do is owed.
        let left = self.left_by_way_back();
        self.debts.retain(|debt| debt.since.is_none() || left.contains(debt));
        for step in &mut self.steps {
            step.undone = true;
            step.began_before = false;
        }
    }

    /// The schema changes that were found pending last, before any update.
    pub fn pending(&self, plan: &HostPlan) -> Option<SchemaChanges> {
        let found = |undone: bool| {
            let looks =
                plan.steps().iter().rev().filter(|step| step.reads == Some(Reads::DoctrinePendingSql));
            let mut ends =
                looks.filter_map(|step| self.step(&step.id).filter(|known| known.undone == undone));
            ends.find_map(|known| known.end.as_ref()?.pending_statements.as_ref())
        };
        let (statements, undone) =
            found(false).map(|found| (found, false)).or_else(|| Some((found(true)?, true)))?;
        Some(SchemaChanges::against(statements.iter().map(RemoteText::raw), &self.narrowed(undone)))
    }

    /// The columns that the pending changes narrow, as far as that was found out.
    pub(super) fn narrowed(&self, undone: bool) -> Narrowed {
        let mut ends = self.steps.iter().filter(|step| step.undone == undone).rev();
        ends.find_map(|step| step.end.as_ref()?.narrowed.clone()).unwrap_or_default()
    }

    /// The run has its lock, which has this place.
    pub(super) fn is_locked(&mut self, order: u64) {
        self.locked = true;
        self.locked_in = order;
    }

    pub(super) fn link_is_back(&mut self, at: Timestamp) {
        if let Some(gap) = self.gaps.last_mut() {
            gap.to.get_or_insert(at);
        }
    }

    /// Whether the run can still bring it to an end: something planned was not done, and nothing failed for good.
    pub fn is_unfinished(&self, plan: &HostPlan) -> bool {
        // Where its plan came in the moment of its end, it was not started whatever the plan says.
        let may_have_work = plan.is_planned_later() || !plan.steps().is_empty();
        (may_have_work || self.outcome == Some(HostOutcome::NotStarted))
            && match self.outcome {
                None => true,
                Some(outcome) => outcome.is_unfinished(),
            }
    }

    /// The step at which the host stopped: the last one that did not end well.
    pub fn failing_step(&self) -> Option<&StepState> {
        let failed = |step: &&StepState| {
            step.end
                .as_ref()
                .is_some_and(|end| !matches!(end.outcome, StepOutcome::Succeeded | StepOutcome::Skipped))
        };
        match self.outcome {
            Some(HostOutcome::RolledBack) => self.steps.iter().rev().find(failed),
            _ => self.steps.iter().rev().find(|step| !step.undone && !step.is_done()),
        }
    }

    /// Whether a step of it may have been begun, and was not taken back.
    pub fn may_have_begun(&self, id: &str) -> bool {
        self.step(id).is_some_and(StepState::may_have_begun)
    }

    /// The steps of the way back that take something back which was begun, or that take back nothing of their own.
    pub fn way_back<'p>(&self, plan: &'p HostPlan) -> Vec<&'p PlannedStep> {
        let is_needed = |back: &&PlannedStep| {
            let mut undone = plan.steps().iter().filter(|step| step.undo.contains(&back.id)).peekable();
            undone.peek().is_none() || undone.any(|step| self.may_have_begun(&step.id))
        };
        plan.back.iter().filter(is_needed).collect()
    }

    /// Whether anything was begun on it that the way back takes back.
    pub fn has_something_to_undo(&self, plan: &HostPlan) -> bool {
        let mut undone = plan.steps().iter().filter(|step| !step.undo.is_empty());
        undone.any(|step| self.may_have_begun(&step.id))
    }

    /// Whether its site was closed and opened again by the run.
    pub fn was_opened(&self, plan: &HostPlan) -> bool {
        plan.opening.as_ref().and_then(|opening| self.step(opening)).is_some_and(|step| {
            step.is_done() && step.end.as_ref().is_none_or(|end| end.outcome != StepOutcome::Skipped)
        })
    }

    /// Whether everything is done and proved by which its plan takes it back, whatever was found of its open site then.
    pub(super) fn is_back_as_planned(&self, plan: &HostPlan) -> bool {
        let mut steps = plan.steps().iter().filter(|step| !step.tells_health).peekable();
        steps.peek().is_some() && steps.all(|step| self.step(&step.id).is_some_and(StepState::is_done))
    }

    /// What a run of this kind leaves behind on the host, for the plan of the next one.
    pub fn leaves(&self, run: &str, kind: RunKind, plan: &HostPlan) -> LeftBehind {
        let owed: BTreeSet<String> = self.debts.iter().map(|debt| debt.step.clone()).collect();
        let still = |opening: &Option<String>| opening.clone().filter(|opening| owed.contains(opening));
        let closed = still(&plan.opening).or_else(|| still(&plan.closed));
        let mut begun_once = self.begun_once(run, plan);
        if kind == RunKind::Rollback && self.is_back_as_planned(plan) {
            begun_once.retain(|step, _| !plan.cleared_when_back.contains(step));
        }
        let unfinished = self.leaves_unfinished(kind, plan);
        LeftBehind { owed, closed, unfinished, begun_once, ..LeftBehind::default() }
    }

    /// The steps of releases of which it is not known that they did all or nothing, with the run that began them.
    pub(crate) fn begun_once(&self, run: &str, plan: &HostPlan) -> BTreeMap<String, String> {
        let mut begun = plan.begun_once.clone();
        for step in plan.steps().iter().filter(|step| step.release.is_some()) {
            if self.step(&step.id).is_some_and(StepState::is_begun_once) {
                begun.insert(step.id.clone(), run.to_owned());
            }
        }
        begun
    }

    fn leaves_unfinished(&self, kind: RunKind, plan: &HostPlan) -> bool {
        let is_done = |step: &PlannedStep| self.step(&step.id).is_some_and(StepState::is_done);
        match (kind, self.outcome) {
            // It was upgraded, and found unwell later.
            (RunKind::Upgrade, Some(HostOutcome::Failed))
                if !plan.steps().is_empty() && plan.steps().iter().all(is_done) =>
            {
                false
            }
            (RunKind::Upgrade, Some(HostOutcome::Upgraded)) => false,
            (RunKind::Rollback, Some(_)) if self.is_back_as_planned(plan) => false,
            (_, Some(HostOutcome::Upgraded | HostOutcome::Done | HostOutcome::Current)) => plan.unfinished,
            (RunKind::Upgrade, _) => plan.unfinished || self.was_begun(plan),
            (RunKind::Rollback, _) => plan.unfinished || self.has_changed(plan),
            _ => plan.unfinished,
        }
    }

    /// Whether the upgrade was begun: the site was closed, or something was changed after that. What is fetched
    /// before changes nothing that the site depends on.
    pub fn was_begun(&self, plan: &HostPlan) -> bool {
        let begins_at = plan.closes_at.unwrap_or(0);
        self.steps
            .iter()
            .filter(|step| {
                !step.undone
                    && step.end.as_ref().is_none_or(|end| end.outcome != StepOutcome::Skipped && end.begun)
            })
            .filter_map(|step| plan.step(&step.id))
            .any(|planned| planned.effect == Effect::Change && planned.number >= begins_at)
    }

    /// Its debts in the order in which they must be paid: that of the steps that pay them.
    pub fn debts_in_order(&self, plan: Option<&HostPlan>) -> Vec<&Debt> {
        let mut debts: Vec<&Debt> = self.debts.iter().collect();
        debts.sort_by_key(|debt| {
            plan.and_then(|plan| plan.step(&debt.step)).map_or(u32::MAX, |step| step.number)
        });
        debts
    }
}
