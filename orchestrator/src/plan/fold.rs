//! Folds the names of alike hosts: `ixp1`, `ixp2`, `ixp3` become `ixp[1-3]`.

use std::collections::BTreeMap;

/// What alike names have in common: the text before their number, and that after it; none without a number.
type Family = (String, Option<String>);

/// Folds names that differ in one number; others stand as they are. The order is that of first mention.
pub fn fold_names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut families: Vec<(Family, BTreeMap<u64, String>)> = Vec::new();
    for name in names {
        let (prefix, number, suffix) = split(name);
        // `ixp` and `ixp1` are no family: the one has no number.
        let key = (prefix, number.as_ref().map(|_| suffix));
        let digits = number.clone().unwrap_or_default();
        let value = number.as_deref().and_then(|number| number.parse().ok()).unwrap_or_default();
        match families.iter_mut().find(|(known, _)| *known == key) {
            Some((_, numbers)) => {
                numbers.insert(value, digits);
            }
            None => families.push((key, BTreeMap::from([(value, digits)]))),
        }
    }
    families
        .iter()
        .map(|((prefix, suffix), numbers)| show(prefix, numbers, suffix.as_deref().unwrap_or_default()))
        .collect::<Vec<_>>()
        .join(",")
}

/// Splits a name at its first number that has no leading zero.
fn split(name: &str) -> (String, Option<String>, String) {
    let Some(start) = name.find(|c: char| c.is_ascii_digit()) else {
        return (name.to_owned(), None, String::new());
    };
    let (prefix, rest) = name.split_at(start);
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    if number.starts_with('0') || number.len() > 18 {
        return (name.to_owned(), None, String::new());
    }
    (prefix.to_owned(), Some(number.to_owned()), suffix.to_owned())
}

fn show(prefix: &str, numbers: &BTreeMap<u64, String>, suffix: &str) -> String {
    if numbers.len() == 1 {
        return format!("{prefix}{}{suffix}", numbers.values().next().map_or("", String::as_str));
    }
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for number in numbers.keys() {
        match ranges.last_mut() {
            Some((_, end)) if *end + 1 == *number => *end = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let ranges: Vec<String> = ranges
        .iter()
        .map(|(start, end)| if start == end { start.to_string() } else { format!("{start}-{end}") })
        .collect();
    format!("{prefix}[{}]{suffix}", ranges.join(","))
}

#[cfg(test)]
mod tests {
    use ixporch_inventory::{Inventory, Selector};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // What a report shows can be typed after --limit, and means the same hosts.
        #[test]
        fn folded_names_select_exactly_the_hosts_that_they_stand_for(
            names in proptest::collection::btree_set("[a-b]{1,2}[0-9]{0,2}(\\.x|-[0-9])?", 1..12),
            chosen in proptest::collection::vec(any::<bool>(), 12),
        ) {
            let hosts: Vec<String> = names.iter().map(|name| format!("[hosts.{name:?}]\n")).collect();
            let inventory = Inventory::parse("test", &format!("format = 1\n{}", hosts.concat())).unwrap();
            let chosen: Vec<&str> =
                names.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(name, _)| name.as_str()).collect();
            prop_assume!(!chosen.is_empty());
            let selector = Selector::parse(&fold_names(chosen.iter().copied())).unwrap();
            let mut found: Vec<&str> =
                inventory.select(&selector).unwrap().into_iter().map(|host| host.name.as_str()).collect();
            found.sort_unstable();
            prop_assert_eq!(found, chosen);
        }
    }

    #[test]
    fn names_that_differ_in_one_number_are_folded() {
        assert_eq!(fold_names(["ixp1", "ixp2", "ixp3", "ixp7"]), "ixp[1-3,7]");
        assert_eq!(fold_names(["ixp1.example.net", "ixp2.example.net", "mail"]), "ixp[1-2].example.net,mail");
        assert_eq!(fold_names(["ixp1"]), "ixp1");
        assert_eq!(fold_names(["ixp01", "ixp02"]), "ixp01,ixp02");
        assert_eq!(fold_names(["ixp", "ixp1", "ixp2"]), "ixp,ixp[1-2]");
        assert_eq!(fold_names([]), "");
    }
}
