//! Files that others may change although ixporch relies on them, as `trust.sh` finds them on a host (docs/concepts/trust.md).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::harmless_line;

/// A file or folder that must not be relied on, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distrust {
    /// The file or folder.
    pub path: String,
    /// Why.
    #[serde(flatten)]
    pub why: DistrustReason,
}

/// Why a file or folder must not be relied on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum DistrustReason {
    /// It is another user's.
    Foreign {
        /// That user.
        owner: String,
    },
    /// Its group or everybody may write to it.
    Writable {
        /// Its mode, in octal digits; `acl` if an access control list below it lets them.
        mode: String,
    },
    /// It is a link, or no folder.
    Link,
    /// It leads git to another repository.
    Elsewhere,
    /// It is not there.
    Absent,
    /// It could not be made.
    Unmade,
    /// It could not be looked at.
    Unseen,
}

impl Distrust {
    /// Reads what `trust.sh` prints; `None` where it prints nothing, since all is well then.
    pub fn parse(text: &str) -> Option<Self> {
        let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
        let mut words = line.splitn(3, ' ');
        let (word, detail) = (words.next()?, words.next().unwrap_or_default());
        let why = match word {
            "foreign" => DistrustReason::Foreign { owner: harmless_line(detail) },
            "writable" => DistrustReason::Writable { mode: harmless_line(detail) },
            "link" => DistrustReason::Link,
            "elsewhere" => DistrustReason::Elsewhere,
            "absent" => DistrustReason::Absent,
            "unmade" => DistrustReason::Unmade,
            _ => DistrustReason::Unseen,
        };
        Some(Self { path: harmless_line(words.next().unwrap_or(line)), why })
    }

    fn is_by_acl(&self) -> bool {
        matches!(&self.why, DistrustReason::Writable { mode } if mode == "acl")
    }

    /// The command that closes it to others, for `owner`; `None`: no command does.
    pub fn remedy(&self, owner: &str) -> Option<String> {
        // What is so below `.git` is seldom alone.
        let whole = self.path.find("/.git/").and_then(|at| self.path.get(..at + "/.git".len()));
        let path = shlex::try_quote(whole.unwrap_or(&self.path)).ok()?;
        let all = if whole.is_some() { "R" } else { "" };
        match self.why {
            DistrustReason::Foreign { .. } => Some(format!("chown -h{all} {owner} {path}")),
            DistrustReason::Writable { .. } if self.is_by_acl() => Some(format!("setfacl -Rbk {path}")),
            DistrustReason::Writable { .. } if whole.is_some() => Some(format!("chmod -R go-w {path}")),
            DistrustReason::Writable { .. } => Some(format!("chmod go-w {path}")),
            _ => None,
        }
    }
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.why {
            DistrustReason::Foreign { owner } => write!(f, "{path} belongs to {owner}"),
            DistrustReason::Writable { .. } if self.is_by_acl() => {
                write!(f, "{path} can be written by other users (access control lists)")
            }
            DistrustReason::Writable { mode } => {
                write!(f, "{path} can be written by other users (mode {mode})")
            }
            DistrustReason::Link => write!(f, "{path} is a link, or is not a folder"),
            DistrustReason::Elsewhere => write!(f, "{path} leads git to another repository"),
            DistrustReason::Absent => write!(f, "{path} does not exist"),
            DistrustReason::Unmade => {
                write!(f, "{path} cannot be created: is the disk full, is the folder writable?")
            }
            DistrustReason::Unseen => {
                write!(f, "{path} cannot be checked: stat(1) or the permission is missing")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_prints_is_read_whatever_it_is() {
        let read = |text: &str| Distrust::parse(text).map(|found| found.to_string());
        assert_eq!(read("\n"), None);
        assert_eq!(read("foreign www-data /srv/x y\n").unwrap(), "/srv/x y belongs to www-data");
        let writable = Distrust::parse("writable 775 /srv/x y").unwrap();
        assert_eq!(writable.remedy("root").unwrap(), "chmod go-w '/srv/x y'");
        let below = |text: &str| Distrust::parse(text).unwrap().remedy("root").unwrap();
        assert_eq!(below("writable 664 /srv/x/.git/objects/1a/2b"), "chmod -R go-w /srv/x/.git");
        assert_eq!(below("foreign ops /srv/x/.git/config"), "chown -hR root /srv/x/.git");
        assert!(
            read("sh: \u{1b}[2Jfoul")
                .unwrap()
                .ends_with("cannot be checked: stat(1) or the permission is missing")
        );
        assert!(!read("link - \u{1b}[2J").unwrap().contains('\u{1b}'));
    }
}
