//! Signals: how a person interrupts a run.

use super::printer::Printer;
use crate::engine::{Brake, BrakeState};

/// Each Ctrl-C (or SIGTERM, or SIGHUP of a closed terminal) presses the brake one level harder. Signals that this
/// process was started to ignore, such as SIGHUP by nohup(1), stay ignored. `resume` is the command that continues the run, if
/// it can be continued.
pub(super) async fn watch(brake: Brake, printer: Printer, resume: Option<String>) {
    use tokio::signal::unix::{SignalKind, signal};
    let ignored = ignored_signals();
    let watched = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
        .into_iter()
        .filter(|kind| !ignored.contains(&kind.as_raw_value()))
        .filter_map(|kind| signal(kind).ok());
    let (hand, mut presses) = tokio::sync::mpsc::channel(1);
    for mut signal in watched {
        let hand = hand.clone();
        tokio::spawn(async move { while signal.recv().await.is_some() && hand.send(()).await.is_ok() {} });
    }
    drop(hand);
    while presses.recv().await.is_some() {
        brake.press_harder();
        let next = resume.as_ref().map_or_else(String::new, |resume| format!("; continue with: {resume}"));
        let words = match brake.state() {
            BrakeState::Go | BrakeState::Drain => {
                "stopping: no new step starts; waiting for running steps (Ctrl-C again: exit now)".to_owned()
            }
            BrakeState::Detach => format!("exiting: running steps continue on the hosts{next}"),
        };
        printer.say(&printer.err.warn(&words));
    }
}

/// The signals that this process was started to ignore: `SigIgn` of proc(5), one bit for each, from 1.
fn ignored_signals() -> Vec<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    (1..=64).filter(|signal| mask & (1 << (signal - 1)) != 0).collect()
}
