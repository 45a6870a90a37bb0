//! Values of options that are more than a text.

use std::time::Duration;

use crate::schema::FINGERPRINT_DIGITS;

/// A length of time such as `90s` or `10m`.
pub(in crate::cli) fn time(text: &str) -> Result<Duration, String> {
    if text == "0s" {
        return Ok(Duration::ZERO);
    }
    ixporch_inventory::value::parse_time(text).map_err(|refusal| refusal.why)
}

/// The digits of a fingerprint.
pub(in crate::cli) fn fingerprint(text: &str) -> Result<String, String> {
    let is_digits = text.chars().all(|c| c.is_ascii_hexdigit());
    if is_digits && (FINGERPRINT_DIGITS..=64).contains(&text.len()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!(
        "a fingerprint has at least {FINGERPRINT_DIGITS} digits (0-9, a-f); `ixporch schema` shows it"
    ))
}

/// What stands for a reason in the commands that are printed.
const PLACEHOLDERS: [&str; 2] = ["REASON", "TEXT"];

/// A reason in a person's own words: a printed command that is pasted as it is would record its placeholder. It may be empty.
pub(in crate::cli) fn own_words(text: &str) -> Result<String, String> {
    if PLACEHOLDERS.iter().any(|placeholder| text.trim().eq_ignore_ascii_case(placeholder)) {
        return Err("this is a placeholder; write your own reason, in quotes".to_owned());
    }
    Ok(text.to_owned())
}

/// A reason that says something.
pub(in crate::cli) fn reason(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("a reason is required; it is recorded in the journal and all reports".to_owned());
    }
    own_words(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_no_reason() {
        for text in ["REASON", "TEXT", "text", " Reason "] {
            assert!(own_words(text).is_err() && reason(text).is_err(), "{text}");
        }
        assert_eq!(reason("the text is known"), Ok("the text is known".to_owned()));
        assert_eq!(own_words(""), Ok(String::new()));
        assert!(reason(" ").is_err());
    }
}
