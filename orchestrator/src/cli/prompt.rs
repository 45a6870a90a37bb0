//! Questions to the person at the terminal.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::redact::Secret;

/// Whether there is a person to ask: questions go to standard error, answers come from standard input.
pub(super) fn is_attended() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// One question at a time stands at the terminal.
static TERMINAL: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Asks for a secret; what is typed is not shown unless `echo` says so. A question that is given up takes nobody's answer any
/// more, and leaves the terminal as it was.
pub(super) async fn secret(question: &str, echo: bool) -> Option<Secret> {
    let _terminal = TERMINAL.lock().await;
    let _ = rustix::termios::tcflush(std::io::stdin(), rustix::termios::QueueSelector::IFlush);
    let hidden = if echo { None } else { Hidden::new() };
    {
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "{question} ");
        let _ = err.flush();
    }
    let given_up = Arc::new(AtomicBool::new(false));
    let _guard = GivesUp(Arc::clone(&given_up));
    let line = off_thread(move || read_line(&given_up)).await?;
    if hidden.is_some() {
        let _ = writeln!(std::io::stderr());
    }
    Some(Secret::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A terminal that does not show what is typed, for as long as this lives.
struct Hidden(rustix::termios::Termios);

impl Hidden {
    /// `None` if the terminal cannot be told.
    fn new() -> Option<Self> {
        let shown = rustix::termios::tcgetattr(std::io::stdin()).ok()?;
        let mut hidden = shown.clone();
        hidden.local_modes.remove(rustix::termios::LocalModes::ECHO);
        rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, &hidden).ok()?;
        Some(Self(shown))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing.
        let now = rustix::termios::OptionalActions::Now;
        let _ = rustix::termios::tcsetattr(std::io::stdin(), now, &self.0);
    }
}

/// Asks a yes-or-no question; anything but yes is no, and the end of the input is no answer. What was typed before the
/// question is no answer to it, and a question that is given up takes nobody's answer any more.
pub(super) async fn ask(question: &str) -> Option<bool> {
    let _terminal = TERMINAL.lock().await;
    // Where the terminal cannot be told to forget, what it holds is read as it always was.
    let _ = rustix::termios::tcflush(std::io::stdin(), rustix::termios::QueueSelector::IFlush);
    {
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "{question} [y/N] ");
        let _ = err.flush();
    }
    let given_up = Arc::new(AtomicBool::new(false));
    let _guard = GivesUp(Arc::clone(&given_up));
    let line = off_thread(move || read_line(&given_up)).await?;
    Some(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Tells whoever reads the terminal that its question is gone.
struct GivesUp(Arc<AtomicBool>);

impl Drop for GivesUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Reads a line unless the question is given up first; a terminal is readable when a whole line is there.
fn read_line(given_up: &AtomicBool) -> Option<String> {
    let stdin = std::io::stdin();
    let look = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    while !given_up.load(Ordering::Acquire) {
        let mut polled = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut polled, Some(&look)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) if given_up.load(Ordering::Acquire) => return None,
            Ok(_) => {
                let mut line = String::new();
                return matches!(stdin.read_line(&mut line), Ok(1..)).then_some(line);
            }
            Err(_) => return None,
        }
    }
    None
}

/// Asks on a thread of its own: a person may never answer, and nothing must wait for that thread.
pub(super) fn off_thread<T: Send + 'static>(
    ask: impl FnOnce() -> Option<T> + Send + 'static,
) -> BoxFuture<'static, Option<T>> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // Whoever asked may have given up.
        let _ = sender.send(ask());
    });
    async move { receiver.await.ok().flatten() }.boxed()
}
