//! What an upgrade from one release to another needs once.

use super::data::{RELEASES, Release, ReleaseCheck, ReleaseStep, Version};

/// An upgrade of a host.
#[derive(Debug, Clone, Copy)]
pub struct Upgrade {
    installed: Option<Version>,
    target: Option<Version>,
}

/// A question to a host's database: its name, and the query of which the rows are counted.
pub type Queries = Vec<(String, &'static str)>;

impl Upgrade {
    /// From an installed release to a tag; `None`: to the head of a branch, of which nobody knows the release. `installed`
    /// are the names that it has, its tag and its version: the first that is one of a release counts.
    pub fn new<'a>(installed: impl IntoIterator<Item = &'a str>, target: Option<&str>) -> Self {
        Self { installed: installed.into_iter().find_map(release_of), target: target.and_then(release_of) }
    }

    /// The releases after the installed one, up to the target. Empty if that is not known; if only the installed one is not,
    /// those of the target's minor release.
    pub fn releases(self) -> impl Iterator<Item = &'static Release> {
        self.between().map(|(_, release)| release)
    }

    fn between(self) -> impl Iterator<Item = &'static (Version, Release)> {
        let is_between = move |version: Version| {
            let is_up_to = |to: Version| match self.installed {
                Some(from) => version > from && version <= to,
                None => version <= to && version.minor() == to.minor(),
            };
            self.target.is_some_and(is_up_to)
        };
        RELEASES.iter().filter(move |(version, _)| is_between(*version))
    }

    /// Whether the target is a release, or made from one.
    pub fn has_known_target(self) -> bool {
        self.target.is_some()
    }

    /// The releases that it may go through, if nobody knows where it leads: all after the installed one.
    fn perhaps(self) -> impl Iterator<Item = &'static Release> {
        let is_later = move |version: Version| {
            self.target.is_none()
                && self.installed.is_none_or(|installed| version > installed && version.0 == installed.0)
        };
        RELEASES.iter().filter(move |(version, _)| is_later(*version)).map(|(_, release)| release)
    }

    /// Those of them that ask a person for something: their tags.
    pub fn unasked(self) -> impl Iterator<Item = &'static str> {
        self.perhaps().filter(|release| !release.gates.is_empty()).map(|release| release.tag.as_str())
    }

    /// Whether a release is installed already.
    pub fn has_installed(self, tag: &str) -> bool {
        Version::parse(tag).zip(self.installed).is_some_and(|(version, installed)| version <= installed)
    }

    /// Whether the steps of a release are part of it.
    ///
    /// They are those of the target's minor release, also of releases that are installed already: an earlier run may have ended
    /// before them, and each step asks whether there is anything to do. Steps of an earlier minor release need its code and its
    /// tables. Where nobody knows the target's release, all from the installed minor release on are part of it, each if the
    /// new code has it.
    pub fn takes_steps_of(self, tag: &str) -> bool {
        let Some(version) = Version::parse(tag) else { return false };
        match (self.target, self.installed) {
            (Some(target), _) => version <= target && version.minor() == target.minor(),
            (None, Some(installed)) => version.0 == installed.0 && version.minor() >= installed.minor(),
            (None, None) => true,
        }
    }

    /// Whether it goes to a later minor release than that of a step, which is the installed one.
    pub fn leaves_minor_of(self, tag: &str) -> bool {
        let Some(version) = Version::parse(tag) else { return false };
        let is_minor = |other: Option<Version>| other.is_some_and(|other| other.minor() == version.minor());
        is_minor(self.installed) && self.target.is_some_and(|target| target.minor() > version.minor())
    }

    /// The checks of its releases, with the release; if nobody knows where it leads, of all later ones.
    pub fn checks(self) -> impl Iterator<Item = (&'static Release, &'static ReleaseCheck)> {
        self.releases()
            .chain(self.perhaps())
            .flat_map(|release| release.checks.iter().map(move |check| (release, check)))
    }

    /// The steps of releases that it skips, with the release: the target's code cannot do them.
    pub fn skipped_steps(self) -> impl Iterator<Item = (&'static Release, &'static ReleaseStep)> {
        let target = self.target;
        self.between()
            .filter(move |(version, _)| target.is_some_and(|target| version.minor() != target.minor()))
            .flat_map(|(_, release)| release.steps.iter().map(move |step| (release, step)))
    }

    /// The steps of the installed release and of those before it, with the release: they should have been done.
    pub fn earlier_steps(self) -> impl Iterator<Item = (&'static Release, &'static ReleaseStep)> {
        let is_earlier = move |version: Version| self.installed.is_some_and(|installed| version <= installed);
        RELEASES
            .iter()
            .filter(move |(version, _)| is_earlier(*version))
            .flat_map(|(_, release)| release.steps.iter().map(move |step| (release, step)))
    }
}

/// The release that a tag or version is made from: `v4.9.3-ours` and `v4.9.3-2-g1b2c3d4` from v4.9.3.
fn release_of(text: &str) -> Option<Version> {
    Version::parse(text.split(['-', '+']).next()?)
}

/// The name of a check or a step among those of all releases, such as `v4.9.0/copy-contact-names`.
pub(crate) fn name_of(release: &Release, id: &str) -> String {
    format!("{}/{id}", release.tag)
}

/// All that the releases ask a database: checks, and what their steps are still to be done for.
pub fn queries() -> Queries {
    let of_release = |release: &'static Release| {
        let checks = release.checks.iter().map(|check| (check.id.as_str(), check.rows.as_str()));
        let steps = release.steps.iter().map(|step| (step.id.as_str(), step.rows.as_str()));
        checks.chain(steps).map(|(id, rows)| (name_of(release, id), rows))
    };
    super::all().flat_map(of_release).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn tags(upgrade: Upgrade) -> Vec<&'static str> {
        upgrade.releases().map(|release| release.tag.as_str()).collect()
    }

    #[test]
    fn an_upgrade_goes_through_the_releases_after_the_installed_one() {
        assert_eq!(tags(Upgrade::new(["v4.8.0"], Some("v4.9.3"))), ["v4.9.0", "v4.9.1", "v4.9.2", "v4.9.3"]);
        assert_eq!(tags(Upgrade::new(["4.9.3"], Some("v4.9.3"))), Vec::<&str>::new());
        assert_eq!(tags(Upgrade::new(["4.8.0"], None)), Vec::<&str>::new());
        assert_eq!(tags(Upgrade::new(["v4.9.2-2-g1b2c3d4"], Some("v4.9.3-ours"))), ["v4.9.3"]);
        // Without tags, the version says what is installed.
        assert_eq!(tags(Upgrade::new(["1b2c3d4", "4.9.2"], Some("v4.9.3"))), ["v4.9.3"]);
        assert_eq!(tags(Upgrade::new([], Some("v4.9.1"))), ["v4.9.0", "v4.9.1"]);
    }

    #[test]
    fn what_a_branch_of_unknown_release_may_bring_is_known() {
        let unasked = |upgrade: Upgrade| upgrade.unasked().collect::<Vec<_>>();
        assert_eq!(unasked(Upgrade::new(["4.8.0"], None)), ["v4.9.0"]);
        assert_eq!(unasked(Upgrade::new(["4.9.3"], None)), Vec::<&str>::new());
        assert!(unasked(Upgrade::new([], None)).contains(&"v4.8.0"));
        assert_eq!(unasked(Upgrade::new(["4.8.0"], Some("v4.9.0"))), Vec::<&str>::new());
        let checks = |installed, target| {
            Upgrade::new([installed], target)
                .checks()
                .map(|(release, _)| release.tag.as_str())
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(checks("4.5.0", None), BTreeSet::from(["v4.6.0", "v4.8.0"]));
        assert_eq!(checks("4.5.0", Some("v4.6.1")), BTreeSet::from(["v4.6.0"]));
    }

    #[test]
    fn only_steps_of_the_targets_minor_release_can_be_done_there() {
        let upgrade = Upgrade::new(["4.7.3"], Some("v4.9.3"));
        assert!(upgrade.takes_steps_of("v4.9.0") && !upgrade.takes_steps_of("v4.8.0"));
        let skipped: Vec<&str> = upgrade.skipped_steps().map(|(_, step)| step.id.as_str()).collect();
        assert_eq!(skipped, ["split-conservers"]);
        // An earlier run, or a person, may have stopped before them.
        assert!(Upgrade::new(["4.9.0"], Some("v4.9.3")).takes_steps_of("v4.9.0"));
        assert!(Upgrade::new(["4.8.0"], Some("v4.9.3")).leaves_minor_of("v4.8.0"));
        assert!(!Upgrade::new(["4.9.0"], Some("v4.9.3")).leaves_minor_of("v4.9.0"));
        // Of a branch nobody knows where it leads, nor what a tag of one's own is.
        for target in [None, Some("our-own")] {
            let pulled = Upgrade::new(["4.7.3"], target);
            assert!(pulled.takes_steps_of("v4.8.0") && pulled.takes_steps_of("v4.9.0"));
            assert!(!pulled.takes_steps_of("v5.0.0") && !pulled.takes_steps_of("v4.4.0"));
        }
    }

    #[test]
    fn what_should_have_been_done_is_known() {
        let earlier: Vec<&str> =
            Upgrade::new(["4.8.0"], None).earlier_steps().map(|(_, step)| step.id.as_str()).collect();
        assert_eq!(earlier, ["l2addresses-populate", "router-import", "split-conservers"]);
    }

    #[test]
    fn each_question_has_a_name_of_its_own() {
        let names: BTreeSet<String> = queries().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), queries().len());
        assert!(names.contains("v4.6.0/duplicate-ipv4-addresses") && names.contains("v4.9.0/bgp-sessions"));
    }
}
