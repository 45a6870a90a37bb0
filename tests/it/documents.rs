//! Documents that are generated from the program: the checked-in copies must be what it says now.

use std::path::{Path, PathBuf};

use crate::stage::program;

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

/// Compares a checked-in document with what it should be; `IXPORCH_UPDATE_DOCS=1` writes it instead.
fn assert_is(name: &str, wanted: &str) {
    if std::env::var_os("IXPORCH_UPDATE_DOCS").is_some() {
        std::fs::write(docs(name), wanted).unwrap();
    }
    let found = std::fs::read_to_string(docs(name)).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/{name} is out of date; write it anew: IXPORCH_UPDATE_DOCS=1 cargo test --test it documents"
    );
}

#[test]
fn the_json_schema_of_the_docs_is_the_programs() {
    let home = tempfile::tempdir().unwrap();
    assert_is("inventory.schema.json", &program(&home).run(&["inventory", "schema"]).stdout);
}

#[test]
fn the_command_line_reference_of_the_docs_is_the_programs_help() {
    let home = tempfile::tempdir().unwrap();
    let program = program(&home);
    let commands: [&[&str]; 50] = [
        &[],
        &["init"],
        &["inventory"],
        &["inventory", "check"],
        &["inventory", "list"],
        &["inventory", "explain"],
        &["inventory", "schema"],
        &["procedure"],
        &["procedure", "check"],
        &["procedure", "show"],
        &["status"],
        &["check"],
        &["plan"],
        &["upgrade"],
        &["resume"],
        &["rollback"],
        &["settle"],
        &["resolve"],
        &["backup"],
        &["backup", "list"],
        &["backup", "verify"],
        &["backup", "fetch"],
        &["backup", "prune"],
        &["approve"],
        &["evidence"],
        &["schema"],
        &["schema", "validate"],
        &["schema", "diff"],
        &["schema", "fix"],
        &["views", "recreate"],
        &["memcached", "restart"],
        &["maintenance"],
        &["maintenance", "on"],
        &["maintenance", "off"],
        &["maintenance", "status"],
        &["entities", "regenerate"],
        &["run"],
        &["exec"],
        &["lock"],
        &["lock", "show"],
        &["lock", "break"],
        &["ledger"],
        &["ledger", "list"],
        &["ledger", "clean"],
        &["runs"],
        &["runs", "verify"],
        &["runs", "archive"],
        &["runs", "prune"],
        &["report"],
        &["logs"],
    ];
    let mut text =
        "# Command line\n\nThe program's own help. A test keeps this page and the program alike.\n"
            .to_owned();
    for command in commands {
        let mut arguments = command.to_vec();
        arguments.push("--help");
        let help = program.run(&arguments).stdout.replace("ixporch-under-test", "ixporch");
        let name = std::iter::once("ixporch").chain(command.iter().copied()).collect::<Vec<_>>().join(" ");
        text.push_str("\n## `");
        text.push_str(&name);
        text.push_str("`\n\n```text\n");
        text.push_str(help.trim_end());
        text.push_str("\n```\n");
    }
    assert_is("command-line.md", &text);
}

#[test]
fn every_finding_of_the_preflight_is_in_the_book() {
    let page = std::fs::read_to_string(docs("check.md")).unwrap();
    let missing: Vec<&str> =
        ixporch::preflight::IDS.into_iter().filter(|id| !page.contains(&format!("`{id}`"))).collect();
    assert_eq!(missing, Vec::<&str>::new());
}
