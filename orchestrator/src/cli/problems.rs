//! Mistakes in a file: drawn with line, column, caret and what to do, or as data.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use ixporch_inventory::{LineIndex, Problem, Problems};
use serde::Serialize;

use crate::text::{harmless_line, harmless_source};

/// So many mistakes are drawn; the rest are counted.
const DRAWN: usize = 100;

/// Places that are at most so many lines apart are drawn in one piece of the file.
const APART: usize = 200;

/// The mistakes of a file, each with its lines. The file may hold anything: what is shown of it is harmless.
pub(super) fn render(problems: &Problems, colours: bool) -> String {
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
    let origin = harmless_line(&problems.origin);
    let source = harmless_source(&problems.source);
    let file = File { origin: &origin, source: &source, lines: &problems.lines() };
    let mut parts: Vec<String> = problems
        .problems
        .iter()
        .take(DRAWN)
        .map(|problem| renderer.render(&[file.group(&Shown::new(problem), problem)]))
        .collect();
    let cut = if problems.problems.len() > DRAWN {
        format!("; the first {DRAWN} are shown")
    } else {
        String::new()
    };
    parts.push(format!("{}{cut}", harmless_line(&count(problems))));
    parts.join("\n\n")
}

/// How many mistakes which file has.
pub(super) fn count(problems: &Problems) -> String {
    match problems.problems.len() {
        1 => format!("1 mistake in {}", problems.origin),
        count => format!("{count} mistakes in {}", problems.origin),
    }
}

/// One mistake, as data.
#[derive(Debug, Serialize)]
pub(super) struct ProblemDocument<'a> {
    message: &'a str,
    file: &'a str,
    line: usize,
    column: usize,
    help: Option<&'a str>,
}

/// All mistakes of a file, in the order of their places.
pub(super) fn documents<'p>(problems: &'p Problems) -> Vec<ProblemDocument<'p>> {
    let lines = LineIndex::new(&problems.source);
    let document = |problem: &'p Problem| {
        let line = lines.line(problem.span.start);
        let before = problems.source.get(lines.range(line).start..problem.span.start);
        let column = before.map_or(0, |before| before.chars().count()) + 1;
        ProblemDocument {
            message: &problem.message,
            file: &problems.origin,
            line,
            column,
            help: problem.help.as_deref(),
        }
    };
    problems.problems.iter().map(document).collect()
}

/// The words of a problem, harmless.
struct Shown {
    message: String,
    label: String,
    related: Vec<String>,
    help: Option<String>,
}

impl Shown {
    fn new(problem: &Problem) -> Self {
        Self {
            message: harmless_line(&problem.message),
            label: harmless_line(&problem.label),
            related: problem.related.iter().map(|(_, label)| harmless_line(label)).collect(),
            help: problem.help.as_deref().map(harmless_line),
        }
    }
}

/// The file that the mistakes are in.
struct File<'a> {
    origin: &'a str,
    source: &'a str,
    lines: &'a LineIndex,
}

/// A piece of the file: its first and last line, and what is marked in it.
struct Piece<'a> {
    first: usize,
    last: usize,
    marks: Vec<(AnnotationKind, Range<usize>, &'a str)>,
}

impl<'a> File<'a> {
    fn group(&self, shown: &'a Shown, problem: &Problem) -> Group<'a> {
        let mut group = Level::ERROR
            .primary_title(shown.message.as_str())
            .elements(self.pieces(shown, problem).into_iter().map(|piece| self.snippet(piece)));
        if let Some(help) = &shown.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        group
    }

    /// The pieces that a problem is about: the renderer reads all of what it is given, and the file may be long.
    fn pieces(&self, shown: &'a Shown, problem: &Problem) -> Vec<Piece<'a>> {
        let mut main = self.piece(AnnotationKind::Primary, &problem.span, &shown.label);
        let mut others = Vec::new();
        for ((span, _), label) in problem.related.iter().zip(&shown.related) {
            let other = self.piece(AnnotationKind::Context, span, label);
            let (first, last) = (main.first.min(other.first), main.last.max(other.last));
            if last - first <= APART {
                main = Piece { first, last, marks: [main.marks, other.marks].concat() };
            } else {
                others.push(other);
            }
        }
        std::iter::once(main).chain(others).collect()
    }

    fn piece(&self, kind: AnnotationKind, span: &Range<usize>, label: &'a str) -> Piece<'a> {
        let length = self.source.len();
        // The end of the file belongs to its last line.
        let line = |offset: usize| self.lines.line(offset.min(length.saturating_sub(1)));
        Piece {
            first: line(span.start),
            last: line(span.end),
            marks: vec![(kind, span.start.min(length)..span.end.min(length), label)],
        }
    }

    fn snippet(&self, piece: Piece<'a>) -> Snippet<'a, Annotation<'a>> {
        let start = self.lines.range(piece.first).start;
        let text = self.source.get(start..self.lines.range(piece.last).end).unwrap_or_default();
        let marks = piece
            .marks
            .into_iter()
            .map(|(kind, span, label)| kind.span(span.start - start..span.end - start).label(label));
        Snippet::source(text).line_start(piece.first).path(self.origin).annotations(marks)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problems(source: &str, spans: &[Range<usize>]) -> Problems {
        let problems =
            spans.iter().map(|span| Problem::new(span.clone(), "wrong").label("here").help("mend it"));
        Problems::new("file", source, problems.collect())
    }

    #[test]
    fn many_mistakes_are_counted_and_the_first_are_drawn() {
        let source = "x = 1\n".repeat(20_000);
        let spans: Vec<Range<usize>> = (0..20_000).map(|line| line * 6..line * 6 + 1).collect();
        let text = render(&problems(&source, &spans), false);
        assert_eq!(text.matches("error: wrong").count(), DRAWN);
        assert!(text.ends_with("20000 mistakes in file; the first 100 are shown"), "{text}");
    }

    #[test]
    fn places_that_are_far_apart_are_drawn_in_two_pieces() {
        let source = "x = 1\n".repeat(20_000);
        let problem = Problem::new(60_000..60_001, "wrong").related(0..1, "first one");
        let text = render(&Problems::new("file", &source, vec![problem]), false);
        assert!(text.contains("--> file:10001:1") && text.contains("::: file:1:1"), "{text}");
        assert!(text.contains("first one") && text.lines().count() < 15, "{text}");
    }

    proptest! {
        // A piece of a file looks as it does when the renderer has all of the file.
        #[test]
        fn a_piece_looks_as_within_the_whole_file(
            source in "([a-c =]{0,6}\\n){0,14}[a-c]{0,3}",
            place in 0..120_usize, length in 0..9_usize, other in 0..120_usize,
        ) {
            let span = |place: usize, length: usize| {
                place.min(source.len())..(place + length).min(source.len())
            };
            let problem = Problem::new(span(place, length), "wrong").related(span(other, 1), "there");
            let found = Problems::new("file", &source, vec![problem.clone()]);
            let whole = Snippet::source(source.as_str())
                .path("file")
                .annotation(AnnotationKind::Primary.span(problem.span.clone()).label(""))
                .annotation(AnnotationKind::Context.span(span(other, 1)).label("there"));
            let whole = Renderer::plain().render(&[Level::ERROR.primary_title("wrong").element(whole)]);
            prop_assert_eq!(render(&found, false), format!("{whole}\n\n1 mistake in file"));
        }
    }
}
