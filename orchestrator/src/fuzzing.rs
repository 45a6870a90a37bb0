//! Fuzz targets: everything that reads what others wrote, given any bytes.
//!
//! Owns the list of targets, and those of the pure part; the others stand in the modules that they try. Each must end soon,
//! whatever it is given, and panic only where a law is broken. `tests/fuzz` runs them with libFuzzer, and a test runs
//! them over the seeds in `tests/fuzzing`. They are in no program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ixporch_inventory::{Answer, Inventory, OpenSshSettings, Selector, Surroundings};

use crate::facts::{self, PendingSql, SiteAnswer};
use crate::report::{self, KnownRun, Paint};
use crate::schema::{self, Columns, SchemaChanges};
use crate::text::{self, RemoteText};

/// A target: it takes any bytes.
pub type Target = fn(&[u8]);

/// All targets, by name.
pub const TARGETS: [(&str, Target); 13] = [
    ("doctrine", doctrine),
    ("evidence", crate::cli::fuzzing::evidence),
    ("facts", facts),
    ("frames", crate::ledger::fuzzing::frames),
    ("inventory", crate::cli::fuzzing::inventory),
    ("journal", crate::journal::fuzzing::journal),
    ("known_hosts", crate::transport::ssh::fuzzing::known_hosts),
    ("manifest", crate::cli::fuzzing::manifest),
    ("openssh", openssh),
    ("procedure", crate::cli::fuzzing::procedure),
    ("selector", selector),
    ("sql", sql),
    ("texts", texts),
];

/// The target of this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}

/// What is shown must not be able to rewrite a terminal.
///
/// # Panics
/// It could.
pub(crate) fn assert_harmless(shown: &str) {
    let is_bad = |c: char| c != '\n' && c != '\t' && text::is_harmful(c);
    assert!(!shown.contains(is_bad), "this is shown: {shown:?}");
}

/// The parts of an input, which a NUL separates; what is missing is empty.
pub(crate) fn parts<const N: usize>(bytes: &[u8]) -> [String; N] {
    let mut parts = bytes.splitn(N, |byte| *byte == 0);
    std::array::from_fn(|_| String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned())
}

/// What steps that run Doctrine print.
fn doctrine(bytes: &[u8]) {
    let output = RemoteText::from_bytes(bytes);
    let _ = facts::read_schema_update(&output);
    let _ = facts::is_valid(0, &output);
    if let PendingSql::Pending(statements) = facts::read_pending_sql(&output) {
        assert!(!statements.is_empty());
        let _ = SchemaChanges::read(statements.iter().map(String::as_str));
    }
}

/// What the probe, the preflight and other built-in scripts print.
fn facts(bytes: &[u8]) {
    let said = RemoteText::from_bytes(bytes);
    let _ = facts::read_preflight(said.raw());
    let _ = facts::read_composition(said.raw());
    let _ = facts::read_script_reason(&said);
    let _ = facts::Distrust::parse(said.raw());
    let _ = facts::HostLock::parse(said.raw());
    let answers: Vec<SiteAnswer> = said
        .raw()
        .split('\0')
        .map(|body| SiteAnswer { status: 200, elsewhere: None, body: body.to_owned() })
        .collect();
    let _ = facts::read_site(&answers, Some("4.9.1"));
    if let Ok(leftovers) = facts::parse_leftovers(bytes) {
        assert_harmless(&report::ledgers(Paint::new(false), &leftovers));
    }
    if let Ok(facts) = facts::parse(bytes) {
        let probes = BTreeMap::from([("host".to_owned(), Ok(facts))]);
        let unknown = |_: &str| KnownRun::Unknown;
        let shown = report::status(Paint::new(false), "ixporch", "inventory.toml", &probes, &unknown);
        assert_harmless(&shown);
    }
}

/// The answers of OpenSSH's client to questions about a host, about any, and without a file.
fn openssh(bytes: &[u8]) {
    const INVENTORY: &str = "format = 1\n[hosts.a]\naddress = \"a.example\"\n[hosts.b]\njump = [\"c\"]\n";
    let [of_host, of_any, of_none] = parts(bytes);
    let settings = OpenSshSettings::read(&of_host, &of_any, &of_none, "~/.ssh/config");
    let Ok(mut inventory) = Inventory::parse("inventory.toml", INVENTORY) else { return };
    let surroundings = Surroundings {
        home: Path::new("/home/ops"),
        user: "ops",
        folder: Path::new("/srv"),
        exists: |_| true,
        variable: |name| Some(name.to_lowercase()),
    };
    let mut asked = BTreeSet::new();
    // An answer may name jump hosts, about which there are questions of their own.
    for _ in 0..4 {
        let questions = inventory.open_questions(|_| true);
        let answers: BTreeMap<_, Answer> =
            questions.iter().map(|question| (question.clone(), Ok(settings.clone()))).collect();
        asked.extend(questions);
        inventory.answer(&answers, surroundings);
    }
    for host in &inventory.hosts {
        let _ = (host.values(), host.port(), host.address(), host.proxy_command("ops"));
        let _ = (inventory.route(host).is_ok(), inventory.refusal(host));
    }
}

/// A selector, and a file of them.
fn selector(bytes: &[u8]) {
    const INVENTORY: &str = "format = 1\n[groups.prod]\n[hosts.'ixp[1-3]']\ngroup = \"prod\"\n[hosts.lab]\n";
    let text = String::from_utf8_lossy(bytes);
    let Ok(inventory) = Inventory::parse("inventory.toml", INVENTORY) else { return };
    for selector in [Selector::parse(&text), Selector::parse_lines(&text)].into_iter().flatten() {
        if let Ok(chosen) = selector.choose(&inventory.hosts) {
            assert!(!chosen.is_empty());
        }
    }
}

/// The columns of a database, and statements that change its schema.
fn sql(bytes: &[u8]) {
    let [columns, statements] = parts(bytes);
    let statements: Vec<&str> = statements.split(";\n").collect();
    let narrowed = SchemaChanges::narrowed(statements.iter().copied(), &Columns::read(&columns));
    let changes = SchemaChanges::against(statements.iter().copied(), &narrowed);
    let again = SchemaChanges::against(statements.iter().copied(), &narrowed);
    assert_eq!(changes.fingerprint, again.fingerprint);
    let alone = SchemaChanges::read(statements.iter().copied());
    assert!(changes.class() >= alone.class(), "to know more of the database makes no change less dangerous");
    let groups = schema::group([("a", changes), ("b", alone)]);
    assert_harmless(&report::schema(Paint::new(false), &groups));
}

/// Texts that are shown.
fn texts(bytes: &[u8]) {
    let text = RemoteText::from_bytes(bytes);
    assert_harmless(&text.to_string());
    assert_harmless(&text.last_lines(3).join("\n"));
    assert_harmless(&text::harmless_line(text.raw()));
    assert_harmless(&console::strip_ansi_codes(&text::harmless_shown(text.raw())));
    let line = text::stranger_line(text.raw());
    assert!(!line.contains('\n') && line.chars().count() <= 201);
    let source = text::harmless_source(text.raw());
    assert_harmless(&source);
    assert_eq!(source.len(), text.raw().len());
    let json = serde_json::json!(text.raw()).to_string();
    let harmless = text::harmless_json(&json);
    assert_harmless(&harmless);
    assert_eq!(serde_json::from_str::<String>(&harmless).ok().as_deref(), Some(text.raw()));
    let _ = crate::redact::url_without_credentials(text.raw());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_holds_over_its_seeds_and_has_some() {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzzing/seeds");
        for (name, target) in TARGETS {
            let files = std::fs::read_dir(seeds.join(name)).unwrap().map(|entry| entry.unwrap().path());
            assert!(files.map(|file| target(&std::fs::read(file).unwrap())).count() > 0, "{name}");
        }
    }
}
