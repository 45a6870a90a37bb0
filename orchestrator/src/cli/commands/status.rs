//! `ixporch status`: what is installed on the hosts.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use ixporch_inventory::{Host, Inventory};
use serde_json::{Value, json};

use crate::cli::access::{Access, Progress};
use crate::cli::args::{Connecting, Format, Selection};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::planning;
use crate::cli::printer::Printer;
use crate::cli::probing::{self, Probes, Upstream};
use crate::cli::settings::Settings;
use crate::cli::waiting::Waiting;
use crate::cli::which::{self, known_run};
use crate::facts::Facts;
use crate::history::{History, OpenStep, Owed, Purpose};
use crate::plan::{HostId, quote};
use crate::report::{self, HostWords, KnownRun};
use crate::state::ExitCode;

/// Arguments of `status`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch status\n  ixporch status --limit @prod")]
pub struct Status {
    /// Which hosts
    #[command(flatten)]
    pub selection: Selection,

    /// How hosts are reached
    #[command(flatten)]
    pub connecting: Connecting,
}

pub(in crate::cli) fn run(
    arguments: &Status,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let selection = &arguments.selection;
    let selector = load::selector(selection)?;
    let inventory = load::fleet(&selection.file, selector.as_ref(), settings)?;
    let hosts = planning::selected(&inventory, selector.as_ref())?;
    let access = Access::new(settings, &selection.file.inventory, &inventory, &arguments.connecting);
    let history = settings.store.history()?;
    tell_unreadable(&history, settings, printer);
    let path = selection.file.inventory.display().to_string();
    let shown =
        Shown { hosts: &hosts, inventory: &inventory, path: &path, history: &history, settings, printer };
    let mut waiting = Waiting::begin(hosts.len(), printer);
    // The hosts that were shown before all had answered.
    let mut early: BTreeSet<String> = BTreeSet::new();
    let tell = &mut |progress: Progress<'_, Facts>| {
        waiting.tell(&progress);
        match progress {
            Progress::Answered { host, answer } if printer.format == Format::Jsonl => {
                printer.json(&shown.value(host, answer));
            }
            Progress::Waiting { talking: 0, answers, .. }
                if printer.format == Format::Human
                    && early.is_empty()
                    && !answers.is_empty()
                    && waiting.elapsed() > EARLY =>
            {
                early = answers.keys().cloned().collect();
                shown.table(answers);
            }
            _ => {}
        }
    };
    let probing = probing::probe(&access, &hosts, Upstream::Branch, tell);
    let probes = planning::runtime()?.block_on(probing);
    let all = probes.values().all(Result::is_ok);
    match printer.format {
        Format::Human => {
            let late: Probes = probes.into_iter().filter(|(host, _)| !early.contains(host)).collect();
            if !early.is_empty() && !late.is_empty() {
                printer.result("\n");
            }
            shown.table(&late);
        }
        Format::Json => {
            let hosts: Vec<Value> = probes.iter().map(|(host, probe)| shown.value(host, probe)).collect();
            printer.json(&json!({ "format": 1, "hosts": hosts }));
        }
        Format::Jsonl => {}
    }
    Ok(if all { ExitCode::Success } else { ExitCode::Unreachable })
}

/// When hosts are shown although others have no connection yet.
const EARLY: Duration = Duration::from_secs(1);

/// Shows the state of hosts.
struct Shown<'a> {
    hosts: &'a [&'a Host],
    inventory: &'a Inventory,
    path: &'a str,
    history: &'a History,
    settings: &'a Settings,
    printer: Printer,
}

impl Shown<'_> {
    fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|host| host.name == name).copied()
    }

    /// The table of some hosts, and what they are owed.
    fn table(&self, probes: &Probes) {
        if probes.is_empty() {
            return;
        }
        let (settings, printer) = (self.settings, self.printer);
        let known = |run: &str| known_run(self.history, run);
        printer.result(&report::status(printer.out, &settings.program, self.path, probes, &known));
        let hosts = || probes.iter().filter_map(|(name, probe)| Some((self.host(name)?, probe)));
        for (host, _) in hosts() {
            let former = which::former(self.history, &HostId::of(host), self.inventory, self.path.as_ref());
            if let Some(former) = former {
                let run = settings.shorten(&former.run);
                let line = format!(
                    "{}: run {run} left open steps or an unfinished upgrade here, when the host was {}: {} report {run}",
                    host.name, former.host, settings.program
                );
                printer.result(&format!("{}\n", printer.out.warn(&line)));
            }
        }
        for (host, probe) in hosts() {
            if let Some(owed) = owed(self.history, host, probe) {
                let words = HostWords { program: &settings.program, inventory: self.path, host: &host.name };
                let line = owed_line(words, &owed, self.history, settings);
                printer.result(&format!("{}\n", printer.out.warn(&line)));
            }
        }
    }

    fn value(&self, name: &str, probe: &Result<Facts, String>) -> Value {
        let owed = self.host(name).and_then(|host| owed(self.history, host, probe));
        let owed = owed.map(|owed| json!({ "run": owed.run, "steps": steps(&owed) }));
        match probe {
            Ok(facts) => json!({ "host": name, "reachable": true, "facts": facts, "owed": owed }),
            Err(why) => json!({ "host": name, "reachable": false, "why": why, "owed": owed }),
        }
    }
}

/// What a host is owed. A site that somebody opened is owed its opening no longer, whatever the journals say.
fn owed(history: &History, host: &Host, probe: &Result<Facts, String>) -> Option<Owed> {
    let mut owed = history.owed(&HostId::of(host))?;
    if probe.as_ref().is_ok_and(|facts| facts.maintenance == Some(false)) {
        owed.steps.retain(|open| !open.opens);
    }
    (!owed.steps.is_empty()).then_some(owed)
}

fn steps(owed: &Owed) -> Vec<&str> {
    owed.steps.iter().map(|open| open.step.as_str()).collect()
}

fn owed_line(words: HostWords<'_>, owed: &Owed, history: &History, settings: &Settings) -> String {
    let HostWords { program, inventory, host } = words;
    let run = settings.shorten(&owed.run);
    let open = steps(owed).join(", ");
    if known_run(history, &owed.run) == KnownRun::GoingOn {
        return format!("{host}: run {run} is going on, and {open} follow: {program} report {run}");
    }
    let record = history.run(&owed.run);
    let id = record.and_then(|record| record.hosts.iter().find(|known| known.id.name == host));
    let worked_since = record
        .zip(id)
        .and_then(|(record, known)| history.work_since(record, &known.id, None, Purpose::Settle));
    let how = match (record, worked_since) {
        (Some(record), _) if record.is_unfinished() => format!("resume {run}"),
        // The run's own plan knows nothing of what came after it.
        (_, Some(_)) => {
            let last_upgrade =
                id.and_then(|known| history.last_on(&known.id, |run, _| run.kind.is_upgrade()));
            let target = last_upgrade.and_then(|(run, _)| run.target.as_deref());
            format!(
                "{} --limit {} --inventory {}",
                own_command(&owed.steps, target),
                quote(host),
                quote(inventory)
            )
        }
        _ => format!("settle {run} {host}"),
    };
    format!("{host}: run {run} left {open} open; complete them: {program} {how}")
}

/// The command that completes open steps whatever was done since: one of their own, or the next upgrade, to the tag of the
/// last one.
fn own_command(steps: &[OpenStep], target: Option<&str>) -> String {
    match steps {
        [OpenStep { step, .. }] if step == "views" => "views recreate".to_owned(),
        [OpenStep { step, .. }] if step == "memcached-after-schema" => "memcached restart".to_owned(),
        // A site is opened by itself only where everything before that is done: the next upgrade finds that out.
        _ => target.map_or_else(|| "upgrade".to_owned(), |tag| format!("upgrade --to {}", quote(tag))),
    }
}

/// What is installed is known all the same.
fn tell_unreadable(history: &History, settings: &Settings, printer: Printer) {
    for run in history.unreadable() {
        let shown = settings.shorten(&run.run);
        printer.say(&printer.err.warn(&format!(
            "the journal of run {shown} cannot be read, so what it left open is not known: {} runs verify",
            settings.program
        )));
    }
}
