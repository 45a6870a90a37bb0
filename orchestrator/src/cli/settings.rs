//! What the environment and the arguments say, resolved once.

use std::path::{Path, PathBuf};

use super::error::CliError;
use crate::journal::Store;
use crate::plan::quote;

/// Everything that a subcommand may want to know of where it runs.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The user's home folder.
    pub(super) home: PathBuf,
    /// The user's login name.
    pub(super) user: String,
    /// The name of this machine, for locks and journals.
    pub(super) origin: String,
    /// The program with the options that a person must repeat.
    pub(super) program: String,
    /// All runs.
    pub(super) store: Store,
    /// The program that asks for passphrases where there is no terminal (`SSH_ASKPASS`).
    pub(super) askpass: Option<PathBuf>,
}

impl Settings {
    pub(super) fn resolve(state_dir: Option<&Path>) -> Result<Self, CliError> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        let state_named = state_dir.is_some();
        let state = state_dir
            .map(Path::to_owned)
            .or_else(|| Some(PathBuf::from(variable("XDG_STATE_HOME")?).join("ixporch")))
            .or_else(|| Some(home.clone()?.join(".local/state/ixporch")))
            .ok_or_else(|| {
                CliError::usage("there is no home folder for the runs").help("name a folder with --state-dir")
            })?;
        let program = if state_named {
            format!("ixporch --state-dir {}", quote(&state.display().to_string()))
        } else {
            "ixporch".to_owned()
        };
        let askpass = variable("SSH_ASKPASS").map(PathBuf::from);
        let home = home.unwrap_or_else(|| PathBuf::from("/"));
        Ok(Self {
            home,
            user: user_name()?,
            origin: machine_name(),
            program,
            store: Store::new(&state),
            askpass,
        })
    }

    /// A path of the inventory: `~` is the home folder, a relative one starts at the inventory.
    pub(super) fn local_path(&self, inventory: &Path, text: &str) -> PathBuf {
        if let Some(rest) = text.strip_prefix("~/") {
            return self.home.join(rest);
        }
        let folder = inventory.parent().unwrap_or_else(|| Path::new(""));
        folder.join(text)
    }
}

/// What this machine calls itself.
fn machine_name() -> String {
    let output = std::process::Command::new("uname").arg("-n").output();
    let name =
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

/// The login name of whoever runs the program: nobody must log in as somebody else by a missing variable.
fn user_name() -> Result<String, CliError> {
    let from_environment = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let named = from_environment.filter(|name| !name.is_empty()).or_else(|| {
        let output = std::process::Command::new("id").arg("-un").output().ok()?;
        String::from_utf8(output.stdout).ok().map(|name| name.trim().to_owned())
    });
    named.filter(|name| ixporch_inventory::value::user_name(name).is_ok()).ok_or_else(|| {
        CliError::usage("the login name of the current user is unknown")
            .help("set it in the environment: export USER=NAME")
    })
}
