//! The operator at the terminal, who is asked one question at a time.

use std::fmt::Write;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::printer::Printer;
use super::prompt;
use crate::engine::{Answer, Operator, ReviewQuestion};
use crate::plan::fold_names;
use crate::report::{self, Paint};
use crate::schema::Group;

/// The terminal, shared by progress and questions: while a question is open, progress lines wait in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Screen {
    lines: Arc<std::sync::Mutex<Lines>>,
}

#[derive(Debug, Default)]
struct Lines {
    question_is_open: bool,
    waiting: Vec<String>,
}

/// A question. It is open until this is dropped, with or without an answer.
struct Question {
    screen: Screen,
    printer: Printer,
}

impl Screen {
    /// Shows a line: now, or when no question is open any more.
    pub(super) fn show(&self, printer: Printer, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if lines.question_is_open {
            lines.waiting.push(line);
        } else {
            printer.say(&line);
        }
    }

    fn ask(&self, printer: Printer) -> Question {
        self.lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner).question_is_open = true;
        Question { screen: self.clone(), printer }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        let mut lines = self.screen.lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        lines.question_is_open = false;
        for line in lines.waiting.drain(..) {
            self.printer.say(&line);
        }
    }
}

/// Asks on the terminal.
pub(super) struct Terminal {
    user: String,
    printer: Printer,
    /// A question waits until the one before it is answered.
    one_at_a_time: Mutex<()>,
    screen: Screen,
}

impl Terminal {
    pub(super) fn new(user: &str, printer: Printer, screen: Screen) -> Self {
        Self { user: user.to_owned(), printer, one_at_a_time: Mutex::new(()), screen }
    }

    async fn ask(&self, text: String) -> Option<Answer> {
        let _turn = self.one_at_a_time.lock().await;
        // Closed even if this future is dropped, as it is by Ctrl-C.
        let _open = self.screen.ask(self.printer);
        let yes = prompt::ask(&text).await?;
        Some(Answer { yes, by: self.user.clone() })
    }
}

impl Operator for Terminal {
    fn is_present(&self) -> bool {
        prompt::is_attended()
    }

    fn review<'a>(&'a self, question: &'a ReviewQuestion) -> BoxFuture<'a, Option<Answer>> {
        self.ask(review_text(self.printer.err, question)).boxed()
    }

    fn start_wave<'a>(&'a self, wave: &'a str) -> BoxFuture<'a, Option<Answer>> {
        self.ask(format!("\nStart wave {wave}?")).boxed()
    }
}

/// The text of a review: before the first question how many groups there are, then the group that is asked about.
fn review_text(paint: Paint, question: &ReviewQuestion) -> String {
    let groups: Vec<Group<'_>> = question
        .groups
        .iter()
        .map(|group| Group {
            changes: group.changes.clone(),
            hosts: group.hosts.iter().map(String::as_str).collect(),
        })
        .collect();
    let mut text = "\n".to_owned();
    if question.is_first {
        let heading = format!("pending schema changes: {}", report::schema_line(&groups));
        let _ = writeln!(text, "{}", paint.strong(&heading));
    }
    let Some(group) = groups.get(question.asked) else { return text };
    let largest = groups.first().filter(|_| question.asked > 0);
    text.push_str(&report::schema_group(paint, question.asked + 1, group, largest));
    let names = fold_names(question.waiting.iter().map(String::as_str));
    let (count, stay, wait, are) = match question.waiting.len() {
        1 => ("1 host".to_owned(), "stays", "waits", "it is"),
        many => (format!("{many} hosts"), "stay", "wait", "they are"),
    };
    let until = question.until.strftime("%H:%M:%SZ");
    let until_then = if question.closed { format!("{stay} in maintenance") } else { wait.to_owned() };
    let then = if question.goes_back { "rolled back" } else { "held for a later approval" };
    let _ = write!(
        text,
        "{names} {until_then} until you answer. Without an answer by {until} {are} {then}.\nExecute group {} ({}) on {count}?",
        question.asked + 1,
        group.changes.summary(),
    );
    text
}
