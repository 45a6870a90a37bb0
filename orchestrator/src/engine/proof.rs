//! What a wave demands of other hosts, as the rollout finds it out before the wave and its lanes rely on it.

use jiff::Timestamp;

use crate::event::Approval;
use crate::gate::{self, Requirement};
use crate::plan::{Plan, PlannedWave};
use crate::state::RunState;

/// The evidence for a wave.
#[derive(Debug, Default)]
pub(super) struct Proof {
    /// The wave that it is for.
    pub(super) wave: String,
    /// What is demanded, and what is known of it; empty where it does not match and a person took that upon themselves:
    /// then it counts for nothing.
    pub(super) requirements: Vec<Requirement>,
    /// What of it is missing or does not match.
    pub(super) unmet: Vec<String>,
    /// Who takes that upon themselves in this session.
    pub(super) risk: Option<Approval>,
    /// Whether somebody did, now or for the same in an earlier session.
    is_waived: bool,
}

impl Proof {
    /// Looks at the evidence for a wave.
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
        let taken = state.risks_taken.iter().filter(|taken| taken.wave == wave.name && taken.host.is_none());
        let known: Vec<&String> = taken.flat_map(|taken| &taken.unmet).collect();
        let is_waived =
            !unmet.is_empty() && (risk.is_some() || unmet.iter().all(|line| known.contains(&line)));
        let requirements = if is_waived { Vec::new() } else { requirements };
        Self { wave: wave.name.clone(), requirements, unmet, risk, is_waived }
    }

    /// A look that was not possible.
    pub(super) fn unseen(why: String) -> Self {
        Self { unmet: vec![why], ..Self::default() }
    }

    /// What keeps hosts from being started: nothing where all matches, or where somebody takes it upon themselves.
    pub(super) fn missing(&self) -> &[String] {
        if self.is_waived { &[] } else { &self.unmet }
    }
}
