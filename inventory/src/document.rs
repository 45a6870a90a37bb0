//! Reads a TOML document piece by piece and gathers every mistake on the way.
//!
//! Owns the walk over TOML's tree: types, unknown keys, spans. Must not know what any key means.
//! Reading by serde would stop at the first mistake (see `docs/decisions/0002-toml-by-tree.md`).

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{Problem, Problems};
use crate::suggest;

/// A value together with where it stands in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Byte range of the value in the source.
    pub span: Range<usize>,
}

impl<T> Located<T> {
    /// Puts `value` at `span`.
    pub fn new(value: T, span: Range<usize>) -> Self {
        Self { value, span }
    }

    /// Keeps the place and changes the value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: change(self.value), span: self.span }
    }
}

/// Parses TOML syntax; every syntax error becomes a problem.
pub fn parse<'i>(origin: &str, source: &'i str) -> Result<Spanned<DeTable<'i>>, Problems> {
    let (table, errors) = DeTable::parse_recoverable(source);
    if errors.is_empty() {
        return Ok(table);
    }
    let problems = errors
        .iter()
        .map(|error| {
            let span = error.span().unwrap_or(0..0);
            Problem::new(span, format!("not valid TOML: {}", error.message().trim()))
                .help("fix the syntax first; the rest of the file is checked after that")
        })
        .collect();
    Err(Problems::new(origin, source, problems))
}

/// One TOML table being read: every key is taken once, what is left over is unknown.
pub struct Fields<'t, 'i> {
    table: &'t DeTable<'i>,
    /// Where the table stands, for "missing key" problems.
    pub span: Range<usize>,
    known: Vec<&'static str>,
    what: String,
}

impl<'t, 'i> Fields<'t, 'i> {
    /// Starts to read `table`; `what` names it in messages ("a wave", "the inventory").
    pub fn new(table: &'t DeTable<'i>, span: Range<usize>, what: impl Into<String>) -> Self {
        Self { table, span, known: Vec::new(), what: what.into() }
    }

    /// The raw value of `key`, which counts as known from now on.
    pub fn raw(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table.get(key)
    }

    /// Where the value of `key` stands, which counts as known from now on.
    pub fn span_of(&mut self, key: &'static str) -> Option<Range<usize>> {
        self.raw(key).map(Spanned::span)
    }

    /// Reads an optional string.
    pub fn text(&mut self, key: &'static str, problems: &mut Vec<Problem>) -> Option<Located<String>> {
        let value = self.raw(key)?;
        text(value, key, problems)
    }

    /// Reads a string that must be there.
    pub fn required_text(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Problem>,
    ) -> Option<Located<String>> {
        if self.raw(key).is_none() {
            problems.push(
                Problem::new(self.span.clone(), format!("{} has no `{key}`", self.what))
                    .help(format!("add `{key} = \"…\"`")),
            );
            return None;
        }
        self.text(key, problems)
    }

    /// Reads an optional whole number within `range`.
    pub fn number(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<u32>,
        problems: &mut Vec<Problem>,
    ) -> Option<Located<u32>> {
        let value = self.raw(key)?;
        number(value, key, range, problems)
    }

    /// Reads an optional `true` or `false`.
    pub fn flag(&mut self, key: &'static str, problems: &mut Vec<Problem>) -> Option<Located<bool>> {
        let value = self.raw(key)?;
        flag(value, key, problems)
    }

    /// Reads an optional list of strings.
    pub fn texts(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Problem>,
    ) -> Option<Located<Vec<Located<String>>>> {
        let value = self.raw(key)?;
        texts(value, key, problems)
    }

    /// Reads an optional string, or list of strings.
    pub fn text_or_texts(
        &mut self,
        key: &'static str,
        problems: &mut Vec<Problem>,
    ) -> Option<Vec<Located<String>>> {
        match self.raw(key)?.get_ref() {
            DeValue::Array(_) => self.texts(key, problems).map(|list| list.value),
            _ => self.text(key, problems).map(|text| vec![text]),
        }
    }

    /// Reads an optional table.
    pub fn table(&mut self, key: &'static str, problems: &mut Vec<Problem>) -> Option<Fields<'t, 'i>> {
        let value = self.raw(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Fields::new(table, value.span(), format!("`{key}`"))),
            other => {
                problems.push(wrong_type(value.span(), key, "a table", other));
                None
            }
        }
    }

    /// Reads the tables below `key` with their names, in the order in which they stand in the file.
    pub fn named_tables(
        &mut self,
        key: &'static str,
        what: &str,
        problems: &mut Vec<Problem>,
    ) -> Vec<(Located<String>, Fields<'t, 'i>)> {
        let Some(outer) = self.table(key, problems) else { return Vec::new() };
        let mut found = Vec::new();
        for (name, value) in outer.table {
            match value.get_ref() {
                DeValue::Table(table) => found.push((
                    Located::new(name.get_ref().to_string(), name.span()),
                    Fields::new(table, value.span(), format!("{what} `{}`", name.get_ref())),
                )),
                other => problems.push(wrong_type(value.span(), name.get_ref(), "a table", other)),
            }
        }
        found.sort_by_key(|(name, _)| name.span.start);
        found
    }

    /// Reads an array of tables (`[[key]]`), in order.
    pub fn list_of_tables(
        &mut self,
        key: &'static str,
        what: &str,
        problems: &mut Vec<Problem>,
    ) -> Vec<Fields<'t, 'i>> {
        let Some(value) = self.raw(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            problems.push(
                wrong_type(value.span(), key, "a list of tables", value.get_ref())
                    .help(format!("write each one under `[[{key}]]`")),
            );
            return Vec::new();
        };
        let mut found = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::Table(table) => found.push(Fields::new(table, item.span(), what)),
                other => problems.push(wrong_type(item.span(), key, "a table", other)),
            }
        }
        found
    }

    /// All keys of this table with their values, in the order of the file.
    pub fn entries(&self) -> Vec<(Located<String>, &'t Spanned<DeValue<'i>>)> {
        let mut entries: Vec<_> = self
            .table
            .iter()
            .map(|(name, value)| (Located::new(name.get_ref().to_string(), name.span()), value))
            .collect();
        entries.sort_by_key(|(name, _)| name.span.start);
        entries
    }

    /// Ends the reading: every key nobody asked for is a problem.
    pub fn finish(self, problems: &mut Vec<Problem>) {
        for (name, _) in self.entries() {
            if !self.known.contains(&name.value.as_str()) {
                problems.push(
                    Problem::new(name.span, format!("unknown key `{}` in {}", name.value, self.what))
                        .label("unknown key")
                        .maybe_help(suggest::help(&name.value, self.known.iter().copied())),
                );
            }
        }
    }
}

/// Checks the `format` key of a file: this version reads format 1.
pub fn format_version(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) {
    let what = fields.what.clone();
    if fields.raw("format").is_none() {
        problems.push(
            Problem::new(0..0, format!("{what} does not say its format"))
                .help("put `format = 1` on its first line"),
        );
    } else if let Some(format) = fields.number("format", 0..=u32::MAX, problems)
        && format.value != 1
    {
        problems.push(
            Problem::new(format.span, format!("format {} is not known to this version", format.value))
                .label("this version reads format 1")
                .help("write `format = 1`, or use the version of ixporch that the file was written for"),
        );
    }
}

/// Reads one value as a string.
pub fn text(value: &Spanned<DeValue<'_>>, key: &str, problems: &mut Vec<Problem>) -> Option<Located<String>> {
    match value.get_ref() {
        DeValue::String(text) => Some(Located::new(text.to_string(), value.span())),
        other => {
            problems.push(wrong_type(value.span(), key, "a string", other));
            None
        }
    }
}

/// Reads one value as `true` or `false`.
pub(crate) fn flag(
    value: &Spanned<DeValue<'_>>,
    key: &str,
    problems: &mut Vec<Problem>,
) -> Option<Located<bool>> {
    match value.get_ref() {
        DeValue::Boolean(flag) => Some(Located::new(*flag, value.span())),
        other => {
            problems.push(wrong_type(value.span(), key, "`true` or `false`", other));
            None
        }
    }
}

/// Reads one value as a whole number within `range`.
pub fn number(
    value: &Spanned<DeValue<'_>>,
    key: &str,
    range: std::ops::RangeInclusive<u32>,
    problems: &mut Vec<Problem>,
) -> Option<Located<u32>> {
    let DeValue::Integer(integer) = value.get_ref() else {
        problems.push(wrong_type(value.span(), key, "a whole number", value.get_ref()));
        return None;
    };
    let number =
        i64::from_str_radix(integer.as_str(), integer.radix()).ok().and_then(|n| u32::try_from(n).ok());
    match number {
        Some(number) if range.contains(&number) => Some(Located::new(number, value.span())),
        _ => {
            let bounds = if *range.end() == u32::MAX {
                format!("at least {}", range.start())
            } else {
                format!("from {} to {}", range.start(), range.end())
            };
            problems.push(
                Problem::new(value.span(), format!("`{key}` must be {bounds}"))
                    .label("out of range")
                    .help(format!("write a whole number {bounds}")),
            );
            None
        }
    }
}

/// Reads one value as a list of strings.
pub fn texts(
    value: &Spanned<DeValue<'_>>,
    key: &str,
    problems: &mut Vec<Problem>,
) -> Option<Located<Vec<Located<String>>>> {
    let DeValue::Array(items) = value.get_ref() else {
        problems.push(
            wrong_type(value.span(), key, "a list of strings", value.get_ref())
                .help(format!("write `{key} = [\"…\"]`")),
        );
        return None;
    };
    let before = problems.len();
    let found = items.iter().filter_map(|item| text(item, key, problems)).collect();
    (problems.len() == before).then(|| Located::new(found, value.span()))
}

/// The problem of a value of the wrong type.
pub fn wrong_type(span: Range<usize>, key: &str, wanted: &str, found: &DeValue<'_>) -> Problem {
    Problem::new(span, format!("`{key}` must be {wanted}"))
        .label(format!("this is {}", kind_name(found)))
        .help(format!("write {wanted} after `{key} =`"))
}

fn kind_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
