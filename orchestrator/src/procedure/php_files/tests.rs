//! The files of PHP scripts name what they need, exactly, and a script put together from them is whole.

use std::collections::BTreeSet;

use super::*;
use crate::procedure::BuiltInScript;

/// The names of functions that follow `before` in a text.
fn functions_after<'t>(text: &'t str, before: &str) -> Vec<&'t str> {
    let starts = text.match_indices(before).map(|(at, _)| &text[at + before.len()..]);
    let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    starts.map(|rest| rest.split(ends).next().unwrap_or_default()).collect()
}

/// The functions of ixporch that a text calls, or hands on by their names.
fn called(text: &str) -> BTreeSet<String> {
    let name_at = |at: usize| {
        let (before, rest) = text.split_at(at);
        let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c == '_')).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let is_call = after.starts_with('(');
        (is_call || before.ends_with(", '") && after.starts_with("')")).then(|| name.to_owned())
    };
    text.match_indices("ixporch_").filter_map(|(at, _)| name_at(at)).collect()
}

/// The files on the way from a file to itself, where it needs itself.
fn cycle(name: &'static str, way: &[&'static str]) -> Option<Vec<&'static str>> {
    let way = [way, &[name]].concat();
    let text = FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)?;
    parts(text).0.into_iter().find_map(|used| {
        if way.contains(&used) { Some([&way[..], &[used]].concat()) } else { cycle(used, &way) }
    })
}

#[test]
fn every_needed_file_is_known_and_none_needs_itself() {
    for (name, text) in FILES {
        assert!(text.starts_with(OPENING), "{name}");
        for used in parts(text).0 {
            assert!(FILES.iter().any(|(known, _)| *known == used), "{name} uses {used}");
        }
        assert_eq!(cycle(name, &[]), None, "{name}");
    }
}

#[test]
fn every_file_of_the_folder_is_in_the_table() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/procedures/php");
    let there =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let there: BTreeSet<String> = there.collect();
    let known: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(there, known);
}

#[test]
fn a_file_comes_once_and_after_what_it_needs() {
    let text = assemble("backup.php");
    let places: Vec<usize> = [
        "umask(0077);\nini_set(",
        "function ixporch_start(",
        "function ixporch_pack(",
        "function ixporch_manifest_of(",
    ]
    .map(|piece| text.find(piece).unwrap_or_else(|| panic!("no {piece}")))
    .to_vec();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(text.matches("umask(0077);\nini_set(").count(), 1);
    assert!(!text.contains(OPENING) && !text.contains(USES), "{text}");
}

#[test]
fn a_script_defines_each_function_that_it_calls_once() {
    for name in BuiltInScript::file_names() {
        let text = assemble(&name);
        assert!(!text.is_empty(), "{name}");
        let defined = functions_after(&text, "\nfunction ");
        let unique: BTreeSet<String> = defined.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(unique.len(), defined.len(), "{name}: {defined:?}");
        let missing: Vec<String> = called(&text).difference(&unique).cloned().collect();
        assert!(missing.is_empty(), "{name} calls {missing:?}");
    }
}

#[test]
fn a_file_names_exactly_what_it_calls() {
    // It has no functions: its settings are what a file needs of it.
    const SETTINGS_ONLY: &str = "limits.php";
    let owner = |function: &str| {
        let wanted = format!("\nfunction {function}(");
        FILES.iter().find(|(_, text)| text.contains(&wanted)).map(|(name, _)| *name)
    };
    for (name, text) in FILES {
        let called: BTreeSet<&str> = called(text).iter().filter_map(|function| owner(function)).collect();
        let needed: BTreeSet<&str> = called.into_iter().filter(|file| file != name).collect();
        let named: BTreeSet<&str> = parts(text).0.into_iter().filter(|file| *file != SETTINGS_ONLY).collect();
        assert_eq!(named, needed, "{name}");
    }
}
