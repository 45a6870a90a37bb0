//! What a person types to run a step by hand.
//!
//! Owns how the login becomes root there, if the run does so.

use ixporch_inventory::RootBy;

use super::{HostPlan, PlannedStep, quote};

impl HostPlan {
    /// What a person types on the controller to run a step by hand, to pay a debt for instance.
    pub fn by_hand(&self, step: &PlannedStep) -> String {
        let line = step.command.to_operator_line();
        let (login, line) = (&self.login, quote(&line));
        match self.place.root_by {
            None => format!("ssh {login} {line}"),
            Some(RootBy::Sudo) => format!("ssh -t {login} {}", quote(&format!("sudo sh -c {line}"))),
            Some(RootBy::Doas) => format!("ssh -t {login} {}", quote(&format!("doas sh -c {line}"))),
            Some(RootBy::Su) => format!("ssh -t {login} {}", quote(&format!("su -c {line}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    #[test]
    fn by_hand_a_login_becomes_root_as_the_run_does() {
        let (mut host, step) = (sample::host("a"), sample::step("x", None));
        let mut line = |by| {
            host.place.root_by = by;
            host.by_hand(&step)
        };
        assert_eq!(line(None), "ssh ops@a true");
        assert_eq!(line(Some(RootBy::Sudo)), "ssh -t ops@a 'sudo sh -c true'");
        assert_eq!(line(Some(RootBy::Doas)), "ssh -t ops@a 'doas sh -c true'");
        assert_eq!(line(Some(RootBy::Su)), "ssh -t ops@a 'su -c true'");
    }
}
