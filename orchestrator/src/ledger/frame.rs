//! Frames: where a step's output begins and ends within what a shell prints.
//!
//! A login shell may print on its own, and a step may print anything. Both are told apart from our
//! words by a nonce that no step ever sees.

use super::output::Capped;

/// Takes a stream apart as it comes, with a bounded buffer.
#[derive(Debug)]
pub(super) struct Decoder {
    begin: Vec<u8>,
    end_mark: Vec<u8>,
    buffer: Vec<u8>,
    /// The last of what came before the beginning: what a login shell says when it does not get there.
    preamble: Vec<u8>,
    state: State,
}

/// How much of what came before the beginning is kept.
const PREAMBLE: usize = 1024;

#[derive(Debug)]
enum State {
    Before,
    Body,
    Ended(End),
}

/// The last word on a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    pub(super) exit: i32,
    pub(super) word: String,
}

/// The longest last word that is waited for.
const LONGEST_END: usize = 64;

impl Decoder {
    pub(super) fn new(nonce: &str) -> Self {
        Self {
            begin: format!("{nonce} begin\n").into_bytes(),
            end_mark: format!("\n{nonce} end ").into_bytes(),
            buffer: Vec::new(),
            preamble: Vec::new(),
            state: State::Before,
        }
    }

    /// A decoder of a stream in which everything from its first byte on is the step's.
    pub(super) fn begun(nonce: &str) -> Self {
        Self { state: State::Body, ..Self::new(nonce) }
    }

    /// The end, once it was heard.
    pub(super) fn end(&self) -> Option<&End> {
        match &self.state {
            State::Ended(end) => Some(end),
            State::Before | State::Body => None,
        }
    }

    /// Whether the beginning was heard.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self.state, State::Before)
    }

    /// The last of what came before the beginning, or instead of it.
    pub(super) fn preamble(&self) -> Vec<u8> {
        let rest = if self.has_begun() { &[] } else { self.buffer.as_slice() };
        [self.preamble.as_slice(), rest].concat()
    }

    /// Takes bytes as they came; the step's own go to `output`. What comes after the end is nobody's.
    pub(super) fn push(&mut self, bytes: &[u8], output: &mut Capped) {
        if matches!(self.state, State::Ended(_)) {
            return;
        }
        self.buffer.extend_from_slice(bytes);
        if matches!(self.state, State::Before) {
            if let Some(at) = find(&self.buffer, &self.begin) {
                self.preamble.extend(self.buffer.drain(..at));
                self.buffer.drain(..self.begin.len());
                self.state = State::Body;
            } else {
                let pass = self.buffer.len().saturating_sub(self.begin.len() - 1);
                self.preamble.extend(self.buffer.drain(..pass));
            }
            let excess = self.preamble.len().saturating_sub(PREAMBLE);
            self.preamble.drain(..excess);
        }
        if matches!(self.state, State::Body) {
            self.push_body(output);
        }
    }

    fn push_body(&mut self, output: &mut Capped) {
        let Some(at) = find(&self.buffer, &self.end_mark) else {
            self.keep_last(output);
            return;
        };
        output.push(self.buffer.get(..at).unwrap_or_default());
        self.buffer.drain(..at);
        let after = self.buffer.get(self.end_mark.len()..).unwrap_or_default();
        match after.iter().position(|byte| *byte == b'\n') {
            Some(length) => {
                let text = String::from_utf8_lossy(after.get(..length).unwrap_or_default()).into_owned();
                self.state = State::Ended(parse_end(&text));
                self.buffer.clear();
            }
            None if after.len() > LONGEST_END => {
                self.state = State::Ended(End { exit: -1, word: "cut".to_owned() });
                self.buffer.clear();
            }
            None => {}
        }
    }

    /// Passes on all but the last bytes, which may be the beginning of the end.
    fn keep_last(&mut self, output: &mut Capped) {
        let pass = self.buffer.len().saturating_sub(self.end_mark.len() - 1);
        output.push(self.buffer.get(..pass).unwrap_or_default());
        self.buffer.drain(..pass);
    }
}

fn parse_end(text: &str) -> End {
    let mut words = text.split(' ');
    let exit = words.next().and_then(|exit| exit.parse().ok());
    match (exit, words.next(), words.next()) {
        (Some(exit), Some(word), None) => End { exit, word: word.to_owned() },
        _ => End { exit: -1, word: text.to_owned() },
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(chunks: &[&[u8]]) -> (Vec<u8>, Option<End>) {
        let mut decoder = Decoder::new("N0NCE");
        let mut output = Capped::default();
        for chunk in chunks {
            decoder.push(chunk, &mut output);
        }
        (output.kept(), decoder.end().cloned())
    }

    #[test]
    fn what_the_login_shell_prints_is_not_the_steps() {
        let (body, end) = decode(&[b"Welcome!\nN0NCE begin\nhello\n", b"\nN0NCE end 0 held\n"]);
        assert_eq!(body, b"hello\n");
        assert_eq!(end, Some(End { exit: 0, word: "held".to_owned() }));
    }

    #[test]
    fn an_end_that_was_cut_is_no_end() {
        let (body, end) = decode(&[b"N0NCE begin\nhello\nN0NCE end 0 he"]);
        assert_eq!(body, b"hello");
        assert_eq!(end, None);
    }

    #[test]
    fn what_comes_without_end_costs_a_fixed_buffer() {
        let mut decoder = Decoder::new("N0NCE");
        let mut output = Capped::default();
        let flood = vec![b'x'; 1024 * 1024];
        for text in [b"".as_slice(), b"N0NCE begin\n", b"\nN0NCE end 0 none\n"] {
            decoder.push(text, &mut output);
            for _ in 0..16 {
                decoder.push(&flood, &mut output);
            }
            assert!(decoder.buffer.len() + decoder.preamble.len() < 4096);
        }
        assert!(decoder.end().is_some());
    }

    proptest! {
        #[test]
        fn any_body_arrives_whole_however_it_is_cut(
            body in proptest::collection::vec(any::<u8>(), 0..300),
            cuts in proptest::collection::vec(0usize..400, 0..6),
        ) {
            let stream = [b"noise\nN0NCE begin\n", body.as_slice(), b"\nN0NCE end 7 none\n"].concat();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            let (found, end) = decode(&chunks);
            prop_assert_eq!(found, body);
            prop_assert_eq!(end, Some(End { exit: 7, word: "none".to_owned() }));
        }
    }
}
