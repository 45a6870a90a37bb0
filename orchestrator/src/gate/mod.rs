//! Gates: whether a wave starts and whether pending schema changes pass. Pure decisions.

use ixporch_inventory::{GateKind, SchemaApproval};

use crate::event::HostOutcome;
use crate::plan::PlannedWave;

/// What a gate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Pass,
    /// Ask a person.
    Ask,
    /// Wait for a person who is not here, with the reason.
    Hold(String),
    /// Do not go on, with the reason.
    Stop(String),
}

/// How the hosts of one wave ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// The outcomes of all its hosts.
    pub outcomes: Vec<HostOutcome>,
}

impl Tally {
    /// How many count as failed: everything that did not end well, whatever the reason.
    pub fn bad(&self) -> usize {
        self.outcomes.iter().filter(|outcome| !outcome.is_good()).count()
    }
}

/// Whether `wave` may start after `ended`, all waves before it with their tallies.
pub fn before_wave(wave: &PlannedWave, ended: &[(&PlannedWave, Tally)], attended: bool) -> Decision {
    for (before, tally) in ended {
        let (bad, total) = (tally.bad(), tally.outcomes.len());
        let allowed = before.max_failures.of(total);
        if bad > allowed {
            return Decision::Stop(format!(
                "wave `{}`: {bad} of {total} hosts did not end well, {allowed} may (max_failures = {})",
                before.name, before.max_failures
            ));
        }
        if before.soak_seconds.is_some() {
            return Decision::Hold(format!("wave `{}` wants a soak, which does not exist yet", before.name));
        }
    }
    if wave.requires.is_some() {
        return Decision::Hold("it requires evidence, which does not exist yet".to_owned());
    }
    match wave.gate {
        GateKind::Auto => Decision::Pass,
        GateKind::Hold => Decision::Hold("its gate is `hold`".to_owned()),
        GateKind::Confirm if attended => Decision::Ask,
        GateKind::Confirm => {
            Decision::Hold("its gate is `confirm`, and there is no terminal to ask at".to_owned())
        }
    }
}

/// Whether pending schema changes may be executed.
pub fn schema_review(approval: SchemaApproval, attended: bool) -> Decision {
    match approval {
        SchemaApproval::Any => Decision::Pass,
        SchemaApproval::Review if attended => Decision::Ask,
        SchemaApproval::Review => Decision::Hold(
            "pending schema changes wait for a person, and there is no terminal to ask at".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use ixporch_inventory::value::Amount;

    use super::*;
    use crate::plan::sample;

    fn wave(name: &str, gate: GateKind, max_failures: Amount) -> PlannedWave {
        PlannedWave { gate, max_failures, ..sample::wave(name, []) }
    }

    #[test]
    fn too_many_bad_hosts_stop_the_next_wave_and_the_sum_is_shown() {
        let staging = wave("staging", GateKind::Auto, Amount::Count(0));
        let prod = wave("prod", GateKind::Auto, Amount::Count(0));
        let tally = Tally { outcomes: vec![HostOutcome::Upgraded, HostOutcome::Unreachable] };
        let decision = before_wave(&prod, &[(&staging, tally.clone())], true);
        let wanted = "wave `staging`: 1 of 2 hosts did not end well, 0 may (max_failures = 0)";
        assert_eq!(decision, Decision::Stop(wanted.to_owned()));
        let lenient = wave("staging", GateKind::Auto, Amount::Percent(50));
        assert_eq!(before_wave(&prod, &[(&lenient, tally)], true), Decision::Pass);
    }

    #[test]
    fn what_this_version_cannot_watch_is_never_passed_over() {
        let mut prod = wave("prod", GateKind::Auto, Amount::Count(0));
        prod.requires = Some("staging".to_owned());
        assert!(matches!(before_wave(&prod, &[], true), Decision::Hold(_)));
        let mut soaking = wave("staging", GateKind::Auto, Amount::Count(0));
        soaking.soak_seconds = Some(600);
        let tally = Tally { outcomes: vec![HostOutcome::Upgraded] };
        let plain = wave("prod", GateKind::Auto, Amount::Count(0));
        assert!(matches!(before_wave(&plain, &[(&soaking, tally)], true), Decision::Hold(_)));
    }

    #[test]
    fn without_a_terminal_nobody_is_asked() {
        let prod = wave("prod", GateKind::Confirm, Amount::Count(0));
        assert_eq!(before_wave(&prod, &[], true), Decision::Ask);
        assert!(matches!(before_wave(&prod, &[], false), Decision::Hold(_)));
        assert!(matches!(schema_review(SchemaApproval::Review, false), Decision::Hold(_)));
        assert_eq!(schema_review(SchemaApproval::Any, false), Decision::Pass);
    }
}
