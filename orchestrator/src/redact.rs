//! Secrets as a type: what holds one cannot be printed by accident.

use std::fmt;

/// A secret text. It has no `Display`, and its `Debug` says nothing.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret in.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Removes user and password from a URL that a host reported (`https://user:token@host/…`).
pub fn url_without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_says_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "Secret(…)");
    }

    #[test]
    fn credentials_leave_a_url() {
        assert_eq!(
            url_without_credentials("https://me:tok@git.example.net/a@b.git"),
            "https://git.example.net/a@b.git"
        );
        assert_eq!(
            url_without_credentials("git@github.com:inex/IXP-Manager.git"),
            "git@github.com:inex/IXP-Manager.git"
        );
    }
}
