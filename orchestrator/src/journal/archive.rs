//! Moves runs away and removes them, whole or not at all.

use std::path::PathBuf;

use super::error::JournalError;
use super::folder::create_private;
use super::store::Store;

/// The folder of archived runs, beside that of the runs.
const ARCHIVE: &str = "archive";

impl Store {
    /// Moves a run to the archive, where no command looks for it; gives its new folder. `None`: its controller is at work.
    ///
    /// # Errors
    /// The folder cannot be moved, or is in the archive already.
    pub fn archive(&self, id: &str) -> Result<Option<PathBuf>, JournalError> {
        let folder = self.root.join(id);
        // Held until it is moved: nobody takes it up meanwhile.
        let Some(_held) = self.hold(id)? else { return Ok(None) };
        let archive = self.root.with_file_name(ARCHIVE);
        create_private(&archive)?;
        let to = archive.join(id);
        fs_err::rename(&folder, &to)?;
        Ok(Some(to))
    }

    /// Removes a run; `false`: its controller is at work.
    ///
    /// # Errors
    /// It cannot be removed. What is left of it then is not taken for a run.
    pub fn remove(&self, id: &str) -> Result<bool, JournalError> {
        let folder = self.root.join(id);
        let Some(_held) = self.hold(id)? else { return Ok(false) };
        let leaving = self.root.join(format!(".removing-{id}"));
        fs_err::rename(&folder, &leaving)?;
        fs_err::remove_dir_all(&leaving)?;
        Ok(true)
    }
}
