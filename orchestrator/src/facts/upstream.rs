//! What upstream answers about a branch or a tag (`git ls-remote`).
//!
//! Owns which commit and which release are meant. Pure.

use crate::release;
use crate::text::harmless_line;

/// Whether a text is the name of a commit: that of SHA-1 has 40 digits, that of SHA-256 more.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() >= 40 && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// The lines of `git ls-remote`: commits and references. A peeled tag (`^{}`) says what an annotated one points to.
fn references(lines: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = lines.lines().filter_map(|line| line.split_once('\t'));
    pairs.filter(|(commit, _)| is_commit(commit)).map(|(commit, reference)| (commit, reference.trim()))
}

/// The commit of the branch.
pub(super) fn branch_of(lines: &str) -> Option<&str> {
    references(lines).find(|(_, reference)| reference.starts_with("refs/heads/")).map(|(commit, _)| commit)
}

/// The commit of a tag: of the peeled one if there is one.
pub(super) fn tag_of(lines: &str) -> Option<&str> {
    let peeled = references(lines).find(|(_, reference)| reference.ends_with("^{}"));
    peeled.or_else(|| references(lines).next()).map(|(commit, _)| commit)
}

/// The newest release that the branch's commit is, by upstream's tags.
pub(super) fn release_of_branch(lines: &str) -> Option<String> {
    let head = branch_of(lines)?;
    let tags = references(lines).filter(|(commit, _)| *commit == head).filter_map(|(_, reference)| {
        let tag = reference.strip_prefix("refs/tags/")?.trim_end_matches("^{}");
        release::Version::parse(tag).map(|version| (version, tag))
    });
    tags.max().map(|(_, tag)| harmless_line(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_of_a_branch_is_that_of_its_commit() {
        let (head, other) = ("a".repeat(40), "b".repeat(40));
        let tags = format!(
            "{other}\trefs/tags/v4.8.0\n{head}\trefs/tags/v4.8.0^{{}}\n{head}\trefs/tags/v4.7.9\n\
             {head}\trefs/tags/vaguely\n{other}\trefs/tags/v4.9.0"
        );
        let lines = format!("warning: slow\n{head}\trefs/heads/release-v4\n{tags}");
        assert_eq!(branch_of(&lines), Some(head.as_str()));
        assert_eq!(release_of_branch(&lines).as_deref(), Some("v4.8.0"));
        // All tags, and no such branch.
        assert_eq!((branch_of(&tags), release_of_branch(&tags)), (None, None));
    }
}
