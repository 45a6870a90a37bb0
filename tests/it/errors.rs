//! How errors look to scripts.

use ixporch_tests::program::Ended;
use serde_json::{Value, json};

use crate::stage::{Stage, program};

/// One host.
pub(crate) const ONE: &[(&str, &[&str])] = &[("staging", &["s1"])];

/// The error on the last line of standard error.
pub(crate) fn error_of(ended: &Ended) -> Value {
    let line = ended.stderr.lines().last().unwrap_or_default();
    let value: Value = serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {ended}"));
    assert_eq!(value.as_object().unwrap().len(), 1, "{ended}");
    assert_eq!(value["error"]["exit_code"], ended.code, "{ended}");
    value["error"].clone()
}

/// A stage after an upgrade, and where its inventory is.
pub(crate) fn upgraded() -> (Stage, String) {
    let stage = Stage::new(ONE);
    assert_eq!(stage.upgrade().code, 0);
    let inventory = stage.inventory.display().to_string();
    (stage, inventory)
}

#[test]
fn errors_are_one_json_object_for_scripts() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("bad.toml"), "format = 1\n[hosts.a]\nprt = 22\ngroups = [\"x\"]\n")
        .unwrap();
    let error = |arguments: &[&str]| {
        let [json, jsonl] = ["json", "jsonl"].map(|format| {
            let ended = program(&home).run(&[arguments, &["--format", format]].concat());
            assert_eq!((ended.stdout.as_str(), ended.stderr.lines().count()), ("", 1), "{ended}");
            error_of(&ended)
        });
        assert_eq!(json, jsonl);
        json
    };
    let found = error(&["inventory", "check", "--inventory", "bad.toml"]);
    assert_eq!((&found["code"], &found["exit_code"]), (&json!("invalid"), &json!(3)));
    assert_eq!(found["message"], "2 mistakes in bad.toml");
    let problems = found["problems"].as_array().unwrap();
    assert_eq!(
        problems
            .iter()
            .map(|problem| (&problem["file"], &problem["line"], &problem["column"]))
            .collect::<Vec<_>>(),
        [(&json!("bad.toml"), &json!(3), &json!(1)), (&json!("bad.toml"), &json!(4), &json!(11))]
    );
    assert!(problems.iter().all(|problem| problem["message"].is_string()), "{found:#}");
    assert_eq!(problems[0]["help"], "did you mean `port`?");

    for (arguments, code, exit) in [
        (&["reprot"][..], "usage", 2),
        (&["report", "one", "two"], "usage", 2),
        (&["inventory", "check"], "unreadable", 3),
        (&["procedure", "show", "nonsense"], "usage", 2),
        (&["report"], "no-runs", 3),
        (&["init", "bad.toml"], "usage", 2),
    ] {
        let found = error(arguments);
        assert_eq!((&found["code"], &found["exit_code"]), (&json!(code), &json!(exit)), "{found:#}");
        assert!(found["message"].is_string() && found["help"].is_string(), "{found:#}");
        assert!(found.get("problems").is_none(), "{found:#}");
    }
    let human = program(&home).run(&["reprot", "--", "--format", "json"]);
    assert!(human.stderr.starts_with("error: "), "{human}");
}

#[test]
fn errors_about_runs_have_codes_of_their_own() {
    let (stage, _) = upgraded();
    let code = |arguments: &[&str]| {
        error_of(&stage.program.run(&[&["--format", "json"], arguments].concat()))["code"].clone()
    };
    assert_eq!(code(&["report", "nonsense"]), "no-such-run");
    let run = stage.last_run();
    assert_eq!(stage.run(&["exec", "--yes", "--", "true"]).code, 0);
    // Both were begun within the same minutes, so their ids begin alike.
    assert_eq!(code(&["report", &run[..4]]), "ambiguous-run");
    let journal = stage.folder.path().join(".local/state/ixporch/runs").join(&run).join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text.replacen('{', "<", 1)).unwrap();
    assert_eq!(code(&["report", &run]), "journal-damaged");
    std::fs::write(&journal, text.replace("\"format\":2,", "\"format\":9,")).unwrap();
    assert_eq!(code(&["report", &run]), "journal-newer");
}
