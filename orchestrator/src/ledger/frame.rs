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
    state: State,
}

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
            state: State::Before,
        }
    }

    /// The end, once it was heard.
    pub(super) fn end(&self) -> Option<&End> {
        match &self.state {
            State::Ended(end) => Some(end),
            State::Before | State::Body => None,
        }
    }

    /// Takes bytes as they came; the step's own go to `output`.
    pub(super) fn push(&mut self, bytes: &[u8], output: &mut Capped) {
        self.buffer.extend_from_slice(bytes);
        if matches!(self.state, State::Before) {
            match find(&self.buffer, &self.begin) {
                Some(at) => {
                    self.buffer.drain(..at + self.begin.len());
                    self.state = State::Body;
                }
                None => self.keep_last(self.begin.len(), None),
            }
        }
        if matches!(self.state, State::Body) {
            self.push_body(output);
        }
    }

    fn push_body(&mut self, output: &mut Capped) {
        let Some(at) = find(&self.buffer, &self.end_mark) else {
            self.keep_last(self.end_mark.len(), Some(output));
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

    /// Passes on all but the last bytes, which may be the beginning of a mark.
    fn keep_last(&mut self, mark: usize, output: Option<&mut Capped>) {
        let pass = self.buffer.len().saturating_sub(mark - 1);
        if let Some(output) = output {
            output.push(self.buffer.get(..pass).unwrap_or_default());
        }
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
