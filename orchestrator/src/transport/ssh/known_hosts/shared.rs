//! `known_hosts` files that were read: one copy for all connections, as long as the files are the same.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::KnownHosts;
use crate::transport::ConnectError;

/// What tells a file from what it was before: inode, length, and the time of its last change.
type Stamp = Option<(u64, u64, i64, i64)>;

/// The files, and whether new keys are recorded.
type Key = (Vec<PathBuf>, bool);

/// Files that were read, with their stamps at that time.
#[derive(Debug, Default)]
pub(crate) struct SharedKnownHosts {
    known: Mutex<HashMap<Key, Read>>,
}

/// Files as they were read.
#[derive(Debug)]
struct Read {
    stamps: Vec<Stamp>,
    known: Arc<KnownHosts>,
}

impl SharedKnownHosts {
    /// The files, read again only if one of them has changed; see [`KnownHosts::read`].
    pub(crate) fn read(&self, files: &[PathBuf], accept_new: bool) -> Result<Arc<KnownHosts>, ConnectError> {
        let stamps: Vec<Stamp> = files.iter().map(|file| stamp(file)).collect();
        let key = (files.to_vec(), accept_new);
        // Whoever waits here would have to read the same files.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = known.get(&key).filter(|read| read.stamps == stamps) {
            return Ok(Arc::clone(&read.known));
        }
        let read = Arc::new(KnownHosts::read(files, accept_new)?);
        known.insert(key, Read { stamps, known: Arc::clone(&read) });
        Ok(read)
    }
}

fn stamp(file: &Path) -> Stamp {
    let found = std::fs::metadata(file).ok()?;
    Some((found.ino(), found.len(), found.ctime(), found.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    #[test]
    fn files_are_read_once_until_one_of_them_changes() {
        let folder = tempfile::tempdir().unwrap();
        let files = [folder.path().join("one"), folder.path().join("two")];
        std::fs::write(&files[0], format!("ixp1 {KEY}\n")).unwrap();
        let shared = SharedKnownHosts::default();
        let first = shared.read(&files, false).unwrap();
        assert!(Arc::ptr_eq(&first, &shared.read(&files, false).unwrap()));
        assert!(!Arc::ptr_eq(&first, &shared.read(&files, true).unwrap()));
        std::fs::write(&files[1], format!("ixp2 {KEY}\n")).unwrap();
        let second = shared.read(&files, false).unwrap();
        assert_eq!((first.lines.len(), second.lines.len()), (1, 2));
    }
}
