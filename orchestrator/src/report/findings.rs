//! What the preflight found, folded over the fleet: the same finding once, with all hosts that have it.

use std::fmt::Write;

use super::{Paint, note};
use crate::plan::{Blocking, HostAction, Plan, fold_names, quote};
use crate::preflight::{Finding, Severity};
use crate::text::harmless_line;

/// What stands for the hosts in the commands of a remedy.
const HOSTS: &str = "HOSTNAME";

/// The findings of all hosts, the worst first; `notes` shows those too that only are worth knowing. `inventory` is the file
/// that commands must repeat.
pub fn findings(paint: Paint, plan: &Plan, notes: bool, inventory: Option<&str>) -> String {
    let mut groups: Vec<(&Finding, Vec<&str>)> = Vec::new();
    for (_, host) in plan.hosts() {
        for finding in host.findings.iter().filter(|finding| notes || finding.severity < Severity::Note) {
            match groups.iter_mut().find(|(known, _)| *known == finding) {
                Some((_, hosts)) => hosts.push(&host.host),
                None => groups.push((finding, vec![&host.host])),
            }
        }
    }
    groups.sort_by_key(|(finding, _)| (finding.severity, finding.id.clone()));
    let mut text = String::new();
    for (finding, hosts) in groups {
        let word = format!("{:8}", finding.severity);
        let word = match finding.severity {
            _ if finding.skipped.is_some() => paint.dim(&word),
            Severity::Blocker => paint.bad(&word),
            Severity::Warning => paint.warn(&word),
            Severity::Note => paint.dim(&word),
        };
        let folded = fold_names(hosts.iter().copied());
        let named = paint.strong(&folded);
        let _ = writeln!(text, "{word} {:22} {named}: {}", finding.id, harmless_line(&finding.what));
        let remedy = remedy(finding, &folded, inventory);
        let _ = writeln!(text, "         {:22} {} {}", "", paint.dim("help:"), harmless_line(&remedy));
        if let Some(reason) = &finding.skipped {
            let _ = writeln!(text, "         {:22} skipped: {}", "", harmless_line(reason));
        }
    }
    for (_, host) in plan.hosts() {
        let (id, why) = match (&host.action, &host.blocked) {
            (HostAction::Unreachable(why), _) => {
                ("unreachable", why.lines().next().unwrap_or_default().to_owned())
            }
            (_, Some(blocking @ Blocking::JournalUnreadable { .. })) => {
                ("journal-unreadable", note::blocking_text(blocking, &[]))
            }
            (_, Some(blocking @ Blocking::ReleaseStepBegun { .. })) => {
                ("release-step-begun", note::blocking_text(blocking, &[]))
            }
            _ => continue,
        };
        let _ = writeln!(text, "{} {id:22} {}: {why}", paint.bad("blocker "), paint.strong(&host.host));
        let of_blocking = host.blocked.as_ref().and_then(|blocking| note::blocking_help(blocking, "ixporch"));
        let of_connection = match &host.action {
            HostAction::Unreachable(why) => why.lines().find_map(|line| line.strip_prefix("help: ")),
            _ => None,
        };
        if let Some(help) = of_blocking.or(of_connection.map(harmless_line)) {
            let _ = writeln!(text, "         {:22} {} {help}", "", paint.dim("help:"));
        }
    }
    let blocked: Vec<&str> =
        plan.hosts().filter(|(_, host)| host.blocked.is_some()).map(|(_, host)| host.host.as_str()).collect();
    if !blocked.is_empty() {
        let folded = fold_names(blocked.iter().copied());
        let _ = writeln!(text, "{}", paint.warn(&format!("blocked until the problems are fixed: {folded}")));
    } else if text.is_empty() && notes {
        text.push_str("preflight found no problem\n");
    }
    text
}

/// The remedy of a finding, with the hosts that have it in its commands.
fn remedy(finding: &Finding, hosts: &str, inventory: Option<&str>) -> String {
    let inventory = inventory.map_or_else(String::new, |file| format!(" --inventory {}", quote(file)));
    finding.remedy.replace(HOSTS, &format!("{}{inventory}", quote(hosts)))
}
