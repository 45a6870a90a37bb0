//! Reads the probe's output.
//!
//! Each fact is a line `fact NAME EXIT BYTES`, then that many bytes, then a line break. With lengths instead of
//! separators, no value can pretend to be another fact.

use std::collections::BTreeMap;

use super::{
    Distrust, DistrustReason, Facts, HostLock, Leftovers, Preflight, leftovers, read_composition,
    read_preflight,
    trouble::trouble,
    upstream::{branch_of, is_commit, release_of_branch, tag_of},
};
use crate::redact;
use crate::text::{RemoteText, harmless_line};

/// Why a probe's output could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// The output ended within a fact.
    #[error("the probe's output ends within a fact")]
    Truncated,
    /// A line that should start a fact does not.
    #[error("the probe's output holds the line `{0}`, which is no fact")]
    NotAFact(RemoteText),
}

/// The exit code that `target-ahead.sh` ends with if the step would refuse.
const TARGET_REFUSED: i32 = 10;

struct Answer {
    exit: i32,
    text: RemoteText,
}

/// Reads all facts from the probe's output.
pub fn parse(output: &[u8]) -> Result<Facts, FactsError> {
    let answers = answers(output)?;
    // The text of a question that was answered successfully and not empty.
    let lines = |name: &str| {
        let answer = answers.get(name).filter(|answer| answer.exit == 0)?;
        let text = answer.text.to_string().trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    // A program may print warnings first: the last line is the answer.
    let text = |name: &str| {
        lines(name)
            .and_then(|text| text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(harmless_line))
    };
    let distrust = answers.get("trust").and_then(|answer| Distrust::parse(answer.text.raw()));
    let is_absent = distrust.as_ref().is_some_and(|found| found.why == DistrustReason::Absent);
    let has_answered = |name: &str, says: fn(&str) -> bool| {
        answers.get(name).is_some_and(|answer| answer.exit == 0 && says(answer.text.raw()))
    };
    let yes = |name: &str| answers.get(name).map(|answer| answer.exit == 0);
    Ok(Facts {
        version: lines("version").and_then(|text| version_constant(&text)),
        describe: text("describe"),
        commit: text("commit").filter(|commit| is_commit(commit)),
        branch: text("branch"),
        remote: text("remote").map(|url| redact::url_without_credentials(&url)),
        remote_commit: lines("remote-branch")
            .and_then(|lines| branch_of(&lines).map(str::to_owned))
            .or_else(|| lines("remote-tag").and_then(|lines| tag_of(&lines).map(str::to_owned))),
        // Without a tag, the branch's code says which version it is.
        remote_release: lines("remote-branch")
            .and_then(|lines| release_of_branch(&lines).or_else(|| version_ahead(&answers))),
        remote_lacks_target: has_answered("remote-branch", |lines| branch_of(lines).is_none())
            || has_answered("remote-tag", |lines| tag_of(lines).is_none()),
        local_target: text("local-target").filter(|commit| is_commit(commit)),
        git_locked: yes("git-locked").unwrap_or(false),
        modified_files: lines("modified").map(|lines| modified_files(&lines)).unwrap_or_default(),
        tree_owner: text("tree-owner").filter(|owner| ixporch_inventory::value::user_name(owner).is_ok()),
        distrust,
        php: text("php"),
        composition: lines("composition").map(|lines| read_composition(&lines)),
        composer: lines("composer")
            .and_then(|text| text.lines().find(|line| line.starts_with("Composer")).map(harmless_line)),
        bower: text("bower"),
        git: text("git").map(|text| text.trim_start_matches("git version ").to_owned()),
        memcached: lines("memcached").map(|lines| unit_state(&lines)),
        free_bytes: lines("disk").and_then(|lines| free_bytes(&lines)),
        // Without an installation there is no site.
        maintenance: match answers.get("maintenance").filter(|_| !is_absent).map(|answer| answer.exit) {
            Some(0) => Some(true),
            Some(1) => Some(false),
            _ => None,
        },
        login_user: text("login-user"),
        sudo: yes("sudo").unwrap_or(false),
        sudo_refused: sudo_refused(&answers),
        clock_skew: None,
        clock: text("clock").and_then(|clock| clock.parse().ok()),
        preflight: lines("preflight").and_then(|lines| read_preflight(&lines)).map(|facts| Preflight {
            backup_shared: answers.get("backup-trust").and_then(|answer| shared(answer.text.raw())),
            ..facts
        }),
        late: late(&answers),
        target_refused: target_refused(&answers),
        troubles: troubles(&answers),
        found_at: found_at(&answers),
        boot_id: text("boot-id"),
        // Who asks knows these.
        keeper: None,
        site_trouble: None,
        leftovers: leftovers_of(&answers),
    })
}

/// Reads only the lock and ledgers that runs of ixporch left.
pub fn parse_leftovers(output: &[u8]) -> Result<Leftovers, FactsError> {
    Ok(leftovers_of(&answers(output)?))
}

fn leftovers_of(answers: &BTreeMap<String, Answer>) -> Leftovers {
    let raw =
        |name: &str| answers.get(name).filter(|answer| answer.exit == 0).map(|answer| answer.text.raw());
    Leftovers {
        lock: raw("lock").and_then(HostLock::parse),
        ledgers: raw("ledgers").map(leftovers::ledgers).unwrap_or_default(),
        boot: raw("boot-id").map(|boot| harmless_line(boot.trim())).unwrap_or_default(),
    }
}

fn answers(output: &[u8]) -> Result<BTreeMap<String, Answer>, FactsError> {
    let mut answers = BTreeMap::new();
    let mut rest = output;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or(FactsError::Truncated)?;
        let (line, after) = rest.split_at(end);
        let after = after.get(1..).unwrap_or_default();
        let header = String::from_utf8_lossy(line);
        let words: Vec<&str> = header.split(' ').collect();
        let (name, exit, length) = match words.as_slice() {
            ["fact", name, exit, length] => match (exit.parse(), length.parse::<usize>()) {
                (Ok(exit), Ok(length)) => ((*name).to_owned(), exit, length),
                _ => return Err(FactsError::NotAFact(RemoteText::from_bytes(line))),
            },
            _ => return Err(FactsError::NotAFact(RemoteText::from_bytes(line))),
        };
        let text = after.get(..length).ok_or(FactsError::Truncated)?;
        answers.insert(name, Answer { exit, text: RemoteText::from_bytes(text) });
        // The line break after the value.
        rest = after.get(length + 1..).ok_or(FactsError::Truncated)?;
    }
    Ok(answers)
}

/// The constant of `version.php` (4.9 and later) or `library/IXP/Version.php` (before).
fn version_constant(text: &str) -> Option<String> {
    let (_, after) = text.split_once("'APPLICATION_VERSION'")?;
    let (_, value) = after.split_once('\'')?;
    let (version, _) = value.split_once('\'')?;
    Some(harmless_line(version))
}

/// The users that the login may not become: `may-become-USER` failed.
fn sudo_refused(answers: &BTreeMap<String, Answer>) -> Vec<(String, String)> {
    let refused = |(name, answer): (&String, &Answer)| {
        let user = name.strip_prefix("may-become-").filter(|_| answer.exit != 0)?;
        Some((user.to_owned(), harmless_line(answer.text.to_string().trim())))
    };
    answers.iter().filter_map(refused).collect()
}

/// The questions that the host's time limit ended: timeout(1) exits with 124, or by the signals that it sends.
fn late(answers: &BTreeMap<String, Answer>) -> Vec<String> {
    let is_late = |answer: &Answer| matches!(answer.exit, 124 | 137 | 143);
    answers.iter().filter(|(_, answer)| is_late(answer)).map(|(name, _)| harmless_line(name)).collect()
}

/// The release that the step `target-check` names, by the code of what upstream has.
fn version_ahead(answers: &BTreeMap<String, Answer>) -> Option<String> {
    let said = answers.get("target").filter(|answer| answer.exit == 0)?;
    let (_, version) = said.text.raw().trim_end().lines().next_back()?.rsplit_once(", version ")?;
    crate::release::Version::parse(version).map(|_| format!("v{version}"))
}

/// What the step `target-check` would say, if it would refuse (`target-ahead.sh`).
fn target_refused(answers: &BTreeMap<String, Answer>) -> Vec<String> {
    let refused = answers.get("target").filter(|answer| answer.exit == TARGET_REFUSED);
    let lines = refused.map(|answer| answer.text.raw().lines()).into_iter().flatten();
    let is_of_git = |line: &String| line.starts_with("warning:") || line.starts_with("hint:");
    let lines = lines.map(|line| harmless_line(line.trim()));
    let lines: Vec<String> = lines.filter(|line| !line.is_empty() && !is_of_git(line)).collect();
    // git itself failed: then nothing is known of the target.
    if lines.iter().any(|line| line.starts_with("fatal:")) { Vec::new() } else { lines }
}

/// Why questions got no answer, by their names.
fn troubles(answers: &BTreeMap<String, Answer>) -> BTreeMap<String, String> {
    let failed = answers.iter().filter(|(_, answer)| answer.exit != 0);
    failed.filter_map(|(name, answer)| Some((name.clone(), trouble(answer.text.raw())?))).collect()
}

/// Where the login finds programs: `where-NAME`.
fn found_at(answers: &BTreeMap<String, Answer>) -> BTreeMap<String, String> {
    let found = |(name, answer): (&String, &Answer)| {
        let program = name.strip_prefix("where-").filter(|_| answer.exit == 0)?;
        let path = answer.text.raw().trim();
        path.starts_with('/').then(|| (program.to_owned(), harmless_line(path)))
    };
    answers.iter().filter_map(found).collect()
}

/// The folder on the way to the backups that others may change. What the login cannot see, root's step will.
fn shared(text: &str) -> Option<String> {
    Distrust::parse(text).filter(|found| found.why != DistrustReason::Unseen).map(|found| found.path)
}

/// From `git status --porcelain`: the paths, without Doctrine's proxies.
fn modified_files(lines: &str) -> Vec<String> {
    lines
        .lines()
        .filter_map(|line| line.trim_start().split_once(' '))
        .map(|(_, path)| path.trim().to_owned())
        .filter(|path| !path.starts_with("database/Proxies/"))
        .collect()
}

fn unit_state(lines: &str) -> String {
    let value = |key: &str| {
        lines.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or("?").trim()
    };
    harmless_line(&format!("{} {}", value("LoadState"), value("ActiveState")))
}

/// From `df -Pk`: the fourth column of the second line, in bytes.
fn free_bytes(lines: &str) -> Option<u64> {
    let kibibytes: u64 = lines.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fact(name: &str, exit: i32, text: &str) -> String {
        format!("fact {name} {exit} {}\n{text}\n", text.len())
    }

    #[test]
    fn a_probe_is_read() {
        let output = [
            fact("login-user", 0, "ops"),
            fact("sudo", 0, ""),
            fact("version", 0, "<?php\ndefine( 'APPLICATION_VERSION', '4.4.0' );\n"),
            fact("remote", 0, "https://me:token@example.net/x.git"),
            fact(
                "remote-tag",
                0,
                &format!("{}\trefs/tags/v1\n{}\trefs/tags/v1^{{}}", "a".repeat(40), "b".repeat(40)),
            ),
            fact("modified", 0, " M config/app.php\n M database/Proxies/__CG__X.php"),
            fact("memcached", 0, "LoadState=loaded\nActiveState=active"),
            fact(
                "disk",
                0,
                "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/x 100 50 50 50% /",
            ),
            fact("maintenance", 1, ""),
            fact("php", 127, "sh: php: not found"),
        ]
        .concat();
        let facts = parse(output.as_bytes()).unwrap();
        assert_eq!(facts.login_user.as_deref(), Some("ops"));
        assert!(facts.sudo);
        assert_eq!(facts.version.as_deref(), Some("4.4.0"));
        assert_eq!(facts.remote.as_deref(), Some("https://example.net/x.git"));
        assert_eq!(facts.remote_commit, Some("b".repeat(40)));
        assert_eq!(facts.modified_files, ["config/app.php"]);
        assert_eq!(facts.memcached.as_deref(), Some("loaded active"));
        assert_eq!(facts.free_bytes, Some(51_200));
        assert_eq!(facts.maintenance, Some(false));
        assert_eq!(facts.php, None);
        assert_eq!(facts.troubles.get("php").map(String::as_str), Some("sh: php: not found"));
    }

    #[test]
    fn the_code_of_an_untagged_branch_says_its_release_and_a_failing_git_is_no_refusal() {
        let head = fact("remote-branch", 0, &format!("{}\trefs/heads/master", "a".repeat(40)));
        let with =
            |exit, said: &str| parse([head.clone(), fact("target", exit, said)].concat().as_bytes()).unwrap();
        assert_eq!(with(0, "branch master is aaaa, version 4.9.0").remote_release.as_deref(), Some("v4.9.0"));
        assert_eq!(with(10, "branch master is version 5.0.0").target_refused.len(), 1);
        assert!(
            with(10, "fatal: bad object").target_refused.is_empty() && with(1, "x").target_refused.is_empty()
        );
    }

    #[test]
    fn a_value_cannot_pretend_to_be_another_fact() {
        let hostile = fact("describe", 0, "x\nfact sudo 0 0\n");
        assert!(!parse(hostile.as_bytes()).unwrap().sudo);
    }

    #[test]
    fn a_tree_owner_that_is_no_user_name_is_not_believed() {
        let output = fact("tree-owner", 0, "-u root; true");
        assert_eq!(parse(output.as_bytes()).unwrap().tree_owner, None);
    }

    proptest! {
        #[test]
        fn any_output_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn a_cut_probe_is_never_read_as_a_whole_one(cut in 0usize..60) {
            let whole = [fact("login-user", 0, "ops"), fact("sudo", 0, "")].concat();
            prop_assume!(cut < whole.len() && cut != fact("login-user", 0, "ops").len() && cut != 0);
            prop_assert!(parse(&whole.as_bytes()[..cut]).is_err());
        }
    }
}
