//! Which hosts a run can start by itself, as far as its plan alone tells.

use super::Tally;
use crate::event::HostOutcome;
use crate::plan::{HostAction, HostPlan, Plan, PlannedWave};

/// How many hosts may be started, if everything that starts goes well. A wave of which every host is blocked or unreachable
/// upgrades nothing: nothing that follows it starts, unless it was approved.
pub fn may_start(plan: &Plan, approved: &[String]) -> usize {
    let mut hosts = 0;
    for (place, wave) in (1..).zip(&plan.waves) {
        hosts += wave.hosts.iter().filter(|host| host.has_work()).count();
        let next_is_approved = |next: &PlannedWave| approved.contains(&next.name);
        let tally = best(wave);
        let stops = tally.threshold(&wave.name, wave.max_failures).is_tripped();
        if stops || !tally.has_good() && !plan.waves.iter().skip(place).any(next_is_approved) {
            break;
        }
    }
    hosts
}

/// How a wave ends at best.
fn best(wave: &PlannedWave) -> Tally {
    let outcome = |host: &HostPlan| match &host.action {
        HostAction::Current => HostOutcome::Current,
        HostAction::Unreachable(_) => HostOutcome::Unreachable,
        HostAction::Steps(_) if host.blocked.is_some() => HostOutcome::NotStarted,
        HostAction::Steps(_) | HostAction::PlannedLater => HostOutcome::Upgraded,
    };
    Tally { outcomes: wave.hosts.iter().map(|host| Some(outcome(host))).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Blocking, sample};

    fn plan(blocked: &[&str]) -> Plan {
        let mut plan =
            sample::plan(vec![sample::wave("staging", ["s1"]), sample::wave("prod", ["p1", "p2", "p3"])]);
        for host in plan.waves.iter_mut().flat_map(|wave| &mut wave.hosts) {
            host.blocked = blocked
                .contains(&host.host.as_str())
                .then(|| Blocking::Preflight { findings: vec!["disk-backup".to_owned()] });
        }
        plan
    }

    #[test]
    fn nothing_is_asked_of_hosts_behind_a_wave_in_which_nothing_can_go_well() {
        assert_eq!(may_start(&plan(&[]), &[]), 4);
        assert_eq!(may_start(&plan(&["s1"]), &[]), 0);
        assert_eq!(may_start(&plan(&["s1"]), &["prod".to_owned()]), 3);
        assert_eq!(may_start(&plan(&["p1"]), &[]), 3);
        let mut away = plan(&[]);
        away.waves[0].hosts[0].action = HostAction::Unreachable("timeout".to_owned());
        assert_eq!(may_start(&away, &["prod".to_owned()]), 0, "more failed than may");
    }
}
