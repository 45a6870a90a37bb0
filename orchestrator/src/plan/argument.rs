//! One argument of a command. A long one, such as a script, is shared by all steps and hosts that have it.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::script::Script;

/// An argument with more bytes than this is shared. A reference to one takes about 90 bytes in JSON.
const LONGEST_INLINE: usize = 128;

/// An argument. It is the same argument however it is held: only its text is compared.
#[derive(Clone)]
pub struct Argument(Form);

#[derive(Clone)]
enum Form {
    Text(String),
    Script(Script),
    /// Was read as a reference, and the table of its plan is not read yet. Its text is the digest, which no interpreter
    /// runs.
    Reference(String),
}

impl Argument {
    /// The argument.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Form::Text(text) | Form::Reference(text) => text,
            Form::Script(script) => script,
        }
    }

    /// The shared text, if it is one.
    pub(super) fn as_script(&self) -> Option<&Script> {
        match &self.0 {
            Form::Script(script) => Some(script),
            Form::Text(_) | Form::Reference(_) => None,
        }
    }

    /// The digest of a text that is yet to be found.
    pub(super) fn reference(&self) -> Option<&str> {
        match &self.0 {
            Form::Reference(digest) => Some(digest),
            Form::Text(_) | Form::Script(_) => None,
        }
    }

    /// Whether its text is to be shared, and is not.
    pub(super) fn is_to_be_shared(&self) -> bool {
        matches!(&self.0, Form::Text(text) if text.len() > LONGEST_INLINE)
    }
}

impl From<Script> for Argument {
    fn from(script: Script) -> Self {
        // One text has one form, so that equal plans have one digest.
        Self(if script.len() > LONGEST_INLINE {
            Form::Script(script)
        } else {
            Form::Text(script.text().to_owned())
        })
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Self {
        if text.len() > LONGEST_INLINE { Self::from(Script::new(text)) } else { Self(Form::Text(text)) }
    }
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl Deref for Argument {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl PartialEq for Argument {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Form::Script(one), Form::Script(other)) => one == other,
            _ => self.as_str() == other.as_str(),
        }
    }
}

impl Eq for Argument {}

impl PartialEq<str> for Argument {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Argument {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// How an argument is written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written<T> {
    Text(T),
    Reference { script: T },
}

impl Serialize for Argument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match &self.0 {
            Form::Text(text) => Written::Text(text.as_str()),
            Form::Script(script) => Written::Reference { script: script.digest() },
            Form::Reference(digest) => Written::Reference { script: digest.as_str() },
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Argument {
    /// A long text is not shared yet, and a reference not resolved: the plan does both.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Written::<String>::deserialize(deserializer)? {
            Written::Text(text) => Form::Text(text),
            Written::Reference { script } => Form::Reference(script),
        }))
    }
}
