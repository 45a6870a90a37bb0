//! Draws mistakes in a file: line, column, caret, and what to do.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use ixporch_inventory::{Problem, Problems};

/// All mistakes of a file, each with its lines.
pub(super) fn render(problems: &Problems, colours: bool) -> String {
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
    let mut parts: Vec<String> =
        problems.problems.iter().map(|problem| renderer.render(&group(problems, problem))).collect();
    let count = problems.problems.len();
    let mistakes = if count == 1 { "1 mistake".to_owned() } else { format!("{count} mistakes") };
    parts.push(format!("{} in {}", mistakes, problems.origin));
    parts.join("\n\n")
}

fn group<'a>(problems: &'a Problems, problem: &'a Problem) -> Vec<Group<'a>> {
    let length = problems.source.len();
    let span = |range: &std::ops::Range<usize>| range.start.min(length)..range.end.min(length);
    let mut snippet = Snippet::source(problems.source.as_str())
        .path(problems.origin.as_str())
        .annotation(AnnotationKind::Primary.span(span(&problem.span)).label(problem.label.as_str()));
    for (range, label) in &problem.related {
        snippet = snippet.annotation(AnnotationKind::Context.span(span(range)).label(label.as_str()));
    }
    let mut group = Level::ERROR.primary_title(problem.message.as_str()).element(snippet);
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    vec![group]
}
