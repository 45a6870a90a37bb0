//! Where the upgrade leads: a branch or a tag, its release, and whether git can bring it.

use super::{Asked, Finding, Findings};
use crate::facts::Facts;
use crate::release;

impl Findings {
    /// Without a target the branch is pulled; with one, the host's tag must be upstream's.
    pub(super) fn branch(&mut self, asked: &Asked<'_>, facts: &Facts) {
        if asked.target.is_none() && facts.commit.is_some() && facts.branch.as_deref() != Some(asked.branch) {
            let branch = facts.branch.as_ref().map_or_else(
                || "no branch (detached HEAD)".to_owned(),
                |branch| format!("the branch {branch}"),
            );
            self.blocker(
                "tree-branch",
                format!("the tree is on {branch}, not on {}, which would be pulled", asked.branch),
                "upgrade to a release with --to TAG, or set branch in the inventory",
            );
        }
        if let (Some(tag), Some(here), Some(there)) =
            (asked.target, facts.local_target.as_deref(), facts.remote_commit.as_deref())
            && here != there
        {
            self.blocker(
                "target-moved",
                format!("the tag {tag} is {here} on the host, and {there} upstream"),
                format!(
                    "find out why it was moved; then, as the tree's owner: git -C {} tag -d {tag}",
                    asked.ixp_root
                ),
            );
        }
    }

    /// A downgrade, and another major version, are refused by the upgrade's own check of the target.
    pub(super) fn versions(&mut self, asked: &Asked<'_>, facts: &Facts) {
        let target = asked.release.and_then(release::reported_by);
        let installed = facts.version.as_deref();
        if let (Some(target), Some(installed)) = (target, installed)
            && release::is_older(target, installed) == Some(true)
        {
            self.blocker(
                "target-older",
                format!("{target} is older than the installed {installed}: a downgrade can destroy data"),
                "choose a newer release with --to; to go back after an upgrade: ixporch rollback",
            );
        }
        let Some(major) = asked.major else { return };
        let is_other = |version: &&str| release::numbers(version).is_some_and(|(found, _)| found != major);
        for (what, version) in [("the target", target), ("the installed release", installed)] {
            if let Some(version) = version.filter(is_other) {
                self.blocker(
                    "target-major",
                    format!("{what} is version {version}, and this procedure is for version {major}"),
                    format!(
                        "choose a release of version {major} with --to, or another procedure with --procedure"
                    ),
                );
            }
        }
    }

    /// What the upgrade's own check of its target would say, as far as no other finding says it.
    pub(super) fn target(&mut self, asked: &Asked<'_>, facts: &Facts) {
        let Some((first, files)) = facts.target_refused.split_first() else { return };
        let is_known = |finding: &Finding| {
            matches!(
                finding.id.as_str(),
                "target-older" | "target-major" | "target-moved" | "tree-branch" | "upstream" | "git-refused"
            )
        };
        if self.0.iter().any(is_known) {
            return;
        }
        // The check itself names no more than twenty.
        let what = if files.is_empty() { first.clone() } else { format!("{first} ({})", files.join(", ")) };
        self.blocker(
            "target-refused",
            format!("the upgrade would refuse its target: {what}"),
            format!("mend that in {} on the host, then check again", asked.ixp_root),
        );
    }

    /// An upgrade should go through every minor release.
    pub(super) fn path(&mut self, asked: &Asked<'_>, facts: &Facts) {
        let (Some(target), Some(installed)) = (asked.release, facts.version.as_deref()) else { return };
        let skipped = release::skipped(installed, target);
        if let Some(next) = skipped.first() {
            self.warning(
                "releases-skipped",
                format!(
                    "{target} skips {}: each minor release may contain steps that later ones lack",
                    skipped.join(", ")
                ),
                format!("upgrade to the latest {next} release first"),
            );
        }
    }
}
