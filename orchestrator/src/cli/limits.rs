//! The limits that the system sets for this process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// So many open files are enough for thousands of hosts; programs that this one starts may look at each.
const OPEN_FILES: u64 = 65_536;

/// Lets this process open as many files as it may: each host takes a few, and the usual limit is for interactive programs.
pub(super) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(OPEN_FILES, |maximum| maximum.min(OPEN_FILES));
    if limit.current.is_some_and(|current| current < wanted) {
        // Where it is refused, what does not fit is told host by host.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
    }
}
