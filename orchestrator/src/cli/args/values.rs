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

/// A reason that says something.
pub(in crate::cli) fn reason(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("a reason is required; it is recorded in the journal and all reports".to_owned());
    }
    Ok(text.to_owned())
}
