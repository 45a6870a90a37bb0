//! Hosts by what is pending on them, and how one group differs from another.

use super::{Change, SchemaChanges};

/// The hosts on which the same is pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group<'h> {
    /// What is pending.
    pub changes: SchemaChanges,
    /// The hosts, in the order in which they were given.
    pub hosts: Vec<&'h str>,
}

/// Groups hosts by their fingerprints: the largest group first, then by the fingerprint.
pub fn group<'h>(hosts: impl IntoIterator<Item = (&'h str, SchemaChanges)>) -> Vec<Group<'h>> {
    let mut groups: Vec<Group<'h>> = Vec::new();
    for (host, changes) in hosts {
        match groups.iter_mut().find(|group| group.changes.fingerprint == changes.fingerprint) {
            Some(group) => group.hosts.push(host),
            None => groups.push(Group { changes, hosts: vec![host] }),
        }
    }
    groups.sort_by(|one, other| {
        let size = other.hosts.len().cmp(&one.hosts.len());
        size.then_with(|| one.changes.fingerprint.cmp(&other.changes.fingerprint))
    });
    groups
}

/// How `changes` differ from `others`: what only they have, and what they lack.
pub fn difference<'c>(
    changes: &'c SchemaChanges,
    others: &'c SchemaChanges,
) -> (Vec<&'c Change>, Vec<&'c Change>) {
    (lacking(changes, others), lacking(others, changes))
}

/// The changes of `of` that `other` does not have, each as often as it has one more.
fn lacking<'c>(of: &'c SchemaChanges, other: &SchemaChanges) -> Vec<&'c Change> {
    let mut left: Vec<&Change> = other.changes.iter().collect();
    let is_new = |change: &&Change| match left.iter().position(|known| known == change) {
        Some(place) => {
            left.swap_remove(place);
            false
        }
        None => true,
    };
    of.changes.iter().filter(is_new).collect()
}
