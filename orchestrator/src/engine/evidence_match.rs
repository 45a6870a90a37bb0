//! The evidence match of a wave: which evidence it demands, and what of it is missing or does not match.
//!
//! It is made before the wave starts; the gate decides by it, and the schema reviews of its lanes compare with it.

use jiff::Timestamp;

use crate::event::{Approval, Unmet};
use crate::gate::{self, Requirement};
use crate::plan::{Plan, PlannedWave};
use crate::state::{RunState, TakenRisk};
use crate::text::RemoteText;

/// How the evidence for a wave matches.
#[derive(Debug, Default)]
pub(super) struct EvidenceMatch {
    /// The wave.
    pub(super) wave: String,
    /// The evidence that it demands, as far as it is known.
    pub(super) requirements: Vec<Requirement>,
    /// The parts that are missing or do not match.
    pub(super) unmet: Vec<Unmet>,
    /// Who accepts the risk of `unmet`: in this session, or of the same parts in an earlier one.
    pub(super) waiver: Option<Approval>,
}

impl EvidenceMatch {
    /// Compares the evidence with a wave; `risk`: who accepts the risk in this session.
    pub(super) fn of(
        state: &RunState,
        plan: &Plan,
        wave: &PlannedWave,
        risk: Option<Approval>,
        now: Timestamp,
    ) -> Self {
        let requirements = gate::requirements(state, wave);
        let unmet: Vec<Unmet> =
            requirements.iter().flat_map(|requirement| gate::unmet(requirement, plan, wave, now)).collect();
        let is_of_wave = |taken: &&TakenRisk| taken.wave == wave.name && taken.host.is_none();
        let covers =
            |taken: &&TakenRisk| !unmet.is_empty() && unmet.iter().all(|part| taken.unmet.contains(part));
        let earlier = state.risks_taken.iter().filter(is_of_wave).find(covers);
        let waiver = risk.or_else(|| earlier.map(|taken| taken.approval.clone()));
        Self { wave: wave.name.clone(), requirements, unmet, waiver }
    }

    /// The match if the evidence could not be read.
    pub(super) fn unknown(why: &str) -> Self {
        let failure = RemoteText::from(why);
        Self { unmet: vec![Unmet::NotRead { failure }], ..Self::default() }
    }

    /// Why hosts are not started: empty if everything matches, or if somebody accepts the risk.
    pub(super) fn missing(&self) -> &[Unmet] {
        if self.waiver.is_some() { &[] } else { &self.unmet }
    }
}
