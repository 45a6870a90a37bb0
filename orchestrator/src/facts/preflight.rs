//! What the built-in script `preflight` says of a host.

use serde::{Deserialize, Serialize};

use crate::text::harmless_line;

/// What was asked of a host before an upgrade, besides what every probe asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preflight {
    /// Extensions of the command-line PHP, in small letters.
    pub extensions: Vec<String>,
    /// Versions of PHP that a web server has, such as `7.0`.
    pub web_php: Vec<String>,
    /// Extensions that the command line loads and the same PHP of the web server does not: its interface and the name.
    pub web_lacks: Vec<String>,
    /// Files by which a web server's PHP keeps compiled code whatever becomes of its files.
    pub keeps_code: Vec<String>,
    /// Whether the command line's PHP may ask no web site.
    pub asks_no_site: bool,
    /// What can be had of memory, in bytes.
    pub memory: Option<u64>,
    /// The installation's own skins: the folder, and how many files are in it.
    pub skins: Vec<String>,
    /// artisan processes of the installation.
    pub jobs: Vec<String>,
    /// Files that are not the web user's: the folder, how many, and one of them.
    pub foreign_files: Vec<String>,
    /// The size of what composer and bower installed, in bytes.
    pub components_bytes: Option<u64>,
    /// What is free where backups go, in bytes.
    pub backup_free: Option<u64>,
    /// Why memcached does not answer; `None`: it does.
    pub memcached_silent: Option<String>,
    /// The settings by which the application uses memcached.
    pub memcached_used_by: Vec<String>,
    /// Where Doctrine keeps its metadata; empty where the settings do not say.
    pub doctrine_cache: String,
    /// What the database server says it is.
    pub database: Option<String>,
    /// Why the database cannot be asked.
    pub database_trouble: Option<String>,
    /// Whom the database takes the application for.
    pub database_user: String,
    /// The database's name.
    pub database_name: String,
    /// Rights that a backup and its restore need, and that the database user does not have.
    pub missing_rights: Vec<String>,
    /// The modes of the database server.
    pub sql_mode: String,
    /// The triggers and functions that the database user could not create again, where the server writes a binary log
    /// and does not trust it; `None`: it does.
    pub distrusted: Option<String>,
    /// The size of all tables, in bytes.
    pub database_bytes: Option<u64>,
    /// Tables that no transaction covers.
    pub other_engines: Vec<String>,
    /// Views, triggers and routines of somebody else, whose name the database user may not use.
    pub foreign_definers: Vec<String>,
    /// Why a dump without rows cannot be made.
    pub dump_trouble: Option<String>,
    /// The folder of all backups, where others than root can write there.
    pub backup_shared: Option<String>,
    /// The folder on the way to the backups that the web user may not go into.
    pub backup_shut: Option<String>,
    /// Files of the settings and skins that the web user cannot read.
    pub unreadable: Vec<String>,
    /// Programs that a backup needs, as far as they are there.
    pub programs: Vec<String>,
    /// The exit code of `doctrine:schema:validate`.
    pub validate: Option<i32>,
    /// The statements that would bring the schema in sync, the first of them.
    pub drift: Vec<String>,
}

/// Reads the facts of the script, one on a line; `None` where it did not come to its end: what it did not say is not known.
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
            "drift" => facts.drift.push(text),
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
            "dump-trouble" => facts.dump_trouble = Some(text).filter(|text| !text.is_empty()),
            "backup-shared" => facts.backup_shared = Some(text),
            "backup-shut" => facts.backup_shut = Some(text),
            "unreadable" => facts.unreadable.push(text),
            "end" => is_whole = true,
            "validate" => facts.validate = text.split(' ').next().and_then(|code| code.parse().ok()),
            _ => {}
        }
    }
    is_whole.then_some(facts)
}
