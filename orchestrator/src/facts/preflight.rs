//! Reads the output of the built-in script `preflight`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::text::harmless_line;

/// The answers to the preflight's questions, besides those of every probe.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preflight {
    /// Extensions of the command line's PHP, in lower case.
    pub extensions: Vec<String>,
    /// Versions of PHP that a web server has, such as `7.0`.
    pub web_php: Vec<String>,
    /// Extensions that the command line's PHP loads and the web server's does not: the interface and the name.
    pub web_lacks: Vec<String>,
    /// Settings files by which the web server's PHP never checks whether a file has changed.
    pub keeps_code: Vec<String>,
    /// Whether the command line's PHP may not open URLs.
    pub asks_no_site: bool,
    /// The available memory, in bytes.
    pub memory: Option<u64>,
    /// The installation's own skins: the folder and the number of its files.
    pub skins: Vec<String>,
    /// Running artisan processes of the installation.
    pub jobs: Vec<String>,
    /// Files that do not belong to the web user: the folder, their number, and one of them.
    pub foreign_files: Vec<String>,
    /// The size of what composer and bower installed, in bytes.
    pub components_bytes: Option<u64>,
    /// The free disk space for backups, in bytes.
    pub backup_free: Option<u64>,
    /// Why memcached does not answer; `None`: it does.
    pub memcached_silent: Option<String>,
    /// The settings by which the application uses memcached.
    pub memcached_used_by: Vec<String>,
    /// Where Doctrine keeps its metadata; empty if the settings do not say.
    pub doctrine_cache: String,
    /// The version of the database server.
    pub database: Option<String>,
    /// Why the database cannot be queried.
    pub database_trouble: Option<String>,
    /// The application's database user.
    pub database_user: String,
    /// The database's name.
    pub database_name: String,
    /// Privileges that a backup and its restore need and the database user does not have.
    pub missing_rights: Vec<String>,
    /// The modes of the database server.
    pub sql_mode: String,
    /// Triggers and functions that the database user could not create again: the server writes a binary log and does
    /// not trust it. `None`: no such restriction.
    pub distrusted: Option<String>,
    /// The server's settings by which it takes no writes.
    #[serde(default)]
    pub read_only: Vec<String>,
    /// What the cached configuration says otherwise than `.env`.
    #[serde(default)]
    pub cached_settings: Vec<String>,
    /// The size of all tables, in bytes.
    pub database_bytes: Option<u64>,
    /// Tables whose engine has no transactions.
    pub other_engines: Vec<String>,
    /// Views, triggers and routines with a definer that the database user may not name.
    pub foreign_definers: Vec<String>,
    /// Those of these questions that could not be asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub release_unasked: Vec<String>,
    /// Views that do not work, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken_views: Vec<String>,
    /// Columns with dates of zero, which the server does not take.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zero_dates: Vec<String>,
    /// Transactions that are open for long: who has them, and since when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub long_transactions: Vec<String>,
    /// Why a dump without rows fails.
    pub dump_trouble: Option<String>,
    /// The folder of all backups, if others than root can write there.
    pub backup_shared: Option<String>,
    /// The host's own folder of backups, if it is somebody else's and in use.
    #[serde(default)]
    pub backup_foreign: Option<String>,
    /// A parent folder of the backups that the web user may not enter.
    pub backup_shut: Option<String>,
    /// What is wrong with the web site, as the host itself sees it while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_trouble: Option<String>,
    /// What the web server's own settings say of the database otherwise than `.env`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub web_settings: Vec<String>,
    /// Files of the settings and skins that the web user cannot read.
    pub unreadable: Vec<String>,
    /// The programs for a backup that were found.
    pub programs: Vec<String>,
    /// The exit code of `doctrine:schema:validate`.
    pub validate: Option<i32>,
    /// The first statements that would bring the schema in sync.
    pub drift: Vec<String>,
    /// What releases ask the database, by their names: how many rows there are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub release_rows: BTreeMap<String, u64>,
}

/// A question of a release with its number of rows; `None`: it could not be asked.
fn release_rows(text: &str) -> Option<(String, u64)> {
    let (name, rows) = text.rsplit_once(' ')?;
    Some((name.to_owned(), rows.parse().ok()?))
}

/// Reads the output of the script; `None` if it is incomplete, since nothing is known then.
pub fn read_preflight(lines: &str) -> Option<Preflight> {
    let mut facts = Preflight::default();
    let mut is_whole = false;
    for (name, value) in lines.lines().filter_map(|line| line.split_once('\t')) {
        let text = harmless_line(value.trim());
        match name {
            "extension" => facts.extensions.push(text),
            "web-php" => facts.web_php.push(text),
            "web-lacks" => facts.web_lacks.push(text),
            "keeps-code" => facts.keeps_code.push(text),
            "asks-no-site" => facts.asks_no_site = true,
            "memory" => facts.memory = text.parse().ok(),
            "skin" => facts.skins.push(text),
            "doctrine-cache" => facts.doctrine_cache = text,
            "sql-mode" => facts.sql_mode = text,
            "distrusted" => facts.distrusted = Some(text),
            "read-only" => facts.read_only.push(text),
            "cached-setting" => facts.cached_settings.push(text),
            "drift" => facts.drift.push(text),
            "release" => facts.release_rows.extend(release_rows(&text)),
            "job" => facts.jobs.push(text),
            "foreign" => facts.foreign_files.push(text),
            "components-bytes" => facts.components_bytes = text.parse().ok(),
            "backup-free" => facts.backup_free = text.parse().ok(),
            "memcached-silent" => facts.memcached_silent = Some(text),
            "memcached-used-by" => facts.memcached_used_by.push(text),
            "database" => facts.database = Some(text),
            "database-trouble" => facts.database_trouble = Some(text),
            "database-user" => facts.database_user = text,
            "database-name" => facts.database_name = text,
            "missing-right" => facts.missing_rights.push(text),
            "database-bytes" => facts.database_bytes = text.parse().ok(),
            "other-engine" => facts.other_engines.push(text),
            "foreign-definer" => facts.foreign_definers.push(text),
            "program" => facts.programs.push(text),
            "release-unasked" => facts.release_unasked.push(text),
            "zero-date" => facts.zero_dates.push(text),
            "broken-view" => facts.broken_views.push(text),
            "long-transaction" => facts.long_transactions.push(text),
            "dump-trouble" => facts.dump_trouble = Some(text).filter(|text| !text.is_empty()),
            "backup-foreign" => facts.backup_foreign = Some(text),
            "backup-shut" => facts.backup_shut = Some(text),
            "site-trouble" => facts.site_trouble = Some(text),
            "web-setting" => facts.web_settings.push(text),
            "unreadable" => facts.unreadable.push(text),
            "end" => is_whole = true,
            "validate" => facts.validate = text.split(' ').next().and_then(|code| code.parse().ok()),
            _ => {}
        }
    }
    is_whole.then_some(facts)
}
