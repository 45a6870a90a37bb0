//! The order of what this controller does: numbers that only grow, whatever the clock says.
//!
//! Owns the file of the last number. Sessions draw one when they start, and again when they have taken a host's lock. Since
//! a lock is held by one session at a time, the numbers of a host's locks tell the order of all work there.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use fs_err::OpenOptions;
use fs_err::os::unix::fs::OpenOptionsExt;

/// The file of the last number, beside the folder of runs.
const LAST: &str = "order";

/// Draws a number greater than `known` and than every number that was drawn before.
///
/// The file is not synced: after a power cut no session goes on, and those that start then know the numbers of all journals.
///
/// # Errors
/// The file cannot be read or written.
pub(super) fn draw(root: &Path, known: u64) -> std::io::Result<u64> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(root.with_file_name(LAST))?;
    // Released when the file is closed.
    file.file().lock()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let next = text.trim().parse().unwrap_or(0).max(known).saturating_add(1);
    file.seek(SeekFrom::Start(0))?;
    // Numbers only grow, so nothing of a shorter one is left.
    file.write_all(format!("{next}\n").as_bytes())?;
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_whoever_draws_them_and_whatever_became_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let root = &folder.path().join("runs");
        assert_eq!((draw(root, 0).unwrap(), draw(root, 0).unwrap(), draw(root, 98).unwrap()), (1, 2, 99));
        assert_eq!(draw(root, 3).unwrap(), 100);
        let drawn = || (0..50).map(|_| draw(root, 0).unwrap()).collect::<Vec<_>>();
        let mut all: Vec<u64> = std::thread::scope(|scope| {
            let others = [scope.spawn(drawn), scope.spawn(drawn)];
            others.into_iter().flat_map(|other| other.join().unwrap()).collect()
        });
        all.sort_unstable();
        assert_eq!(all, (101..=200).collect::<Vec<_>>());
        std::fs::write(folder.path().join(LAST), "no number").unwrap();
        assert_eq!(draw(root, 200).unwrap(), 201);
    }
}
