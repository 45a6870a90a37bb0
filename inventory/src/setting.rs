//! The settings of a host: which there are, what each may hold, and what it is by default.
//!
//! The one table of settings (`SPECS`) is `specs`; reading, defaults, `explain` and the JSON Schema all
//! come from it, so that a setting cannot exist in one and be forgotten in another.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;
use std::time::Duration;

use serde::Serialize;
use toml::Spanned;
use toml::de::DeValue;

use crate::document::{self, Fields, Located};
use crate::jump::Jump;
use crate::lines::LineIndex;
use crate::problem::Problem;
use crate::value;

mod environment;
mod specs;

pub use specs::{Kind, SPECS, Spec};

/// The settings that one place of the inventory sets (a host, a group, the defaults).
///
/// A list, because most hosts set a few of them and there may be many hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Layer {
    values: Vec<(&'static str, Set)>,
}

/// A value that the inventory sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Set {
    pub(crate) value: Value,
    /// Where the value stands.
    pub(crate) span: Range<usize>,
    /// The line (from 1) of its beginning.
    pub(crate) line: usize,
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A single word or line.
    Text(String),
    /// A list of words, names or paths.
    List(Vec<String>),
    /// A number.
    Number(u32),
    /// Yes or no.
    Flag(bool),
    /// Variables with their values.
    Variables(BTreeMap<String, String>),
    /// A length of time, shown in its shortest form.
    #[serde(serialize_with = "value::serialize_time")]
    Time(Duration),
}

impl Value {
    /// The value as it would be written in TOML.
    pub fn to_toml(&self) -> String {
        match self {
            Self::Text(text) => format!("{text:?}"),
            Self::List(items) => {
                format!("[{}]", items.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>().join(", "))
            }
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Variables(variables) => {
                let pairs = variables.iter().map(|(name, value)| format!("{name} = {value:?}"));
                format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
            }
            Self::Time(time) => format!("{:?}", value::show_time(*time)),
        }
    }
}

impl Layer {
    /// The value of `key` here, if this layer sets it.
    pub(crate) fn get(&self, key: &str) -> Option<&Set> {
        self.values.iter().find_map(|(known, set)| (*known == key).then_some(set))
    }

    /// All values by their keys.
    #[cfg(test)]
    pub(crate) fn shown(&self) -> Vec<(&'static str, Value)> {
        self.values.iter().map(|(key, set)| (*key, set.value.clone())).collect()
    }

    /// The values of these keys alone.
    pub(crate) fn only(&self, keys: &[&str]) -> Self {
        Self { values: self.values.iter().filter(|(key, _)| keys.contains(key)).cloned().collect() }
    }

    /// A layer of values that no line of the inventory sets.
    pub(crate) fn of(values: Vec<(&'static str, Value)>) -> Self {
        let set = |value| Set { value, span: 0..0, line: 0 };
        Self { values: values.into_iter().map(|(key, value)| (key, set(value))).collect() }
    }

    /// Reads those of the settings out of `fields` that are in `keys`; other keys are left for the caller.
    pub(crate) fn read_only(
        keys: &[&str],
        fields: &mut Fields<'_, '_>,
        lines: &LineIndex,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut layer = Self::default();
        for spec in SPECS.iter().filter(|spec| keys.contains(&spec.key)) {
            if let Some(raw) = fields.raw(spec.key) {
                layer.put(spec, raw, lines, problems);
            }
        }
        layer.values.shrink_to_fit();
        layer
    }

    /// Reads all settings out of `fields`; other keys are left for the caller.
    pub(crate) fn read(fields: &mut Fields<'_, '_>, lines: &LineIndex, problems: &mut Vec<Problem>) -> Self {
        let mut layer = Self::default();
        for spec in SPECS.iter().filter(|spec| !spec.key.contains('.')) {
            if let Some(raw) = fields.raw(spec.key) {
                layer.put(spec, raw, lines, problems);
            }
        }
        for name in ["memcached", "writers"] {
            let Some(mut table) = fields.table(name, problems) else { continue };
            let span = table.span.clone();
            for spec in SPECS {
                let Some(key) = spec.key.strip_prefix(name).and_then(|key| key.strip_prefix('.')) else {
                    continue;
                };
                if let Some(raw) = table.raw(key) {
                    layer.put(spec, raw, lines, problems);
                }
            }
            table.finish(problems);
            if layer.get("writers.stop").is_some() != layer.get("writers.start").is_some() {
                problems.push(Problem::new(span, "`writers` has both `stop` and `start`, or neither").help(
                    "what is stopped must be started again: writers = { stop = \"…\", start = \"…\" }",
                ));
            }
        }
        layer.values.shrink_to_fit();
        layer
    }

    fn put(
        &mut self,
        spec: &'static Spec,
        raw: &Spanned<DeValue<'_>>,
        lines: &LineIndex,
        problems: &mut Vec<Problem>,
    ) {
        if let Some(Located { value, span }) = read_value(spec, raw, problems) {
            let line = lines.line(span.start);
            self.values.push((spec.key, Set { value, span, line }));
        }
    }
}

/// The built-in value of a setting; all hosts share it.
pub(crate) fn built_in(key: &str) -> Option<&'static Value> {
    static ALL: LazyLock<BTreeMap<&str, Value>> =
        LazyLock::new(|| SPECS.iter().filter_map(|spec| Some((spec.key, read_built_in(spec)?))).collect());
    ALL.get(key)
}

fn read_built_in(spec: &Spec) -> Option<Value> {
    let text = spec.built_in?;
    Some(match spec.kind {
        Kind::Port | Kind::Count => Value::Number(text.parse().ok()?),
        Kind::Flag => Value::Flag(text.parse().ok()?),
        Kind::Time => Value::Time(value::parse_time(text).ok()?),
        Kind::Words => Value::List(shlex::split(text)?),
        Kind::LocalPaths | Kind::Jumps => Value::List(serde_json::from_str(text).ok()?),
        _ => Value::Text(text.to_owned()),
    })
}

fn read_value(
    spec: &Spec,
    raw: &Spanned<DeValue<'_>>,
    problems: &mut Vec<Problem>,
) -> Option<Located<Value>> {
    let key = spec.key.rsplit('.').next().unwrap_or(spec.key);
    match spec.kind {
        Kind::Port => Some(document::number(raw, key, 1..=u32::from(u16::MAX), problems)?.map(Value::Number)),
        Kind::Count => Some(document::number(raw, key, 1..=1000, problems)?.map(Value::Number)),
        Kind::Flag => Some(document::flag(raw, key, problems)?.map(Value::Flag)),
        Kind::Words => read_words(key, raw, problems),
        Kind::Environment => environment::read(key, raw, problems),
        Kind::LocalPaths | Kind::Jumps => {
            let items = document::texts(raw, key, problems)?;
            let mut good = true;
            for item in &items.value {
                good &= check_text(spec, key, &item.value, &item.span, problems);
            }
            good.then(|| items.map(|items| Value::List(items.into_iter().map(|item| item.value).collect())))
        }
        Kind::Time => {
            let text = document::text(raw, key, problems)?;
            match value::parse_time(&text.value) {
                Ok(time) => Some(Located::new(Value::Time(time), text.span)),
                Err(why) => {
                    problems.push(
                        Problem::new(text.span, format!("`{key}` is not a length of time: {why}"))
                            .help("write it like `30s`, `10m` or `1h30m`"),
                    );
                    None
                }
            }
        }
        _ => {
            let text = document::text(raw, key, problems)?;
            check_text(spec, key, &text.value, &text.span, problems).then(|| text.map(Value::Text))
        }
    }
}

fn read_words(key: &str, raw: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) -> Option<Located<Value>> {
    let words = match raw.get_ref() {
        DeValue::String(text) => {
            let Some(words) = shlex::split(text) else {
                problems.push(
                    Problem::new(raw.span(), format!("`{key}` has an open quote"))
                        .help(format!("close it, or write a list: `{key} = [\"…\", \"…\"]`")),
                );
                return None;
            };
            words
        }
        DeValue::Array(_) => {
            document::texts(raw, key, problems)?.value.into_iter().map(|word| word.value).collect()
        }
        other => {
            problems.push(document::wrong_type(
                raw.span(),
                key,
                "a command (a string or a list of strings)",
                other,
            ));
            return None;
        }
    };
    if words.is_empty() || words.iter().any(std::string::String::is_empty) {
        problems
            .push(Problem::new(raw.span(), format!("`{key}` is an empty command")).label("nothing to run"));
        return None;
    }
    if let Err(why) = words.iter().try_for_each(|word| value::single_line(word)) {
        problems.push(Problem::new(raw.span(), format!("`{key}` {why}")).help("write it on one line"));
        return None;
    }
    Some(Located::new(Value::List(words), raw.span()))
}

/// Checks one text of a setting; says what is wrong with it.
fn check_text(spec: &Spec, key: &str, text: &str, span: &Range<usize>, problems: &mut Vec<Problem>) -> bool {
    let verdict = value::single_line(text).and_then(|()| match spec.kind {
        Kind::UserName => value::user_name(text),
        Kind::Address => value::address(text),
        Kind::Jumps => Jump::parse(text).map(drop),
        Kind::RemotePath => value::absolute_path(text),
        Kind::Branch => value::branch(text),
        Kind::Unit => value::unit(text),
        Kind::SocketAddress => value::socket_address(text),
        Kind::Url => value::url(text),
        Kind::Choice(choices) => value::choice(text, choices),
        Kind::LocalPaths | Kind::LocalFile if text.is_empty() => Err(value::Refusal::new("is an empty path")),
        _ => Ok(()),
    });
    match verdict {
        Ok(()) => true,
        Err(refusal) => {
            problems.push(
                Problem::new(span.clone(), format!("`{key}` {}", refusal.why)).maybe_help(refusal.help),
            );
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_value_is_one_that_the_inventory_would_accept() {
        for spec in SPECS {
            let Some(value) = read_built_in(spec) else {
                assert!(spec.built_in.is_none(), "the built-in value of `{}` cannot be read", spec.key);
                continue;
            };
            let key = spec.key.rsplit('.').next().unwrap();
            let source = format!("{key} = {}", value.to_toml());
            let document = document::parse("test", &source).unwrap();
            let mut problems = Vec::new();
            let raw = document.get_ref().get(key).unwrap();
            let read = read_value(spec, raw, &mut problems);
            assert_eq!(problems, Vec::new(), "{source}");
            assert_eq!(read.unwrap().value, value, "{source}");
        }
    }
}
