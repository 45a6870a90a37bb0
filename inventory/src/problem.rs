//! Mistakes in a TOML file, each with its place.
//!
//! Owns what a mistake is and how many are gathered. Must not know how they are drawn: whoever
//! has a terminal renders them.

use std::fmt;
use std::ops::Range;

use crate::lines::LineIndex;

/// One mistake in a source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A lower-case fragment that says what is wrong.
    pub message: String,
    /// Byte range of the mistake in the source.
    pub span: Range<usize>,
    /// A short word at the caret, empty when the message says it all.
    pub label: String,
    /// Other places that matter (the first of two duplicates), with a label each.
    pub related: Vec<(Range<usize>, String)>,
    /// What to type instead, where that is known.
    pub help: Option<String>,
}

impl Problem {
    /// Makes a problem at `span`.
    pub fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), span, label: String::new(), related: Vec::new(), help: None }
    }

    /// Adds the words at the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what to do about it, where something is known.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// Adds another place that matters.
    #[must_use]
    pub fn related(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }
}

/// All mistakes of one file, in the order of their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The file's name as the user gave it.
    pub origin: String,
    /// The whole text the spans point into.
    pub source: String,
    /// At least one mistake.
    pub problems: Vec<Problem>,
}

impl Problems {
    /// Gathers `problems` of one source, ordered by place.
    pub fn new(origin: &str, source: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
        problems.dedup();
        Self { origin: origin.to_owned(), source: source.to_owned(), problems }
    }

    /// Where the lines of the source begin.
    pub fn lines(&self) -> LineIndex {
        LineIndex::new(&self.source)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let line = lines.line(problem.span.start);
            let before = self.source.get(lines.range(line).start..problem.span.start).unwrap_or_default();
            // From 1, in characters.
            let column = before.chars().count() + 1;
            write!(f, "{}:{line}:{column}: {}", self.origin, problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
