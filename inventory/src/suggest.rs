//! "Did you mean": the nearest known name.

use std::cell::Cell;

/// How many known names a help line lists.
const LISTED: usize = 50;

/// How many names all mistakes of one file together may be compared with; those after that go without a suggestion.
const COMPARISONS: usize = 500_000;

/// The candidate nearest to `unknown`, if one is near enough to be worth naming.
pub fn nearest<'a>(unknown: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(unknown, candidate), candidate))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

/// A help line that names the nearest candidate, or lists the first ones when none is near.
pub fn help<'a>(unknown: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(name) = nearest(unknown, candidates.iter().copied()) {
        return Some(format!("did you mean `{name}`?"));
    }
    if candidates.is_empty() {
        return None;
    }
    let listed: Vec<String> = candidates.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    let more = match candidates.len() - listed.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!("known here: {}{more}", listed.join(", ")))
}

/// Suggests names for many mistakes in bounded time: thousands of unknown names among thousands of
/// known ones would otherwise be compared each with each.
#[derive(Debug)]
pub(crate) struct Suggestions {
    left: Cell<usize>,
}

impl Suggestions {
    /// As many as the mistakes of one file may have.
    pub(crate) fn new() -> Self {
        Self { left: Cell::new(COMPARISONS) }
    }

    /// As [`help`], while comparisons are left.
    pub(crate) fn help<'a>(
        &self,
        unknown: &str,
        candidates: impl ExactSizeIterator<Item = &'a str>,
    ) -> Option<String> {
        if self.take(candidates.len()) { help(unknown, candidates) } else { None }
    }

    /// As [`nearest`], while comparisons are left.
    pub(crate) fn nearest<'a>(
        &self,
        unknown: &str,
        candidates: impl ExactSizeIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        if self.take(candidates.len()) { nearest(unknown, candidates) } else { None }
    }

    fn take(&self, comparisons: usize) -> bool {
        let left = self.left.get().checked_sub(comparisons);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        assert_eq!(nearest("identity_file", ["identity_files", "user"]), Some("identity_files"));
        assert_eq!(nearest("zzz", ["identity_files", "user"]), None);
    }

    #[test]
    fn a_long_list_of_known_names_is_cut() {
        let names: Vec<String> = (0..60).map(|number| format!("host{number}")).collect();
        let help = help("zzz", names.iter().map(String::as_str)).unwrap();
        assert!(
            help.starts_with("known here: `host0`, ") && help.ends_with("`host49` and 10 more"),
            "{help}"
        );
    }

    #[test]
    fn suggestions_end_when_no_comparisons_are_left() {
        let suggestions = Suggestions { left: Cell::new(3) };
        assert!(suggestions.help("usr", ["user", "port"].into_iter()).is_some());
        assert!(suggestions.help("usr", ["user", "port"].into_iter()).is_none());
    }
}
