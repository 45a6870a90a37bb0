//! Texts that an argument of `run` may name, such as `{memcached-back.sh}`: what is too long for a line of a procedure.

use super::php_files;

/// A text that ixporch carries for an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentText {
    /// Runs artisan, and ends statements that wait too long for a lock.
    ArtisanWatched,
    /// Makes the folder of backups.
    BackupFolder,
    /// Puts back the code of before the run.
    CodeBack,
    /// Moves the code to another release.
    CodeMove,
    /// Checks that the code of before the run is installed.
    CommitCheck,
    /// Runs git.
    Git,
    /// Puts back local files that were kept.
    LocalFilesBack,
    /// Keeps local files that the new release has in their place.
    LocalFilesKeep,
    /// Closes the site, even if artisan is broken.
    MaintenanceAgain,
    /// Restarts memcached, or runs what flushes it.
    MemcachedBack,
    /// Flushes memcached.
    MemcachedFlush,
    /// Restores the tracked proxies of Doctrine.
    ProxiesRestore,
    /// Checks that the target is there, no downgrade, and brought without a loss.
    TargetCheck,
    /// Checks that the tree can be moved.
    TreeCheck,
}

/// The texts by their file names. A shell text is put together from files of `orchestrator/procedures/sh/`.
const TEXTS: [(ArgumentText, &str, &[&str]); 14] = [
    (ArgumentText::ArtisanWatched, "artisan-watched.php", &[]),
    (
        ArgumentText::BackupFolder,
        "backup-folder.sh",
        &[include_str!("../../procedures/sh/trust.sh"), include_str!("../../procedures/sh/backup-folder.sh")],
    ),
    (
        ArgumentText::CodeBack,
        "code-back.sh",
        &[GIT_OPTIONS, include_str!("../../procedures/sh/code-back.sh")],
    ),
    (
        ArgumentText::CodeMove,
        "code-move.sh",
        &[GIT_OPTIONS, include_str!("../../procedures/sh/code-move.sh")],
    ),
    (
        ArgumentText::CommitCheck,
        "commit-check.sh",
        &[GIT_OPTIONS, include_str!("../../procedures/sh/commit-check.sh")],
    ),
    (ArgumentText::Git, "git.sh", &[GIT_OPTIONS, include_str!("../../procedures/sh/git.sh")]),
    (
        ArgumentText::LocalFilesBack,
        "local-files-back.sh",
        &[GIT_OPTIONS, include_str!("../../procedures/sh/local-files-back.sh")],
    ),
    (
        ArgumentText::LocalFilesKeep,
        "local-files-keep.sh",
        &[GIT_OPTIONS, LOCAL_FILES, include_str!("../../procedures/sh/local-files-keep.sh")],
    ),
    (
        ArgumentText::MaintenanceAgain,
        "maintenance-again.sh",
        &[include_str!("../../procedures/sh/maintenance-again.sh")],
    ),
    (
        ArgumentText::MemcachedBack,
        "memcached-back.sh",
        &[include_str!("../../procedures/sh/memcached-back.sh")],
    ),
    // Put together from files of `orchestrator/procedures/php/`.
    (ArgumentText::MemcachedFlush, "memcached-flush.php", &[]),
    (
        ArgumentText::ProxiesRestore,
        "proxies-restore.sh",
        &[GIT_OPTIONS, include_str!("../../procedures/sh/proxies-restore.sh")],
    ),
    (
        ArgumentText::TargetCheck,
        "target-check.sh",
        &[GIT_OPTIONS, LOCAL_FILES, include_str!("../../procedures/sh/target-check.sh")],
    ),
    (
        ArgumentText::TreeCheck,
        "tree-check.sh",
        &[GIT_OPTIONS, include_str!("../../procedures/sh/tree-check.sh")],
    ),
];

/// How git is run.
const GIT_OPTIONS: &str = include_str!("../../procedures/sh/git-options.sh");

/// Which local files are in the way of the new release.
const LOCAL_FILES: &str = include_str!("../../procedures/sh/local-files.sh");

impl ArgumentText {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        TEXTS.iter().map(|(text, ..)| *text)
    }

    /// Its file name, which is also its name between the braces.
    pub fn file_name(self) -> &'static str {
        TEXTS.iter().find(|(text, ..)| *text == self).map_or("", |(_, name, _)| name)
    }

    /// The text of this file name.
    pub fn by_file_name(name: &str) -> Option<Self> {
        TEXTS.iter().find(|(_, known, _)| *known == name).map(|(text, ..)| *text)
    }

    /// Which of them a text is.
    pub fn of_text(text: &str) -> Option<Self> {
        Self::all().find(|known| known.text() == text)
    }

    /// The text itself.
    pub fn text(self) -> String {
        let parts = TEXTS.iter().find(|(text, ..)| *text == self).map_or(&[][..], |(_, _, parts)| parts);
        if parts.is_empty() { php_files::assemble(self.file_name()) } else { parts.concat() }
    }
}
