//! How a jump host is written.

use crate::value::{self, Refusal};

/// A jump host as it is written: `[user@]host[:port]` (`ssh(1)`, option `-J`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Jump {
    pub(crate) user: Option<String>,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl Jump {
    /// Reads a jump host. An IPv6 address with a port stands in brackets.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.strip_prefix("ssh://").map_or(text, |uri| uri.strip_suffix('/').unwrap_or(uri));
        let (user, place) = match text.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, text),
        };
        user.map_or(Ok(()), user_name)?;
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').unwrap_or(port))),
            None => match place.rsplit_once(':') {
                // Several colons are those of an IPv6 address.
                Some((host, port)) if !host.contains(':') => (host, Some(port)),
                _ => (place, None),
            },
        };
        value::address(host)?;
        let port = match port.map(str::parse) {
            None => None,
            Some(Ok(port)) if port > 0 => Some(port),
            Some(_) => return Err(Refusal::new("has a port that is none").help("write `user@host:port`")),
        };
        Ok(Self { user: user.map(str::to_owned), host: host.to_owned(), port })
    }
}

/// A login on a jump host, which may be one of a directory service, such as `me@example.org`.
fn user_name(text: &str) -> Result<(), Refusal> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '@' | '$');
    if text.is_empty() || text.starts_with('-') || !text.chars().all(is_good) {
        return Err(Refusal::new("has a user that is none").help("write `user@host:port`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<String>, String, Option<u16>) {
        let Jump { user, host, port } = Jump::parse(text).unwrap();
        (user, host, port)
    }

    #[test]
    fn a_jump_host_is_written_as_ssh_takes_it() {
        let ops = || Some("ops".to_owned());
        assert_eq!(read("bastion"), (None, "bastion".to_owned(), None));
        assert_eq!(read("ops@bastion:2222"), (ops(), "bastion".to_owned(), Some(2222)));
        assert_eq!(read("2001:db8::1"), (None, "2001:db8::1".to_owned(), None));
        assert_eq!(read("ops@[2001:db8::1]:22"), (ops(), "2001:db8::1".to_owned(), Some(22)));
        assert_eq!(read("ssh://ops@bastion:22/"), (ops(), "bastion".to_owned(), Some(22)));
        assert_eq!(read("me+x@example.org@bastion").0.as_deref(), Some("me+x@example.org"));
        for wrong in
            ["", "-oProxyCommand=x", "ops@", "bastion:", "bastion:0", "bastion:99999", "a b", "-x@bastion"]
        {
            assert!(Jump::parse(wrong).is_err(), "{wrong}");
        }
    }
}
