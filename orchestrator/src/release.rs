//! What releases of IXP Manager need of a host.
//!
//! Owns data about releases. The source is `composer.json` at each tag of <https://github.com/inex/IXP-Manager>.

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

/// Extensions that every release since v4 needs: what Laravel asks for, and the database's.
pub const EXTENSIONS: [&str; 6] = ["pdo_mysql", "mbstring", "openssl", "tokenizer", "xml", "json"];

/// The PHP that a release needs, by its tag or version; `None` where that is not known.
pub fn php_for(release: &str) -> Option<PhpRange> {
    let release = numbers(release)?;
    PHP.iter().rev().find(|(since, _)| release >= *since).map(|(_, range)| *range)
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
