//! ixporch upgrades fleets of IXP Manager hosts over SSH, without an agent.
//!
//! The modules stand in layers; each imports only from those above it in this list. Down to
//! [`report`] everything is pure and is built without the feature `run`; the rest has effects.

pub mod digest;
pub mod redact;
pub mod script;
pub mod text;
pub mod told;

pub mod procedure;

pub mod facts;
pub mod release;
pub mod schema;

pub mod preflight;

pub mod plan;

pub mod event;

pub mod state;

pub mod history;

pub mod follow_up;

pub mod gate;

pub mod report;

#[cfg(feature = "run")]
pub mod journal;

#[cfg(feature = "run")]
pub mod transport;

#[cfg(feature = "run")]
pub mod ledger;

#[cfg(feature = "run")]
pub mod engine;

#[cfg(feature = "run")]
pub mod cli;

#[cfg(any(all(test, feature = "run"), feature = "fuzzing"))]
pub mod fuzzing;
