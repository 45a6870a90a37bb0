//! The inventory of ixporch: TOML text in, validated hosts, groups and waves out.
//!
//! Owns the file format, its checks, precedence and selectors. It is pure: it reads no file, no
//! environment and no clock, and must not know that SSH exists.

mod document;
mod evidence;
mod host;
mod hosts;
mod lines;
#[cfg(test)]
mod many_hosts;
mod numbered;
mod policy;
mod problem;
mod schema;
mod selector;
mod setting;
mod starter;
pub mod suggest;
mod validate;
pub mod value;
mod wave;

pub use evidence::EvidenceRules;
pub use host::{Host, Resolved, Source};
pub use hosts::Hosts;
pub use lines::LineIndex;
pub use policy::{Become, FailurePolicy, SchemaApproval};
pub use problem::{Problem, Problems};
pub use schema::json_schema;
pub use selector::{Selector, SelectorError};
pub use setting::{Kind, SPECS, Spec, Value};
pub use starter::STARTER;
pub use validate::Inventory;
pub use wave::{GateKind, Wave};

/// The reader of TOML documents, for other files of the same style (procedures).
pub mod reader {
    pub use crate::document::{Fields, Located, format_version, number, parse, text, texts, wrong_type};
}
