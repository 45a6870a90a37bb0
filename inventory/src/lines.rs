//! Where the lines of a text begin, found once: a place is then a binary search, not a count from the start.

use std::ops::Range;

/// The beginnings of all lines of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineIndex {
    /// Byte offsets in ascending order; the first line begins at 0 and is not listed.
    starts: Vec<usize>,
    length: usize,
}

impl LineIndex {
    /// Finds the lines of `source`.
    pub fn new(source: &str) -> Self {
        Self { starts: source.match_indices('\n').map(|(at, _)| at + 1).collect(), length: source.len() }
    }

    /// The line (from 1) in which a byte offset stands; an offset behind the end is in the last line.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset) + 1
    }

    /// The byte range of a line (from 1), with its line break.
    pub fn range(&self, line: usize) -> Range<usize> {
        let start_of = |line: usize| match line.checked_sub(2) {
            None => 0,
            Some(index) => self.starts.get(index).copied().unwrap_or(self.length),
        };
        start_of(line)..start_of(line.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_line_is_what_counting_from_the_start_finds(text in "[aü\\n]{0,40}", offset in 0..60_usize) {
            let index = LineIndex::new(&text);
            let offset = offset.min(text.len());
            let counted = text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
            let line = index.line(offset);
            prop_assert_eq!(line, counted);
            let range = index.range(line);
            prop_assert!(range.start <= offset && offset <= range.end);
            prop_assert_eq!(text[range].trim_end_matches('\n'), text.split('\n').nth(line - 1).unwrap());
        }
    }

    #[test]
    fn a_line_behind_the_end_is_empty() {
        assert_eq!(LineIndex::new("a\nb").range(9), 3..3);
        assert_eq!(LineIndex::new("").range(1), 0..0);
    }
}
