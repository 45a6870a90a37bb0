//! Reads the files that the arguments name.

use std::path::Path;

use ixporch_inventory::{Inventory, Selector};

use super::args::{InventoryFile, Selection};
use super::error::{CliError, ErrorCode};
use crate::procedure::Procedure;

/// Reads and checks an inventory.
pub(super) fn inventory(file: &InventoryFile) -> Result<Inventory, CliError> {
    let path = &file.inventory;
    let text = text(path)
        .map_err(|error| error.help("name the file with --inventory, or write one: ixporch init"))?;
    Ok(Inventory::parse(&path.display().to_string(), &text)?)
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
    fs_err::read_to_string(path)
        .map_err(|error| CliError::invalid(error.to_string()).coded(ErrorCode::Unreadable))
}
