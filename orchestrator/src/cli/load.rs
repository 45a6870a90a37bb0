//! Reads the files that the arguments name.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ixporch_inventory::{Host, Inventory, Selector};

use super::args::{InventoryFile, Selection};
use super::error::{CliError, ErrorCode};
use super::settings::Settings;
use super::{openssh, output};
use crate::plan::quote;
use crate::procedure::Procedure;

/// Reads and checks an inventory.
pub(super) fn inventory(file: &InventoryFile) -> Result<Inventory, CliError> {
    let path = &file.inventory;
    let text = text(path)
        .map_err(|error| error.help("name the file with --inventory, or write one: ixporch init"))?;
    Ok(Inventory::parse(&path.display().to_string(), &text)?)
}

/// Reads an inventory to reach its hosts: the settings of OpenSSH's client count for those that are selected.
pub(super) fn fleet(
    file: &InventoryFile,
    selector: Option<&Selector>,
    settings: &Settings,
) -> Result<Inventory, CliError> {
    let mut inventory = inventory(file)?;
    let selected = selector.map(|selector| inventory.select(selector)).transpose()?;
    let names = selected.map(|hosts| hosts.iter().map(|host| host.name.clone()).collect::<BTreeSet<_>>());
    let is_meant = |host: &Host| names.as_ref().is_none_or(|names| names.contains(&host.name));
    openssh::complete(&mut inventory, &file.inventory, settings, is_meant)?;
    Ok(inventory)
}

/// The same for one host; that there is none of this name is for the caller to tell.
pub(super) fn for_host(file: &InventoryFile, name: &str, settings: &Settings) -> Result<Inventory, CliError> {
    let mut inventory = inventory(file)?;
    openssh::complete(&mut inventory, &file.inventory, settings, |host| host.name == name)?;
    Ok(inventory)
}

/// The hosts that are meant, where not all are.
pub(super) fn selector(selection: &Selection) -> Result<Option<Selector>, CliError> {
    if let Some(limit) = &selection.limit {
        return Ok(Some(Selector::parse(limit)?));
    }
    match &selection.limit_file {
        Some(path) => Ok(Some(Selector::parse_lines(&text(path)?)?)),
        None => Ok(None),
    }
}

/// A procedure: a built-in one by its name, else a file.
pub(super) fn procedure(name: &str) -> Result<Procedure, CliError> {
    if let Some(procedure) = Procedure::built_in(name) {
        return Ok(procedure?);
    }
    let path = Path::new(name);
    let built_in = Procedure::built_in_names().collect::<Vec<_>>().join(", ");
    let text = text(path)
        .map_err(|error| error.help(format!("built-in procedures: {built_in}; any other name is a file")))?;
    Ok(Procedure::parse(name, &text)?)
}

fn text(path: &Path) -> Result<String, CliError> {
    warn_if_open(path);
    fs_err::read_to_string(path)
        .map_err(|error| CliError::invalid(error.to_string()).coded(ErrorCode::Unreadable))
}

/// The files of which a person was warned.
static WARNED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Warns once of a file that other users can change: it says what runs on hosts. The user's own group is no other user.
fn warn_if_open(path: &Path) {
    let Ok(found) = fs_err::metadata(path) else { return };
    let own = rustix::process::geteuid().as_raw();
    let by_group = found.mode() & 0o020 != 0 && found.gid() != rustix::process::getegid().as_raw();
    let file = path.display();
    let why = if found.uid() != own && found.uid() != 0 {
        format!(
            "{file} belongs to another user (uid {}), who could change what runs on the hosts",
            found.uid()
        )
    } else if found.mode() & 0o002 != 0 || by_group {
        let mode = found.mode() & 0o7777;
        let close = quote(&file.to_string());
        format!("{file} can be written by other users (mode {mode:o})\nhelp: chmod go-w {close}")
    } else {
        return;
    };
    let is_new = WARNED.lock().is_ok_and(|mut warned| warned.insert(path.to_owned()));
    if is_new && found.is_file() {
        output::write_error(format!("warning: {why}\n").as_bytes());
    }
}
