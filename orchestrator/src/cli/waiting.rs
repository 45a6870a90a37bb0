//! Says which hosts are waited for while hosts are probed.

use std::time::{Duration, Instant};

use super::access::Progress;
use super::printer::Printer;
use crate::plan::fold_names;

/// When the hosts are named for the first time.
const FIRST: Duration = Duration::from_secs(2);

/// How often they are named again.
const AGAIN: Duration = Duration::from_secs(4);

/// The longest list of names that is shown, in characters.
const NAMES: usize = 200;

/// Says which hosts are waited for.
pub(super) struct Waiting {
    printer: Printer,
    hosts: usize,
    began: Instant,
    next: Duration,
}

impl Waiting {
    /// Says that hosts are probed.
    pub(super) fn begin(hosts: usize, printer: Printer) -> Self {
        let plural = if hosts == 1 { "" } else { "s" };
        printer.say(&printer.err.dim(&format!("probing {hosts} host{plural} …")));
        Self { printer, hosts, began: Instant::now(), next: FIRST }
    }

    /// How long it has been.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Names the hosts that are waited for, from time to time.
    pub(super) fn tell<T>(&mut self, progress: &Progress<'_, T>) {
        let Progress::Waiting { waiting, .. } = progress else { return };
        if waiting.is_empty() || self.elapsed() < self.next {
            return;
        }
        self.next = self.elapsed() + AGAIN;
        let names = fold_names(waiting.iter().copied());
        let shown: String = names.chars().take(NAMES).collect();
        let more = if shown.len() < names.len() { "…" } else { "" };
        let (count, all) = (waiting.len(), self.hosts);
        let line = format!("waiting for {count} of {all} hosts: {shown}{more}");
        self.printer.say(&self.printer.err.dim(&line));
    }
}
