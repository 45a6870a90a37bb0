//! What releases of IXP Manager need of a host.
//!
//! Owns data about releases. The source is the code at each tag of <https://github.com/inex/IXP-Manager>: `composer.json`,
//! the constant of its version, and its documentation of that time.

/// A range of PHP versions, by major and minor number: from the first, below the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhpRange {
    /// The lowest.
    pub from: (u32, u32),
    /// The first that is too new; `None`: there is none.
    pub below: Option<(u32, u32)>,
}

/// From which release on which PHP is needed.
const PHP: &[((u32, u32), PhpRange)] = &[
    ((4, 2), PhpRange { from: (7, 0), below: None }),
    ((4, 6), PhpRange { from: (7, 0), below: Some((7, 1)) }),
    ((5, 0), PhpRange { from: (7, 2), below: Some((8, 0)) }),
    ((6, 0), PhpRange { from: (8, 0), below: Some((8, 1)) }),
    ((7, 0), PhpRange { from: (8, 4), below: Some((8, 5)) }),
];

/// Tags whose code says that it is another version.
const REPORTED: [(&str, &str); 4] =
    [("v4.4.8", "4.4.0"), ("v4.4.9", "4.4.0"), ("v4.7.1", "4.7.0"), ("v5.4.1", "5.4.0")];

/// From which release on which MySQL is needed.
const MYSQL: [((u32, u32), (u32, u32)); 3] = [((4, 0), (5, 5)), ((4, 7), (5, 7)), ((6, 0), (8, 0))];

/// The minor releases since v4.4, in order: upgrades go through each of them, since later ones drop what the upgrade to an
/// earlier one still needs.
const MINORS: [(u32, u32); 24] = [
    (4, 4),
    (4, 5),
    (4, 6),
    (4, 7),
    (4, 8),
    (4, 9),
    (5, 0),
    (5, 1),
    (5, 2),
    (5, 3),
    (5, 4),
    (5, 5),
    (5, 6),
    (5, 7),
    (5, 8),
    (6, 0),
    (6, 1),
    (6, 2),
    (6, 3),
    (6, 4),
    (7, 0),
    (7, 1),
    (7, 2),
    (7, 3),
];

/// From this release on `tools/sql/views.sql` creates a trigger.
pub const TRIGGER_SINCE: (u32, u32) = (4, 9);

/// Extensions that every release since v4 needs: what Laravel asks for, and the database's.
pub const EXTENSIONS: [&str; 6] = ["pdo_mysql", "mbstring", "openssl", "tokenizer", "xml", "json"];

/// The PHP that a release needs, by its tag or version; `None` where that is not known.
pub fn php_for(release: &str) -> Option<PhpRange> {
    let release = numbers(release)?;
    PHP.iter().rev().find(|(since, _)| release >= *since).map(|(_, range)| *range)
}

/// The version that the code of a tag says it is; `None` for what is no tag of a release.
pub fn reported_by(tag: &str) -> Option<&str> {
    let version = tag.strip_prefix('v')?;
    let is_release = version.split('.').count() == 3
        && version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let reported = REPORTED.iter().find(|(known, _)| *known == tag).map(|(_, reported)| *reported);
    reported.or_else(|| is_release.then_some(version))
}

/// The oldest MySQL that a release works with, by its tag or version.
pub fn mysql_for(release: &str) -> Option<(u32, u32)> {
    let release = numbers(release)?;
    MYSQL.iter().rev().find(|(since, _)| release >= *since).map(|(_, mysql)| *mysql)
}

/// The minor releases between two, which an upgrade from one to the other would skip.
pub fn skipped(from: &str, to: &str) -> Vec<String> {
    let (Some(from), Some(to)) = (numbers(from), numbers(to)) else { return Vec::new() };
    MINORS
        .iter()
        .filter(|minor| **minor > from && **minor < to)
        .map(|(major, minor)| format!("{major}.{minor}"))
        .collect()
}

/// Whether a release is older than an installed one, by their versions; `None`: one of them is no version.
pub fn is_older(version: &str, installed: &str) -> Option<bool> {
    let whole = |version: &str| -> Option<Vec<u32>> {
        version.trim_start_matches('v').split(['.', '-', '+']).take(3).map(|part| part.parse().ok()).collect()
    };
    Some(whole(version)? < whole(installed)?)
}

/// Major and minor number of a version or tag.
pub fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split(['.', '-', '+']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

impl PhpRange {
    /// Whether a version of PHP is in it.
    pub fn has(self, php: (u32, u32)) -> bool {
        php >= self.from && self.below.is_none_or(|below| php < below)
    }
}

impl std::fmt::Display for PhpRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{} or newer", self.from.0, self.from.1)?;
        self.below.map_or(Ok(()), |(major, minor)| write!(f, ", below {major}.{minor}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_reports_its_version_but_for_those_whose_constant_was_forgotten() {
        assert_eq!(reported_by("v4.9.3"), Some("4.9.3"));
        assert_eq!((reported_by("v4.7.1"), reported_by("v5.4.1")), (Some("4.7.0"), Some("5.4.0")));
        assert_eq!(
            (reported_by("main"), reported_by("v4.9.3-lonap"), reported_by("v4.9")),
            (None, None, None)
        );
    }

    #[test]
    fn an_older_release_is_told_by_its_version() {
        assert_eq!(is_older("4.4.0", "4.6.0"), Some(true));
        assert_eq!(is_older("4.10.0", "4.9.3"), Some(false));
        assert_eq!(is_older("4.9.3", "4.9.3"), Some(false));
        assert_eq!((is_older("4.9.0", "4.9.3"), is_older("main", "4.9.3")), (Some(true), None));
    }

    #[test]
    fn what_an_upgrade_would_skip_is_named() {
        assert_eq!(skipped("4.4.0", "v4.5.0"), Vec::<String>::new());
        assert_eq!(skipped("4.7.3", "v4.9.3"), ["4.8"]);
        assert_eq!(skipped("4.8.0", "v5.1.0"), ["4.9", "5.0"]);
        assert_eq!(skipped("4.9.0", "main"), Vec::<String>::new());
        assert_eq!(
            (mysql_for("4.6.1"), mysql_for("v4.9.3"), mysql_for("v7.1.0")),
            (Some((5, 5)), Some((5, 7)), Some((8, 0)))
        );
    }

    #[test]
    fn each_release_needs_its_php() {
        let fits = |release: &str, php: &str| php_for(release).unwrap().has(numbers(php).unwrap());
        assert!(fits("v4.5.0", "8.2.29") && fits("v4.9.3", "7.0.33") && !fits("v4.9.3", "7.4.33"));
        assert!(fits("5.8.0", "7.4.3") && !fits("v5.8.0", "8.0.1"));
        assert!(fits("v6.4.2", "8.0.30") && !fits("v7.0.0", "8.3.1"));
        assert_eq!(php_for("v3.6.6"), None);
        assert_eq!(php_for("main"), None);
        assert_eq!(php_for("v4.6.0").unwrap().to_string(), "7.0 or newer, below 7.1");
    }
}
