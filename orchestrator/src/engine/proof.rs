//! What a wave demands of other hosts, as the rollout finds it out before the wave and its lanes rely on it.

use jiff::Timestamp;

use crate::gate::{self, Requirement};
use crate::plan::{Plan, PlannedWave};
use crate::state::RunState;

/// The evidence for a wave.
#[derive(Debug, Default)]
pub(super) struct Proof {
    /// The wave that it is for.
    pub(super) wave: String,
    /// What is demanded, and what is known of it. Where it was missing and a person took that upon themselves, it counts
    /// for nothing any more, and is empty.
    pub(super) requirements: Vec<Requirement>,
    /// What of it is missing or does not match.
    pub(super) unmet: Vec<String>,
    /// Whether a person takes it upon themselves that something is missing.
    pub(super) risk_is_taken: bool,
}

impl Proof {
    /// Looks at the evidence for a wave; `now` is `None` for one that was begun before.
    pub(super) fn look(state: &RunState, plan: &Plan, wave: &PlannedWave, now: Option<Timestamp>) -> Self {
        let requirements = gate::requirements(state, wave);
        let unmet: Vec<String> =
            requirements.iter().flat_map(|requirement| gate::unmet(requirement, plan, wave, now)).collect();
        let risk_is_taken = state.risk.is_some();
        let is_waived = match now {
            Some(_) => risk_is_taken && !unmet.is_empty(),
            None => state.risks_taken.iter().any(|taken| taken.wave == wave.name && taken.host.is_none()),
        };
        Self {
            wave: wave.name.clone(),
            requirements: if is_waived { Vec::new() } else { requirements },
            unmet,
            risk_is_taken,
        }
    }
}
