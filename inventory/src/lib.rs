//! The inventory of ixporch: TOML text in, validated hosts, groups and waves out.
//!
//! Owns the file format, its checks, precedence and selectors. It is pure: it reads no file, no
//! environment and no clock, and opens no connection.

mod document;
mod evidence;
mod host;
mod hosts;
mod jump;
mod lines;
#[cfg(test)]
mod many_hosts;
mod numbered;
mod openssh;
mod policy;
mod problem;
mod route;
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
pub use openssh::{Answer, OpenSshSettings, Question, Surroundings};
pub use policy::{Become, FailurePolicy, RootBy, SchemaApproval};
pub use problem::{Problem, Problems};
pub use route::{JUMP_KEYS, Jumps, Leg, RouteError};
pub use schema::json_schema;
pub use selector::{Selector, SelectorError};
pub use setting::{Kind, SPECS, Spec, Value};
pub use starter::STARTER;
pub use validate::{Inventory, SameInstallation};
pub use wave::{GateKind, Wave};

/// The reader of TOML documents, for other files of the same style (procedures).
pub mod reader {
    pub use crate::document::{Fields, Located, format_version, number, parse, text, texts, wrong_type};
}
