//! What a wave demands of other hosts, as the rollout finds it out before the wave and its lanes rely on it.

use jiff::Timestamp;

use crate::event::Approval;
use crate::gate::{self, Requirement};
use crate::plan::{Plan, PlannedWave};
use crate::state::{RunState, TakenRisk};

/// The evidence for a wave.
#[derive(Debug, Default)]
pub(super) struct Proof {
    /// The wave that it is for.
    pub(super) wave: String,
    /// What is demanded, and what is known of it.
    pub(super) requirements: Vec<Requirement>,
    /// What of it is missing or does not match.
    pub(super) unmet: Vec<String>,
    /// Who takes upon themselves what is missing or does not match: in this session, or for the same in an earlier one.
    pub(super) waiver: Option<Approval>,
}

impl Proof {
    /// Looks at the evidence for a wave; `risk` is who accepts one in this session.
    pub(super) fn look(
        state: &RunState,
        plan: &Plan,
        wave: &PlannedWave,
        risk: Option<Approval>,
        now: Timestamp,
    ) -> Self {
        let requirements = gate::requirements(state, wave);
        let unmet: Vec<String> =
            requirements.iter().flat_map(|requirement| gate::unmet(requirement, plan, wave, now)).collect();
        let is_of_wave = |taken: &&TakenRisk| taken.wave == wave.name && taken.host.is_none();
        let covers =
            |taken: &&TakenRisk| !unmet.is_empty() && unmet.iter().all(|line| taken.unmet.contains(line));
        let earlier = state.risks_taken.iter().filter(is_of_wave).find(covers);
        let waiver = risk.or_else(|| earlier.map(|taken| taken.approval.clone()));
        Self { wave: wave.name.clone(), requirements, unmet, waiver }
    }

    /// A look that was not possible.
    pub(super) fn unseen(why: String) -> Self {
        Self { unmet: vec![why], ..Self::default() }
    }

    /// What keeps hosts from being started: nothing where all matches, or where somebody takes it upon themselves.
    pub(super) fn missing(&self) -> &[String] {
        if self.waiver.is_some() { &[] } else { &self.unmet }
    }
}
