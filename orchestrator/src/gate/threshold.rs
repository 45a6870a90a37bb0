//! How many hosts of a wave may fail.

use std::collections::BTreeMap;

use ixporch_inventory::value::Amount;

use crate::event::{HostOutcome, Reason};

/// The outcomes of the hosts of one wave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// The outcome of each host; `None`: it has none yet.
    pub outcomes: Vec<Option<HostOutcome>>,
}

/// The number of failed hosts of a wave, compared with the allowed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threshold {
    wave: String,
    failures: BTreeMap<HostOutcome, usize>,
    total: usize,
    allowed: usize,
    max_failures: Amount,
}

/// Whether an outcome counts as a failure. Unknown counts like failed. A host that is held or was not started has not
/// failed.
pub fn is_failure(outcome: HostOutcome) -> bool {
    matches!(
        outcome,
        HostOutcome::Failed
            | HostOutcome::RolledBack
            | HostOutcome::Unknown
            | HostOutcome::Unreachable
            | HostOutcome::Crashed
    )
}

impl Tally {
    /// The threshold of the wave `wave`.
    pub fn threshold(&self, wave: &str, max_failures: Amount) -> Threshold {
        let mut failures = BTreeMap::new();
        for outcome in self.outcomes.iter().flatten().copied().filter(|outcome| is_failure(*outcome)) {
            *failures.entry(outcome).or_default() += 1;
        }
        let total = self.outcomes.len();
        Threshold { wave: wave.to_owned(), failures, total, allowed: max_failures.of(total), max_failures }
    }

    /// Whether any host is upgraded or current.
    pub fn has_good(&self) -> bool {
        self.outcomes.iter().flatten().any(|outcome| outcome.is_good())
    }
}

impl Threshold {
    /// Whether more hosts failed than allowed: then nothing new starts.
    pub fn is_tripped(&self) -> bool {
        self.failures.values().sum::<usize>() > self.allowed
    }

    /// The numbers, as the reason why nothing new starts.
    pub fn reason(&self) -> Reason {
        let Self { wave, failures, total, allowed, max_failures } = self.clone();
        Reason::TooManyFailures { wave, failures, total, allowed, max_failures }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OUTCOMES: [Option<HostOutcome>; 9] = [
        None,
        Some(HostOutcome::Current),
        Some(HostOutcome::Upgraded),
        Some(HostOutcome::NotStarted),
        Some(HostOutcome::Held),
        Some(HostOutcome::Unreachable),
        Some(HostOutcome::Failed),
        Some(HostOutcome::Unknown),
        Some(HostOutcome::Crashed),
    ];

    /// Counts one failed host after the other, and says at which one it is too much.
    fn naive(outcomes: &[Option<HostOutcome>], max: Amount) -> bool {
        let failing =
            [HostOutcome::Failed, HostOutcome::Unknown, HostOutcome::Unreachable, HostOutcome::Crashed];
        let mut budget = match max {
            Amount::Count(count) => f64::from(count),
            Amount::Percent(percent) => {
                #[expect(clippy::cast_precision_loss, reason = "a wave of a test is small")]
                let hosts = outcomes.len() as f64;
                (hosts * f64::from(percent) / 100.0 + 1e-9).floor()
            }
        };
        for outcome in outcomes {
            if outcome.is_some_and(|outcome| failing.contains(&outcome)) {
                if budget < 1.0 {
                    return true;
                }
                budget -= 1.0;
            }
        }
        false
    }

    proptest! {
        #[test]
        fn a_wave_trips_where_a_naive_count_says_so(
            outcomes in proptest::collection::vec(proptest::sample::select(&OUTCOMES[..]), 1..40),
            max in prop_oneof![(0u32..20).prop_map(Amount::Count), (0u32..=100).prop_map(Amount::Percent)],
        ) {
            let tally = Tally { outcomes: outcomes.clone() };
            prop_assert_eq!(tally.threshold("w", max).is_tripped(), naive(&outcomes, max));
        }
    }

    #[test]
    fn the_arithmetic_is_told() {
        let outcomes =
            vec![Some(HostOutcome::Failed), Some(HostOutcome::Unreachable), Some(HostOutcome::Held), None];
        let threshold = Tally { outcomes }.threshold("canary", Amount::Percent(25));
        assert!(threshold.is_tripped());
        let failures = [(HostOutcome::Failed, 1), (HostOutcome::Unreachable, 1)].into();
        let (wave, max_failures) = ("canary".to_owned(), Amount::Percent(25));
        let wanted = Reason::TooManyFailures { wave, failures, total: 4, allowed: 1, max_failures };
        assert_eq!(threshold.reason(), wanted);
    }
}
