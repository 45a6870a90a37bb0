//! Fuzz targets of what the command line reads: files of the operator, files of others, a backup's manifest.

use std::path::Path;

use ixporch_inventory::{Inventory, Problems};
use jiff::Timestamp;

use super::commands::backup;
use super::evidence::read_bytes;
use super::problems;
use crate::digest;
use crate::event::{Envelope, EvidenceSource, RunEvent};
use crate::fuzzing::assert_harmless;
use crate::procedure::Procedure;
use crate::report::{self, Paint};
use crate::state::RunState;

/// The text of an inventory.
pub(crate) fn inventory(bytes: &[u8]) {
    match Inventory::parse("inventory.toml", &String::from_utf8_lossy(bytes)) {
        Err(mistakes) => draw(&mistakes),
        Ok(mut inventory) => {
            let _ = inventory.open_questions(|_| true);
            let _ = (inventory.waves_or_all(), inventory.same_installations(|_| true).len());
            for host in inventory.hosts.iter().take(50) {
                let _ = (host.values(), host.address(), inventory.refusal(host));
            }
        }
    }
}

/// The text of a procedure.
pub(crate) fn procedure(bytes: &[u8]) {
    if let Err(mistakes) = Procedure::parse("procedure.toml", &String::from_utf8_lossy(bytes)) {
        draw(&mistakes);
    }
}

fn draw(mistakes: &Problems) {
    assert!(!mistakes.problems.is_empty(), "what is refused says why");
    assert_harmless(&problems::render(mistakes, false));
    let _ = serde_json::json!(problems::documents(mistakes));
}

/// An evidence file as it came, and one with this evidence and the digest that belongs to it.
pub(crate) fn evidence(bytes: &[u8]) {
    tell(bytes);
    if let Ok(evidence) = serde_json::from_slice::<serde_json::Value>(bytes) {
        let digest = digest::sha256(evidence.to_string().as_bytes());
        let file = serde_json::json!({ "format": 1, "evidence": evidence, "digest": digest });
        tell(file.to_string().as_bytes());
    }
}

fn tell(bytes: &[u8]) {
    // A signature is read by `ssh-keygen` alone.
    if serde_json::from_slice::<serde_json::Value>(bytes).is_ok_and(|file| file.get("signature").is_some()) {
        return;
    }
    match read_bytes(Path::new("evidence.json"), bytes, None) {
        Err(error) => assert_harmless(&error.json()),
        Ok((evidence, signer)) => {
            assert_eq!(signer, None);
            let source = EvidenceSource::File("evidence.json".to_owned());
            let evidence = Box::new(evidence);
            let event = RunEvent::EvidenceGiven { source, signer, max_age_seconds: 60, evidence };
            let envelope = Envelope { sequence: 1, at: Timestamp::UNIX_EPOCH, event };
            if let Some(line) = report::line(Paint::new(false), &RunState::default(), &envelope) {
                assert_harmless(&line);
            }
        }
    }
}

/// A backup's manifest.
pub(crate) fn manifest(bytes: &[u8]) {
    if let Ok(names) = backup::manifest_names(bytes) {
        for name in &names {
            assert_name(name);
        }
    }
}

/// A name of a file that may be made in a folder of this machine.
fn assert_name(name: &str) {
    let mut parts = Path::new(name).components();
    let is_one = matches!((parts.next(), parts.next()), (Some(std::path::Component::Normal(_)), None));
    assert!(is_one && !name.starts_with(['.', '-']), "{name:?}");
    assert_harmless(name);
}
