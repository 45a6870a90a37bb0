//! End-to-end tests without root: the program against files, and against embedded hosts over real SSH.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod authentication;
mod documents;
mod examples;
mod host_keys;
mod inventory;
mod openssh;
mod procedure;
mod round_trips;
mod stage;
mod upgrade;
