//! Whether a wave may start.

use std::borrow::Borrow;

use ixporch_inventory::GateKind;

use super::Tally;
use crate::event::{Reason, Unmet};
use crate::plan::{HostPlan, PlannedWave};

/// The decision of a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Start the wave.
    Pass,
    /// Ask a person.
    Ask,
    /// A person must approve it, and nobody is there: the reason.
    Hold(Reason),
    /// Evidence is missing or does not match: which.
    NeedEvidence(Vec<Unmet>),
    /// The wave must not start, even if it is approved: the reason.
    Stop(Reason),
}

/// Whether `wave` may start.
///
/// `ended`: all waves before it, with their tallies. `unmet`: the evidence that is missing, unless a person accepts that
/// risk. `approved`: a person has approved its start; that passes its gate, but overrules neither missing evidence nor
/// failures of earlier waves. `attended`: somebody can be asked.
pub fn before_wave<W: Borrow<PlannedWave>>(
    wave: &PlannedWave,
    ended: &[(W, Tally)],
    unmet: Vec<Unmet>,
    approved: bool,
    attended: bool,
) -> Decision {
    for (before, tally) in ended {
        let before = before.borrow();
        let threshold = tally.threshold(&before.name, before.max_failures);
        if threshold.is_tripped() {
            return Decision::Stop(threshold.reason());
        }
        let is_blind = |host: &HostPlan| !host.steps().is_empty() && host.health.is_empty();
        if before.soak_seconds.is_some() && before.hosts.iter().any(is_blind) {
            return Decision::Stop(Reason::SoakWithoutHealth { wave: before.name.clone() });
        }
    }
    if !unmet.is_empty() {
        return Decision::NeedEvidence(unmet);
    }
    if approved {
        return Decision::Pass;
    }
    if let Some((before, _)) = ended.iter().find(|(_, tally)| !tally.has_good()) {
        return Decision::Hold(Reason::NothingProven { wave: before.borrow().name.clone() });
    }
    match wave.gate {
        GateKind::Auto => Decision::Pass,
        GateKind::Hold => Decision::Hold(Reason::GateHolds),
        GateKind::Confirm if attended => Decision::Ask,
        GateKind::Confirm => Decision::Hold(Reason::GateUnattended),
    }
}

#[cfg(test)]
mod tests {
    use ixporch_inventory::value::Amount;

    use super::*;
    use crate::event::HostOutcome;
    use crate::plan::sample;

    fn wave(name: &str, gate: GateKind, max_failures: Amount) -> PlannedWave {
        PlannedWave { gate, max_failures, ..sample::wave(name, []) }
    }

    fn tally(outcomes: &[HostOutcome]) -> Tally {
        Tally { outcomes: outcomes.iter().copied().map(Some).collect() }
    }

    #[test]
    fn too_many_failed_hosts_stop_the_next_wave_even_where_it_was_approved() {
        let staging = wave("staging", GateKind::Auto, Amount::Count(0));
        let prod = wave("prod", GateKind::Auto, Amount::Count(0));
        let ended = tally(&[HostOutcome::Upgraded, HostOutcome::Unreachable]);
        let wanted = Reason::TooManyFailures {
            wave: "staging".to_owned(),
            failures: [(HostOutcome::Unreachable, 1)].into(),
            total: 2,
            allowed: 0,
            max_failures: Amount::Count(0),
        };
        for approved in [false, true] {
            let decision = before_wave(&prod, &[(&staging, ended.clone())], Vec::new(), approved, true);
            assert_eq!(decision, Decision::Stop(wanted.clone()));
        }
        let lenient = wave("staging", GateKind::Auto, Amount::Percent(50));
        assert_eq!(before_wave(&prod, &[(&lenient, ended)], Vec::new(), false, true), Decision::Pass);
    }

    #[test]
    fn a_wave_that_upgraded_nothing_lets_nothing_follow_by_itself() {
        let staging = wave("staging", GateKind::Auto, Amount::Count(0));
        let prod = wave("prod", GateKind::Auto, Amount::Count(0));
        let held = [(&staging, tally(&[HostOutcome::Held]))];
        assert!(matches!(before_wave(&prod, &held, Vec::new(), false, true), Decision::Hold(_)));
        assert_eq!(before_wave(&prod, &held, Vec::new(), true, false), Decision::Pass);
        let one_held = [(&staging, tally(&[HostOutcome::Held, HostOutcome::Upgraded]))];
        assert_eq!(before_wave(&prod, &one_held, Vec::new(), false, false), Decision::Pass);
    }

    #[test]
    fn missing_evidence_and_a_soak_that_nobody_can_watch_are_never_passed_over() {
        let prod = wave("prod", GateKind::Auto, Amount::Count(0));
        let missing = vec![Unmet::KindNotKnown { host: "p1".to_owned() }];
        assert_eq!(
            before_wave::<&PlannedWave>(&prod, &[], missing.clone(), true, true),
            Decision::NeedEvidence(missing)
        );
        let mut soaking = wave("staging", GateKind::Auto, Amount::Count(0));
        soaking.hosts = vec![sample::host("a")];
        soaking.soak_seconds = Some(600);
        let plain = wave("prod", GateKind::Auto, Amount::Count(0));
        let ended = [(&soaking, tally(&[HostOutcome::Upgraded]))];
        assert!(matches!(before_wave(&plain, &ended, Vec::new(), true, true), Decision::Stop(_)));
    }

    #[test]
    fn gates_are_passed_by_a_person_and_by_nobody_else() {
        for (gate, attended) in
            [(GateKind::Confirm, Decision::Ask), (GateKind::Hold, Decision::Hold(Reason::GateHolds))]
        {
            let prod = wave("prod", gate, Amount::Count(0));
            assert_eq!(before_wave::<&PlannedWave>(&prod, &[], Vec::new(), false, true), attended);
            assert!(matches!(
                before_wave::<&PlannedWave>(&prod, &[], Vec::new(), false, false),
                Decision::Hold(_)
            ));
            assert_eq!(before_wave::<&PlannedWave>(&prod, &[], Vec::new(), true, false), Decision::Pass);
        }
    }
}
