//! "Did you mean": the nearest known name.

/// The candidate nearest to `unknown`, if one is near enough to be worth naming.
pub fn nearest<'a>(unknown: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(unknown, candidate), candidate))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

/// A help line that names the nearest candidate, or lists all when none is near.
pub fn help<'a>(unknown: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(name) = nearest(unknown, candidates.iter().copied()) {
        return Some(format!("did you mean `{name}`?"));
    }
    if candidates.is_empty() {
        return None;
    }
    Some(format!(
        "known here: {}",
        candidates.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        assert_eq!(nearest("identity_file", ["identity_files", "user"]), Some("identity_files"));
        assert_eq!(nearest("zzz", ["identity_files", "user"]), None);
    }
}
