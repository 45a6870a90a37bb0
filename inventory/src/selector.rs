//! Selectors: which hosts are meant.
//!
//! Grammar: terms between commas; `name`, `glob-*` (with `?` and `[…]`), `@group`, and `!` before any of
//! them for "not". Without a positive term, all hosts are meant but the excluded ones.

use std::fmt;

use globset::{Glob, GlobMatcher};

use crate::host::Host;
use crate::suggest;

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
        let terms = text
            .split(',')
            .map(str::trim)
            .filter(|term| !term.is_empty())
            .map(Term::parse)
            .collect::<Result<Vec<_>, _>>()?;
        if terms.is_empty() {
            return Err(SelectorError::new("the selector is empty"));
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
    /// Every positive term must match at least one host, and so must the selector as a whole: a
    /// name that matches nothing is a mistake, not an empty wish.
    pub fn choose<'h>(&self, hosts: &'h [Host], groups: &[&str]) -> Result<Vec<&'h Host>, SelectorError> {
        for term in &self.terms {
            term.check(hosts, groups)?;
        }
        let any_positive = self.terms.iter().any(|term| !term.exclude);
        let chosen: Vec<&Host> = hosts
            .iter()
            .filter(|host| !any_positive || self.terms.iter().any(|term| !term.exclude && term.matches(host)))
            .filter(|host| !self.terms.iter().any(|term| term.exclude && term.matches(host)))
            .collect();
        if chosen.is_empty() {
            return Err(SelectorError::new(format!("`{self}` matches no host")));
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
        let what = if let Some(group) = rest.strip_prefix('@') {
            What::Group(group.to_owned())
        } else if rest.contains(['*', '?', '[', '{']) {
            let glob = Glob::new(rest).map_err(|error| {
                SelectorError::new(format!("`{rest}` is not a pattern: {}", error.kind()))
            })?;
            What::Pattern(glob.compile_matcher())
        } else if rest.is_empty() {
            return Err(SelectorError::new(format!("`{text}` names nothing")));
        } else {
            What::Name(rest.to_owned())
        };
        Ok(Self { exclude, what })
    }

    fn matches(&self, host: &Host) -> bool {
        match &self.what {
            What::Group(group) => host.groups.contains(group),
            What::Name(name) => host.name == *name,
            What::Pattern(pattern) => pattern.is_match(&host.name),
        }
    }

    fn check(&self, hosts: &[Host], groups: &[&str]) -> Result<(), SelectorError> {
        match &self.what {
            What::Group(group) if !groups.contains(&group.as_str()) => Err(SelectorError {
                message: format!("there is no group `{group}`"),
                help: suggest::help(group, groups.iter().copied()),
            }),
            What::Name(name) if !hosts.iter().any(|host| host.name == *name) => Err(SelectorError {
                message: format!("there is no host `{name}`"),
                help: suggest::help(name, hosts.iter().map(|host| host.name.as_str())),
            }),
            _ if !self.exclude && !hosts.iter().any(|host| self.matches(host)) => {
                Err(SelectorError::new(format!("`{self}` matches no host")))
            }
            _ => Ok(()),
        }
    }
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
