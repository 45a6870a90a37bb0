//! `ixporch inventory check|list|explain|schema`.

use std::collections::BTreeMap;

use clap::Args;
use ixporch_inventory::{Host, Wave, json_schema, suggest};
use serde_json::json;

use crate::cli::args::{Format, InventoryFile, Selection};
use crate::cli::error::CliError;
use crate::cli::load;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::plan::fold_names;
use crate::report;
use crate::state::ExitCode;

/// Arguments of `inventory`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch inventory check\n  ixporch inventory explain ixp1")]
pub struct Inventory {
    /// What to do with it
    #[command(subcommand)]
    pub command: InventoryCommand,
}

/// What to do with an inventory.
#[derive(Debug, clap::Subcommand)]
pub enum InventoryCommand {
    /// Check an inventory and show all mistakes
    #[command(after_help = "Examples:
  ixporch inventory check
  ixporch inventory check --inventory fleet.toml")]
    Check(InventoryFile),
    /// List hosts with their address, wave and groups
    #[command(after_help = "Examples:
  ixporch inventory list
  ixporch inventory list --limit '@prod,!ixp3'")]
    List(Selection),
    /// Show every setting of a host and where it comes from
    #[command(after_help = "Examples:\n  ixporch inventory explain ixp1")]
    Explain {
        /// Which inventory
        #[command(flatten)]
        file: InventoryFile,
        /// Host to explain
        host: String,
    },
    /// Print the JSON Schema of inventories, for editors
    #[command(after_help = "Examples:\n  ixporch inventory schema > inventory.schema.json")]
    Schema,
}

pub(in crate::cli) fn run(
    arguments: &Inventory,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    match &arguments.command {
        InventoryCommand::Check(file) => {
            let inventory = load::inventory(file)?;
            let (hosts, groups, waves) =
                (inventory.hosts.len(), inventory.groups.len(), inventory.waves.len());
            let placed = waves_by_host(&inventory.waves);
            let unplaced: Vec<&str> = inventory
                .hosts
                .iter()
                .map(|host| host.name.as_str())
                .filter(|name| waves > 0 && !placed.contains_key(name))
                .collect();
            match printer.format {
                Format::Human => {
                    let waves = if waves == 0 { "no waves".to_owned() } else { format!("waves: {waves}") };
                    printer.result(&format!(
                        "{}: no mistakes; hosts: {hosts}, groups: {groups}, {waves}\n",
                        file.inventory.display()
                    ));
                    if !unplaced.is_empty() {
                        let folded = fold_names(unplaced.iter().copied());
                        printer.say(&format!("{} hosts in no wave, which an upgrade skips: {folded}", printer.err.warn("warning:")));
                    }
                }
                Format::Json | Format::Jsonl => printer.json(
                    &json!({ "format": 1, "hosts": hosts, "groups": groups, "waves": waves, "in_no_wave": unplaced }),
                ),
            }
        }
        InventoryCommand::List(selection) => list(selection, printer)?,
        InventoryCommand::Explain { file, host } => {
            explain(&load::for_host(file, host, settings)?, host, printer)?;
        }
        InventoryCommand::Schema => printer.json(&json_schema()),
    }
    Ok(ExitCode::Success)
}

fn list(selection: &Selection, printer: Printer) -> Result<(), CliError> {
    let inventory = load::inventory(&selection.file)?;
    let hosts: Vec<&Host> = match load::selector(selection)? {
        Some(selector) => inventory.select(&selector)?,
        None => inventory.hosts.iter().collect(),
    };
    let waves = inventory.waves_or_all();
    let wave_by_host = waves_by_host(&waves);
    let wave_of = |host: &Host| wave_by_host.get(host.name.as_str()).copied();
    let value = |host: &&Host| {
        json!({
            "host": host.name, "address": host.address(), "port": host.port(), "user": host.user(),
            "groups": host.groups, "wave": wave_of(host),
        })
    };
    match printer.format {
        Format::Human => {
            let rows: Vec<Vec<String>> = hosts
                .iter()
                .map(|host| {
                    let address = match host.address() {
                        address if address.contains(':') => format!("[{address}]:{}", host.port()),
                        address => format!("{address}:{}", host.port()),
                    };
                    let wave = wave_of(host).unwrap_or("(none)").to_owned();
                    vec![host.name.clone(), address, wave, host.groups.join(", ")]
                })
                .collect();
            printer.result(&report::table(&["host", "address", "wave", "groups"], &rows));
        }
        Format::Json => {
            printer.json(&json!({ "format": 1, "hosts": hosts.iter().map(value).collect::<Vec<_>>() }));
        }
        Format::Jsonl => hosts.iter().map(value).for_each(|host| printer.json(&host)),
    }
    Ok(())
}

/// The wave of each host that is in one.
fn waves_by_host(waves: &[Wave]) -> BTreeMap<&str, &str> {
    waves.iter().flat_map(|wave| wave.hosts.iter().map(|host| (host.as_str(), wave.name.as_str()))).collect()
}

fn explain(inventory: &ixporch_inventory::Inventory, name: &str, printer: Printer) -> Result<(), CliError> {
    let Some(host) = inventory.host(name) else {
        let mut error = CliError::usage(format!("there is no host `{name}`"));
        error.help = suggest::help(name, inventory.hosts.iter().map(|host| host.name.as_str()));
        return Err(error);
    };
    if printer.format != Format::Human {
        printer.json(&json!({ "host": host.name, "groups": host.groups, "settings": host.values() }));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = host
        .values()
        .iter()
        .map(|(key, resolved)| {
            let line = resolved.line.map_or_else(String::new, |line| format!(", line {line}"));
            vec![(*key).to_owned(), resolved.value.to_toml(), format!("{}{line}", resolved.source)]
        })
        .collect();
    printer.result(&report::table(&["setting", "value", "from"], &rows));
    Ok(())
}
