//! What the environment and the arguments say, resolved once.

use std::path::{Path, PathBuf};

use super::args::Arguments;
use super::error::CliError;
use crate::journal::Store;

/// Everything that a subcommand may want to know of where it runs.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The user's home folder.
    pub(super) home: PathBuf,
    /// The user's login name.
    pub(super) user: String,
    /// All runs.
    pub(super) store: Store,
    /// The program that asks for passphrases where there is no terminal (`SSH_ASKPASS`).
    pub(super) askpass: Option<PathBuf>,
}

impl Settings {
    pub(super) fn resolve(arguments: &Arguments) -> Result<Self, CliError> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = variable("HOME").map(PathBuf::from).ok_or_else(|| {
            CliError::usage("there is no home folder: HOME is not set")
                .help("set HOME, or run as a user who has one")
        })?;
        let user = ["USER", "LOGNAME"]
            .into_iter()
            .find_map(|name| variable(name)?.into_string().ok())
            .unwrap_or_else(|| "root".to_owned());
        let state = arguments
            .state_dir
            .clone()
            .or_else(|| Some(PathBuf::from(variable("XDG_STATE_HOME")?).join("ixporch")))
            .unwrap_or_else(|| home.join(".local/state/ixporch"));
        let askpass = variable("SSH_ASKPASS").map(PathBuf::from);
        Ok(Self { home, user, store: Store::new(&state), askpass })
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
