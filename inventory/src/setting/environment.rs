//! The setting `environment`: variables that programs on a host are given, such as those of a proxy.
//!
//! Owns which names and values they may have.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use super::Value;
use crate::document::{self, Located};
use crate::problem::Problem;
use crate::value;

/// Reads the table; all that is wrong in it is a problem.
pub(super) fn read(
    key: &str,
    raw: &Spanned<DeValue<'_>>,
    problems: &mut Vec<Problem>,
) -> Option<Located<Value>> {
    let DeValue::Table(table) = raw.get_ref() else {
        let what = "a table of variables";
        problems.push(
            document::wrong_type(raw.span(), key, what, raw.get_ref()).help(format!(
                "write it like `{key} = {{ HTTPS_PROXY = \"http://proxy.example.net:3128\" }}`"
            )),
        );
        return None;
    };
    let before = problems.len();
    let mut variables = BTreeMap::new();
    for (name, value) in table {
        let variable = name.get_ref().to_string();
        if let Err(why) = variable_name(&variable) {
            problems.push(Problem::new(name.span(), format!("the variable `{variable}` {why}")));
        }
        let Some(text) = document::text(value, &variable, problems) else { continue };
        if let Err(refusal) = value::single_line(&text.value) {
            problems.push(
                Problem::new(text.span, format!("`{variable}` {}", refusal.why)).maybe_help(refusal.help),
            );
        } else if is_secret(&variable) || has_password(&text.value) {
            problems.push(
                Problem::new(text.span, format!("`{variable}` holds a password, and runs are recorded with their settings"))
                    .help("keep it on the host, such as in the settings of composer and git of the users that run them"),
            );
        } else {
            variables.insert(variable, text.value);
        }
    }
    (problems.len() == before).then(|| Located::new(Value::Variables(variables), raw.span()))
}

/// As POSIX names variables (XBD 8.1). Those of ixporch are its own.
fn variable_name(name: &str) -> Result<(), &'static str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(is_name) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("has a name that no variable can have: letters, digits and `_`, and no digit first");
    }
    if name.starts_with("IXPORCH_") {
        return Err("is one of ixporch's own");
    }
    Ok(())
}

/// Whether a variable holds a secret by its name.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["TOKEN", "PASSWORD", "PASSWD", "SECRET"].iter().any(|word| name.contains(word))
        || ["_AUTH", "_KEY"].iter().any(|end| name.ends_with(end))
}

/// Whether a login stands before an `@`, as in `http://user:password@host`, `token@proxy` or `user:pass@proxy:3128`.
fn has_password(text: &str) -> bool {
    let is_login =
        |before: &str| before.chars().next_back().is_some_and(|c| !c.is_whitespace() && c != '/' && c != ',');
    text.match_indices('@').any(|(at, _)| text.get(..at).is_some_and(is_login))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(source: &str) -> (Option<Value>, Vec<String>) {
        let document = document::parse("test", source).unwrap();
        let mut problems = Vec::new();
        let raw = document.get_ref().get("environment").unwrap();
        let value = read("environment", raw, &mut problems).map(|located| located.value);
        (value, problems.iter().map(|problem| problem.message.clone()).collect())
    }

    #[test]
    fn variables_are_read() {
        let source = "environment = { HTTPS_PROXY = \"http://proxy.example.net:3128\", NO_PROXY = \"a,b\" }";
        let (value, problems) = read_text(source);
        assert_eq!(problems, [""; 0]);
        assert_eq!(
            value.unwrap().to_toml(),
            "{ HTTPS_PROXY = \"http://proxy.example.net:3128\", NO_PROXY = \"a,b\" }"
        );
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let (value, problems) = read_text(
            "environment = { \"A B\" = \"1\", IXPORCH_STEP = \"1\", N = 1, L = \"a\\nb\", P = \"http://me:pass@proxy\" }",
        );
        assert_eq!((value, problems.len()), (None, 5), "{problems:?}");
        assert!(problems.iter().any(|problem| problem.contains("`P` holds a password")), "{problems:?}");
        let secrets = "environment = { A = \"me:p@proxy:3128\", B = \"http://token@proxy\", C = \"http://a http://m:p/w@h\", COMPOSER_AUTH = \"{}\", GH_TOKEN = \"x\" }";
        assert_eq!(read_text(secrets).1.len(), 5);
        let (value, problems) = read_text("environment = \"A=1\"");
        assert_eq!((value, problems.len()), (None, 1));
    }
}
