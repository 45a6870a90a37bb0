//! What releases of IXP Manager need of a host.
//!
//! Owns what follows from the release data (`orchestrator/releases/*.toml`). Their source is the code at each tag of
//! <https://github.com/inex/IXP-Manager>: `composer.json`, the constant of its version, the mappings, the upgrade commands,
//! and its documentation of that time. It must not know hosts.

mod data;
mod upgrade;

use data::RELEASES;
pub use data::{
    Change, FrontEnd, Moment, PhpRange, Release, ReleaseCheck, ReleaseGate, ReleaseStep, SchemaTool, Version,
    Views,
};
pub(crate) use upgrade::name_of;
pub use upgrade::{Queries, Upgrade, queries};

/// From this release on `tools/sql/views.sql` creates a trigger.
pub const TRIGGER_SINCE: (u32, u32) = (4, 9);

/// Extensions that every release since v4 needs: what Laravel asks for, and the database's.
pub const EXTENSIONS: [&str; 6] = ["pdo_mysql", "mbstring", "openssl", "tokenizer", "xml", "json"];

/// The PHP that a release needs, by its tag or version; `None` where that is not known.
pub fn php_for(release: &str) -> Option<PhpRange> {
    newest_up_to(release).map(|release| release.php)
}

/// The version that the code of a tag says it is; `None` for what is no tag of a release.
pub fn reported_by(tag: &str) -> Option<&str> {
    let version = tag.strip_prefix('v')?;
    let is_release = version.split('.').count() == 3
        && version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let reported = of_tag(tag).and_then(|release| release.reports.as_deref());
    reported.or_else(|| is_release.then_some(version))
}

/// The release of this tag.
pub fn of_tag(tag: &str) -> Option<&'static Release> {
    RELEASES.iter().map(|(_, release)| release).find(|release| release.tag == tag)
}

/// All releases that are known, the oldest first.
pub fn all() -> impl Iterator<Item = &'static Release> {
    RELEASES.iter().map(|(_, release)| release)
}

/// The newest known release up to the minor release of a tag or version.
fn newest_up_to(release: &str) -> Option<&'static Release> {
    let numbers = numbers(release)?;
    RELEASES.iter().rev().find(|(version, _)| version.minor() <= numbers).map(|(_, release)| release)
}

/// The oldest MySQL that a release works with, by its tag or version.
pub fn mysql_for(release: &str) -> Option<(u32, u32)> {
    newest_up_to(release).map(|release| release.mysql)
}

/// The minor releases between two, which an upgrade from one to the other would skip.
pub fn skipped(from: &str, to: &str) -> Vec<String> {
    let (Some(from), Some(to)) = (numbers(from), numbers(to)) else { return Vec::new() };
    let between =
        RELEASES.iter().map(|(version, _)| version.minor()).filter(|minor| *minor > from && *minor < to);
    let mut minors: Vec<(u32, u32)> = between.collect();
    minors.dedup();
    minors.into_iter().map(|(major, minor)| format!("{major}.{minor}")).collect()
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
