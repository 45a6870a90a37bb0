//! Folds the names of alike hosts: `ixp1`, `ixp2`, `ixp3` become `ixp[1-3]`.
//!
//! What is folded is a selector: it selects exactly these hosts. Therefore `ixp1` and `ixp01` are never
//! folded into one, and numbers with leading zeros keep their width: `ixp[01-12]`.

use std::collections::{BTreeMap, BTreeSet};

/// A number with more digits than this stands as it is.
const DIGITS: usize = 18;

/// What alike names have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Family<'a> {
    prefix: &'a str,
    suffix: &'a str,
    digits: Digits,
}

/// How the numbers of a family are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Digits {
    /// There is no number: the prefix is the whole name.
    None,
    /// Without leading zeros.
    Plain,
    /// Padded with zeros to this width.
    Padded(usize),
}

/// Folds names that differ in one number; others stand as they are. The order is that of first mention.
pub fn fold_names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<(Family<'a>, &'a str)> = names.into_iter().map(split).collect();
    let padded: BTreeSet<Family<'a>> = names
        .iter()
        .map(|(family, _)| family)
        .filter(|family| matches!(family.digits, Digits::Padded(_)))
        .cloned()
        .collect();
    let mut places: BTreeMap<Family<'a>, usize> = BTreeMap::new();
    let mut families: Vec<(Family<'a>, BTreeSet<u64>)> = Vec::new();
    for (family, number) in names {
        // `h100` continues `h001` to `h099` if there are any, else `h1` to `h99`.
        let wide = Family { digits: Digits::Padded(number.len()), ..family.clone() };
        let family = if family.digits == Digits::Plain && padded.contains(&wide) { wide } else { family };
        let place = *places.entry(family.clone()).or_insert(families.len());
        if place == families.len() {
            families.push((family, BTreeSet::new()));
        }
        if let Some((_, numbers)) = families.get_mut(place) {
            numbers.extend(number.parse::<u64>().ok());
        }
    }
    families.iter().map(|(family, numbers)| family.show(numbers)).collect::<Vec<_>>().join(",")
}

/// Splits a name at its first number.
fn split(name: &str) -> (Family<'_>, &str) {
    let whole = (Family { prefix: name, suffix: "", digits: Digits::None }, "");
    let Some(start) = name.find(|c: char| c.is_ascii_digit()) else { return whole };
    let (prefix, rest) = name.split_at(start);
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let digits = match number.len() {
        1 => Digits::Plain,
        2..=DIGITS if number.starts_with('0') => Digits::Padded(number.len()),
        2..=DIGITS => Digits::Plain,
        _ => return whole,
    };
    (Family { prefix, suffix, digits }, number)
}

impl Family<'_> {
    fn show(&self, numbers: &BTreeSet<u64>) -> String {
        let Self { prefix, suffix, digits } = self;
        let width = match digits {
            Digits::None => return (*prefix).to_owned(),
            Digits::Plain => 0,
            Digits::Padded(width) => *width,
        };
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for number in numbers {
            match ranges.last_mut() {
                Some((_, end)) if *end + 1 == *number => *end = *number,
                _ => ranges.push((*number, *number)),
            }
        }
        let shown: Vec<String> = ranges
            .iter()
            .map(|(start, end)| {
                if start == end {
                    format!("{start:0width$}")
                } else {
                    format!("{start:0width$}-{end:0width$}")
                }
            })
            .collect();
        if numbers.len() == 1 {
            return format!("{prefix}{}{suffix}", shown.concat());
        }
        format!("{prefix}[{}]{suffix}", shown.join(","))
    }
}

#[cfg(test)]
mod tests {
    use ixporch_inventory::{Inventory, Selector};
    use proptest::prelude::*;

    use super::*;

    fn inventory<'a>(names: impl IntoIterator<Item = &'a String>) -> Inventory {
        let hosts: Vec<String> = names.into_iter().map(|name| format!("[hosts.{name:?}]\n")).collect();
        Inventory::parse("test", &format!("format = 1\n{}", hosts.concat())).unwrap()
    }

    fn selected(inventory: &Inventory, names: &[&str]) -> Vec<String> {
        let selector = Selector::parse(&fold_names(names.iter().copied())).unwrap();
        inventory.select(&selector).unwrap().into_iter().map(|host| host.name.clone()).collect()
    }

    proptest! {
        // What a report shows can be typed after --limit, and means the same hosts.
        #[test]
        fn folded_names_select_exactly_the_hosts_that_they_stand_for(
            names in proptest::collection::btree_set("[a-b]{1,2}(0{0,3}[0-9]{0,2})(\\.x|-0?[0-9])?", 1..24),
            chosen in proptest::collection::vec(any::<bool>(), 24),
        ) {
            let inventory = inventory(&names);
            let chosen: Vec<&str> =
                names.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(name, _)| name.as_str()).collect();
            prop_assume!(!chosen.is_empty());
            let mut found = selected(&inventory, &chosen);
            found.sort_unstable();
            prop_assert_eq!(found, chosen);
        }

        // One prefix, few numbers, all widths: the more they meet, the more they could be confused.
        #[test]
        fn numbers_of_mixed_widths_are_never_confused(
            chosen in proptest::collection::btree_set(0..NUMBERS.len(), 1..NUMBERS.len()),
        ) {
            let names: Vec<String> = NUMBERS.iter().map(|number| format!("h{number}")).collect();
            let chosen: Vec<&str> = chosen.into_iter().map(|place| names[place].as_str()).collect();
            prop_assert_eq!(selected(&inventory(&names), &chosen), chosen);
        }
    }

    const NUMBERS: [&str; 24] = [
        "0",
        "1",
        "2",
        "9",
        "10",
        "11",
        "99",
        "100",
        "101",
        "00",
        "01",
        "02",
        "09",
        "000",
        "001",
        "002",
        "009",
        "010",
        "099",
        "0001",
        "0100",
        "0101",
        "999999999999999999",
        "9999999999999999999",
    ];

    #[test]
    fn names_that_differ_in_one_number_are_folded() {
        assert_eq!(fold_names(["ixp1", "ixp2", "ixp3", "ixp7"]), "ixp[1-3,7]");
        assert_eq!(fold_names(["ixp1.example.net", "ixp2.example.net", "mail"]), "ixp[1-2].example.net,mail");
        assert_eq!(fold_names(["ixp1"]), "ixp1");
        assert_eq!(fold_names(["ixp", "ixp1", "ixp2"]), "ixp,ixp[1-2]");
        assert_eq!(fold_names([]), "");
    }

    #[test]
    fn padded_numbers_keep_their_width() {
        assert_eq!(fold_names(["ixp01", "ixp02"]), "ixp[01-02]");
        assert_eq!(fold_names(["ixp01"]), "ixp01");
        assert_eq!(fold_names(["h1", "h01", "h2", "h001", "h02"]), "h[1-2],h[01-02],h001");
        assert_eq!(fold_names(["h98", "h99", "h100"]), "h[98-100]");
        assert_eq!(fold_names(["h098", "h099", "h100", "h1000"]), "h[098-100],h1000");
        let names: Vec<String> = (1..=1000).map(|number| format!("h{number:04}")).collect();
        assert_eq!(fold_names(names.iter().map(String::as_str)), "h[0001-1000]");
    }
}
