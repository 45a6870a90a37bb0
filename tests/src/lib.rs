//! What the tests and the demo share: embedded hosts, a slow link, the fleet, and the program itself.
//!
//! A harness may panic: whatever it cannot do is a failed test.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "in a harness a panic is a failed test"
)]

pub mod embedded;
pub mod fleet;
pub mod program;
pub mod slow_link;
pub mod sshd;
pub mod verdict;
pub mod wire;

/// Says something past the test runner, which hides what passing tests print.
pub fn say(what: &str) {
    use std::io::Write;
    let mut err = std::io::stderr();
    writeln!(err, "{what}").expect("standard error can be written");
}

/// Says that a test was not run.
pub fn say_not_run(why: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    say(&format!("NOT RUN: {name}: {why}"));
}
