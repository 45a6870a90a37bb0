//! Tests on real hosts. `tests/run` starts the fleet and requires it; without it they say that they were not run.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod backup;
mod check;
mod code;
mod corrections;
mod evidence;
mod faults;
mod kinds;
mod left_half_way;
mod logins;
mod never_converges;
mod releases;
mod rollback;
mod rollout;
mod servers;
mod shows;
mod stage;
mod stale_metadata;
mod v4_8;
