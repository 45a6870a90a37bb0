//! Arguments with placeholders: `{ixp_root}/storage`.
//!
//! Substitution is whole values into whole arguments. There is no expression language and no
//! shell: a value with a blank or a quote in it stays one argument.

use std::fmt;

use super::ArgumentText;

/// A value of the host, of the run, or of the facts that an argument may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Placeholder {
    /// What the inventory calls the host.
    Host,
    /// The installation's folder.
    IxpRoot,
    /// The address of the web site; empty where none is known.
    Url,
    /// How long the site may take to be well, in seconds.
    HealthTimeout,
    /// How often in a row it must be found well.
    HealthSuccesses,
    /// The folder for backups, in which each host has its own.
    BackupDir,
    /// How many of them are kept.
    BackupKeep,
    /// The web server's user.
    WebUser,
    /// The owner of the installation's git folder, as the probe found it.
    TreeOwner,
    /// The branch that is pulled.
    Branch,
    /// The git tag to go to; empty without `--to`.
    Target,
    /// The commit that upstream had at the target when the host was probed; empty where it did not answer.
    UpstreamCommit,
    /// The commit that was installed when the host was probed; empty where that is not known.
    InstalledCommit,
    /// The branch that it was on; empty where it was on none.
    InstalledBranch,
    /// The steps that earlier runs still owe the host, with blanks between them.
    Owed,
    /// The version that the target's code says it is; empty where that is not known.
    TargetVersion,
    /// The checks of the releases that are installed, as JSON: their names, queries and remedies.
    ReleaseChecks,
    /// The PHP program with its arguments.
    Php,
    /// The composer program with its arguments.
    Composer,
    /// The bower program with its arguments.
    Bower,
    /// Where memcached listens on the host.
    MemcachedAddress,
    /// The backup that is meant, by the beginning of its name; empty: the newest.
    Backup,
    /// The schema that a backup is loaded into; empty: none.
    Scratch,
    /// How many backups are kept, by the command line or the inventory.
    Keep,
    /// What becomes of local files that the new release has in their place: `refuse` or `keep`.
    LocalFiles,
    /// The releases, by their tags, of which nobody has confirmed the gates, if nobody knows the release of the branch.
    UnaskedReleases,
    /// How long a statement waits for a lock that another session holds, in seconds.
    LockWaitTimeout,
    /// How long is waited until nothing of the installation runs, in seconds.
    QuietTimeout,
    /// The command that stops what writes to the database by itself.
    WritersStop,
    /// The command that starts it again.
    WritersStart,
    /// The command that restarts memcached.
    MemcachedRestart,
}

impl Placeholder {
    /// All placeholders.
    pub const ALL: [Self; 31] = [
        Self::Host,
        Self::IxpRoot,
        Self::Url,
        Self::HealthTimeout,
        Self::HealthSuccesses,
        Self::BackupDir,
        Self::BackupKeep,
        Self::WebUser,
        Self::TreeOwner,
        Self::Branch,
        Self::Target,
        Self::UpstreamCommit,
        Self::InstalledCommit,
        Self::InstalledBranch,
        Self::Owed,
        Self::TargetVersion,
        Self::ReleaseChecks,
        Self::UnaskedReleases,
        Self::Php,
        Self::Composer,
        Self::Bower,
        Self::MemcachedAddress,
        Self::Backup,
        Self::Scratch,
        Self::Keep,
        Self::LocalFiles,
        Self::LockWaitTimeout,
        Self::QuietTimeout,
        Self::WritersStop,
        Self::WritersStart,
        Self::MemcachedRestart,
    ];

    /// Its name between the braces; in upper case it is the environment variable of scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::IxpRoot => "ixp_root",
            Self::Url => "url",
            Self::HealthTimeout => "health_timeout",
            Self::HealthSuccesses => "health_successes",
            Self::BackupDir => "backup_dir",
            Self::BackupKeep => "backup_keep",
            Self::WebUser => "web_user",
            Self::TreeOwner => "tree_owner",
            Self::Branch => "branch",
            Self::Target => "target",
            Self::UpstreamCommit => "upstream_commit",
            Self::InstalledCommit => "installed_commit",
            Self::InstalledBranch => "installed_branch",
            Self::Owed => "owed",
            Self::TargetVersion => "target_version",
            Self::ReleaseChecks => "release_checks",
            Self::UnaskedReleases => "unasked_releases",
            Self::Php => "php",
            Self::Composer => "composer",
            Self::Bower => "bower",
            Self::MemcachedAddress => "memcached_address",
            Self::Backup => "backup",
            Self::Scratch => "scratch",
            Self::Keep => "keep",
            Self::LocalFiles => "local_files",
            Self::LockWaitTimeout => "lock_wait_timeout",
            Self::QuietTimeout => "quiet_timeout",
            Self::WritersStop => "writers_stop",
            Self::WritersStart => "writers_start",
            Self::MemcachedRestart => "memcached_restart",
        }
    }

    /// Whether it stands for several arguments, and so must be an argument of its own.
    pub fn is_words(self) -> bool {
        matches!(
            self,
            Self::Php
                | Self::Composer
                | Self::Bower
                | Self::MemcachedRestart
                | Self::WritersStop
                | Self::WritersStart
        )
    }
}

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Value(Placeholder),
    Text(ArgumentText),
}

/// Why a template is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TemplateError {
    /// `{` without `}`.
    Open,
    /// A name that is no placeholder.
    Unknown(String),
    /// A list inside a longer text.
    WordsInside(Placeholder),
}

impl Template {
    /// A text without placeholders.
    pub fn literal(text: &str) -> Self {
        Self { pieces: vec![Piece::Literal(text.to_owned())] }
    }

    /// A path below the installation's folder.
    pub(super) fn below_installation(path: &str) -> Self {
        Self { pieces: vec![Piece::Value(Placeholder::IxpRoot), Piece::Literal(format!("/{path}"))] }
    }

    /// Parses a text; `{{` and `}}` stand for braces.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(index) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(index);
            literal.push_str(before);
            if from.starts_with("{{") || from.starts_with("}}") {
                literal.push_str(from.get(..1).unwrap_or_default());
                rest = from.get(2..).unwrap_or_default();
                continue;
            }
            let Some((name, after)) = from.strip_prefix('{').and_then(|from| from.split_once('}')) else {
                return Err(TemplateError::Open);
            };
            let value = Placeholder::ALL.into_iter().find(|placeholder| placeholder.name() == name);
            let piece = value
                .map(Piece::Value)
                .or_else(|| ArgumentText::by_file_name(name).map(Piece::Text))
                .ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(piece);
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        let template = Self { pieces };
        if template.pieces.len() > 1
            && let Some(words) = template.placeholders().find(|placeholder| placeholder.is_words())
        {
            return Err(TemplateError::WordsInside(words));
        }
        Ok(template)
    }

    /// The placeholders it names.
    pub fn placeholders(&self) -> impl Iterator<Item = Placeholder> + '_ {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value(placeholder) => Some(*placeholder),
            Piece::Literal(_) | Piece::Text(_) => None,
        })
    }

    /// The texts of ixporch that it names.
    pub fn texts(&self) -> impl Iterator<Item = ArgumentText> + '_ {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(*text),
            Piece::Literal(_) | Piece::Value(_) => None,
        })
    }

    /// The list placeholder that it is, if it is one.
    pub fn as_words(&self) -> Option<Placeholder> {
        self.placeholders().next().filter(|placeholder| placeholder.is_words())
    }

    /// Fills in single values.
    pub fn fill(&self, value: impl Fn(Placeholder) -> String) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => text.clone(),
                Piece::Value(placeholder) => value(*placeholder),
                Piece::Text(text) => text.text(),
            })
            .collect()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}"))?,
                Piece::Value(placeholder) => write!(f, "{{{}}}", placeholder.name())?,
                Piece::Text(text) => write!(f, "{{{}}}", text.file_name())?,
            }
        }
        Ok(())
    }
}
