//! Evidence: what staging proved lets prod go on without a question, and what it did not prove is refused.

use std::path::{Path, PathBuf};
use std::process::Command;

use ixporch_tests::program::Ended;
use ixporch_tests::wire::until;

use crate::stage::{Stage, host_of};
use crate::waves::{next_command, run_as_printed};

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

/// The run as its report calls it.
fn run_of(ended: &Ended) -> String {
    ended.stdout.split("run ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
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
    assert_eq!(report["evidence"][0]["hosts"][0], "s1");
    assert_eq!(report["risks_taken"], serde_json::json!([]));
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
    // An approval alone does not stand for evidence, nor does the risk alone for an approval; both together do.
    let hint = format!(
        "approve the schema changes of p2 against the evidence (1 addition, 1 drop): ixporch resume {}",
        run_of(&ended)
    );
    assert!(ended.stdout.contains(&hint), "{hint} is not in {ended}");
    let risked = prod.program.run(&["resume", "--accept-risk", "the column is ours"]);
    assert_eq!(risked.code, 7, "{risked}");
    assert_eq!(prod.report()["risks_taken"], serde_json::json!([]), "it did not go on");
    let approved = prod.program.run(&["resume", "--approve-schema", digits]);
    assert_eq!(approved.code, 7, "{approved}");
    let risked =
        prod.program.run(&["resume", "--approve-schema", digits, "--accept-risk", "the column is ours"]);
    assert_eq!(risked.code, 0, "{risked}");
    let taken = &prod.report()["risks_taken"];
    assert_eq!((&taken[0]["reason"], &taken[0]["of"]), (&"the column is ours".into(), &"p2".into()));
    assert!(risked.stdout.contains("risk accepted for p2 by tester on"), "{risked}");
    assert_eq!(taken.as_array().unwrap().len(), 1, "{taken}");
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
    let changed = "its content was changed after it was written";
    refused(&text.replace("\"7.0.33\"", "\"7.1.33\""), changed);
    refused(&text.replace("CREATE TABLE audit_log", "DROP TABLE cust"), changed);
    refused("{}", "not an evidence file");
    refused(&text.replace("\"format\": 1", "\"format\": 9"), "the file has format 9");
    refused(text.get(..text.len() / 2).unwrap(), "not an evidence file");
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
    assert!(ended.stderr.contains("it is not signed, but the inventory requires a signature"), "{ended}");
    let by_eve = write_evidence(&staging, &["--sign-with", &eve.display().to_string()]);
    let ended = upgrade_by(&prod, &by_eve);
    assert_eq!(ended.code, 3, "{ended}");
    assert!(
        ended.stderr.contains("it is signed with SHA256:") && ended.stderr.contains("which is not in"),
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
    assert!(ended.stderr.contains("its signature does not match its content"), "{ended}");
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
    let unmet = &stage.report()["waves"][0];
    assert_eq!(unmet["evidence_unmet"], serde_json::json!([kind]));
    let data = &unmet["evidence_unmet_data"][0];
    assert_eq!(
        (&data["code"], &data["host"], &data["kind"]["php"]),
        (&"other-kind".into(), &"p2".into(), &"7.1".into())
    );
    let unapproved = stage.program.run(&["resume", "--approve", "prod"]);
    assert_eq!(unapproved.code, 7, "an approval stood for evidence: {unapproved}");
    let words = next_command(&held, "start wave prod without the evidence");
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    *words.last_mut().unwrap() = "7.1 is what we go to next";
    let risked = stage.program.run(&words);
    // What staging proved still counts for p1; the schema of p2 is reviewed as if there were no evidence.
    assert_eq!(risked.code, 7, "{risked}");
    assert_eq!((stage.outcome("p1").as_str(), stage.outcome("p2").as_str()), ("upgraded", "held"));
    let went_on = "risk accepted for wave prod by tester on";
    assert!(risked.stdout.contains(went_on) && risked.stdout.contains(kind), "{risked}");
    // The same is not asked for twice: nothing else is missing than what was accepted.
    let ended = stage.program.run(&["resume", "--approve-schema", &fingerprint(&stage)]);
    assert_eq!(ended.code, 0, "{ended}");
    let taken = &stage.report()["risks_taken"];
    let of: Vec<&str> = taken.as_array().unwrap().iter().map(|taken| taken["of"].as_str().unwrap()).collect();
    assert_eq!(of, ["wave prod", "p2"], "and p1, which is alike, needed nobody's word");
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

/// Staging is upgraded, with a person's approval, in a run of its own.
fn upgrade_staging(stage: &Stage) {
    assert_eq!(stage.run(&["upgrade", "--yes", "--until-wave", "staging"]).code, 7);
    let ended = stage.program.run(&["resume", "--approve-schema", &fingerprint(stage)]);
    assert_eq!(ended.code, 0, "{ended}");
}

#[test]
fn a_wave_that_goes_on_later_starts_nothing_more_without_evidence() {
    let stage = stage(&[("staging", &["s1"]), ("prod", &["p1", "p2"])]);
    stage.change_inventory("name = \"prod\"", "name = \"prod\"\nrequires = \"staging\"\nparallel = 1");
    upgrade_staging(&stage);
    let p1 = stage.fleet.host("p1");
    p1.hold("memcached-after-schema", "middle");
    let inventory = stage.inventory.display().to_string();
    let arguments = ["upgrade", "--yes", "--wave", "prod", "--inventory", &inventory];
    let mut controller = stage.program.command(&arguments).spawn().unwrap();
    stage
        .runtime
        .block_on(until("p1 has changed its schema", || p1.is_held("memcached-after-schema", "middle")));
    controller.kill().unwrap();
    controller.wait().unwrap();
    p1.let_go("memcached-after-schema", "middle");
    let prod = stage.last_run();
    // Meanwhile staging's next release fails: who was begun goes on, and nobody else begins.
    stage.stop_on_failure();
    stage.fleet.host("s1").publish("4.6.0", "cust\nvirtualinterface\naudit_log\n");
    stage.fleet.host("s1").break_composer();
    assert_eq!(stage.run(&["upgrade", "--yes", "--until-wave", "staging"]).code, 6);
    let resumed = stage.program.run(&["resume", &prod]);
    assert_eq!(resumed.code, 7, "{resumed}");
    let report = stage.program.json(&["--format", "json", "report", &prod]);
    assert_eq!(host_of(&report, "p1")["outcome"], "upgraded");
    assert_eq!(host_of(&report, "p2")["outcome"], "not-started");
    assert!(resumed.stdout.contains("held back: the evidence that it requires is missing"), "{resumed}");
    assert!(resumed.stdout.contains("s1: it was not upgraded, but is failed"), "{resumed}");
    assert!(is_untouched(&stage, "p2"));
    // A risk that is accepted later is for what is missing then.
    let risked = stage.program.run(&["resume", &prod, "--accept-risk", "4.6.0 is another story"]);
    assert_eq!(risked.code, 7, "its schema is reviewed: {risked}");
    let report = stage.program.json(&["--format", "json", "report", &prod]);
    assert_eq!(report["risks_taken"][0]["reason"], "4.6.0 is another story");
}

#[test]
fn a_host_that_became_another_one_since_its_plan_is_not_started() {
    let stage = stage(&[("staging", &["s1"]), ("prod", &["p1"])]);
    stage.change_inventory("name = \"prod\"", "name = \"prod\"\nrequires = \"staging\"\ngate = \"confirm\"");
    upgrade_staging(&stage);
    assert_eq!(stage.run(&["upgrade", "--yes", "--wave", "prod"]).code, 7);
    stage.fleet.host("p1").set_php_version("7.4.33");
    let resumed = stage.program.run(&["resume", "--approve", "prod"]);
    assert_eq!(resumed.code, 4, "{resumed}");
    let why = "it was PHP 7.0 with MySQL when this was planned, and is PHP 7.4 with MySQL";
    assert_eq!(host_of(&stage.report(), "p1")["why"], why);
    assert!(is_untouched(&stage, "p1"));
}

#[test]
fn evidence_is_of_all_hosts_of_a_wave_whichever_run_upgraded_them() {
    let stage = stage(&[("staging", &["s1", "s2", "s3"])]);
    let limited = |limit: &str| {
        assert_eq!(stage.run(&["upgrade", "--yes", "--limit", limit]).code, 7);
        let ended = stage.program.run(&["resume", "--approve-schema", &fingerprint(&stage)]);
        assert_eq!(ended.code, 0, "{ended}");
    };
    limited("s1");
    let evidence = || stage.program.json(&["evidence", "--no-sign"])["evidence"].clone();
    assert_eq!(evidence()["missing"], serde_json::json!(["s2", "s3"]));
    let first = stage.last_run();
    limited("s2");
    let file = write_evidence(&stage, &["--no-sign"]);
    let runs = |evidence: &serde_json::Value| -> Vec<(String, bool)> {
        let hosts = evidence["hosts"].as_array().unwrap();
        hosts
            .iter()
            .map(|host| (host["host"].as_str().unwrap().to_owned(), host["run"] == first.as_str()))
            .collect()
    };
    let known = |names: &[(&str, bool)]| -> Vec<(String, bool)> {
        names.iter().map(|(name, first)| ((*name).to_owned(), *first)).collect()
    };
    assert_eq!(runs(&evidence()), known(&[("s2", false), ("s1", true)]));
    let prod = self::stage(&[("prod", &["p1"])]);
    let refused = upgrade_by(&prod, &file);
    assert_eq!(refused.code, 7, "{refused}");
    let why = ", s3: it was left out, and no run is known that upgraded it";
    assert!(refused.stdout.contains(why), "{refused}");
    assert!(
        refused.stderr.contains("not signed: anybody who can write the file could have made it"),
        "{refused}"
    );
    // Who is current is told as the run left it that brought it there.
    limited("s3");
    let all = stage.run(&["upgrade", "--yes"]);
    assert_eq!(all.code, 0, "{all}");
    assert_eq!(runs(&evidence()), known(&[("s1", true), ("s2", false), ("s3", false)]));
    assert_eq!(evidence()["hosts"][0]["outcome"], "upgraded");
    // The file is written anew, and the held run goes on by the command that it printed.
    write_evidence(&stage, &["--no-sign"]);
    let ended = run_as_printed(&prod, &refused, "when the hosts named above have the evidence");
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(prod.report()["evidence"].as_array().unwrap().len(), 1);
}

#[test]
fn evidence_is_not_demanded_of_what_nobody_knows_to_be_an_upgrade() {
    let stage = stage(&[("staging", &["s1"]), ("prod", &["p1"])]);
    let own = stage.folder.path().join("own.toml");
    let step = "[[steps]]\nid = \"pull\"\ntitle = \"Pull\"\neffect = \"change\"\nrun = [\"git\", \"pull\"]\n";
    std::fs::write(&own, format!("format = 1\nname = \"own\"\n{step}")).unwrap();
    let own = own.display().to_string();
    let refused = stage.run(&["upgrade", "--yes", "--procedure", &own, "--requires-run", "latest"]);
    assert_eq!(refused.code, 2, "{refused}");
    assert!(refused.stderr.contains("has no step that moves the code to a target"), "{refused}");
    stage.change_inventory("name = \"prod\"", "name = \"prod\"\nrequires = \"staging\"");
    let refused = stage.run(&["upgrade", "--yes", "--procedure", &own]);
    assert_eq!(refused.code, 2, "{refused}");
    assert!(is_untouched(&stage, "s1") && is_untouched(&stage, "p1"));
}
