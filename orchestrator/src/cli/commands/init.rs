//! `ixporch init`: writes a commented inventory.

use std::path::PathBuf;

use std::io::Write;

use clap::Args;
use ixporch_inventory::STARTER;

use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::state::ExitCode;

/// Arguments of `init`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch init\n  ixporch init fleet.toml")]
pub struct Init {
    /// File to write; an existing file is never overwritten
    #[arg(default_value = "inventory.toml")]
    pub file: PathBuf,
}

pub(in crate::cli) fn run(arguments: &Init, printer: Printer) -> Result<ExitCode, CliError> {
    let path = &arguments.file;
    let mut file = fs_err::OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            CliError::usage(format!("{} exists already and is not overwritten", path.display()))
                .help("choose another name: ixporch init other.toml")
        } else {
            CliError::usage(error.to_string())
        }
    })?;
    // The file is stored before it is announced: over a network, a full disk shows only then.
    if let Err(error) = file.write_all(STARTER.as_bytes()).and_then(|()| file.sync_all()) {
        // A part of an inventory is worse than none, and would be in the way of the next attempt.
        let _ = fs_err::remove_file(path);
        return Err(CliError::not_written(error.to_string())
            .help("free space, or name a file elsewhere: ixporch init FILE"));
    }
    printer.say(&format!("wrote {}", path.display()));
    printer.say(&format!("next: edit it, then: ixporch inventory check --inventory {}", path.display()));
    Ok(ExitCode::Success)
}
