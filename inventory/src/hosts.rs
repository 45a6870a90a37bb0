//! The hosts of an inventory, each found by its name and by its groups without a look at all others.

use std::collections::BTreeMap;
use std::ops::{Bound, Deref};

use crate::host::Host;

/// All hosts, in the order of the file. Their places in that order are what the indexes hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    all: Vec<Host>,
    by_name: BTreeMap<String, usize>,
    by_group: BTreeMap<String, Vec<usize>>,
}

impl Hosts {
    /// Indexes `all`; a group that is declared is known even if it has no hosts.
    pub(crate) fn new(all: Vec<Host>, declared_groups: &[String]) -> Self {
        let by_name = all.iter().enumerate().map(|(place, host)| (host.name.clone(), place)).collect();
        let mut by_group: BTreeMap<String, Vec<usize>> =
            declared_groups.iter().map(|group| (group.clone(), Vec::new())).collect();
        for (place, host) in all.iter().enumerate() {
            for group in &host.groups {
                if let Some(members) = by_group.get_mut(group) {
                    members.push(place);
                }
            }
        }
        Self { all, by_name, by_group }
    }

    /// The host of this name.
    pub fn named(&self, name: &str) -> Option<&Host> {
        self.place(name).and_then(|place| self.all.get(place))
    }

    /// All hosts, to give them what is known of them only later. Their names and groups stay.
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut Host> {
        self.all.iter_mut()
    }

    /// The place of the host of this name.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The names that begin with `prefix`, each with its host's place.
    pub(crate) fn names_from<'h>(&'h self, prefix: &'h str) -> impl Iterator<Item = (&'h str, usize)> {
        self.by_name
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(name, _)| name.starts_with(prefix))
            .map(|(name, place)| (name.as_str(), *place))
    }

    /// The places of a group's hosts; `None` if no such group is declared.
    pub(crate) fn members(&self, group: &str) -> Option<&[usize]> {
        self.by_group.get(group).map(Vec::as_slice)
    }

    /// The names of all hosts.
    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.all.iter().map(|host| host.name.as_str())
    }

    /// The names of all declared groups.
    pub(crate) fn groups(&self) -> impl ExactSizeIterator<Item = &str> {
        self.by_group.keys().map(String::as_str)
    }
}

impl Deref for Hosts {
    type Target = [Host];

    fn deref(&self) -> &[Host] {
        &self.all
    }
}

impl<'h> IntoIterator for &'h Hosts {
    type Item = &'h Host;
    type IntoIter = std::slice::Iter<'h, Host>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}
