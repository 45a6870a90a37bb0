//! Hosts by what is pending on them, and how one group differs from another.

use std::collections::HashMap;

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
fn lacking<'c>(of: &'c SchemaChanges, other: &'c SchemaChanges) -> Vec<&'c Change> {
    let mut left: HashMap<&'c Change, usize> = HashMap::new();
    for change in &other.changes {
        *left.entry(change).or_default() += 1;
    }
    let is_new = |change: &&'c Change| match left.get_mut(*change) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    of.changes.iter().filter(is_new).collect()
}
