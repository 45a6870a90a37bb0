//! Selectors: which hosts are meant.
//!
//! Grammar: terms between commas; `name`, `glob-*` (with `?` and `[…]`), `ixp[1-3,7]` and `ixp[01-12]`
//! (numbers, as reports fold them), `@group`, and `!` before any of them for "not". Without a positive
//! term, all hosts are meant but the excluded ones.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use globset::{Glob, GlobMatcher};

use crate::host::Host;
use crate::hosts::Hosts;
use crate::numbered::Numbered;
use crate::suggest::Suggestions;

/// A parsed selector.
#[derive(Debug, Clone)]
pub struct Selector {
    terms: Vec<Term>,
}

#[derive(Debug, Clone)]
struct Term {
    exclude: bool,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Group(String),
    Name(String),
    Pattern(GlobMatcher),
    Numbered(Numbered),
}

/// The places of the hosts that a term matches.
type Found<'h> = Cow<'h, [usize]>;

/// Splits at commas that are not within brackets.
fn split_terms(text: &str) -> Vec<&str> {
    let mut inside = false;
    text.split(move |c| {
        inside = (inside || c == '[') && c != ']';
        c == ',' && !inside
    })
    .collect()
}

/// Why a selector is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SelectorError {
    /// What is wrong.
    pub message: String,
    /// What to type instead, where that is known.
    pub help: Option<String>,
}

impl SelectorError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }
}

impl Selector {
    /// Parses the text of a selector.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let terms = split_terms(text)
            .into_iter()
            .map(str::trim)
            .filter(|term| !term.is_empty())
            .map(Term::parse)
            .collect::<Result<Vec<_>, _>>()?;
        if terms.is_empty() {
            return Err(SelectorError {
                message: "the selector is empty".to_owned(),
                help: Some("write `name`, `glob-*`, `@group` or `!not-this`, between commas".to_owned()),
            });
        }
        Ok(Self { terms })
    }

    /// Parses a list with one term a line; `#` starts a comment (`--limit-file`).
    pub fn parse_lines(text: &str) -> Result<Self, SelectorError> {
        let lines: Vec<&str> =
            text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).collect();
        Self::parse(&lines.join(","))
    }

    /// Chooses from `hosts`, in their order.
    ///
    /// Every term must match at least one host, an excluding one too, and so must the selector as a
    /// whole: a name that matches nothing is a mistake, not an empty wish.
    pub fn choose<'h>(&self, hosts: &'h Hosts) -> Result<Vec<&'h Host>, SelectorError> {
        let suggestions = Suggestions::new();
        let found: Result<Vec<Found<'_>>, _> =
            self.terms.iter().map(|term| term.find(hosts, &suggestions)).collect();
        self.combine(&found?, hosts)
    }

    /// The same, with everything that is wrong; the list of errors is never empty.
    pub(crate) fn choose_all<'h>(
        &self,
        hosts: &'h Hosts,
        suggestions: &Suggestions,
    ) -> Result<Vec<&'h Host>, Vec<SelectorError>> {
        let mut found = Vec::new();
        let mut errors = Vec::new();
        for term in &self.terms {
            match term.find(hosts, suggestions) {
                Ok(places) => found.push(places),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        self.combine(&found, hosts).map_err(|error| vec![error])
    }

    /// The hosts that are meant, from what each term has found.
    fn combine<'h>(&self, found: &[Found<'_>], hosts: &'h Hosts) -> Result<Vec<&'h Host>, SelectorError> {
        let mut included: BTreeSet<usize> = BTreeSet::new();
        let mut excluded: BTreeSet<usize> = BTreeSet::new();
        for (term, places) in self.terms.iter().zip(found) {
            if term.exclude { excluded.extend(places.iter()) } else { included.extend(places.iter()) }
        }
        if self.terms.iter().all(|term| term.exclude) {
            included.extend(0..hosts.len());
        }
        let chosen: Vec<&Host> =
            included.difference(&excluded).filter_map(|place| hosts.get(*place)).collect();
        if chosen.is_empty() {
            return Err(SelectorError {
                message: format!("`{self}` matches no host"),
                help: Some("everything that it names, it excludes as well".to_owned()),
            });
        }
        Ok(chosen)
    }
}

impl Term {
    fn parse(text: &str) -> Result<Self, SelectorError> {
        let (exclude, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest.trim_start()),
            None => (false, text),
        };
        let numbered = || {
            Numbered::parse(rest).map_err(|refusal| SelectorError {
                message: format!("`{rest}` {}", refusal.why),
                help: refusal.help,
            })
        };
        let what = if let Some(group) = rest.strip_prefix('@') {
            What::Group(group.to_owned())
        } else if let Some(numbered) = numbered()? {
            What::Numbered(numbered)
        } else if rest.contains(['*', '?', '[', '{']) {
            let glob = Glob::new(rest).map_err(|error| SelectorError {
                message: format!("`{rest}` is not a pattern: {}", error.kind()),
                help: Some("`*` is any text, `?` any character, `[1-3]` these numbers".to_owned()),
            })?;
            What::Pattern(glob.compile_matcher())
        } else if rest.is_empty() {
            return Err(SelectorError::new(format!("`{text}` names nothing")));
        } else {
            What::Name(rest.to_owned())
        };
        Ok(Self { exclude, what })
    }

    /// The places of all hosts that it matches, at least one.
    fn find<'h>(&self, hosts: &'h Hosts, suggestions: &Suggestions) -> Result<Found<'h>, SelectorError> {
        let found: Found<'h> = match &self.what {
            What::Group(group) => match hosts.members(group) {
                Some(members) => members.into(),
                None => {
                    return Err(SelectorError {
                        message: format!("there is no group `{group}`"),
                        help: suggestions.help(group, hosts.groups()),
                    });
                }
            },
            What::Name(name) => match hosts.place(name) {
                Some(place) => vec![place].into(),
                None => {
                    return Err(SelectorError {
                        message: format!("there is no host `{name}`"),
                        help: suggestions.help(name, hosts.names()),
                    });
                }
            },
            What::Pattern(pattern) => hosts
                .names_from(literal_prefix(pattern.glob().glob()))
                .filter_map(|(name, place)| pattern.is_match(name).then_some(place))
                .collect(),
            What::Numbered(numbered) => hosts
                .names_from(numbered.prefix())
                .filter_map(|(name, place)| numbered.matches(name).then_some(place))
                .collect(),
        };
        if found.is_empty() {
            return Err(SelectorError {
                message: format!("`{self}` matches no host"),
                help: Some("`ixporch inventory list` shows all hosts and their groups".to_owned()),
            });
        }
        Ok(found)
    }
}

/// What every name that a pattern matches begins with.
fn literal_prefix(pattern: &str) -> &str {
    pattern.split(['*', '?', '[', '{', '\\']).next().unwrap_or_default()
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.exclude {
            f.write_str("!")?;
        }
        match &self.what {
            What::Group(group) => write!(f, "@{group}"),
            What::Name(name) => f.write_str(name),
            What::Pattern(pattern) => f.write_str(pattern.glob().glob()),
            What::Numbered(numbered) => f.write_str(numbered.text()),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{term}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Inventory;

    const NAMES: [&str; 8] = ["ixp", "ixp1", "ixp2", "ixp9", "ixp10", "ixp11.a", "lab-1", "ixp02"];

    fn hosts() -> Inventory {
        let hosts: Vec<String> =
            NAMES.iter().map(|name| format!("[hosts.{name:?}]\ngroups = [\"g\"]\n")).collect();
        Inventory::parse("test", &format!("format = 1\n[groups.g]\n[groups.none]\n{}", hosts.concat()))
            .unwrap()
    }

    fn chosen(text: &str) -> Result<Vec<String>, SelectorError> {
        let inventory = hosts();
        let selector = Selector::parse(text)?;
        Ok(inventory.select(&selector)?.into_iter().map(|host| host.name.clone()).collect())
    }

    #[test]
    fn names_globs_groups_numbers_and_exclusions_choose() {
        assert_eq!(chosen("ixp,lab-1").unwrap(), ["ixp", "lab-1"]);
        assert_eq!(chosen("ixp[1-2,10]").unwrap(), ["ixp1", "ixp2", "ixp10"]);
        assert_eq!(chosen("ixp[11].a,ixp?").unwrap(), ["ixp1", "ixp2", "ixp9", "ixp11.a"]);
        assert_eq!(chosen("ixp[01-09]").unwrap(), ["ixp02"]);
        assert_eq!(chosen("!ixp*").unwrap(), ["lab-1"]);
        assert_eq!(chosen("@g,!ixp[1-99]").unwrap(), ["ixp", "ixp11.a", "lab-1", "ixp02"]);
        assert_eq!(chosen("[il]*-1").unwrap(), ["lab-1"]);
    }

    #[test]
    fn a_term_that_matches_nothing_is_a_mistake() {
        for text in ["nobody", "x*", "@nobody", "!x*", "!nobody", "@none", "!@none", "ixp[3-8]", "@g,!@g"] {
            assert!(chosen(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_selector_reads_what_it_shows(terms in proptest::collection::vec("!?(@[a-z]{1,3}|[a-z*?]{1,4}|[a-z]\\[[1-4](-[5-9])?(,0[1-4]-0[5-9])?\\])", 1..4)) {
            let text = terms.join(",");
            let selector = Selector::parse(&text).unwrap();
            prop_assert_eq!(selector.to_string(), text);
        }

        #[test]
        fn a_pattern_finds_what_a_look_at_every_host_finds(pattern in "[ilx\\[\\]?*{},p1-9.]{0,6}") {
            prop_assume!(pattern.contains(['*', '?', '[', '{']) && !pattern.contains(','));
            if let (Ok(glob), Ok(None)) = (Glob::new(&pattern), Numbered::parse(&pattern)) {
                let matcher = glob.compile_matcher();
                let expected: Vec<String> = NAMES
                    .iter()
                    .filter(|name| matcher.is_match(name))
                    .map(|name| (*name).to_owned())
                    .collect();
                prop_assert_eq!(chosen(&pattern).unwrap_or_default(), expected);
            }
        }

        #[test]
        fn any_text_is_a_selector_or_is_refused(text in ".{0,30}") {
            let _ = chosen(&text);
        }
    }
}
