//! Draws mistakes in a file: line, column, caret, and what to do.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use ixporch_inventory::{Problem, Problems};

use crate::text::{harmless_line, harmless_source};

/// All mistakes of a file, each with its lines. The file may hold anything: what is shown of it is harmless.
pub(super) fn render(problems: &Problems, colours: bool) -> String {
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
    let source = harmless_source(&problems.source);
    let origin = harmless_line(&problems.origin);
    let mut parts: Vec<String> = problems
        .problems
        .iter()
        .map(|problem| renderer.render(&[group(&source, &origin, &Shown::new(problem), problem)]))
        .collect();
    let count = problems.problems.len();
    let mistakes = if count == 1 { "1 mistake".to_owned() } else { format!("{count} mistakes") };
    parts.push(format!("{mistakes} in {origin}"));
    parts.join("\n\n")
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

fn group<'a>(source: &'a str, origin: &'a str, shown: &'a Shown, problem: &Problem) -> Group<'a> {
    let span = |range: &std::ops::Range<usize>| range.start.min(source.len())..range.end.min(source.len());
    let mut snippet = Snippet::source(source)
        .path(origin)
        .annotation(AnnotationKind::Primary.span(span(&problem.span)).label(shown.label.as_str()));
    for ((range, _), label) in problem.related.iter().zip(&shown.related) {
        snippet = snippet.annotation(AnnotationKind::Context.span(span(range)).label(label.as_str()));
    }
    let group = Level::ERROR.primary_title(shown.message.as_str()).element(snippet);
    match &shown.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}
