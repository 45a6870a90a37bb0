//! Texts that an argument of `run` may name, such as `{memcached-back.sh}`: what is too long for a line of a procedure.

use super::php_files;

/// A text that ixporch carries for an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentText {
    /// Makes the folder of backups.
    BackupFolder,
    /// Closes the site, even if artisan is broken.
    MaintenanceAgain,
    /// Restarts memcached, or runs what flushes it.
    MemcachedBack,
    /// Flushes memcached.
    MemcachedFlush,
}

impl ArgumentText {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::BackupFolder, Self::MaintenanceAgain, Self::MemcachedBack, Self::MemcachedFlush];

    /// Its file name, which is also its name between the braces.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::BackupFolder => "backup-folder.sh",
            Self::MaintenanceAgain => "maintenance-again.sh",
            Self::MemcachedBack => "memcached-back.sh",
            Self::MemcachedFlush => "memcached-flush.php",
        }
    }

    /// The text of this file name.
    pub fn by_file_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|text| text.file_name() == name)
    }

    /// Which of them a text is.
    pub fn of_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.text() == text)
    }

    /// The text itself.
    pub fn text(self) -> String {
        match self {
            Self::BackupFolder => concat!(
                include_str!("../../procedures/sh/trust.sh"),
                include_str!("../../procedures/sh/backup-folder.sh")
            )
            .to_owned(),
            Self::MaintenanceAgain => include_str!("../../procedures/sh/maintenance-again.sh").to_owned(),
            Self::MemcachedBack => include_str!("../../procedures/sh/memcached-back.sh").to_owned(),
            Self::MemcachedFlush => php_files::assemble(self.file_name()),
        }
    }
}
