//! Frames: tells what the runner says from what steps print.
//!
//! Steps and login shells may print anything. The runner's words stand between a nonce, which no step ever sees, and
//! the end
//! of the line.

/// The maximum length of a line of the runner.
const LONGEST: usize = 4096;

/// A piece of standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Output of a step.
    Bytes(Vec<u8>),
    /// A line of the runner.
    Said(String),
}

/// Separates standard output as it arrives, with a bounded buffer.
#[derive(Debug)]
pub(super) struct Decoder {
    mark: Vec<u8>,
    buffer: Vec<u8>,
}

impl Decoder {
    pub(super) fn new(nonce: &str) -> Self {
        Self { mark: format!("{nonce} ").into_bytes(), buffer: Vec::new() }
    }

    /// Takes more bytes; returns the pieces that are complete, in order.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.buffer.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        while let Some(at) = find(&self.buffer, &self.mark) {
            let line = self.buffer.get(at + self.mark.len()..).unwrap_or_default();
            let Some(length) = line.iter().position(|byte| *byte == b'\n').or_else(|| too_long(line)) else {
                take(&mut self.buffer, at, &mut pieces);
                return pieces;
            };
            let said = String::from_utf8_lossy(line.get(..length).unwrap_or_default()).into_owned();
            take(&mut self.buffer, at, &mut pieces);
            let end = (self.mark.len() + length + 1).min(self.buffer.len());
            self.buffer.drain(..end);
            pieces.push(Piece::Said(said));
        }
        // The last bytes may be the beginning of a mark.
        let certain = self.buffer.len() - possible_mark(&self.buffer, &self.mark);
        take(&mut self.buffer, certain, &mut pieces);
        pieces
    }
}

fn too_long(line: &[u8]) -> Option<usize> {
    (line.len() >= LONGEST).then_some(LONGEST)
}

fn take(buffer: &mut Vec<u8>, count: usize, pieces: &mut Vec<Piece>) {
    if count > 0 {
        pieces.push(Piece::Bytes(buffer.drain(..count).collect()));
    }
}

/// How many of the last bytes of `buffer` are the beginning of `mark`.
fn possible_mark(buffer: &[u8], mark: &[u8]) -> usize {
    let longest = buffer.len().min(mark.len() - 1);
    (0..=longest).rev().find(|length| buffer.ends_with(mark.get(..*length).unwrap_or_default())).unwrap_or(0)
}

/// Standard error: passes what steps and questions print, once the login shell has printed its own.
///
/// It has no order with standard output. The runner marks where its own part begins, and where each answer ends.
#[derive(Debug)]
pub(super) struct Gate {
    mark: Vec<u8>,
    buffer: Vec<u8>,
    marks: u64,
}

impl Gate {
    pub(super) fn new(nonce: &str) -> Self {
        Self { mark: format!("{nonce}\n").into_bytes(), buffer: Vec::new(), marks: 0 }
    }

    /// The part that belongs to steps and questions.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.buffer.extend_from_slice(bytes);
        let mut passed = Vec::new();
        while let Some(at) = find(&self.buffer, &self.mark) {
            let before = self.buffer.drain(..at);
            if self.marks > 0 {
                passed.extend(before);
            } else {
                drop(before);
            }
            self.buffer.drain(..self.mark.len());
            self.marks += 1;
        }
        if self.marks == 0 {
            let excess = self.buffer.len().saturating_sub(LONGEST);
            self.buffer.drain(..excess);
        } else {
            let certain = self.buffer.len() - possible_mark(&self.buffer, &self.mark);
            passed.extend(self.buffer.drain(..certain));
        }
        passed
    }

    /// How many marks have arrived.
    pub(super) fn marks(&self) -> u64 {
        self.marks
    }

    /// How many bytes are held back because they may be the beginning of a mark.
    pub(super) fn held(&self) -> u64 {
        if self.marks == 0 { 0 } else { self.buffer.len() as u64 }
    }

    /// What was held back, when no mark is to come.
    pub(super) fn flush(&mut self) -> Vec<u8> {
        if self.marks == 0 { Vec::new() } else { std::mem::take(&mut self.buffer) }
    }

    /// The last bytes that the login shell printed, if it never became the runner.
    pub(super) fn before(&self) -> &[u8] {
        &self.buffer
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(offset) = haystack.get(from..)?.iter().position(|byte| *byte == first) {
        let at = from + offset;
        if haystack.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(chunks: &[&[u8]]) -> (Vec<u8>, Vec<String>) {
        let mut decoder = Decoder::new("N0NCE");
        let (mut bytes, mut said) = (Vec::new(), Vec::new());
        for piece in chunks.iter().flat_map(|chunk| decoder.push(chunk)) {
            match piece {
                Piece::Bytes(more) => bytes.extend(more),
                Piece::Said(words) => said.push(words),
            }
        }
        (bytes, said)
    }

    #[test]
    fn what_the_runner_says_is_told_from_what_a_step_prints() {
        let (bytes, said) = decode(&[b"hello\n", b"N0NCE gap out 7\nwor", b"ldN0NCE end 0 none\n"]);
        assert_eq!(bytes, b"hello\nworld");
        assert_eq!(said, ["gap out 7", "end 0 none"]);
    }

    #[test]
    fn an_end_that_was_cut_is_no_end() {
        assert_eq!(decode(&[b"helloN0NCE end 0 he"]), (b"hello".to_vec(), Vec::new()));
    }

    #[test]
    fn what_comes_without_end_costs_a_fixed_buffer() {
        let mut decoder = Decoder::new("N0NCE");
        let flood = vec![b'x'; 1024 * 1024];
        for text in [b"".as_slice(), b"N0NCE end "] {
            decoder.push(text);
            for _ in 0..16 {
                decoder.push(&flood);
            }
            assert!(decoder.buffer.len() < 2 * LONGEST);
        }
        let mut gate = Gate::new("N0NCE");
        for _ in 0..16 {
            assert!(gate.pass(&flood).is_empty());
        }
        assert!(gate.buffer.len() <= LONGEST);
    }

    #[test]
    fn standard_error_begins_where_the_login_shell_ended() {
        let mut gate = Gate::new("N0NCE");
        assert!(gate.pass(b"Welcome!\nN0N").is_empty());
        assert_eq!(gate.pass(b"CE\noops"), b"oops");
        assert_eq!(gate.pass(b" again"), b" again");
    }

    #[test]
    fn each_mark_on_standard_error_is_counted_and_none_is_passed_on() {
        let mut gate = Gate::new("N0NCE");
        assert_eq!(gate.pass(b"N0NCE\nfirst\nN0NCE\nsecondN0NC"), b"first\nsecond");
        assert_eq!((gate.marks(), gate.held()), (2, 4));
        assert_eq!(gate.pass(b"E\n"), b"");
        assert_eq!((gate.marks(), gate.held()), (3, 0));
        // What only looked like a mark is given back.
        assert_eq!(gate.pass(b"lastN"), b"last");
        assert_eq!(gate.flush(), b"N");
    }

    proptest! {
        #[test]
        fn any_body_arrives_whole_however_it_is_cut(
            body in proptest::collection::vec(any::<u8>(), 0..300),
            cuts in proptest::collection::vec(0usize..400, 0..6),
        ) {
            let stream = [body.as_slice(), b"N0NCE end 7 none\n"].concat();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            prop_assert_eq!(decode(&chunks), (body, vec!["end 7 none".to_owned()]));
        }
    }
}
