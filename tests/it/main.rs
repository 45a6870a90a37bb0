//! End-to-end tests without root: the program against files, and against embedded hosts over real SSH.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod authentication;
mod bastion;
mod corrections;
mod documents;
mod errors;
mod evidence;
mod examples;
mod faults;
mod history;
mod host_keys;
mod hostile;
mod inventory;
mod late;
mod looking;
mod maintenance;
mod openssh;
mod output;
mod procedure;
mod questions;
mod resume;
mod rollback;
mod round_trips;
mod schema_review;
mod seed_coverage;
mod ssh_settings;
mod stage;
mod upgrade;
mod waves;
