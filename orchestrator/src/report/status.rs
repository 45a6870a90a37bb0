//! The fleet's facts as a table.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{HostWords, KnownRun, Paint, bytes, lock, table};
use crate::facts::{Distrust, Facts};

/// The status table: what the probe found, or why it found nothing; below it the locks of hosts, and their open steps.
pub fn status(
    paint: Paint,
    program: &str,
    inventory: &str,
    probes: &BTreeMap<String, Result<Facts, String>>,
    known: &dyn Fn(&str) -> KnownRun,
) -> String {
    let heading = [
        "host",
        "release",
        "branch",
        "site",
        "php",
        "composer",
        "bower",
        "memcached",
        "free",
        "sudo",
        "modified",
    ];
    let mut rows = Vec::new();
    let mut failures = String::new();
    let (mut open, mut locks) = (String::new(), String::new());
    for (host, probe) in probes {
        match probe {
            Ok(facts) => {
                rows.push(row(host, facts));
                if let Some(found) = &facts.distrust {
                    let _ = writeln!(
                        open,
                        "\n{}  {}",
                        paint.strong(host),
                        paint.warn(&without_git(facts, found))
                    );
                }
                if facts.leftovers.lock.is_some() {
                    let _ = writeln!(locks, "\n{}", paint.strong(host));
                    locks.push_str(&lock(
                        paint,
                        HostWords { program, inventory, host },
                        &facts.leftovers,
                        known,
                    ));
                }
            }
            Err(why) => {
                rows.push(vec![host.clone(), "unreachable".to_owned()]);
                let _ = writeln!(failures, "\n{}  {}", paint.strong(host), why.replace('\n', "\n  "));
            }
        }
    }
    format!("{}{open}{locks}{failures}", table(&heading, &rows))
}

/// Why git was not run on a host.
fn without_git(facts: &Facts, found: &Distrust) -> String {
    if facts.lacks_installation() {
        return format!("no installation with git: {found}");
    }
    let remedy = found.remedy(facts.tree_owner.as_deref().unwrap_or("root"));
    let help = remedy.map_or_else(String::new, |remedy| format!("\n  help: on the host: {remedy}"));
    format!("git was not run: {found}{help}")
}

fn row(host: &str, facts: &Facts) -> Vec<String> {
    let text = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "?".to_owned());
    let site = match facts.maintenance {
        Some(true) => "maintenance",
        Some(false) => "open",
        None => "?",
    };
    vec![
        host.to_owned(),
        facts.release().unwrap_or("?").to_owned(),
        facts
            .branch
            .clone()
            .unwrap_or_else(|| if facts.distrust.is_some() { "?" } else { "(detached)" }.to_owned()),
        site.to_owned(),
        text(&facts.php),
        facts.composer.as_deref().and_then(|text| text.split(' ').nth(2)).unwrap_or("?").to_owned(),
        text(&facts.bower),
        text(&facts.memcached),
        facts.free_bytes.map_or_else(|| "?".to_owned(), bytes),
        if facts.sudo { "yes" } else { "no" }.to_owned(),
        if facts.modified_files.is_empty() {
            "no".to_owned()
        } else {
            format!("{} files", facts.modified_files.len())
        },
    ]
}
