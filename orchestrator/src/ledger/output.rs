//! The part of a step's output that is kept: a fixed amount, however much the step prints (law 7).

use std::collections::VecDeque;

use crate::event::{Captured, Stream};
use crate::text::RemoteText;

const HEAD: usize = 64 * 1024;
const TAIL: usize = 192 * 1024;
/// How much of the end of a stream is kept in the journal itself.
const JOURNAL_TAIL: usize = 2 * 1024;

/// Receives a step's output as it arrives.
pub type Listener = Box<dyn Fn(Stream, &[u8]) + Send + Sync>;

/// Both streams of a step.
#[derive(Default)]
pub struct StepOutput {
    listener: Option<Listener>,
    /// Standard output.
    pub stdout: Capped,
    /// Standard error.
    pub stderr: Capped,
}

/// The beginning and the end of a stream, and its length.
#[derive(Debug, Default)]
pub struct Capped {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    bytes: u64,
    cut: bool,
}

impl StepOutput {
    /// Output that is passed to a listener, too.
    pub fn heard_by(listener: Option<Listener>) -> Self {
        Self { listener, ..Self::default() }
    }

    /// Takes the next bytes of a stream.
    pub fn push(&mut self, stream: Stream, bytes: &[u8]) {
        match stream {
            Stream::Stdout => self.stdout.push(bytes),
            Stream::Stderr => self.stderr.push(bytes),
        }
        if let Some(listener) = self.listener.as_ref().filter(|_| !bytes.is_empty()) {
            listener(stream, bytes);
        }
    }

    /// Drops all output: the step is run again.
    pub fn forget(&mut self) {
        (self.stdout, self.stderr) = (Capped::default(), Capped::default());
    }

    /// Whether the host lost some of it.
    pub fn is_cut(&self) -> bool {
        self.stdout.cut || self.stderr.cut
    }

    /// Records how much the host says there was, and whether it kept all of it.
    pub(crate) fn ends_at(&mut self, stdout_bytes: u64, stderr_bytes: u64, whole: bool) {
        for (stream, bytes) in [(&mut self.stdout, stdout_bytes), (&mut self.stderr, stderr_bytes)] {
            stream.bytes = stream.bytes.max(bytes);
            stream.cut = !whole;
        }
    }
}

impl Capped {
    /// The number of bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Counts bytes that will not arrive.
    pub fn skip(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let room = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        // Only the last bytes can be kept.
        let rest = rest.get(rest.len().saturating_sub(TAIL)..).unwrap_or_default();
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..excess);
    }

    fn dropped(&self) -> u64 {
        let kept = u64::try_from(self.head.len() + self.tail.len()).unwrap_or(u64::MAX);
        self.bytes.saturating_sub(kept)
    }

    /// The kept bytes, with a line in place of those that were not kept.
    pub fn kept(&self) -> Vec<u8> {
        let mut kept = self.head.clone();
        if self.dropped() > 0 {
            kept.extend_from_slice(format!("\n[… {} bytes were not kept …]\n", self.dropped()).as_bytes());
        }
        kept.extend(&self.tail);
        if self.cut {
            kept.extend_from_slice(
                b"\n[... what came after this was not kept: the host's disk was full, or it came too late ...]\n",
            );
        }
        kept
    }

    /// The entry of the stream in the journal.
    pub fn captured(&self) -> Captured {
        let kept = self.kept();
        let from = kept.len().saturating_sub(JOURNAL_TAIL);
        let tail = RemoteText::from_bytes(kept.get(from..).unwrap_or_default());
        Captured { bytes: self.bytes, dropped: self.dropped(), tail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_kept_whole() {
        let mut capped = Capped::default();
        capped.push(b"one ");
        capped.push(b"two");
        assert_eq!(capped.kept(), b"one two");
        assert_eq!(capped.captured().dropped, 0);
    }

    #[test]
    fn a_host_may_say_any_number_of_bytes() {
        let mut output = StepOutput::default();
        output.stdout.skip(u64::MAX);
        output.stdout.skip(u64::MAX);
        output.push(Stream::Stdout, b"more");
        output.ends_at(u64::MAX, 0, true);
        assert_eq!(output.stdout.captured().bytes, u64::MAX);
    }

    #[test]
    fn a_host_that_prints_without_end_costs_a_fixed_buffer() {
        let mut capped = Capped::default();
        let chunk = vec![b'x'; 1024 * 1024];
        for _ in 0..64 {
            capped.push(&chunk);
        }
        capped.push(b"the end");
        assert_eq!(capped.captured().bytes, 64 * 1024 * 1024 + 7);
        let kept = capped.kept();
        assert!(kept.len() < HEAD + TAIL + 100);
        assert!(kept.ends_with(b"the end"));
        assert!(capped.tail.capacity() < 8 * TAIL);
    }
}
