//! A fuzz target under libFuzzer: the one that `IXPORCH_FUZZ_TARGET` names (`tests/fuzz`).
#![no_main]

use std::sync::LazyLock;

use ixporch::fuzzing::{Target, target};

#[expect(clippy::panic, reason = "libFuzzer has no other way to be told")]
static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("IXPORCH_FUZZ_TARGET").unwrap_or_default();
    target(&name).unwrap_or_else(|| panic!("there is no fuzz target `{name}`"))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET(bytes));
