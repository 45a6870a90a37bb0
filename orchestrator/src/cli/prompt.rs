//! Questions to the person at the terminal.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Whether there is a person to ask: questions go to standard error, answers come from standard input.
pub(super) fn is_attended() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a yes-or-no question; anything but yes is no, and the end of the input is no answer. What was typed before the
/// question is no answer to it, and a question that is given up takes nobody's answer any more.
pub(super) async fn ask(question: &str) -> Option<bool> {
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
