//! Small headers for tests.

use super::{FORMAT, RunHeader, RunKind};
use crate::plan::sample;

/// The header of an upgrade of these hosts, in one wave.
pub(crate) fn header(run: &str, hosts: &[&str]) -> RunHeader {
    let plan = sample::plan(vec![sample::wave("all", hosts.iter().copied())]);
    RunHeader {
        format: FORMAT,
        run: run.to_owned(),
        kind: RunKind::Upgrade,
        follows: None,
        order: 1,
        ixporch: "0".to_owned(),
        operator: "me".to_owned(),
        inventory: "i".to_owned(),
        procedure: "p".to_owned(),
        plan_digest: plan.digest(),
        origin: "here".to_owned(),
        keep_ledger: false,
        restart_memcached: false,
        backup: crate::plan::BackupChoice::default(),
        plan,
    }
}
