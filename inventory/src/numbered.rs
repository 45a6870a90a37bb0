//! Numbered names: `ixp[1-3,7].example.net` is the same name with each of these numbers in it.
//!
//! A number with leading zeros is padded, and so is a range of such numbers: `h[001-100]` is `h001` to
//! `h100` and neither `h1` nor `h01`; `h[1-100]` is `h1` to `h100` and not `h001`.

use std::collections::BTreeMap;

use crate::value::Refusal;

/// The names that a term in brackets stands for.
#[derive(Debug, Clone)]
pub(crate) struct Numbered {
    text: String,
    before: String,
    after: String,
    /// Numbers without leading zeros.
    plain: Ranges,
    /// Numbers of exactly so many digits, with leading zeros or without.
    padded: BTreeMap<usize, Ranges>,
}

/// The longest number, leading zeros included.
const DIGITS: usize = 18;

impl Numbered {
    /// Reads the text of a term; `None` if it is something else, perhaps a pattern.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, Refusal> {
        let parts = text.split_once('[').and_then(|(before, rest)| Some((before, rest.split_once(']')?)));
        let Some((before, (numbers, after))) = parts else { return Ok(None) };
        if [before, after].iter().any(|part| part.contains(['*', '?', '[', ']', '{'])) {
            return Ok(None);
        }
        let ranges: Vec<(&str, &str)> =
            numbers.split(',').map(|part| part.split_once('-').unwrap_or((part, part))).collect();
        if !ranges.iter().all(|(first, last)| is_number(first) && is_number(last)) {
            return Ok(None);
        }
        let mut plain = Vec::new();
        let mut padded: BTreeMap<usize, Vec<(u64, u64)>> = BTreeMap::new();
        for (first, last) in ranges {
            let range = range(first, last)?;
            if is_padded(first) || is_padded(last) {
                padded.entry(first.len()).or_default().push(range);
            } else {
                plain.push(range);
            }
        }
        Ok(Some(Self {
            text: text.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
            plain: Ranges::new(plain),
            padded: padded.into_iter().map(|(digits, ranges)| (digits, Ranges::new(ranges))).collect(),
        }))
    }

    /// The term as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What stands before the number.
    pub(crate) fn prefix(&self) -> &str {
        &self.before
    }

    /// Whether the name is one of those that are meant.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let digits = name.strip_prefix(&self.before).and_then(|rest| rest.strip_suffix(&self.after));
        digits.and_then(|digits| Some((digits, number(digits)?))).is_some_and(|(digits, number)| {
            (!is_padded(digits) && self.plain.contain(number))
                || self.padded.get(&digits.len()).is_some_and(|ranges| ranges.contain(number))
        })
    }
}

fn is_number(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_padded(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0')
}

fn number(digits: &str) -> Option<u64> {
    (is_number(digits) && digits.len() <= DIGITS).then(|| digits.parse().ok())?
}

fn range(first: &str, last: &str) -> Result<(u64, u64), Refusal> {
    let (Some(from), Some(to)) = (number(first), number(last)) else {
        return Err(Refusal::new(format!("has a number of more than {DIGITS} digits")));
    };
    if (is_padded(first) || is_padded(last)) && first.len() != last.len() {
        return Err(Refusal::new(format!("has the range `{first}-{last}`, whose numbers differ in width"))
            .help("write both with as many digits, as in `[001-100]`, or both without leading zeros"));
    }
    if from > to {
        return Err(Refusal::new(format!("has the range `{first}-{last}`, which ends before it begins"))
            .help("write the smaller number first"));
    }
    Ok((from, to))
}

/// Ranges of numbers in ascending order, none of which overlap.
#[derive(Debug, Clone, Default)]
struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    fn new(mut ranges: Vec<(u64, u64)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if first <= *end => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    fn contain(&self, number: u64) -> bool {
        let place = self.0.partition_point(|(_, last)| *last < number);
        self.0.get(place).is_some_and(|(first, _)| *first <= number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(text: &str, name: &str) -> bool {
        Numbered::parse(text).unwrap().unwrap().matches(name)
    }

    #[test]
    fn ranges_that_mean_nothing_are_refused() {
        for text in ["h[01-100]", "h[1-010]", "h[3-1]", "h[1,03-02]", "h[1-9999999999999999999]"] {
            assert!(Numbered::parse(text).is_err(), "{text}");
        }
        for text in ["h[a-z]", "h[1,]", "h[1-2]*", "h*[1-2]", "h[]", "h[-1]", "h1"] {
            assert!(Numbered::parse(text).unwrap().is_none(), "{text}");
        }
    }

    #[test]
    fn padded_and_plain_numbers_are_told_apart() {
        for (text, hosts, others) in [
            ("h[1-100]", "h1 h9 h10 h100", "h01 h001 h0 h101 h+1 h"),
            ("h[001-100]", "h001 h010 h099 h100", "h1 h01 h10 h0100 h000 h101"),
            ("h[0-1]", "h0 h1", "h00 h01"),
            ("h[00-01]", "h00 h01", "h0 h1 h001"),
            ("h[1,01,001].a", "h1.a h01.a h001.a", "h0001.a h1 h1.aa"),
            ("h[7,1-3,2-5,09-10]", "h1 h4 h5 h7 h09 h10", "h6 h8 h9 h11 h07"),
        ] {
            for name in hosts.split(' ') {
                assert!(matches(text, name), "{text} {name}");
            }
            for name in others.split(' ') {
                assert!(!matches(text, name), "{text} {name}");
            }
        }
    }

    proptest! {
        #[test]
        fn ranges_contain_what_any_of_them_contains(
            ranges in proptest::collection::vec((0..30_u64, 0..6_u64), 0..8),
            number in 0..40_u64,
        ) {
            let ranges: Vec<(u64, u64)> =
                ranges.into_iter().map(|(first, length)| (first, first + length)).collect();
            let expected = ranges.iter().any(|(first, last)| (*first..=*last).contains(&number));
            prop_assert_eq!(Ranges::new(ranges).contain(number), expected);
        }
    }
}
