//! The PHP scripts that ixporch carries, for what artisan has no command for.
//!
//! They run with the host's own PHP in the folder of the installation, and read its settings by its own libraries.

/// One of these scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltInScript {
    /// Says what the installation is made of: PHP, commit, locked libraries, database server. Changes nothing.
    Composition,
    /// Says of which types the database's columns are. Changes nothing.
    Columns,
    /// Makes the views and triggers of `tools/sql/views.sql` anew.
    ViewsRecreate,
}

/// The scripts by the names that procedures give them.
pub(super) const BUILT_IN_SCRIPTS: &[(&str, BuiltInScript)] = &[
    ("columns", BuiltInScript::Columns),
    ("composition", BuiltInScript::Composition),
    ("views-recreate", BuiltInScript::ViewsRecreate),
];

const SETTINGS: &str = include_str!("../../procedures/php/settings.php");
const VIEWS_RECREATE: &str = include_str!("../../procedures/php/views-recreate.php");
const COLUMNS: &str = include_str!("../../procedures/php/columns.php");
const COMPOSITION: &str = include_str!("../../procedures/php/composition.php");

impl BuiltInScript {
    /// The script of this file name, such as `composition.php`.
    pub fn by_file_name(name: &str) -> Option<Self> {
        let name = name.strip_suffix(".php")?;
        BUILT_IN_SCRIPTS.iter().find(|(known, _)| *known == name).map(|(_, script)| *script)
    }

    /// The file name of the script that has this text, where one has.
    pub fn file_name_of(text: &str) -> Option<String> {
        let known = BUILT_IN_SCRIPTS.iter().find(|(_, script)| script.text() == text)?;
        Some(format!("{}.php", known.0))
    }

    /// The file names of all of them.
    pub fn file_names() -> impl Iterator<Item = String> {
        BUILT_IN_SCRIPTS.iter().map(|(name, _)| format!("{name}.php"))
    }

    /// The text that `php -r` is given.
    pub fn text(self) -> String {
        let body = match self {
            Self::Columns => COLUMNS,
            Self::Composition => COMPOSITION,
            Self::ViewsRecreate => VIEWS_RECREATE,
        };
        [SETTINGS, body].map(|file| file.trim_start_matches("<?php\n")).concat()
    }
}
