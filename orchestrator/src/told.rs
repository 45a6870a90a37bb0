//! Data that earlier versions wrote as text.
//!
//! Owns how both are read: a text is kept as what was told, and anything else must be the data itself.

use serde::{Deserialize, Deserializer};

use crate::text::RemoteText;

/// Data that can hold the text of an earlier version.
pub trait Told {
    /// The text as data.
    fn told(text: RemoteText) -> Self;
}

impl<T: Told> Told for Box<T> {
    fn told(text: RemoteText) -> Self {
        Self::new(T::told(text))
    }
}

/// What stands in the place of data.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written<T> {
    Text(RemoteText),
    Data(T),
}

impl<T: Told> Written<T> {
    fn into_data(self) -> T {
        match self {
            Self::Text(text) => T::told(text),
            Self::Data(data) => data,
        }
    }
}

/// Reads one.
pub fn one<'de, T: Told + Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    Written::deserialize(from).map(Written::into_data)
}

/// Reads a list.
pub fn several<'de, T: Told + Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    let written = Vec::<Written<T>>::deserialize(from)?;
    Ok(written.into_iter().map(Written::into_data).collect())
}

/// Reads one that may be missing.
pub fn optional<'de, T: Told + Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::<Written<T>>::deserialize(from)?.map(Written::into_data))
}
