//! Texts of scripts, shared.
//!
//! Owns that a text is held once, with its digest, however many steps and hosts run it. Must not know what runs it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::digest;

/// The text of a script. Cheap to clone.
#[derive(Clone)]
pub struct Script(Arc<Shared>);

struct Shared {
    digest: String,
    text: String,
}

impl Script {
    /// Shares a text.
    pub fn new(text: String) -> Self {
        Self(Arc::new(Shared { digest: digest::sha256(text.as_bytes()), text }))
    }

    /// The digest of the text.
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0.text
    }
}

impl Deref for Script {
    type Target = str;

    fn deref(&self) -> &str {
        self.text()
    }
}

impl PartialEq for Script {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.text == other.0.text
    }
}

impl Eq for Script {}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}
