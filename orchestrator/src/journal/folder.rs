//! Folders that only their owner can enter.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use super::error::JournalError;

/// Makes sure that no other user can put files into a folder: the commands of a journal run on hosts, maybe as root. A folder
/// that does not exist is fine.
///
/// # Errors
/// It belongs to another user, or others can write to it.
pub(super) fn check_own(folder: &Path) -> Result<(), JournalError> {
    let Ok(found) = std::fs::metadata(folder) else { return Ok(()) };
    let own = rustix::process::geteuid().as_raw();
    if found.uid() != own {
        return Err(JournalError::Foreign { path: folder.to_owned(), owner: found.uid(), own });
    }
    if found.mode() & 0o022 != 0 {
        return Err(JournalError::Open { path: folder.to_owned(), mode: found.mode() & 0o7777 });
    }
    Ok(())
}

/// Creates a folder and its missing parents with mode 0700.
pub(super) fn create_private(path: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
        std::io::Error::new(error.kind(), format!("failed to create the folder {}: {error}", path.display()))
    })
}
