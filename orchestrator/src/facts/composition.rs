//! The composition of an installation, from the output of the built-in script `composition`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::harmless_line;

/// The composition of an installation. `None`: it could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Composition {
    /// The commit that is checked out, in full.
    pub commit: Option<String>,
    /// SHA-256 of `composer.lock`, in hexadecimal digits.
    pub composer_lock: Option<String>,
    /// SHA-256 of `bower.json`, in hexadecimal digits.
    pub bower_json: Option<String>,
    /// The version of PHP on the command line.
    pub php: Option<String>,
    /// The database server.
    pub database: Option<Database>,
}

/// A database server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// `MySQL` or `MariaDB`: they do not understand the same SQL.
    pub family: String,
    /// What it answers to `SELECT VERSION()`.
    pub version: String,
}

/// The kind of a host. Hosts of one kind are expected to behave alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HostKind {
    /// The database server's family.
    pub database: String,
    /// PHP's major and minor version, such as `7.0`.
    pub php: String,
}

impl Composition {
    /// Its kind; `None` if PHP or the database server is not known.
    pub fn kind(&self) -> Option<HostKind> {
        let database = self.database.as_ref()?.family.clone();
        let mut numbers = self.php.as_deref()?.splitn(3, '.');
        let php = format!("{}.{}", numbers.next()?, numbers.next()?);
        Some(HostKind { database, php })
    }
}

impl fmt::Display for HostKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PHP {} with {}", self.php, self.database)
    }
}

/// Reads the output of the script; other lines are ignored.
pub fn read_composition(output: &str) -> Composition {
    let value = |name: &str| {
        let line = output.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(' '));
        line.map(harmless_line).filter(|value| !value.is_empty())
    };
    let digest = |name: &str| value(name).filter(|digest| is_hexadecimal(digest, 64));
    Composition {
        commit: value("commit").filter(|commit| is_hexadecimal(commit, 40)),
        composer_lock: digest("composer.lock"),
        bower_json: digest("bower.json"),
        php: value("php"),
        database: value("database").and_then(|line| {
            let (family, version) = line.split_once(' ')?;
            Some(Database { family: family.to_owned(), version: version.to_owned() })
        }),
    }
}

fn is_hexadecimal(text: &str, at_least: usize) -> bool {
    text.len() >= at_least && text.chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_composition_is_read_and_what_is_missing_stays_missing() {
        let commit = "a".repeat(40);
        let output = format!(
            "PHP Warning:  something\nphp 8.2.28\ncommit {commit}\ncomposer.lock {}\nbower.json nonsense\n\
             database MariaDB 10.11.11-MariaDB-0+deb12u1\n",
            "b".repeat(64)
        );
        let composition = read_composition(&output);
        assert_eq!(composition.commit.as_deref(), Some(commit.as_str()));
        assert_eq!(composition.composer_lock, Some("b".repeat(64)));
        assert_eq!(composition.bower_json, None);
        let kind = composition.kind().map(|kind| kind.to_string());
        assert_eq!(kind.as_deref(), Some("PHP 8.2 with MariaDB"));
        assert_eq!(read_composition("php 8.2.28\ncommit \n").kind(), None);
    }
}
