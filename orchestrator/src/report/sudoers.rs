//! The rules of sudo(8) and doas(1) that a plan needs, as a file for the hosts.
//!
//! Owns which users and programs that are. The programs are those that a step begins with (`ledger`), before its own command.

use std::collections::BTreeMap;
use std::fmt::Write;

use ixporch_inventory::RootBy;

use crate::plan::{HostAction, HostPlan, Plan, PlannedStep, Switch, fold_names};
use crate::text::harmless_line;

/// What ixporch starts as root: the shell of each step, questions about files, and what keeps a step alive.
const PROGRAMS: [&str; 5] = ["sh", "stat", "systemd-run", "timeout", "true"];

/// Where these programs are. sudo compares paths as they are written.
const FOLDERS: [&str; 2] = ["/usr/bin", "/bin"];

/// The rules, one part for all hosts that need the same.
pub fn sudoers(plan: &Plan) -> String {
    let mut parts: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (_, host) in plan.hosts() {
        parts.entry(rules(host)).or_default().push(&host.host);
    }
    let mut text = String::new();
    for (rules, hosts) in parts {
        let count = hosts.len();
        let hosts = fold_names(hosts);
        let _ = writeln!(text, "# {} ({count})\n{rules}", harmless_line(&hosts));
    }
    text
}

/// The rules of one host.
fn rules(host: &HostPlan) -> String {
    let login = harmless_line(host.login_user());
    match host.place.root_by {
        Some(RootBy::Su) => return "# su asks for root's password: no rule is needed\n".to_owned(),
        Some(RootBy::Doas) => return format!("# in doas.conf\npermit nopass {login} as root cmd /bin/sh\n"),
        Some(RootBy::Sudo) => {
            return format!(
                "# in sudoers; the password is asked for\n# {login} can do everything as root: that is what a shell is\n{login} ALL=(root) /bin/sh\n"
            );
        }
        None => {}
    }
    match &host.action {
        HostAction::Unreachable(why) => {
            let why = harmless_line(why.lines().next().unwrap_or_default());
            return format!("# not known, since it cannot be reached: {why}\n");
        }
        HostAction::Current => return "# nothing is to be done: name a newer release with --to\n".to_owned(),
        HostAction::Steps(_) | HostAction::PlannedLater => {}
    }
    let users = users(host);
    if users.is_empty() {
        return "# no rule is needed: the login does everything itself\n".to_owned();
    }
    let mut text = "# in sudoers\n".to_owned();
    for (user, steps) in users {
        let user = harmless_line(&user);
        let _ = writeln!(text, "# {user}: {}", steps.join(", "));
        if user == "root" {
            let _ = writeln!(text, "# a shell as root can do everything: a shorter list would not be safer");
            let paths =
                PROGRAMS.iter().flat_map(|program| FOLDERS.map(|folder| format!("{folder}/{program}")));
            let _ = writeln!(text, "{login} ALL=(root) NOPASSWD: {}", paths.collect::<Vec<_>>().join(", "));
        } else {
            let _ = writeln!(text, "{login} ALL=({user}) NOPASSWD: ALL");
        }
    }
    text
}

/// The users that the login must become, each with the steps that need it.
fn users(host: &HostPlan) -> BTreeMap<String, Vec<String>> {
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let steps = host.steps().iter().chain(&host.back).chain(&host.health).chain(&host.payers);
    let by_sudo = |step: &&PlannedStep| step.command.switch == Switch::Sudo;
    for step in steps.filter(by_sudo) {
        if let Some(user) = &step.command.user {
            let known = users.entry(user.clone()).or_default();
            if !known.contains(&step.id) {
                known.push(step.id.clone());
            }
        }
    }
    if host.place.switch == Switch::Sudo
        && let Some(owner) = &host.place.owner
    {
        users.entry(owner.clone()).or_default().push("the lock".to_owned());
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::sample;

    fn with(user: &str, step: &str) -> PlannedStep {
        let mut planned = sample::step(step, None);
        planned.command.user = Some(user.to_owned());
        planned.command.switch = Switch::Sudo;
        planned
    }

    #[test]
    fn each_user_has_a_rule_that_says_what_it_is_for() {
        let mut wave = sample::wave("all", ["a", "b", "c"]);
        for host in &mut wave.hosts[..2] {
            host.action = HostAction::Steps(vec![with("www-data", "down"), with("root", "restart")]);
            host.back.push(with("www-data", "up"));
        }
        wave.hosts[2].place.root_by = Some(RootBy::Doas);
        insta::assert_snapshot!(sudoers(&sample::plan(vec![wave])), @r"
        # c (1)
        # in doas.conf
        permit nopass ops as root cmd /bin/sh

        # a,b (2)
        # in sudoers
        # root: restart
        # a shell as root can do everything: a shorter list would not be safer
        ops ALL=(root) NOPASSWD: /usr/bin/sh, /bin/sh, /usr/bin/stat, /bin/stat, /usr/bin/systemd-run, /bin/systemd-run, /usr/bin/timeout, /bin/timeout, /usr/bin/true, /bin/true
        # www-data: down, up
        ops ALL=(www-data) NOPASSWD: ALL
        ");
    }
}
