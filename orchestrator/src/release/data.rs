//! The release data: one file of `orchestrator/releases/` for each tag.
//!
//! Owns the form of these files. What follows from them for a host is told elsewhere.

use std::sync::LazyLock;

use serde::Deserialize;

/// A release: `MAJOR.MINOR.PATCH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

/// What is known of a release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Its tag, such as `v4.9.0`.
    pub tag: String,
    /// The version that its code says it is; `None`: that of its tag.
    pub reports: Option<String>,
    /// The PHP that it needs.
    pub php: PhpRange,
    /// The oldest MySQL that it works with, by major and minor number.
    #[serde(deserialize_with = "major_and_minor")]
    pub mysql: (u32, u32),
    /// The major version of composer that it needs.
    pub composer: String,
    /// How its front end is installed.
    pub front_end: FrontEnd,
    /// What brings its schema up to date, in this order.
    pub schema: Vec<SchemaTool>,
    /// How its views are recreated.
    pub views: Views,
    /// The file that holds its version.
    pub version_file: String,
    /// What is different from the release before it, besides the code.
    pub changes: Vec<Change>,
    /// The address of its release notes.
    pub notes: String,
    /// What must hold before it is installed.
    #[serde(default)]
    pub checks: Vec<ReleaseCheck>,
    /// What it needs once, in this order.
    #[serde(default)]
    pub steps: Vec<ReleaseStep>,
    /// What a person must know or do, and confirms.
    #[serde(default)]
    pub gates: Vec<ReleaseGate>,
    /// What is worth knowing.
    #[serde(default)]
    pub hints: Vec<ReleaseGate>,
}

/// A range of PHP versions, by major and minor number: from the first, below the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhpRange {
    /// The lowest.
    #[serde(deserialize_with = "major_and_minor")]
    pub from: (u32, u32),
    /// The first that is too new; `None`: there is none.
    #[serde(default, deserialize_with = "maybe_major_and_minor")]
    pub below: Option<(u32, u32)>,
}

/// How a front end is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrontEnd {
    /// By bower.
    Bower,
    /// It is in the tree.
    None,
}

/// What brings a schema up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchemaTool {
    /// `artisan doctrine:schema:update`.
    Doctrine,
    /// `artisan migrate`.
    Migrations,
}

/// How views are recreated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Views {
    /// From `tools/sql/views.sql`.
    File,
    /// By `artisan update:reset-mysql-views`.
    Artisan,
}

/// What a release changes, besides the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Libraries: `composer.lock`.
    Libraries,
    /// The mapping of the database's tables.
    Schema,
    /// Laravel's migrations.
    Migrations,
    /// Front-end components: `bower.json`.
    FrontEnd,
    /// Database views.
    Views,
    /// Settings in `.env`.
    Settings,
    /// Programs for other hosts: `tools/runtime`, `tools/perl-lib`.
    OtherHosts,
}

/// A query that must return no rows before a release is installed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseCheck {
    /// Its id, unique in its release.
    pub id: String,
    /// What its rows are, and why that matters; follows their number.
    pub what: String,
    /// How to fix it.
    pub remedy: String,
    /// The query.
    pub rows: String,
}

/// What a release needs once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseStep {
    /// Its id, unique among the steps of all releases and procedures, and never renamed.
    pub id: String,
    /// What it does, for people.
    pub title: String,
    /// When it is done.
    pub when: Moment,
    /// A path below the installation without which nobody needs it.
    pub when_exists: Option<String>,
    /// A path below the installation that every release has that can do it.
    pub needs: Option<String>,
    /// The artisan command; its question is answered with yes.
    pub artisan: Option<Vec<String>>,
    /// The statement, if it is no command.
    pub sql: Option<String>,
    /// Whether the query tells that it is wholly done, and not only begun.
    #[serde(default = "yes")]
    pub proof: bool,
    /// A query for what it is still to be done for: it is not run if there are no rows, and has failed if it leaves some.
    pub rows: String,
}

/// When a step of a release is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// After the new code and before the schema is updated.
    BeforeSchema,
    /// After the schema is updated.
    AfterSchema,
    /// After the views are recreated.
    AfterViews,
}

/// What a person confirms before a release is installed, or should know.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseGate {
    /// Its id, unique in its release.
    pub id: String,
    /// What is to be known or done.
    pub text: String,
}

macro_rules! files {
    ($($tag:literal)*) => {
        &[$(($tag, include_str!(concat!("../../releases/", $tag, ".toml"))),)*]
    };
}

/// The files, the oldest release first.
const FILES: &[(&str, &str)] = files![
    "v4.2.0" "v4.4.0" "v4.4.8" "v4.4.9" "v4.5.0" "v4.6.0" "v4.6.1" "v4.7.0" "v4.7.1" "v4.7.2" "v4.7.3" "v4.8.0"
    "v4.9.0" "v4.9.1" "v4.9.2" "v4.9.3"
    "v5.0.0" "v5.1.0" "v5.2.0" "v5.3.0" "v5.4.0" "v5.4.1" "v5.5.0" "v5.6.0" "v5.7.0" "v5.8.0"
    "v6.0.0" "v6.0.1" "v6.1.0" "v6.2.0" "v6.3.0" "v6.3.1" "v6.4.0" "v6.4.1" "v6.4.2"
    "v7.0.0" "v7.0.1" "v7.1.0" "v7.2.0" "v7.3.0" "v7.3.1" "v7.4.0" "v7.4.1"
];

/// All releases with their versions, the oldest first. The tests make sure that each file can be read.
pub(super) static RELEASES: LazyLock<Vec<(Version, Release)>> = LazyLock::new(|| {
    let read = |(tag, text): &(&str, &str)| Some((Version::parse(tag)?, toml::from_str(text).ok()?));
    FILES.iter().filter_map(read).collect()
});

impl Version {
    /// Reads a tag or a version; `None` if it has not three numbers.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut parts = text
            .split('.')
            .map(|part| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten());
        let version = Self(parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(version)
    }

    /// Major and minor number.
    pub fn minor(self) -> (u32, u32) {
        (self.0, self.1)
    }
}

fn yes() -> bool {
    true
}

fn major_and_minor<'de, D: serde::Deserializer<'de>>(from: D) -> Result<(u32, u32), D::Error> {
    let text = String::deserialize(from)?;
    super::numbers(&text).ok_or_else(|| serde::de::Error::custom("no version such as 7.0"))
}

fn maybe_major_and_minor<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<(u32, u32)>, D::Error> {
    major_and_minor(from).map(Some)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::procedure::Procedure;

    #[test]
    fn every_file_is_read_and_named_for_its_tag() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/releases");
        let names: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let known: BTreeSet<String> = FILES.iter().map(|(tag, _)| format!("{tag}.toml")).collect();
        assert_eq!(names, known);
        let mut before = None;
        for (tag, text) in FILES {
            let release: Release = toml::from_str(text).unwrap_or_else(|error| panic!("{tag}: {error}"));
            assert_eq!(release.tag, *tag);
            assert!(release.notes.ends_with(tag), "{tag}: {}", release.notes);
            let version = Version::parse(tag);
            assert!(version > before, "{tag} is in the wrong place");
            before = version;
        }
        assert_eq!(RELEASES.len(), FILES.len());
    }

    #[test]
    fn each_step_is_a_command_or_a_statement_and_its_id_is_its_own() {
        let procedures = Procedure::built_in_names().map(|name| Procedure::built_in(name).unwrap().unwrap());
        let is_of_release =
            |id: &String| RELEASES.iter().flat_map(|(_, it)| &it.steps).any(|step| step.id == *id);
        let of_procedures = procedures.flat_map(|it| it.steps.into_iter().chain(it.back).chain(it.health));
        let mut ids: BTreeSet<String> =
            of_procedures.map(|step| step.id).filter(|id| !is_of_release(id)).collect();
        for (_, release) in RELEASES.iter() {
            for step in &release.steps {
                assert!(step.artisan.is_some() != step.sql.is_some(), "{}", step.id);
                assert!(ids.insert(step.id.clone()), "{} is there twice", step.id);
            }
            let parts = release.checks.iter().map(|it| &it.id).chain(release.steps.iter().map(|it| &it.id));
            let own: BTreeSet<&String> = parts.clone().collect();
            assert_eq!(own.len(), parts.count(), "{}", release.tag);
        }
    }

    #[test]
    fn a_version_has_three_numbers() {
        assert_eq!(Version::parse("v4.9.3"), Some(Version(4, 9, 3)));
        assert_eq!(Version::parse("4.10.0"), Some(Version(4, 10, 0)));
        for text in ["main", "v4.9", "v4.9.3-lonap", "4.9.3.1", "v4.9.", "v4.+9.3", ""] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
