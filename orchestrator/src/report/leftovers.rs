//! What runs left on a host: its lock, and the ledgers with their steps and debts.

use std::fmt::Write;

use super::Paint;
use crate::facts::{LedgerRun, LedgerState, Leftovers};
use crate::plan::quote;
use crate::text::harmless_line;

/// What this controller knows of a run that a host's lock names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownRun {
    /// It has no journal here.
    Unknown,
    /// This controller is running it now.
    GoingOn,
    /// It has not ended: `resume` continues it.
    Unfinished,
    /// It has ended.
    Ended,
}

/// The words of a command that names a host.
#[derive(Debug, Clone, Copy)]
pub struct HostWords<'a> {
    /// The program, with the options that a command must repeat.
    pub program: &'a str,
    /// The inventory file.
    pub inventory: &'a str,
    /// The host.
    pub host: &'a str,
}

/// The lock of a host with its run's steps and debts; empty if the host is not locked.
pub fn lock(
    paint: Paint,
    words: HostWords<'_>,
    leftovers: &Leftovers,
    known: &dyn Fn(&str) -> KnownRun,
) -> String {
    let mut text = String::new();
    let Some(lock) = &leftovers.lock else { return text };
    let HostWords { program, inventory, host } = words;
    let break_it = format!("{program} lock break {host} --inventory {} --reason TEXT", quote(inventory));
    if lock.strange.is_some() {
        let _ = writeln!(text, "  {} {}", paint.warn("in the place of its lock:"), lock.holder());
        let _ = writeln!(text, "    remove it: {break_it}");
        return text;
    }
    let _ = writeln!(text, "  {} {}", paint.warn("locked by"), lock.holder());
    let ledger = leftovers.of_the_lock();
    match ledger {
        Some(ledger) => text.push_str(&steps(paint, ledger)),
        None => {
            let _ = writeln!(text, "    this login cannot read the ledger: {}", lock.ledger);
        }
    }
    for debt in ledger.map(LedgerRun::debts).unwrap_or_default() {
        let _ = writeln!(text, "    {} {debt}", paint.warn("open step:"));
    }
    if lock.boot != leftovers.boot && !leftovers.boot.is_empty() {
        let _ = writeln!(text, "    the host was rebooted since the lock was taken");
    }
    let run = &lock.run;
    let next = match known(run) {
        KnownRun::GoingOn => format!("its controller is at work: {program} report {run}"),
        KnownRun::Unfinished => format!("resume it: {program} resume {run}"),
        KnownRun::Ended => format!("that run has ended; break its lock: {break_it}"),
        KnownRun::Unknown => format!(
            "no journal of it is here; resume it on {}: ixporch resume {run}\n    if that machine is gone: {break_it}",
            harmless_line(&lock.origin)
        ),
    };
    let _ = writeln!(text, "    {next}");
    text
}

/// All ledgers of a host.
pub fn ledgers(paint: Paint, leftovers: &Leftovers) -> String {
    let mut text = String::new();
    for ledger in &leftovers.ledgers {
        let holds = leftovers.of_the_lock().is_some_and(|holder| holder == ledger);
        let word = if holds { "  holds the host's lock" } else { "" };
        let _ = writeln!(text, "  run {} as {}{word}", ledger.run, ledger.host);
        text.push_str(&steps(paint, ledger));
    }
    text
}

fn steps(paint: Paint, ledger: &LedgerRun) -> String {
    let mut text = String::new();
    let open: Vec<_> = ledger.steps.iter().filter(|step| step.state != LedgerState::Ended).collect();
    let shown = if open.is_empty() { ledger.last().into_iter().collect() } else { open };
    for step in shown {
        let word = match step.state {
            LedgerState::Claimed => "was reserved but not started".to_owned(),
            LedgerState::Running => "is running".to_owned(),
            LedgerState::Ended => match step.exit_code {
                Some(0) | None => "was the last to end".to_owned(),
                Some(code) => format!("was the last to end, with exit code {code}"),
            },
            LedgerState::Vanished => paint.bad("disappeared without reporting a result"),
        };
        let _ = writeln!(text, "    {} {word}", paint.strong(&step.step));
    }
    text
}
