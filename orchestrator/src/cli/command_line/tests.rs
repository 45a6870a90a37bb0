//! Tests of the arguments: every command has examples, and every example parses.

use clap::{Command, CommandFactory, Parser};

use super::Arguments;

const HEADING: &str = "Examples:\n";

/// A command and all below it, each with the words that call it.
fn walk(command: &Command, path: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let path: Vec<String> = path.iter().cloned().chain([command.get_name().to_owned()]).collect();
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    found.push((path.clone(), after));
    command.get_subcommands().for_each(|command| walk(command, &path, found));
}

/// Why an example is no good, if it is not.
fn mistake(path: &[String], line: &str) -> Option<String> {
    let shown = path.join(" ");
    if !line.starts_with("  ixporch") || line.len() > 80 {
        return Some(format!("{shown}: an example is two blanks and a command, in 80 columns: {line}"));
    }
    let Some(words) = shlex::split(line) else { return Some(format!("{shown}: no shell reads {line}")) };
    if !words.starts_with(path) {
        return Some(format!("{shown}: an example of another command: {line}"));
    }
    // What a shell does with the output is none of the arguments.
    let words = words.into_iter().take_while(|word| word != ">" && word != "|");
    Arguments::try_parse_from(words).err().map(|error| format!("{shown}: {line}: {error}"))
}

#[test]
fn every_command_has_examples_that_parse() {
    let mut commands = Vec::new();
    walk(&Arguments::command(), &[], &mut commands);
    assert!(commands.len() > 40, "{} commands", commands.len());
    let mut mistakes = Vec::new();
    for (path, after) in commands {
        match after.strip_prefix(HEADING) {
            Some(examples) if !examples.is_empty() => {
                mistakes.extend(examples.lines().filter_map(|line| mistake(&path, line)));
            }
            _ => mistakes.push(format!("{}: no examples", path.join(" "))),
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn a_pasted_placeholder_is_no_reason() {
    for line in [
        "resolve latest ixp1 --step views --as done --reason TEXT",
        "lock break ixp1 --reason TEXT",
        "resume --accept-risk REASON",
        "resume --approve prod --reason TEXT",
        "upgrade --skip-check memory --reason TEXT",
        "check --skip-check memory --reason TEXT",
    ] {
        let parse = |line: &str| Arguments::try_parse_from(format!("ixporch {line}").split(' '));
        let error = parse(line).unwrap_err().to_string();
        assert!(error.contains("this is a placeholder; write your own reason"), "{line}: {error}");
        let own = line.replace("TEXT", "tested").replace("REASON", "tested");
        assert!(parse(&own).is_ok(), "{own}");
    }
}

#[test]
fn the_arguments_are_consistent() {
    Arguments::command().debug_assert();
}
