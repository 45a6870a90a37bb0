//! Folders that only their owner can enter.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Creates a folder and its missing parents with mode 0700.
pub(super) fn create_private(path: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
        std::io::Error::new(error.kind(), format!("failed to create the folder {}: {error}", path.display()))
    })
}
