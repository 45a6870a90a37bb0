//! The words of a reason, and what to type next.
//!
//! Owns how reasons are told. Whatever a reason holds is shown without control bytes.

use ixporch_inventory::value::Amount;

use super::Names;
use crate::event::Reason;
use crate::text::RemoteText;

/// The messages of reasons, one after another.
pub(super) fn text<'r>(reasons: impl IntoIterator<Item = &'r Reason>) -> String {
    let messages: Vec<String> = reasons.into_iter().map(message).collect();
    RemoteText::from(messages.join("\n").as_str()).to_string()
}

/// The lines of reasons, each with what to type next.
pub(super) fn lines(reasons: &[Reason], names: &Names) -> Vec<String> {
    let mut lines = Vec::new();
    for reason in reasons {
        lines.extend(text([reason]).lines().map(str::to_owned));
        lines.extend(help(reason, names).map(|help| format!("help: {help}")));
    }
    lines
}

/// What a reason says.
fn message(reason: &Reason) -> String {
    match reason {
        Reason::TooManyFailures { wave, failures, total, allowed, max_failures } => {
            let count: usize = failures.values().sum();
            let kinds: Vec<String> =
                failures.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
            let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
            let of = match max_failures {
                Amount::Count(_) => String::new(),
                Amount::Percent(_) => format!(" of {total} hosts"),
            };
            format!(
                "wave `{wave}`: {count} of {total} hosts failed{kinds}, {allowed} may (max_failures = {max_failures}{of})"
            )
        }
        Reason::SoakWithoutHealth { wave } => {
            format!("wave `{wave}` has a soak, and its procedure has no health checks")
        }
        Reason::NothingProven { wave } => format!("wave `{wave}` upgraded no host: it has proven nothing"),
        Reason::GateHolds => "its gate is `hold`".to_owned(),
        Reason::GateUnattended => "its gate is `confirm`, and there is no terminal to ask at".to_owned(),
        Reason::EvidenceUnmet => "the evidence that it requires is missing, or does not match".to_owned(),
        Reason::Interrupted => "the run was interrupted".to_owned(),
        Reason::StartNotApproved { by } => format!("{by} did not approve its start"),
        Reason::StartUnanswered => "nobody answered".to_owned(),
        Reason::WaveNotBegun { wave } => format!("wave `{wave}` was not begun"),
        Reason::WaveNotOver { wave } => format!("wave `{wave}` is not over"),
        Reason::SoakInterrupted { wave } => {
            format!("wave `{wave}`: the run was interrupted while its hosts were watched")
        }
        Reason::Told { text } => text.raw().to_owned(),
        Reason::Unknown => "a reason that this version of ixporch does not know".to_owned(),
    }
}

/// What to type next, if the summary does not say that anyway.
fn help(reason: &Reason, _names: &Names) -> Option<String> {
    match reason {
        Reason::SoakWithoutHealth { .. } => {
            Some("add [[health]] to the procedure, or remove `soak` from the wave".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::event::HostOutcome;

    /// One of each reason: a new one must be entered here.
    fn after(reason: &Reason) -> Option<Reason> {
        let wave = || "canary".to_owned();
        Some(match reason {
            Reason::TooManyFailures { max_failures: Amount::Count(_), .. } => Reason::TooManyFailures {
                wave: wave(),
                failures: [(HostOutcome::Failed, 1), (HostOutcome::Unreachable, 1)].into(),
                total: 4,
                allowed: 1,
                max_failures: Amount::Percent(25),
            },
            Reason::TooManyFailures { .. } => Reason::SoakWithoutHealth { wave: wave() },
            Reason::SoakWithoutHealth { .. } => Reason::NothingProven { wave: wave() },
            Reason::NothingProven { .. } => Reason::GateHolds,
            Reason::GateHolds => Reason::GateUnattended,
            Reason::GateUnattended => Reason::EvidenceUnmet,
            Reason::EvidenceUnmet => Reason::Interrupted,
            Reason::Interrupted => Reason::StartNotApproved { by: "ada".to_owned() },
            Reason::StartNotApproved { .. } => Reason::StartUnanswered,
            Reason::StartUnanswered => Reason::WaveNotBegun { wave: wave() },
            Reason::WaveNotBegun { .. } => Reason::WaveNotOver { wave: wave() },
            Reason::WaveNotOver { .. } => Reason::SoakInterrupted { wave: wave() },
            Reason::SoakInterrupted { .. } => Reason::Told { text: RemoteText::from("no\u{1b}[2Jroom") },
            Reason::Told { .. } => Reason::Unknown,
            Reason::Unknown => return None,
        })
    }

    fn every_reason() -> Vec<Reason> {
        let first = Reason::TooManyFailures {
            wave: "canary".to_owned(),
            failures: [(HostOutcome::Failed, 1)].into(),
            total: 4,
            allowed: 0,
            max_failures: Amount::Count(0),
        };
        std::iter::successors(Some(first), after).collect()
    }

    #[test]
    fn every_reason_has_words_and_is_written_and_read() {
        let names = Names { program: "ixporch".to_owned(), run: "01a2".to_owned(), going_on: false };
        let mut table = String::new();
        for reason in every_reason() {
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(serde_json::from_str::<Reason>(&json).unwrap(), reason);
            let words = lines(std::slice::from_ref(&reason), &names);
            let _ = writeln!(table, "{json}\n  {}", words.join("\n  "));
        }
        insta::assert_snapshot!(table);
    }
}
