//! The person at the terminal, as the engine sees them: asked one question at a time.

use std::fmt::Write;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::printer::Printer;
use super::prompt;
use crate::engine::{Answer, Attendant};
use crate::text::RemoteText;

/// The terminal, as progress and questions share it: while a question is open, progress waits in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Screen {
    lines: Arc<std::sync::Mutex<Lines>>,
}

#[derive(Debug, Default)]
struct Lines {
    question_is_open: bool,
    waiting: Vec<String>,
}

/// A question that is open until this is dropped, whether it was answered or given up.
struct Question {
    screen: Screen,
    printer: Printer,
}

impl Screen {
    /// Shows a line, now or when the open question is done.
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

/// Answers by the terminal.
pub(super) struct Terminal {
    user: String,
    printer: Printer,
    /// Hosts wait for one another's questions, and for nothing else of one another.
    one_at_a_time: Mutex<()>,
    screen: Screen,
}

impl Terminal {
    pub(super) fn new(user: &str, printer: Printer, screen: Screen) -> Self {
        Self { user: user.to_owned(), printer, one_at_a_time: Mutex::new(()), screen }
    }

    async fn ask(&self, text: String) -> Option<Answer> {
        let _turn = self.one_at_a_time.lock().await;
        // Dropped with this future: whoever presses Ctrl-C at a question leaves it.
        let _open = self.screen.ask(self.printer);
        let yes = prompt::off_thread(move || prompt::ask(&text)).await?;
        Some(Answer { yes, by: self.user.clone() })
    }
}

impl Attendant for Terminal {
    fn is_attended(&self) -> bool {
        prompt::is_attended()
    }

    fn review<'a>(&'a self, host: &'a str, statements: &'a [String]) -> BoxFuture<'a, Option<Answer>> {
        let mut text = format!("\n{}\n", self.printer.err.strong(&format!("{host}: pending schema changes")));
        for statement in statements {
            let _ = writeln!(text, "  {};", RemoteText::from(statement.as_str()));
        }
        let count = statements.len();
        let these =
            if count == 1 { "this statement".to_owned() } else { format!("these {count} statements") };
        let _ = write!(text, "{host} is in maintenance until this is answered. Execute {these} on {host}?");
        self.ask(text).boxed()
    }

    fn start_wave<'a>(&'a self, wave: &'a str) -> BoxFuture<'a, Option<Answer>> {
        self.ask(format!("\nStart wave {wave}?")).boxed()
    }
}
