//! The survey: only what ixporch itself left on a host, its lock and its ledgers.

use super::output::StepOutput;
use super::probe::ProbeError;
use super::{Ledger, Removed};
use crate::facts::{self, Traces};
use crate::plan::{LedgerPlace, quote};
use crate::transport::LinkLost;

/// What every question begins with.
pub(super) const PRELUDE: &str = include_str!("host/prelude.sh");

fn prelude(place: &LedgerPlace) -> String {
    let sudo = if place.sudo { "yes" } else { "no" };
    format!("root={}; sudo={sudo}\n{PRELUDE}", quote(&place.ixp_root))
}

/// Asks for the lock and the ledgers.
pub async fn survey(ledger: &mut Ledger, place: &LedgerPlace) -> Result<Traces, ProbeError> {
    let mut output = StepOutput::default();
    ledger.ask(&prelude(place), &mut output).await?;
    Ok(facts::parse_traces(&output.stdout.kept())?)
}

/// Whether a step of a run is running on the host.
///
/// # Errors
/// The connection went away, or what the host says of it cannot be read.
pub async fn is_running(ledger: &mut Ledger, place: &LedgerPlace, run: &str) -> Result<bool, LinkLost> {
    match survey(ledger, place).await {
        Ok(traces) => Ok(traces.ledgers.iter().any(|of| of.run == run && of.is_running())),
        Err(ProbeError::Link(lost)) => Err(lost),
        Err(unreadable @ ProbeError::Facts(_)) => Err(LinkLost(unreadable.to_string())),
    }
}

/// Removes the lock of a host, whoever holds it, provided that it is still the one of this run.
pub async fn break_lock(ledger: &mut Ledger, place: &LedgerPlace, run: &str) -> Result<Removed, LinkLost> {
    let script = format!(
        "{{ {}\n}} >/dev/null\nlock=$(lock_of \"$root\")\nas \"$owner\" sh -c {} sh \"$lock\" {}",
        prelude(place),
        quote(super::lock::UNLOCK),
        quote(run)
    );
    ledger.removed(&script).await
}

/// Removes the ledger of a run, provided that nothing of it runs.
pub async fn remove_ledger(ledger: &mut Ledger, run: &str) -> Result<Removed, LinkLost> {
    let script = format!(
        "folder=$state/runs/{}\nfor step in \"$folder\"/*/; do\n\
         if [ -d \"$step\" ] && [ ! -e \"$step/rc\" ] && alive \"${{step%/}}\"; then echo \"${{step%/}} is still running\"; exit 1; fi\ndone\n\
         rm -rf \"$folder\" && {{ rmdir \"$state/runs\" \"$state\" 2>/dev/null; true; }}",
        quote(run)
    );
    ledger.removed(&script).await
}
