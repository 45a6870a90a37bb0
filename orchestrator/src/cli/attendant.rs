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

/// Who holds it may write to the terminal: a question keeps progress from running over it.
pub(super) type Screen = Arc<std::sync::Mutex<()>>;

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
        let screen = Arc::clone(&self.screen);
        let ask = move || {
            let _held = screen.lock();
            prompt::ask(&text)
        };
        let yes = prompt::off_thread(ask).await?;
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
