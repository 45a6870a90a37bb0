//! The built-in procedures, and mistakes in own ones.

use super::*;

#[test]
fn every_built_in_procedure_is_valid() {
    for name in Procedure::built_in_names() {
        let procedure = Procedure::built_in(name).unwrap();
        assert_eq!(procedure.map(|procedure| procedure.name), Ok(name.to_owned()));
    }
}

#[test]
fn the_v4_procedure_restarts_memcached_twice_with_two_ids_and_a_proof_each() {
    let procedure = Procedure::built_in("ixp-manager-v4").unwrap().unwrap();
    let position = |id: &str| procedure.steps.iter().position(|step| step.id == id).unwrap();
    let restarts: Vec<usize> = procedure
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| step.proof == Some(Proof::MemcachedRestarted))
        .map(|(index, _)| index)
        .collect();
    assert_eq!(restarts, [position("memcached-before-schema"), position("memcached-after-schema")]);
    assert!(position("frontend") < restarts[0] && restarts[0] < position("schema-review"));
    assert!(position("schema-update") < restarts[1] && restarts[1] < position("maintenance-off"));
    for index in restarts {
        let step = &procedure.steps[index];
        assert!(step.when.is_empty() && step.when_exists.is_none(), "nothing may skip {}", step.id);
    }
}

fn problems(source: &str) -> Vec<String> {
    Procedure::parse("test.toml", source)
        .unwrap_err()
        .problems
        .into_iter()
        .map(|problem| problem.message)
        .collect()
}

#[test]
fn all_mistakes_of_a_procedure_are_told_at_once() {
    let found = problems(
        r#"
format = 1
name = "Bad Name"
[[steps]]
id = "one"
title = "One"
effect = "chnge"
run = ["{ixp_rot}/x", "a{php}b"]
debt = "nobody"
[[steps]]
id = "one"
title = "Two"
effect = "change"
script = "true"
run = ["true"]
[[steps]]
id = "three"
title = "Three"
effect = "change"
run = ["true"]
when = ["schema-pending"]
proof = { exists = "/a", absent = "/b" }
colour = "red"
"#,
    );
    assert_eq!(
        found,
        [
            "`name` is not kebab-case",
            "`effect` cannot be `chnge`",
            "there is no placeholder `{ixp_rot}`",
            "`{php}` is a command and must be an argument of its own",
            "a step has either `run` or `script`",
            "`proof` has one of `exists`, `absent`, `restarted` and `no_rows`",
            "unknown key `colour` in a step",
        ]
    );
}

#[test]
fn a_debt_that_nobody_pays_and_a_review_of_nothing_are_refused() {
    let found = problems(
        "format = 1\nname = \"x\"\n[[steps]]\nid = \"a\"\ntitle = \"A\"\neffect = \"change\"\nrun = [\"true\"]\n\
         debt = \"b\"\ngate = \"schema-review\"\n",
    );
    assert_eq!(
        found,
        ["nothing before `a` always finds out what is pending", "no later step `b` pays this debt"]
    );
}

#[test]
fn braces_can_be_written() {
    let template = Template::parse("refs/tags/{target}^{{commit}}").unwrap();
    assert_eq!(template.fill(|_| "v4.5.0".to_owned()), "refs/tags/v4.5.0^{commit}");
    assert_eq!(template.to_string(), "refs/tags/{target}^{{commit}}");
}

#[test]
fn a_carried_script_is_an_argument_of_run_alone() {
    let template = Template::parse("{memcached-back.sh}").unwrap();
    assert_eq!(template.fill(|_| String::new()), ArgumentText::MemcachedBack.text());
    assert_eq!(template.to_string(), "{memcached-back.sh}");
    let found = problems(
        "format = 1\nname = \"x\"\n[[steps]]\nid = \"a\"\ntitle = \"A\"\neffect = \"check\"\nrun = [\"true\"]\n\
         cwd = \"{memcached-back.sh}\"\n",
    );
    assert_eq!(found, ["`{memcached-back.sh}` is a script, not a single value"]);
}

#[test]
fn carried_scripts_are_what_they_are_for() {
    for text in ArgumentText::all() {
        assert_eq!(ArgumentText::by_file_name(text.file_name()), Some(text));
        assert_eq!(ArgumentText::of_text(&text.text()), Some(text));
        assert!(!text.text().contains("<?php"), "{text:?}");
    }
}
