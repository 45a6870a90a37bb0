//! Evidence: what staging proved lets prod go on without a question, and what it did not prove is refused.

use std::path::{Path, PathBuf};
use std::process::Command;

use ixporch_tests::program::Ended;

use crate::stage::{Stage, host_of};
use crate::waves::next_command;

const DROP: &str = "ALTER TABLE cust DROP legacy_code";

/// A stage on which a person has to look at schema changes.
fn stage(groups: &[(&str, &[&str])]) -> Stage {
    let stage = Stage::new(groups);
    stage.change_inventory("schema_approval = \"any\"", "schema_approval = \"review\"");
    stage
}

/// The fingerprint that the last run shows.
fn fingerprint(stage: &Stage) -> String {
    let groups = stage.program.json(&["--format", "json", "schema"]);
    groups[0]["fingerprint"].as_str().unwrap().to_owned()
}

/// Upgrades all of it, with a person's approval of what is pending.
fn upgrade_approved(stage: &Stage) {
    assert_eq!(stage.upgrade().code, 7);
    let ended = stage.program.run(&["resume", "--approve-schema", &fingerprint(stage)]);
    assert_eq!(ended.code, 0, "{ended}");
}

/// A stage of one host that was upgraded, and the file of what that proved.
fn staging(options: &[&str]) -> (Stage, PathBuf) {
    let stage = stage(&[("staging", &["s1"])]);
    upgrade_approved(&stage);
    let file = write_evidence(&stage, options);
    (stage, file)
}

fn write_evidence(stage: &Stage, options: &[&str]) -> PathBuf {
    let mut arguments = vec!["evidence"];
    arguments.extend(options);
    let ended = stage.program.run(&arguments);
    assert_eq!(ended.code, 0, "{ended}");
    let file = stage.folder.path().join("staging.evidence.json");
    std::fs::write(&file, ended.stdout).unwrap();
    file
}

fn upgrade_by(stage: &Stage, file: &Path) -> Ended {
    stage.run(&["upgrade", "--yes", "--requires-run", &file.display().to_string()])
}

/// Nothing was asked of a host but what it is.
fn is_untouched(stage: &Stage, name: &str) -> bool {
    let host = stage.fleet.host(name);
    host.describe() == "v4.4.0"
        && !host.in_maintenance()
        && host.leftovers().is_empty()
        && host.asked().is_empty()
}

#[test]
fn what_staging_proved_lets_another_inventory_go_on_without_a_question() {
    let (_staging, file) = staging(&[]);
    let prod = stage(&[("prod", &["p1", "p2"])]);
    let ended = upgrade_by(&prod, &file);
    assert_eq!(ended.code, 0, "{ended}");
    let report = prod.report();
    for name in ["p1", "p2"] {
        assert_eq!(host_of(&report, name)["approved_schema_by"], "tester on s1");
    }
    assert_eq!(
        (&report["evidence"][0]["hosts"][0], &report["risk"]),
        (&"s1".into(), &serde_json::Value::Null)
    );
    assert!(ended.stderr.contains("relies on evidence of"), "{ended}");
    // The same, handed on: prod's own run proves it to others, by the same person's word.
    let evidence = prod.program.json(&["evidence", "--no-sign"]);
    let schema = &evidence["evidence"]["hosts"][0]["schema"];
    assert_eq!(
        (&schema["approved_by"], &schema["fingerprint"]),
        (&"tester on s1".into(), &fingerprint(&prod).into())
    );
}

#[test]
fn a_schema_that_staging_did_not_have_is_refused_with_host_fingerprint_and_statement() {
    // Prod has a column of its own: more would be dropped there than was on staging.
    let (_staging, file) = staging(&[]);
    let prod = stage(&[("prod", &["p1", "p2"])]);
    prod.fleet.host("p2").drift(DROP);
    let ended = upgrade_by(&prod, &file);
    assert_eq!(ended.code, 7, "{ended}");
    assert_eq!((prod.outcome("p1").as_str(), prod.outcome("p2").as_str()), ("upgraded", "held"));
    let host = prod.fleet.host("p2");
    assert_eq!((host.describe().as_str(), host.in_maintenance()), ("v4.4.0", false));
    let groups = prod.program.json(&["--format", "json", "schema"]);
    let theirs = groups.as_array().unwrap().iter().find(|group| group["hosts"][0] == "p2").unwrap();
    let digits = theirs["fingerprint"].as_str().unwrap().get(..12).unwrap();
    let why = host_of(&prod.report(), "p2")["why"].as_str().unwrap().to_owned();
    assert!(why.contains(digits) && why.contains(&format!("only here: {DROP}")), "{why}");
    assert!(ended.stdout.contains(&format!("only here: {DROP}")), "{ended}");
    // An approval alone does not stand for evidence; a person who takes the risk upon themselves does.
    let approved = prod.program.run(&["resume", "--approve-schema", digits]);
    assert_eq!(approved.code, 7, "{approved}");
    let risked =
        prod.program.run(&["resume", "--approve-schema", digits, "--accept-risk", "the column is ours"]);
    assert_eq!(risked.code, 0, "{risked}");
    let taken = &prod.report()["risk"];
    assert_eq!((&taken["reason"], &taken["taken"][0]["of"]), (&"the column is ours".into(), &"p2".into()));
    assert!(risked.stdout.contains("risk accepted by tester on"), "{risked}");
}

#[test]
fn staging_with_a_column_of_its_own_proves_nothing_for_those_without() {
    let staging = stage(&[("staging", &["s1"])]);
    staging.fleet.host("s1").drift(DROP);
    upgrade_approved(&staging);
    let file = write_evidence(&staging, &[]);
    let prod = stage(&[("prod", &["p1"])]);
    let ended = upgrade_by(&prod, &file);
    assert_eq!(ended.code, 7, "{ended}");
    let why = host_of(&prod.report(), "p1")["why"].as_str().unwrap().to_owned();
    assert!(why.contains(&format!("only there: {DROP}")) && why.contains(&fingerprint(&prod)[..12]), "{why}");
    assert_eq!(prod.fleet.host("p1").describe(), "v4.4.0");
}

#[test]
fn a_file_that_was_changed_or_is_none_is_refused_before_anything_is_asked() {
    let (staging, file) = staging(&[]);
    let text = std::fs::read_to_string(&file).unwrap();
    let prod = stage(&[("prod", &["p1"])]);
    let refused = |text: &str, why: &str| {
        std::fs::write(&file, text).unwrap();
        let ended = upgrade_by(&prod, &file);
        assert_eq!(ended.code, 3, "{ended}");
        assert!(ended.stderr.contains(why) && ended.stderr.contains("help: "), "{ended}");
        assert!(is_untouched(&prod, "p1"));
    };
    let changed = "what it says was changed after it was written";
    refused(&text.replace("\"7.0.33\"", "\"7.1.33\""), changed);
    refused(&text.replace("CREATE TABLE audit_log", "DROP TABLE cust"), changed);
    refused("{}", "it is no evidence");
    refused(&text.replace("\"format\": 1", "\"format\": 9"), "it has format 9");
    refused(text.get(..text.len() / 2).unwrap(), "it is no evidence");
    // One that was only laid out anew says the same.
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    std::fs::write(&file, value.to_string()).unwrap();
    assert_eq!(upgrade_by(&prod, &file).code, 0);
    let wrong = prod.run(&["upgrade", "--yes", "--requires-run", "nothing.json"]);
    assert_eq!(wrong.code, 3, "{wrong}");
    let own = staging.program.run(&["evidence", "--wave", "stagin"]);
    assert_eq!(own.code, 2, "{own}");
    assert!(own.stderr.contains("has no wave `stagin`\nhelp: did you mean `staging`?"), "{own}");
}

fn key(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    path
}

#[test]
fn whose_signature_counts_is_said_by_the_inventory() {
    let keys = tempfile::tempdir().unwrap();
    let (ada, eve) = (key(keys.path(), "ada"), key(keys.path(), "eve"));
    let public = std::fs::read_to_string(ada.with_extension("pub")).unwrap();
    let (staging, unsigned) = staging(&[]);
    let prod = stage(&[("prod", &["p1"])]);
    let signers = prod.folder.path().join("allowed_signers");
    std::fs::write(&signers, format!("ada@example.net namespaces=\"ixporch-evidence\" {public}")).unwrap();
    prod.change_inventory("format = 1\n", "format = 1\n[evidence]\nallowed_signers = \"allowed_signers\"\n");

    let ended = upgrade_by(&prod, &unsigned);
    assert_eq!(ended.code, 3, "{ended}");
    assert!(ended.stderr.contains("it is not signed, and the inventory wants a signature"), "{ended}");
    let by_eve = write_evidence(&staging, &["--sign-with", &eve.display().to_string()]);
    let ended = upgrade_by(&prod, &by_eve);
    assert_eq!(ended.code, 3, "{ended}");
    assert!(
        ended.stderr.contains("it is signed with SHA256:") && ended.stderr.contains("does not name"),
        "{ended}"
    );
    let by_ada = write_evidence(&staging, &["--sign-with", &ada.display().to_string()]);
    // Whoever changes what it says can make its digest anew, and not its signature.
    let text = std::fs::read_to_string(&by_ada).unwrap();
    let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
    file["evidence"]["operator"] = "eve".into();
    file["digest"] = ixporch::digest::sha256(file["evidence"].to_string().as_bytes()).into();
    std::fs::write(&by_ada, file.to_string()).unwrap();
    let ended = upgrade_by(&prod, &by_ada);
    assert_eq!(ended.code, 3, "{ended}");
    assert!(ended.stderr.contains("its signature is not one of what it says"), "{ended}");
    assert!(is_untouched(&prod, "p1"));
    std::fs::write(&by_ada, text).unwrap();
    let ended = upgrade_by(&prod, &by_ada);
    assert_eq!(ended.code, 0, "{ended}");
    assert!(ended.stderr.contains("signed by ada@example.net"), "{ended}");
    assert_eq!(prod.report()["evidence"][0]["signer"], "ada@example.net");
}

#[test]
fn a_wave_that_requires_another_starts_only_where_its_hosts_are_alike() {
    let stage = stage(&[("staging", &["s1"]), ("prod", &["p1", "p2"])]);
    stage.change_inventory("name = \"prod\"", "name = \"prod\"\nrequires = \"staging\"");
    stage.fleet.host("p2").set_php_version("7.1.8");
    // Staging first, and by itself.
    let staging = stage.run(&["upgrade", "--yes", "--until-wave", "staging"]);
    assert_eq!(staging.code, 7, "{staging}");
    let (first, pending) = (stage.last_run(), fingerprint(&stage));
    let early = stage.run(&["upgrade", "--yes", "--wave", "prod"]);
    assert_eq!(early.code, 7, "{early}");
    let unknown = "wave `staging`, s1: no run of this controller is known that upgraded it";
    assert!(early.stdout.contains(unknown), "{early}");
    let kind = "p2: it has PHP 7.1 with MySQL, and what was proved is for PHP 7.0 with MySQL";
    let ended = stage.program.run(&["resume", &first, "--approve-schema", &pending]);
    assert_eq!(ended.code, 0, "{ended}");

    // Prod by itself, with what staging proved on another day: one of the hosts is of another kind.
    let held = stage.run(&["upgrade", "--yes", "--wave", "prod"]);
    assert_eq!(held.code, 7, "{held}");
    assert!(held.stdout.contains(kind) && !held.stdout.contains("s1: "), "{held}");
    assert!(is_untouched(&stage, "p1") && is_untouched(&stage, "p2"));
    let unmet = &stage.report()["waves"][0]["evidence_unmet"];
    assert_eq!(unmet, &serde_json::json!([kind]));
    let unapproved = stage.program.run(&["resume", "--approve", "prod"]);
    assert_eq!(unapproved.code, 7, "an approval stood for evidence: {unapproved}");
    let words = next_command(&held, "to let wave prod start all the same");
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    *words.last_mut().unwrap() = "7.1 is what we go to next";
    let risked = stage.program.run(&words);
    // The schema is reviewed as if there were no evidence.
    assert_eq!(risked.code, 7, "{risked}");
    assert!(risked.stdout.contains("risk accepted by tester on") && risked.stdout.contains(kind), "{risked}");
    let ended = stage.program.run(&["resume", "--approve-schema", &fingerprint(&stage)]);
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(stage.report()["risk"]["taken"][0]["of"], "wave prod");
}

#[test]
fn staging_and_prod_of_one_run_are_reviewed_once() {
    let stage = stage(&[("staging", &["s1"]), ("prod", &["p1", "p2"])]);
    stage.change_inventory("name = \"prod\"", "name = \"prod\"\nrequires = \"staging\"");
    let inventory = stage.inventory.display().to_string();
    let (code, shown) = stage.program.at_a_terminal(&["upgrade", "--yes", "--inventory", &inventory], "y\n");
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(shown.matches("[y/N]").count(), 1, "{shown}");
    assert_eq!(host_of(&stage.report(), "p1")["approved_schema_by"], "tester on s1");
}
