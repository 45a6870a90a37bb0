//! Schema changes: what the pending SQL of a host means, whatever way it is written.
//!
//! Owns how a statement is read, classed and fingerprinted, and how hosts are grouped by that. It
//! knows no host's database: what a column was before a change is not told by the change.

mod canonical;
mod column;
mod definition;
mod group;
mod limits;
mod statement;

use std::fmt;

use serde::{Deserialize, Serialize};
use sqlparser::ast::AlterTable;

pub use column::{Columns, Narrowed};
pub use group::{Group, difference, group};

use limits::Budget;
use statement::Statement;

use crate::digest;

/// What a change may do to what is there. The order is that of the danger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeClass {
    /// Nothing: a column is changed to what it already is.
    NoEffect,
    /// Something new beside what is there: a table, a column, an index, a constraint.
    Additive,
    /// Something that is there becomes different: a type, a default, whether it may be NULL, a name.
    Changing,
    /// Something that is there may be lost; or nobody can say what it does.
    Destructive,
}

/// One change of a schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Change {
    /// What it may do.
    pub class: ChangeClass,
    /// Why it is classed so, in a few words: `drops a column`.
    pub what: &'static str,
    /// The type of the column as it is now, where the change narrows it.
    pub was: Option<String>,
    /// Its SQL, written in one way; as the host wrote it where it could not be read.
    pub sql: String,
}

/// The changes that are pending on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaChanges {
    /// Every change, in an order in which they can be executed.
    pub changes: Vec<Change>,
    /// What they are, in a word.
    pub fingerprint: Fingerprint,
}

/// The digest of pending changes. It is the same for statements that differ only in white space, in
/// the letter case of keywords, or in the order of statements that do not depend on one another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

/// How many digits of a fingerprint a person must name at least.
pub const FINGERPRINT_DIGITS: usize = 12;

impl SchemaChanges {
    /// Reads statements as `doctrine:schema:update --sql` prints them, without their semicolons. Nothing is known of the
    /// database.
    pub fn read<'s>(statements: impl IntoIterator<Item = &'s str>) -> Self {
        Self::against(statements, &Narrowed::default())
    }

    /// The same for a database of which it is known what they narrow there: such changes are destructive, and others than
    /// where they do not.
    pub fn against<'s>(statements: impl IntoIterator<Item = &'s str>, narrowed: &Narrowed) -> Self {
        let statements: Vec<&str> = statements.into_iter().collect();
        if statements.is_empty() {
            return Self::of(Vec::new());
        }
        limits::with_a_large_stack(|| {
            let mut budget = Budget::default();
            let read = |statement: &&str| statement::read(statement, budget.allows(statement), narrowed);
            Self::of(canonical::order(statements.iter().map(read).collect()))
        })
    }

    fn of(statements: Vec<Statement>) -> Self {
        let mut text: Vec<String> = statements.iter().map(|statement| statement.sql.clone()).collect();
        let changes: Vec<Change> = statements.into_iter().flat_map(|statement| statement.changes).collect();
        let narrowing =
            |change: &Change| Some(format!("{}: {}", statement::digested(change.what)?, change.sql));
        text.extend(changes.iter().filter_map(narrowing));
        let digest = digest::sha256(text.join(";\n").as_bytes());
        let hex = digest.strip_prefix("sha256:").unwrap_or(&digest).to_owned();
        Self { changes, fingerprint: Fingerprint(hex) }
    }

    /// What these statements narrow in a database with these columns. One that it does not have may be narrowed.
    pub fn narrowed<'s>(statements: impl IntoIterator<Item = &'s str>, columns: &Columns) -> Narrowed {
        let statements: Vec<&str> = statements.into_iter().collect();
        limits::with_a_large_stack(|| {
            let mut budget = Budget::default();
            let readable = statements.into_iter().filter(|statement| budget.allows(statement));
            let altered: Vec<AlterTable> = readable.filter_map(statement::altered).collect();
            let changed = altered.iter().flat_map(statement::changed_columns);
            let narrowed = changed.filter_map(|(column, new)| match columns.data_type(&column) {
                None => Some((column, None)),
                Some(old) => column::narrows(old, &new).then(|| (column, Some(old.to_owned()))),
            });
            Narrowed::of(narrowed.collect(), definition::unchanged(&altered, columns))
        })
    }

    /// The most dangerous class among them; `None` where nothing is pending.
    pub fn class(&self) -> Option<ChangeClass> {
        self.changes.iter().map(|change| change.class).max()
    }

    /// `3 additions, 1 drop`: how many there are of each kind.
    pub fn summary(&self) -> String {
        summary(&self.changes)
    }

    /// These, pending after `executed` were executed, in two parts. Those that were not executed come first. The others will
    /// be pending for ever: they only change columns in place, to what these were given just now.
    pub fn after(self, executed: &Self) -> (Vec<Change>, Vec<Change>) {
        limits::with_a_large_stack(|| {
            let given = definition::given(executed.changes.iter().map(|change| change.sql.as_str()));
            let is_given = |change: &Change| {
                let changed = definition::of_change(&change.sql);
                changed.is_some_and(|(column, wanted)| given.get(&column) == Some(&wanted))
            };
            let stays = |change: &Change| change.what == statement::CHANGES_A_COLUMN && is_given(change);
            self.changes.into_iter().partition(|change| !stays(change))
        })
    }

    /// The destructive ones.
    pub fn destructive(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.class == ChangeClass::Destructive)
    }
}

/// How many changes there are of each kind.
pub fn summary(changes: &[Change]) -> String {
    let mut counts = [0usize; 5];
    for change in changes {
        let [additions, others, drops, dangers, nothing] = &mut counts;
        *match change.class {
            ChangeClass::NoEffect => nothing,
            ChangeClass::Additive => additions,
            ChangeClass::Changing => others,
            ChangeClass::Destructive if change.what.starts_with("drops ") => drops,
            ChangeClass::Destructive => dangers,
        } += 1;
    }
    let kinds =
        [("addition", "s"), ("change", "s"), ("drop", "s"), ("destructive", ""), ("without effect", "")];
    let words: Vec<String> = std::iter::zip(counts, kinds)
        .filter(|(count, _)| *count > 0)
        .map(|(count, (word, plural))| format!("{count} {word}{}", if count > 1 { plural } else { "" }))
        .collect();
    if words.is_empty() { "nothing pending".to_owned() } else { words.join(", ") }
}

impl Fingerprint {
    /// Whether a person means this one: by all its digits, or by at least [`FINGERPRINT_DIGITS`] of them.
    pub fn is_named_by(&self, digits: &str) -> bool {
        digits.len() >= FINGERPRINT_DIGITS && self.0.starts_with(&digits.to_ascii_lowercase())
    }

    /// All its digits.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

/// Shows as many digits as a person needs.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.get(..FINGERPRINT_DIGITS).unwrap_or(&self.0))
    }
}

impl fmt::Display for ChangeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NoEffect => "no-effect",
            Self::Additive => "additive",
            Self::Changing => "changing",
            Self::Destructive => "destructive",
        })
    }
}

#[cfg(test)]
mod tests;
