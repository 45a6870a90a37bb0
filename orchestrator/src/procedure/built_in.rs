//! The PHP scripts that ixporch carries, for what artisan has no command for.
//!
//! They run with the host's own PHP in the folder of the installation, and read its settings by its own libraries.

use std::sync::LazyLock;

use crate::script::Script;

/// One of these scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltInScript {
    /// Says what the installation is made of: PHP, commit, locked libraries, database server. Changes nothing.
    Composition,
    /// Says of which types the database's columns are. Changes nothing.
    Columns,
    /// Makes the views and triggers of `tools/sql/views.sql` anew.
    ViewsRecreate,
    /// Makes a backup of database, settings and components, and reads it again.
    Backup,
    /// Makes the views and triggers those again that were there when the backup was made.
    ViewsBack,
    /// Remembers the files that are somebody else's than the tree's owner.
    OwnersRecord,
    /// Gives back what git wrote as its own to whom it was.
    OwnersRestore,
    /// Remembers the rows of all tables before the site is opened.
    OpeningMark,
    /// Puts back what composer and bower had installed.
    ComponentsRestore,
    /// Says whether the database could be restored, and what would be lost. Changes nothing.
    RestoreCheck,
    /// Empties the application's caches.
    CachesClear,
    /// Drops what is in the database, and loads the dump of the backup.
    DatabaseRestore,
    /// Says whether the host is what it was when its backup was made. Changes nothing.
    BackCheck,
    /// Says what stands against an upgrade, as far as it can be seen beforehand. Changes nothing.
    Preflight,
    /// Waits until no artisan process of the installation runs. Changes nothing.
    Quiet,
    /// Says what backups are there. Changes nothing.
    BackupList,
    /// Reads a backup to its end, and loads it into a scratch schema where one is named.
    BackupVerify,
    /// Removes the oldest backups.
    BackupPrune,
    /// Looks whether the site's address answers as a closed site does. Changes nothing.
    HealthClosed,
    /// Looks whether the application is whole before its site is opened. Changes nothing.
    HealthApplication,
    /// Looks whether the open site is well, from the host. Changes nothing.
    HealthWeb,
    /// Shows what was logged as an error since the backup was made. Changes nothing.
    ErrorLog,
}

/// The scripts by the names that procedures give them.
pub(super) const BUILT_IN_SCRIPTS: &[(&str, BuiltInScript)] = &[
    ("back-check", BuiltInScript::BackCheck),
    ("backup", BuiltInScript::Backup),
    ("backup-list", BuiltInScript::BackupList),
    ("backup-prune", BuiltInScript::BackupPrune),
    ("backup-verify", BuiltInScript::BackupVerify),
    ("caches-clear", BuiltInScript::CachesClear),
    ("columns", BuiltInScript::Columns),
    ("components-restore", BuiltInScript::ComponentsRestore),
    ("composition", BuiltInScript::Composition),
    ("database-restore", BuiltInScript::DatabaseRestore),
    ("error-log", BuiltInScript::ErrorLog),
    ("health-application", BuiltInScript::HealthApplication),
    ("health-closed", BuiltInScript::HealthClosed),
    ("health-web", BuiltInScript::HealthWeb),
    ("opening-mark", BuiltInScript::OpeningMark),
    ("owners-record", BuiltInScript::OwnersRecord),
    ("owners-restore", BuiltInScript::OwnersRestore),
    ("preflight", BuiltInScript::Preflight),
    ("quiet", BuiltInScript::Quiet),
    ("restore-check", BuiltInScript::RestoreCheck),
    ("views-back", BuiltInScript::ViewsBack),
    ("views-recreate", BuiltInScript::ViewsRecreate),
];

const SETTINGS: &str = include_str!("../../procedures/php/settings.php");
const CLIENT: &str = include_str!("../../procedures/php/client.php");
const ARCHIVE: &str = include_str!("../../procedures/php/archive.php");
const TABLES: &str = include_str!("../../procedures/php/tables.php");
const DUMP: &str = include_str!("../../procedures/php/dump.php");
const DEFINITIONS: &str = include_str!("../../procedures/php/definitions.php");
const VIEWS_BACK: &str = include_str!("../../procedures/php/views-back.php");
const OWNERS: &str = include_str!("../../procedures/php/owners.php");
const OWNERS_RECORD: &str = include_str!("../../procedures/php/owners-record.php");
const OWNERS_RESTORE: &str = include_str!("../../procedures/php/owners-restore.php");
const BACKUP: &str = include_str!("../../procedures/php/backup.php");
const OPENING_MARK: &str = include_str!("../../procedures/php/opening-mark.php");
const COMPONENTS_RESTORE: &str = include_str!("../../procedures/php/components-restore.php");
const RESTORE: &str = include_str!("../../procedures/php/restore.php");
const RESTORE_CHECK: &str = include_str!("../../procedures/php/restore-check.php");
const CACHES_CLEAR: &str = include_str!("../../procedures/php/caches-clear.php");
const DATABASE_RESTORE: &str = include_str!("../../procedures/php/database-restore.php");
const PREFLIGHT: &str = include_str!("../../procedures/php/preflight.php");
const JOBS: &str = include_str!("../../procedures/php/jobs.php");
const QUIET: &str = include_str!("../../procedures/php/quiet.php");
const PRUNE: &str = include_str!("../../procedures/php/prune.php");
const LOAD: &str = include_str!("../../procedures/php/load.php");
const BACKUP_LIST: &str = include_str!("../../procedures/php/backup-list.php");
const BACKUP_VERIFY: &str = include_str!("../../procedures/php/backup-verify.php");
const BACKUP_PRUNE: &str = include_str!("../../procedures/php/backup-prune.php");
const HTTP: &str = include_str!("../../procedures/php/http.php");
const HEALTH_CLOSED: &str = include_str!("../../procedures/php/health-closed.php");
const HEALTH_APPLICATION: &str = include_str!("../../procedures/php/health-application.php");
const HEALTH_WEB: &str = include_str!("../../procedures/php/health-web.php");
const ERROR_LOG: &str = include_str!("../../procedures/php/error-log.php");
const BACK_CHECK: &str = include_str!("../../procedures/php/back-check.php");
const VIEWS_RECREATE: &str = include_str!("../../procedures/php/views-recreate.php");
const COLUMNS: &str = include_str!("../../procedures/php/columns.php");
const COMPOSITION: &str = include_str!("../../procedures/php/composition.php");

static TEXTS: LazyLock<Vec<(BuiltInScript, Script)>> = LazyLock::new(|| {
    BUILT_IN_SCRIPTS.iter().map(|(_, script)| (*script, Script::new(script.assemble()))).collect()
});

impl BuiltInScript {
    /// The script of this file name, such as `composition.php`.
    pub fn by_file_name(name: &str) -> Option<Self> {
        let name = name.strip_suffix(".php")?;
        BUILT_IN_SCRIPTS.iter().find(|(known, _)| *known == name).map(|(_, script)| *script)
    }

    /// The file name of the script that has this text, where one has.
    pub fn file_name_of(text: &str) -> Option<String> {
        let known = BUILT_IN_SCRIPTS.iter().find(|(_, script)| *script.text() == *text)?;
        Some(format!("{}.php", known.0))
    }

    /// The file names of all of them.
    pub fn file_names() -> impl Iterator<Item = String> {
        BUILT_IN_SCRIPTS.iter().map(|(name, _)| format!("{name}.php"))
    }

    /// The text that `php -r` is given; one for all hosts.
    pub fn text(self) -> Script {
        let known = TEXTS.iter().find(|(script, _)| *script == self);
        known.map_or_else(|| Script::new(self.assemble()), |(_, text)| text.clone())
    }

    fn assemble(self) -> String {
        let files: &[&str] = match self {
            Self::Columns => &[SETTINGS, COLUMNS],
            Self::Composition => &[SETTINGS, COMPOSITION],
            Self::ViewsRecreate => &[SETTINGS, CLIENT, ARCHIVE, TABLES, LOAD, DEFINITIONS, VIEWS_RECREATE],
            Self::ViewsBack => &[SETTINGS, CLIENT, ARCHIVE, DEFINITIONS, VIEWS_BACK],
            Self::OwnersRecord => &[CLIENT, ARCHIVE, OWNERS, OWNERS_RECORD],
            Self::OwnersRestore => &[CLIENT, ARCHIVE, OWNERS, OWNERS_RESTORE],
            Self::Backup => {
                &[SETTINGS, CLIENT, ARCHIVE, TABLES, DEFINITIONS, DUMP, LOAD, PRUNE, RESTORE, BACKUP]
            }
            Self::OpeningMark => &[SETTINGS, CLIENT, ARCHIVE, TABLES, OPENING_MARK],
            Self::ComponentsRestore => &[CLIENT, ARCHIVE, COMPONENTS_RESTORE],
            Self::DatabaseRestore => {
                &[SETTINGS, CLIENT, ARCHIVE, TABLES, DUMP, LOAD, RESTORE, DATABASE_RESTORE]
            }
            Self::BackCheck => &[SETTINGS, CLIENT, ARCHIVE, TABLES, BACK_CHECK],
            Self::RestoreCheck => &[SETTINGS, CLIENT, ARCHIVE, TABLES, LOAD, RESTORE, RESTORE_CHECK],
            Self::CachesClear => &[CLIENT, CACHES_CLEAR],
            Self::Preflight => &[SETTINGS, CLIENT, ARCHIVE, TABLES, DUMP, JOBS, PREFLIGHT],
            Self::Quiet => &[CLIENT, ARCHIVE, JOBS, QUIET],
            Self::BackupList => &[CLIENT, ARCHIVE, BACKUP_LIST],
            Self::BackupVerify => &[SETTINGS, CLIENT, ARCHIVE, TABLES, LOAD, BACKUP_VERIFY],
            Self::BackupPrune => &[CLIENT, ARCHIVE, PRUNE, BACKUP_PRUNE],
            Self::HealthClosed => &[HTTP, HEALTH_CLOSED],
            Self::HealthApplication => &[HTTP, HEALTH_APPLICATION],
            Self::HealthWeb => &[HTTP, HEALTH_WEB],
            Self::ErrorLog => &[CLIENT, ARCHIVE, ERROR_LOG],
        };
        files.iter().map(|file| file.trim_start_matches("<?php\n")).collect()
    }
}
