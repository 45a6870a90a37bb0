//! The survey: looks for the lock and the ledgers that ixporch left on a host.

use super::lock::breaking;
use super::output::StepOutput;
use super::probe::ProbeError;
use super::questions::{self, PRELUDE};
use super::{Ledger, Removed};
use crate::facts::{self, Leftovers};
use crate::plan::{LedgerPlace, quote};
use crate::transport::LinkLost;

/// A question that is written here and asked by another module.
#[derive(Debug)]
pub struct Question(pub(super) String);

/// Prints a file of a backup: of the one whose name begins with `backup`, or of the newest complete one.
pub fn fetch(web_user: &str, sudo: bool, backup_dir: &str, backup: &str, file: &str) -> Question {
    let sudo = if sudo { "yes" } else { "no" };
    Question(format!(
        "{{ root=/; sudo={sudo}\n{PRELUDE}\n}} >/dev/null\n\
         as {} sh -c 'folder=; for manifest in \"$1/$2\"*/manifest.json; do \
         case $manifest in *.new/* | *.old/*) continue ;; esac; [ -e \"$manifest\" ] && folder=${{manifest%/*}}; done; \
         [ -n \"$folder\" ] || exit 1; exec cat -- \"$folder/$3\"' sh {} {} {}",
        quote(web_user),
        quote(backup_dir),
        quote(backup),
        quote(file)
    ))
}

/// Says who the login is, and for each user that steps run as whether it can become that user.
pub fn users(place: &LedgerPlace, web_user: &str) -> Question {
    let sudo = if place.sudo { "yes" } else { "no" };
    Question(format!(
        "{{ root={}; sudo={sudo}\n{PRELUDE}\n}} >/dev/null\n\
         echo \"login $me\"\n\
         for user in root {} \"$owner\"; do\n  \
         if said=$(as \"$user\" sh -c : 2>&1 </dev/null) && [ -z \"$said\" ]; then word=yes; else word=no; fi\n  \
         [ \"$sudo\" = yes ] || [ \"$uid\" = 0 ] || [ \"$user\" = \"$me\" ] || word=no\n  \
         printf 'become %s %s %s\\n' \"$user\" \"$word\" \"$(printf %s \"$said\" | head -n 1)\"\n\
         done",
        quote(&place.ixp_root),
        quote(web_user)
    ))
}

/// Looks for the lock and the ledgers.
pub async fn survey(ledger: &mut Ledger, place: &LedgerPlace) -> Result<Leftovers, ProbeError> {
    let mut output = StepOutput::default();
    ledger.ask(&questions::of_place(place), &mut output).await?;
    Ok(facts::parse_leftovers(&output.stdout.kept())?)
}

/// The beginning of a script on a ledger's `$folder`: it exits if a step is running.
fn unless_running(folder: &str) -> String {
    format!(
        "folder={folder}\nfor step in \"$folder\"/*/; do\n  step=${{step%/}}\n  \
         if [ -d \"$step\" ] && ! told \"$step\" && alive \"$step\"; then echo \"$step is still running\"; exit 1; fi\n\
         done\n",
    )
}

/// The folder of a run's ledger for this host, as shell text.
fn folder_of(run: &str) -> String {
    format!("$state/runs/{}/$host", quote(run))
}

/// Whether a step of a run is running on the host.
///
/// # Errors
/// The connection was lost.
pub async fn is_running(ledger: &mut Ledger, run: &str) -> Result<bool, LinkLost> {
    Ok(ledger.removed(&unless_running(&folder_of(run))).await?.is_err())
}

/// Removes the lock of a host, whoever started its run, if `run` still holds it.
pub async fn break_lock(ledger: &mut Ledger, place: &LedgerPlace, run: &str) -> Result<Removed, LinkLost> {
    let script = format!(
        "{{ {}\n}} >/dev/null\nas \"$owner\" {} \"$root\" \"$state\" {}",
        questions::of_place(place),
        breaking(),
        quote(run)
    );
    ledger.removed(&script).await
}

/// Removes the ledger of a run for this host, unless one of its steps is running.
///
/// # Errors
/// The connection was lost.
pub async fn remove_ledger(ledger: &mut Ledger, run: &str) -> Result<Removed, LinkLost> {
    remove(ledger, &folder_of(run)).await
}

/// Removes the ledger in a folder that a survey found, unless one of its steps is running.
///
/// # Errors
/// The connection was lost.
pub async fn remove_folder(ledger: &mut Ledger, folder: &str) -> Result<Removed, LinkLost> {
    remove(ledger, &quote(folder)).await
}

/// Removes a folder, and its parents if they are empty. A `state_dir` that the operator chose stays.
async fn remove(ledger: &mut Ledger, folder: &str) -> Result<Removed, LinkLost> {
    let script = format!(
        "{}rm -rf \"$folder\" || exit 1\nrmdir \"${{folder%/*}}\" \"$state/runs\" 2>/dev/null\n\
         [ \"$state\" != \"$usual\" ] || rmdir \"$state\" 2>/dev/null\ntrue",
        unless_running(folder)
    );
    ledger.removed(&script).await
}
