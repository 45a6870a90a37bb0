//! The PHP scripts that ixporch carries, for what artisan has no command for.
//!
//! They run with the host's own PHP in the folder of the installation, and read its settings by its own libraries.

use std::sync::LazyLock;

use super::php_files;
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
    /// Counts the rows of a query. Changes nothing.
    Rows,
    /// Asks the checks of releases. Changes nothing.
    ReleaseCheck,
    /// Does what a release needs once.
    ReleaseStep,
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
    ("release-check", BuiltInScript::ReleaseCheck),
    ("release-step", BuiltInScript::ReleaseStep),
    ("restore-check", BuiltInScript::RestoreCheck),
    ("rows", BuiltInScript::Rows),
    ("views-back", BuiltInScript::ViewsBack),
    ("views-recreate", BuiltInScript::ViewsRecreate),
];

static TEXTS: LazyLock<Vec<(BuiltInScript, Script)>> = LazyLock::new(|| {
    let text = |name: &str| Script::new(php_files::assemble(&format!("{name}.php")));
    BUILT_IN_SCRIPTS.iter().map(|(name, script)| (*script, text(name))).collect()
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
        known.map_or_else(|| Script::new(String::new()), |(_, text)| text.clone())
    }
}
