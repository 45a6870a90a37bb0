//! What the releases that are installed ask for, and what the steps of earlier ones left undone.

use super::{Asked, Findings, few};
use crate::facts::{Facts, Preflight};
use crate::release::{self, Release, ReleaseGate, ReleaseStep, Upgrade};

impl Findings {
    /// Everything that follows from the release data.
    pub(super) fn releases(&mut self, asked: &Asked<'_>, facts: &Facts, preflight: Option<&Preflight>) {
        let upgrade = Upgrade::new(facts.names(), asked.release);
        self.gates(asked, upgrade);
        self.hints(asked, facts, upgrade);
        let Some(preflight) = preflight else { return };
        let rows = |release: &Release, id: &str| {
            preflight.release_rows.get(&release::name_of(release, id)).copied().filter(|rows| *rows > 0)
        };
        for (release, check) in upgrade.checks() {
            if preflight.release_unasked.contains(&release::name_of(release, &check.id)) {
                self.warning(
                    "release-check",
                    format!("{}: it could not be found out whether {}", release.tag, check.what),
                    format!("look yourself: {}", one_line(&check.rows)),
                );
            }
            let Some(rows) = rows(release, &check.id) else { continue };
            self.blocker(
                "release-check",
                format!("{}: {rows} {}", release.tag, check.what),
                format!("{}; see them: {}", check.remedy, one_line(&check.rows)),
            );
        }
        let target = asked.release.unwrap_or_default();
        for (release, step) in upgrade.skipped_steps() {
            let Some(rows) = rows(release, &step.id) else { continue };
            self.blocker(
                "release-step-skipped",
                format!("{target} cannot do what {} needs: {} ({rows} rows)", release.tag, step.title),
                format!("upgrade to {0} first: --to {0}", release.tag),
            );
        }
        for (release, step) in upgrade.earlier_steps() {
            // Without its path, nobody needs it; what this upgrade does itself is not missing.
            let Some(rows) = rows(release, &step.id).filter(|_| step.when_exists.is_none()) else { continue };
            if upgrade.takes_steps_of(&release.tag) && step.proof {
                continue;
            }
            let what = format!("{} was not, or not wholly, done: {} ({rows} rows)", release.tag, step.title);
            // The next minor release may drop what it needs.
            if upgrade.leaves_minor_of(&release.tag) {
                self.blocker("release-step-missing", what, by_hand(asked, step));
            } else {
                self.warning("release-step-missing", what, by_hand(asked, step));
            }
        }
    }

    /// What a person has to know or do, and has not confirmed.
    fn gates(&mut self, asked: &Asked<'_>, upgrade: Upgrade) {
        let is_open =
            |release: &&Release| !release.gates.is_empty() && !asked.confirmed.contains(&release.tag);
        let open: Vec<&Release> = upgrade.releases().filter(is_open).collect();
        if open.is_empty() {
            return;
        }
        let texts: Vec<String> =
            open.iter().flat_map(|release| release.gates.iter().map(|gate| text(release, gate))).collect();
        let flags: Vec<String> =
            open.iter().map(|release| format!("--confirm-release {}", release.tag)).collect();
        let notes: Vec<String> = open.iter().map(|release| release.notes.clone()).collect();
        let to = asked.target.map_or_else(String::new, |tag| format!(" --to {tag}"));
        self.blocker(
            "release-gates",
            format!("not confirmed: {}", texts.join(" ")),
            format!("read {}; when that is done: ixporch upgrade{to} {}", few(&notes), flags.join(" ")),
        );
    }
}

impl Findings {
    /// Where the release notes are, and what is worth knowing of them.
    fn hints(&mut self, asked: &Asked<'_>, facts: &Facts, upgrade: Upgrade) {
        if let Some(tag) = asked.target.filter(|_| !upgrade.has_known_target()) {
            return self.note(
                "release-notes",
                format!("{tag} is no release of IXP Manager: what releases ask for is not checked"),
                "read the release notes of the releases that it is made from",
            );
        }
        if asked.target.is_none() && facts.remote_commit.is_some() && asked.release.is_none() {
            return self.note(
                "release-notes",
                format!("the head of {} has no tag of a release upstream: what releases ask for is not checked before the fetch", asked.branch),
                "upgrade to a release with --to TAG",
            );
        }
        let releases: Vec<&Release> = upgrade.releases().collect();
        if releases.is_empty() {
            return;
        }
        let hints = releases.iter().flat_map(|release| release.hints.iter().map(|hint| text(release, hint)));
        let hints: Vec<String> = hints.collect();
        let tags: Vec<&str> = releases.iter().map(|release| release.tag.as_str()).collect();
        let what = match hints.as_slice() {
            [] => format!("the upgrade goes through {}", tags.join(", ")),
            hints => format!("the upgrade goes through {}. {}", tags.join(", "), hints.join(" ")),
        };
        let notes: Vec<&str> = releases.iter().map(|release| release.notes.as_str()).collect();
        self.note("release-notes", what, format!("read the release notes: {}", notes.join(" ")));
    }
}

fn text(release: &Release, gate: &ReleaseGate) -> String {
    format!("{}: {}", release.tag, gate.text)
}

fn one_line(query: &str) -> String {
    query.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How a step of a release is done by hand.
fn by_hand(asked: &Asked<'_>, step: &ReleaseStep) -> String {
    match (&step.artisan, &step.sql) {
        (Some(words), _) => {
            format!("as {}: cd {} && php artisan {}", asked.web_user, asked.ixp_root, words.join(" "))
        }
        (None, sql) => format!("in the database: {}", one_line(sql.as_deref().unwrap_or_default())),
    }
}
