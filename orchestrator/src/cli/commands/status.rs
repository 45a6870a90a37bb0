//! `ixporch status`: what is installed on the hosts.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Value, json};

use super::work::{self, Owed};
use crate::cli::access::Access;
use crate::cli::args::{Connecting, Format, Selection};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::printer::Printer;
use crate::cli::probing::{Probes, Upstream};
use crate::cli::settings::Settings;
use crate::facts::Facts;
use crate::report;
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
    let inventory = load::inventory(&selection.file)?;
    let hosts = work::selected(&inventory, load::selector(selection)?.as_ref())?;
    let access = Access {
        settings,
        file: &selection.file.inventory,
        inventory: &inventory,
        connecting: &arguments.connecting,
        transport: work::transport(settings),
    };
    let probes = work::runtime()?.block_on(work::probe(&access, &hosts, Upstream::Branch, printer));
    let mut owed = match work::owed(&settings.store, &hosts) {
        Ok(owed) => owed,
        Err(error) => {
            // What is installed is known all the same.
            printer
                .say(&printer.err.warn(&format!("not known: what the hosts are owed: {}", error.message())));
            BTreeMap::new()
        }
    };
    forget_what_is_open(&mut owed, &probes);
    let value = |(host, probe): (&String, &Result<Facts, String>)| match probe {
        Ok(facts) => json!({ "host": host, "reachable": true, "facts": facts, "owed": owed.get(host) }),
        Err(why) => json!({ "host": host, "reachable": false, "why": why, "owed": owed.get(host) }),
    };
    match printer.format {
        Format::Human => {
            let inventory = selection.file.inventory.display().to_string();
            let known = |run: &str| work::known_run(settings, run);
            printer.result(&report::status(printer.out, &settings.program, &inventory, &probes, &known));
            for (host, Owed { run, steps, .. }) in &owed {
                let run = settings.store.shorten(run)?;
                let what = format!(
                    "{host} is owed {} by run {run}: {} settle {run} {host}",
                    steps.join(", "),
                    settings.program
                );
                printer.result(&format!("{}\n", printer.out.warn(&what)));
            }
        }
        Format::Json => {
            let hosts: Vec<Value> = probes.iter().map(value).collect();
            printer.json(&json!({ "format": 1, "hosts": hosts }));
        }
        Format::Jsonl => probes.iter().map(value).for_each(|host| printer.json(&host)),
    }
    let all = probes.values().all(Result::is_ok);
    Ok(if all { ExitCode::Success } else { ExitCode::Unreachable })
}

/// A site that somebody opened is owed its opening no longer, whatever the journals say.
fn forget_what_is_open(owed: &mut BTreeMap<String, Owed>, probes: &Probes) {
    for (host, Owed { steps, opening, .. }) in owed.iter_mut() {
        if probes
            .get(host)
            .is_some_and(|probe| probe.as_ref().is_ok_and(|facts| facts.maintenance == Some(false)))
        {
            steps.retain(|step| Some(step) != opening.as_ref());
        }
    }
    owed.retain(|_, owed| !owed.steps.is_empty());
}
