//! The words of evidence that is missing or does not match.
//!
//! Owns how it is told. Evidence files are written elsewhere: whatever a part holds is shown without control bytes.

use std::time::Duration;

use ixporch_inventory::value::show_time;

use crate::event::{EvidenceSource, NoEvidence, Unmet};
use crate::facts::HostKind;
use crate::schema::Fingerprint;
use crate::text::{RemoteText, harmless_line};

/// How many digits of a commit are shown.
const DIGITS: usize = 12;

/// The lines of all parts.
pub(super) fn lines(unmet: &[Unmet]) -> Vec<String> {
    unmet.iter().flat_map(|part| text(part).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// A heading, with the lines of all parts below it.
pub(super) fn below(heading: String, unmet: &[Unmet]) -> String {
    lines(unmet).iter().fold(heading, |text, line| text + "\n  " + line)
}

/// A text for each part.
pub(super) fn texts(unmet: &[Unmet]) -> Vec<String> {
    unmet.iter().map(text).collect()
}

/// A part; only texts about schema changes have more than one line.
pub(super) fn text(unmet: &Unmet) -> String {
    match unmet {
        Unmet::OtherSchema { pending, proved_by, proved, only_here, only_there } => {
            other_schema(pending, proved_by, proved, only_here, only_there)
        }
        Unmet::Told { text } => text.to_string(),
        other => harmless_line(&line(other)),
    }
}

/// A part in one line.
fn line(unmet: &Unmet) -> String {
    let of = |source: &EvidenceSource, host: &str, what: &str| format!("{source}, {host}: {what}");
    match unmet {
        Unmet::NoHost { source } => format!("{source}: it names no host"),
        Unmet::NoEvidence { source, host, because } => of(source, host, without_evidence(*because)),
        Unmet::NotWatched { source, host } => {
            of(source, host, "it was upgraded, but not watched for the whole soak of its wave")
        }
        Unmet::NotUpgraded { source, host, outcome } => {
            of(source, host, &format!("it was not upgraded, but is {outcome}"))
        }
        Unmet::NotEnded { source, host } => of(source, host, "its upgrade has not ended"),
        Unmet::OtherProcedure { source, host, procedure, planned, .. } => {
            let version = if procedure == planned { "another version of " } else { "" };
            of(source, host, &format!("it was upgraded with {version}procedure {procedure}"))
        }
        Unmet::EndNotKnown { source, host } => of(source, host, "it is not known when its upgrade ended"),
        Unmet::InFuture { source, host, ended } => {
            of(source, host, &format!("its upgrade ended in the future ({ended:.0}): check the clocks"))
        }
        Unmet::TooOld { source, host, ended, max_age_seconds } => {
            let max_age = show_time(Duration::from_secs(*max_age_seconds));
            of(source, host, &format!("its upgrade ended at {ended:.0}, longer ago than max_age = {max_age}"))
        }
        Unmet::TargetNotKnown { host } => {
            format!("{host}: it is not known which commit it would go to")
        }
        Unmet::OtherCommit { host, target, proved_by, proved } => {
            let proved = proved.as_deref().map_or("an unknown commit", short);
            format!("{host}: it would go to {}, and {proved_by} proved {proved}", short(target))
        }
        Unmet::KindNotKnown { host } => {
            format!("{host}: its PHP version or its database server is not known")
        }
        Unmet::OtherKind { host, kind, proved } => {
            format!("{host}: it has {kind}, and what was proved is for {}", kinds(proved))
        }
        Unmet::NoSchema { pending } => {
            format!("{pending} is pending, and no host of its kind proved any schema")
        }
        Unmet::NotRead { failure } => format!("the evidence could not be read: {failure}"),
        Unmet::OtherSchema { .. } | Unmet::Told { .. } | Unmet::Unknown => {
            "something that this version of ixporch does not know".to_owned()
        }
    }
}

fn without_evidence(because: NoEvidence) -> &'static str {
    match because {
        NoEvidence::LeftOut => "it was left out, and no run is known that upgraded it",
        NoEvidence::NoRun => "no run of this controller is known that upgraded it",
        NoEvidence::Unreachable => "it could not be reached",
        NoEvidence::Changed => "its code, PHP or database has changed since the run that upgraded it",
        NoEvidence::Unknown => "it has no evidence",
    }
}

fn kinds(kinds: &[HostKind]) -> String {
    if kinds.is_empty() {
        return "hosts of unknown kinds".to_owned();
    }
    kinds.iter().map(HostKind::to_string).collect::<Vec<_>>().join(", ")
}

fn other_schema(
    pending: &Fingerprint,
    proved_by: &str,
    proved: &Fingerprint,
    here: &[RemoteText],
    there: &[RemoteText],
) -> String {
    let heading = harmless_line(&format!("{pending} is pending, and {proved_by} proved {proved}:"));
    let line = |word: &'static str| move |sql: &RemoteText| format!("{word} {}", harmless_line(sql.raw()));
    let here = here.iter().map(line("only here:"));
    let there = there.iter().map(line("only there:"));
    std::iter::once(heading).chain(here).chain(there).collect::<Vec<_>>().join("\n")
}

fn short(digits: &str) -> &str {
    digits.get(..DIGITS).unwrap_or(digits)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::event::{Approval, Envelope, HostOutcome, Reason, RunEvent, sample};
    use crate::report::{Names, Paint};
    use crate::schema::SchemaChanges;
    use crate::state::RunState;
    use crate::told::Told;

    fn kind(database: &str, php: &str) -> HostKind {
        HostKind { database: database.to_owned(), php: php.to_owned() }
    }

    fn fingerprint(statement: &str) -> Fingerprint {
        SchemaChanges::read([statement]).fingerprint
    }

    fn statement(text: &str) -> RemoteText {
        RemoteText::from(text)
    }

    /// One of each way in which a host has no evidence.
    fn after_no_evidence(because: NoEvidence) -> Option<NoEvidence> {
        Some(match because {
            NoEvidence::LeftOut => NoEvidence::NoRun,
            NoEvidence::NoRun => NoEvidence::Unreachable,
            NoEvidence::Unreachable => NoEvidence::Changed,
            NoEvidence::Changed => NoEvidence::Unknown,
            NoEvidence::Unknown => return None,
        })
    }

    /// One of each part: a new one must be entered here.
    fn after(unmet: &Unmet) -> Option<Unmet> {
        let source = || EvidenceSource::Wave("staging".to_owned());
        let (witness, host) = (|| "s1".to_owned(), || "p1".to_owned());
        let ended: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
        Some(match unmet {
            Unmet::NoHost { .. } => {
                Unmet::NoEvidence { source: source(), host: witness(), because: NoEvidence::LeftOut }
            }
            Unmet::NoEvidence { because, .. } => match after_no_evidence(*because) {
                Some(because) => Unmet::NoEvidence { source: source(), host: witness(), because },
                None => Unmet::NotWatched { source: source(), host: witness() },
            },
            Unmet::NotWatched { .. } => {
                Unmet::NotUpgraded { source: source(), host: witness(), outcome: HostOutcome::RolledBack }
            }
            Unmet::NotUpgraded { .. } => Unmet::NotEnded { source: source(), host: witness() },
            Unmet::NotEnded { .. } => other_procedure("ixp-manager-v4"),
            Unmet::OtherProcedure { procedure, .. } if procedure == "ixp-manager-v4" => {
                other_procedure("./own.toml")
            }
            Unmet::OtherProcedure { .. } => Unmet::EndNotKnown { source: source(), host: witness() },
            Unmet::EndNotKnown { .. } => Unmet::InFuture { source: source(), host: witness(), ended },
            Unmet::InFuture { .. } => {
                Unmet::TooOld { source: source(), host: witness(), ended, max_age_seconds: 604_800 }
            }
            Unmet::TooOld { .. } => Unmet::TargetNotKnown { host: host() },
            Unmet::TargetNotKnown { .. } => other_commit(None),
            Unmet::OtherCommit { proved: None, .. } => other_commit(Some("b".repeat(40))),
            Unmet::OtherCommit { .. } => Unmet::KindNotKnown { host: host() },
            Unmet::KindNotKnown { .. } => {
                Unmet::OtherKind { host: host(), kind: kind("MySQL", "7.1"), proved: Vec::new() }
            }
            Unmet::OtherKind { proved, .. } if proved.is_empty() => {
                let proved = vec![kind("MariaDB", "7.1"), kind("MySQL", "7.0")];
                Unmet::OtherKind { host: host(), kind: kind("MySQL", "7.1"), proved }
            }
            Unmet::OtherKind { .. } => Unmet::NoSchema { pending: fingerprint("ALTER TABLE a DROP b") },
            Unmet::NoSchema { .. } => Unmet::OtherSchema {
                pending: fingerprint("ALTER TABLE a DROP b"),
                proved_by: witness(),
                proved: fingerprint("ALTER TABLE a ADD c INT"),
                only_here: vec![statement("ALTER TABLE a DROP b")],
                only_there: vec![statement("ALTER TABLE a\nADD c INT")],
            },
            Unmet::OtherSchema { .. } => Unmet::NotRead { failure: statement("no room") },
            Unmet::NotRead { .. } => Unmet::told(statement("no\u{1b}[2Jroom\nnor time")),
            Unmet::Told { .. } => Unmet::Unknown,
            Unmet::Unknown => return None,
        })
    }

    fn other_procedure(procedure: &str) -> Unmet {
        Unmet::OtherProcedure {
            source: EvidenceSource::Run("01a2".to_owned()),
            host: "s1".to_owned(),
            procedure: procedure.to_owned(),
            procedure_digest: "sha256:aa".to_owned(),
            planned: "ixp-manager-v4".to_owned(),
        }
    }

    fn other_commit(proved: Option<String>) -> Unmet {
        let (host, proved_by) = ("p1".to_owned(), "s1".to_owned());
        Unmet::OtherCommit { host, target: "a".repeat(40), proved_by, proved }
    }

    fn every_part() -> Vec<Unmet> {
        let first = Unmet::NoHost { source: EvidenceSource::File("a\u{7}b.json".to_owned()) };
        std::iter::successors(Some(first), after).collect()
    }

    #[test]
    fn every_part_has_words_and_is_written_and_read() {
        let mut table = String::new();
        for unmet in every_part() {
            let json = serde_json::to_string(&unmet).unwrap();
            assert_eq!(serde_json::from_str::<Unmet>(&json).unwrap(), unmet);
            let _ = writeln!(table, "{json}\n  {}", lines(&[unmet]).join("\n  "));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn reports_have_the_text_and_the_data() {
        let unmet = vec![other_commit(None), Unmet::told(statement("s1: it is old"))];
        let approval = Approval { by: "ada".to_owned(), origin: "here".to_owned(), reason: String::new() };
        let wave = || "all".to_owned();
        let events = [
            RunEvent::RunStarted(sample::header("r", &["p1"]).into()),
            RunEvent::WaveHeld {
                wave: wave(),
                reason: Some(Reason::EvidenceUnmet),
                at_gate: true,
                unmet: unmet.clone(),
            },
            RunEvent::RiskTaken { wave: wave(), host: None, unmet: unmet.clone(), approval },
        ];
        let at = Timestamp::UNIX_EPOCH;
        let events: Vec<Envelope> =
            (1..).zip(events).map(|(sequence, event)| Envelope { sequence, at, event }).collect();
        let state = RunState::fold(&events);
        let words = "p1: it would go to aaaaaaaaaaaa, and s1 proved an unknown commit";
        for event in &events[1..] {
            let shown = crate::report::line(Paint::new(false), &state, event).unwrap();
            assert!(shown.ends_with(&format!("\n  {words}\n  s1: it is old")), "{shown}");
        }
        let (program, run) = ("ixporch".to_owned(), "r".to_owned());
        let report = crate::report::document(
            &Names { program, run, going_on: false, now: at, since: std::collections::BTreeMap::new() },
            &state,
        );
        let (wave, risk) = (&report["waves"][0], &report["risks_taken"][0]);
        let texts = json!([words, "s1: it is old"]);
        assert_eq!((&wave["evidence_unmet"], &risk["unmet"]), (&texts, &texts));
        let data = serde_json::to_value(&unmet).unwrap();
        assert_eq!((&wave["evidence_unmet_data"], &risk["unmet_data"]), (&data, &data));
    }
}
