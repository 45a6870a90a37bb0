//! The table of what IXP Manager's document asks: every step, command and test that it names exists.

use std::path::Path;

use ixporch::procedure::{DEFAULT_PROCEDURE, Procedure};

use crate::stage::program;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// How many statements nothing answers yet; each of their rows says so.
const NOT_THERE_YET: usize = 0;

/// The rows of all tables, by their cells: statement, steps, commands, tests.
fn rows() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(Path::new(ROOT).join("docs/reference/seed-coverage.md")).unwrap();
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| the document |"));
    rows.map(cells).collect()
}

/// The texts in backquotes.
fn named(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn steps_of(procedure: &str) -> Vec<String> {
    let procedure =
        Procedure::built_in(procedure).unwrap_or_else(|| panic!("no procedure {procedure}")).unwrap();
    procedure.steps.into_iter().map(|step| step.id).collect()
}

/// `step`, or `step` of `procedure`.
fn assert_steps(row: &[String]) {
    for one in row[1].split(", ") {
        match named(one).as_slice() {
            [step] => assert!(steps_of(DEFAULT_PROCEDURE).contains(&(*step).to_owned()), "{step}: {row:?}"),
            [step, procedure] => {
                assert!(steps_of(procedure).contains(&(*step).to_owned()), "{step}: {row:?}");
            }
            _ => panic!("no step: {row:?}"),
        }
    }
}

/// The source that holds a module's tests.
fn source(module: &str) -> String {
    let (kind, module) = module.split_once("::").unwrap_or((module, "tests"));
    let candidates = match kind {
        "it" | "on_the_fleet" => vec![format!("tests/{kind}/{module}.rs")],
        kind => ["", "/tests", "/mod"]
            .iter()
            .flat_map(|end| {
                [
                    format!("orchestrator/src/{kind}{end}.rs"),
                    format!("orchestrator/src/{kind}/{module}{end}.rs"),
                ]
            })
            .collect(),
    };
    candidates.iter().filter_map(|path| std::fs::read_to_string(Path::new(ROOT).join(path)).ok()).collect()
}

#[test]
fn every_statement_of_the_document_has_a_step_a_command_and_a_test_that_exist() {
    let home = tempfile::tempdir().unwrap();
    let program = program(&home);
    let rows = rows();
    assert!(rows.len() > 30, "{}", rows.len());
    let mut missing = 0;
    for row in &rows {
        assert_eq!(row.len(), 4, "{row:?}");
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        if row[1] == "none: not there yet" {
            missing += 1;
            continue;
        }
        assert_steps(row);
        for command in named(&row[2]) {
            let (options, words): (Vec<&str>, Vec<&str>) =
                command.split(' ').skip(1).partition(|word| word.starts_with("--"));
            let help = program.run(&[&words[..], &["--help"]].concat());
            assert_eq!(help.code, 0, "{command}: {row:?}");
            assert!(options.iter().all(|option| help.stdout.contains(option)), "{command}: {row:?}");
        }
        let tests = named(&row[3]);
        assert!(!tests.is_empty(), "{row:?}");
        for test in tests {
            let (module, name) = test.rsplit_once("::").unwrap();
            assert!(source(module).contains(&format!("fn {name}(")), "{test}: {row:?}");
        }
    }
    assert_eq!(missing, NOT_THERE_YET);
}
