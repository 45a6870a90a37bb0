//! Checks of single values: names, paths, times, amounts.
//!
//! Owns what a good value looks like. Values that pass hold no NUL, no line break and no other
//! control character, so they can be shown and quoted anywhere.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::suggest;

/// Why a value is refused: a fragment that follows the key, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A fragment such as "is not an absolute path".
    pub why: String,
    /// What to type instead, where that is known.
    pub help: Option<String>,
}

impl Refusal {
    /// Refuses with a reason.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), help: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// Refuses control characters, NUL and line breaks among them.
pub fn single_line(text: &str) -> Result<(), Refusal> {
    match text.chars().find(|c| c.is_control()) {
        None => Ok(()),
        Some(c) => Err(Refusal::new(format!("holds the control character U+{:04X}", u32::from(c)))),
    }
}

/// A login name: what useradd(8) of Debian accepts, upper case allowed.
pub fn user_name(text: &str) -> Result<(), Refusal> {
    let good = !text.is_empty()
        && text.len() <= 32
        && !text.starts_with('-')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if good {
        Ok(())
    } else {
        Err(Refusal::new("is not a user name").help("letters, digits, `_`, `-` and `.`"))
    }
}

/// A host name or an IP address, without a port or a user.
pub fn address(text: &str) -> Result<(), Refusal> {
    if text.is_empty() || text.starts_with('-') {
        return Err(Refusal::new("is not a host name or an address"));
    }
    if text.contains('@') {
        return Err(Refusal::new("holds a user").help("give the user under `user`"));
    }
    // An IPv6 address may carry its zone, as in fe80::1%eth0.
    let good = text.split('%').next().unwrap_or(text).parse::<std::net::IpAddr>().is_ok()
        || text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '%'));
    if good {
        return Ok(());
    }
    let help =
        if text.contains(':') { "a port belongs under `port`" } else { "letters, digits, `.`, `-` and `_`" };
    Err(Refusal::new("is not a host name or an address").help(help))
}

/// An absolute path without `.` and `..` parts.
pub fn absolute_path(text: &str) -> Result<(), Refusal> {
    if !text.starts_with('/') {
        return Err(Refusal::new("is not an absolute path").help("start it with `/`"));
    }
    if text.split('/').any(|part| part == "." || part == "..") {
        return Err(Refusal::new("holds a `.` or `..` part").help("write the path that is meant"));
    }
    if text.len() > 1 && text.ends_with('/') {
        return Err(Refusal::new("ends with `/`").help(format!("write `{}`", text.trim_end_matches('/'))));
    }
    Ok(())
}

/// A branch name by the rules of git-check-ref-format(1) that matter on a command line.
pub fn branch(text: &str) -> Result<(), Refusal> {
    let bad = text.is_empty()
        || text.starts_with('-')
        || text.starts_with('/')
        || text.ends_with('/')
        || text.ends_with('.')
        || text.strip_suffix(".lock").is_some()
        || text.contains("..")
        || text.contains("//")
        || text.contains("@{")
        || text.chars().any(|c| c.is_whitespace() || matches!(c, '~' | '^' | ':' | '?' | '*' | '[' | '\\'));
    if bad {
        Err(Refusal::new("is not a git branch name").help("for instance `master` or `release-v4`"))
    } else {
        Ok(())
    }
}

/// A systemd unit name with its type, or the word `none`.
pub fn unit(text: &str) -> Result<(), Refusal> {
    let characters =
        text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | ':' | '\\'));
    if text == "none" || (characters && text.contains('.') && !text.starts_with('-')) {
        return Ok(());
    }
    Err(Refusal::new("is not a systemd unit")
        .help("write it with its type, like `memcached.service`, or `none`"))
}

/// `host:port`.
pub fn socket_address(text: &str) -> Result<(), Refusal> {
    let refusal = || Refusal::new("is not `host:port`").help("for instance `127.0.0.1:11211`");
    let (host, port) = text.rsplit_once(':').ok_or_else(refusal)?;
    address(host.trim_start_matches('[').trim_end_matches(']')).map_err(|_| refusal())?;
    match port.parse::<u16>() {
        Ok(port) if port > 0 => Ok(()),
        _ => Err(refusal()),
    }
}

/// An http or https URL, without a user or a password.
pub fn url(text: &str) -> Result<(), Refusal> {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return Err(Refusal::new("is not an http or https URL").help("start it with `https://`"));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(
            Refusal::new("holds a user or a password").help("secrets do not belong into the inventory")
        );
    }
    if authority.is_empty() || text.contains(' ') {
        return Err(Refusal::new("is not an http or https URL"));
    }
    Ok(())
}

/// One of the given words.
pub fn choice(text: &str, choices: &[&str]) -> Result<(), Refusal> {
    if choices.contains(&text) {
        return Ok(());
    }
    let mut refusal = Refusal::new(format!("cannot be `{text}`"));
    refusal.help = suggest::help(text, choices.iter().copied());
    Err(refusal)
}

/// The name of a host, group or wave: what can stand in a selector unquoted.
pub fn name(text: &str) -> Result<(), Refusal> {
    let good = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'));
    if good {
        return Ok(());
    }
    Err(Refusal::new("is not a name").help("letters, digits, `.`, `-`, `_` and `:`, a letter or digit first"))
}

/// Reads a length of time such as `90s`, `1h 30m` or `7d`; it must be longer than nothing. A day is 24 hours.
pub fn parse_time(text: &str) -> Result<Duration, Refusal> {
    let unreadable = |_: jiff::Error| Refusal::new(format!("`{text}` cannot be read"));
    let span: jiff::Span = text.parse().map_err(unreadable)?;
    let time = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(unreadable)?;
    match Duration::try_from(time) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err(Refusal::new(format!("`{text}` is not longer than nothing"))),
    }
}

/// A length of time in its shortest form: `90s` is `1m 30s`, 168 hours are `7d`.
pub fn show_time(time: Duration) -> String {
    let days = jiff::SpanRound::new().largest(jiff::Unit::Day).days_are_24_hours();
    let span = jiff::Span::try_from(time).and_then(|span| span.round(days));
    span.map_or_else(|_| "for ever".to_owned(), |span| format!("{span:#}"))
}

/// Serialises a length of time as [`show_time`] shows it.
pub fn serialize_time<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&show_time(*time))
}

/// A number of hosts, or a share of a wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Amount {
    /// So many hosts.
    Count(u32),
    /// So many of a hundred; a share of a host counts as none.
    Percent(u32),
}

impl Amount {
    /// How many hosts this is in a wave of `total`.
    pub fn of(self, total: usize) -> usize {
        match self {
            Self::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
            Self::Percent(percent) => total.saturating_mul(usize::try_from(percent).unwrap_or(100)) / 100,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// Reads a share such as `10%`.
pub fn parse_percent(text: &str) -> Result<u32, Refusal> {
    match text.strip_suffix('%').and_then(|number| number.parse::<u32>().ok()) {
        Some(percent) if percent <= 100 => Ok(percent),
        _ => Err(Refusal::new(format!("cannot be `{text}`"))
            .help("write a number of hosts (`2`) or a share (`\"10%\"`)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_shown() {
        assert_eq!(parse_time("10m").unwrap(), Duration::from_secs(600));
        assert_eq!(show_time(parse_time("90s").unwrap()), "1m 30s");
        assert!(parse_time("0s").is_err());
        assert!(parse_time("-3s").is_err());
        assert!(parse_time("soon").is_err());
    }

    #[test]
    fn a_share_of_a_host_counts_as_none() {
        assert_eq!(Amount::Percent(10).of(9), 0);
        assert_eq!(Amount::Percent(10).of(10), 1);
        assert_eq!(Amount::Count(3).of(1), 3);
    }

    #[test]
    fn values_that_could_become_options_are_refused() {
        assert!(user_name("-oProxyCommand").is_err());
        assert!(address("-h").is_err());
        assert!(branch("--upload-pack=x").is_err());
        assert!(unit("-x.service").is_err());
        assert!(absolute_path("/srv/../etc").is_err());
        assert!(single_line("a\nb").is_err());
    }
}
