//! `ixporch status`: what is installed on the hosts.

use ixporch_inventory::Host;
use serde_json::{Value, json};

use super::work;
use crate::cli::args::{self, Format};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::facts::Facts;
use crate::report;
use crate::state::ExitCode;

pub(in crate::cli) fn run(
    arguments: &args::Status,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let selection = &arguments.selection;
    let inventory = load::inventory(&selection.file)?;
    let hosts: Vec<&Host> = match load::selector(selection)? {
        Some(selector) => inventory.select(&selector)?,
        None => inventory.hosts.iter().collect(),
    };
    let transport = work::transport(settings);
    let file = &selection.file.inventory;
    let probing =
        work::probe(&hosts, None, file, &inventory, &arguments.connecting, settings, &transport, printer);
    let probes = work::runtime()?.block_on(probing);
    let value = |(host, probe): (&String, &Result<Facts, String>)| match probe {
        Ok(facts) => json!({ "host": host, "reachable": true, "facts": facts }),
        Err(why) => json!({ "host": host, "reachable": false, "why": why }),
    };
    match printer.format {
        Format::Human => printer.result(&report::status(printer.out, &probes)),
        Format::Json => {
            let hosts: Vec<Value> = probes.iter().map(value).collect();
            printer.json(&json!({ "format": 1, "hosts": hosts }));
        }
        Format::Jsonl => probes.iter().map(value).for_each(|host| printer.json(&host)),
    }
    let all = probes.values().all(Result::is_ok);
    Ok(if all { ExitCode::Success } else { ExitCode::Unreachable })
}
