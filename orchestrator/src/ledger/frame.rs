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

/// Separates standard output as it arrives, with a bounded buffer. Each byte is looked at a fixed number of times, however
/// small the pieces are in which it arrives.
#[derive(Debug)]
pub(super) struct Decoder {
    mark: Vec<u8>,
    buffer: Vec<u8>,
    /// How much of a line of the runner is known to have no end, if the buffer begins with its mark.
    line: Option<usize>,
}

impl Decoder {
    pub(super) fn new(nonce: &str) -> Self {
        Self { mark: format!("{nonce} ").into_bytes(), buffer: Vec::new(), line: None }
    }

    /// Takes more bytes; returns the pieces that are complete, in order.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.buffer.extend_from_slice(bytes);
        let (mut pieces, mut from) = (Vec::new(), 0);
        loop {
            let rest = self.buffer.get(from..).unwrap_or_default();
            let known = if let Some(known) = self.line {
                known
            } else if let Some(at) = find(rest, &self.mark) {
                take(rest, at, &mut pieces);
                from += at;
                0
            } else {
                // The last bytes may be the beginning of a mark.
                let certain = rest.len() - possible_mark(rest, &self.mark);
                take(rest, certain, &mut pieces);
                from += certain;
                break;
            };
            let line = self.buffer.get(from + self.mark.len()..).unwrap_or_default();
            let end = line.get(known..).unwrap_or_default().iter().position(|byte| *byte == b'\n');
            let Some(length) = end.map(|end| known + end).or_else(|| too_long(line)) else {
                self.line = Some(line.len());
                break;
            };
            pieces.push(Piece::Said(
                String::from_utf8_lossy(line.get(..length).unwrap_or_default()).into_owned(),
            ));
            from = (from + self.mark.len() + length + 1).min(self.buffer.len());
            self.line = None;
        }
        self.buffer.drain(..from);
        pieces
    }
}

fn too_long(line: &[u8]) -> Option<usize> {
    (line.len() >= LONGEST).then_some(LONGEST)
}

fn take(bytes: &[u8], count: usize, pieces: &mut Vec<Piece>) {
    if let Some(taken) = bytes.get(..count).filter(|taken| !taken.is_empty()) {
        pieces.push(Piece::Bytes(taken.to_vec()));
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
        // What was there before has no whole mark.
        let mut search = self.buffer.len().saturating_sub(self.mark.len() - 1);
        self.buffer.extend_from_slice(bytes);
        let (mut passed, mut from) = (Vec::new(), 0);
        while let Some(offset) = find(self.buffer.get(search..).unwrap_or_default(), &self.mark) {
            if self.marks > 0 {
                passed.extend(self.buffer.get(from..search + offset).unwrap_or_default());
            }
            from = search + offset + self.mark.len();
            search = from;
            self.marks += 1;
        }
        self.buffer.drain(..from);
        let kept = if self.marks == 0 { LONGEST } else { possible_mark(&self.buffer, &self.mark) };
        let certain = self.buffer.drain(..self.buffer.len().saturating_sub(kept));
        if self.marks > 0 {
            passed.extend(certain);
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

    #[test]
    fn small_pieces_cost_no_more_than_large_ones() {
        // With a buffer that is looked at again for each piece this takes hours.
        let mut decoder = Decoder::new("N0NCE");
        decoder.push(b"N0NCE ");
        let said: usize = (0..4_000_000u32)
            .map(|n| decoder.push(if n % 4000 == 3999 { b"\nN0NCE " } else { b"x" }).len())
            .sum();
        assert_eq!(said, 1000);
        let many = b"N0NCE y\n".repeat(500_000);
        assert_eq!(Decoder::new("N0NCE").push(&many).len(), 500_000);
        let mut gate = Gate::new("N0NCE");
        for _ in 0..2_000_000 {
            gate.pass(b"x");
        }
        assert_eq!(gate.pass(&b"N0NCE\n".repeat(500_000)), b"");
        assert_eq!(gate.marks(), 500_000);
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
