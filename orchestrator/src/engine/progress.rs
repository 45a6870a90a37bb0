//! The progress of a step, from the lines `progress DONE TOTAL WHAT` that it prints.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// The minimum time between two reports: each becomes an event of the journal.
const EVERY: Duration = Duration::from_secs(10);

/// The maximum length of such a line.
const LONGEST: usize = 256;

/// The progress of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) what: String,
}

/// Reads progress from a step's standard output.
pub(super) struct ProgressReader {
    state: Mutex<State>,
}

struct State {
    line: Vec<u8>,
    told: Instant,
}

impl ProgressReader {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State { line: Vec::new(), told: Instant::now() }) }
    }

    /// Takes more output; returns the latest progress if it is time to report.
    pub(super) fn hear(&self, bytes: &[u8]) -> Option<Progress> {
        let mut state = self.state.lock().ok()?;
        let mut last = None;
        for byte in bytes {
            if *byte == b'\n' {
                last = read(&state.line).or(last);
                state.line.clear();
            } else if state.line.len() < LONGEST {
                state.line.push(*byte);
            }
        }
        if state.told.elapsed() < EVERY {
            return None;
        }
        let last = last?;
        state.told = Instant::now();
        Some(last)
    }
}

fn read(line: &[u8]) -> Option<Progress> {
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.strip_prefix("progress ")?.splitn(3, ' ');
    let (done, total) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Progress { done, total, what: words.next()?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_told_from_time_to_time_however_it_comes() {
        let reader = ProgressReader::new();
        assert_eq!(reader.hear(b"progress 1 10 database.sql\n"), None);
        tokio::time::advance(EVERY).await;
        assert_eq!(reader.hear(b"progress 2 10 data"), None);
        let told = reader.hear(b"base.sql\nsomething else\n").unwrap();
        assert_eq!((told.done, told.total, told.what.as_str()), (2, 10, "database.sql"));
        assert_eq!(reader.hear(b"progress 3 10 database.sql\n"), None);
        tokio::time::advance(EVERY).await;
        assert_eq!(reader.hear(b"progress x 10 y\nprogress\n"), None);
    }
}
