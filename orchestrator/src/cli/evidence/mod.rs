//! Evidence between runs and controllers: found in this controller's journals, or read from a file of another one.

mod file;
mod ssh_keygen;

use std::path::{Path, PathBuf};

use ixporch_inventory::{EvidenceRules, Host, Inventory};

pub(super) use file::write;
pub(super) use ssh_keygen::{SigningKey, agents_first_key};

use super::error::CliError;
use super::settings::Settings;
use crate::event::{Evidence, HostEvidence, HostOutcome};
use crate::journal::{LoadedRun, Store};
use crate::plan::{HostAction, HostPlan, Plan};
use crate::state::{GivenEvidence, HostState};

/// What a run proved. Where it found nothing to do on a host, that is what the run before it proved which brought the host
/// there.
pub(super) fn of_run(
    store: &Store,
    run: &LoadedRun,
    wave: Option<&str>,
) -> Result<Option<Evidence>, CliError> {
    let Some(mut evidence) = run.state.evidence(wave) else { return Ok(None) };
    for host in &mut evidence.hosts {
        let plan = run.state.plan_of(&host.host).filter(|_| host.outcome == Some(HostOutcome::Current));
        let Some(plan) = plan else { continue };
        let is_same = |theirs: &HostPlan| theirs.login == plan.login;
        if let Some((_, earlier)) = latest(store, &host.host, &is_same)?
            && earlier.composition.commit.is_some()
            && earlier.composition.commit == plan.commit
        {
            *host = HostEvidence { wave: host.wave.clone(), ..earlier };
        }
    }
    Ok(Some(evidence))
}

/// What earlier runs proved about the hosts of waves that the plan's waves require, and that this run does not upgrade.
pub(super) fn of_waves(
    store: &Store,
    plan: &Plan,
    inventory: &Inventory,
    is_same: impl Fn(&HostPlan, &Host) -> bool,
) -> Result<Vec<GivenEvidence>, CliError> {
    let mut given: Vec<GivenEvidence> = Vec::new();
    for wave in plan.waves.iter().filter(|_| plan.moves_code) {
        let Some(required) = wave.requires.as_ref() else { continue };
        if given.iter().any(|given| given.wave.as_ref() == Some(required)) {
            continue;
        }
        let mut found: Option<Evidence> = None;
        let is_upgraded =
            |host: &str| plan.host(host).is_some_and(|plan| matches!(plan.action, HostAction::Upgrade(_)));
        for host in wave.required_hosts.iter().filter_map(|host| inventory.host(host)) {
            if is_upgraded(&host.name) {
                continue;
            }
            let Some((run, proved)) = latest(store, &host.name, &|theirs| is_same(theirs, host))? else {
                continue;
            };
            match &mut found {
                Some(evidence) => evidence.hosts.push(proved),
                None => {
                    found = run.state.evidence(None).map(|whole| Evidence { hosts: vec![proved], ..whole });
                }
            }
        }
        given.extend(found.map(|evidence| GivenEvidence {
            source: format!("wave `{required}`"),
            wave: Some(required.clone()),
            signer: None,
            max_age_seconds: wave.max_age_seconds,
            evidence,
        }));
    }
    Ok(given)
}

/// What the last upgrade of a host proved about it, with the run.
fn latest(
    store: &Store,
    host: &str,
    is_same: &dyn Fn(&HostPlan) -> bool,
) -> Result<Option<(LoadedRun, HostEvidence)>, CliError> {
    for id in store.ids_by_last_event()? {
        let run = store.load(&id)?;
        let tells = run.state.header.as_ref().is_some_and(|header| header.plan.moves_code)
            && run.state.plan_of(host).is_some_and(is_same)
            && run.state.hosts.get(host).is_some_and(HostState::was_touched);
        if let Some(evidence) = run.state.evidence_of(host).filter(|_| tells) {
            return Ok(Some((run, evidence)));
        }
    }
    Ok(None)
}

/// The evidence that the user names: a file, or a run of this controller.
pub(super) fn named(
    name: &str,
    inventory: &Path,
    rules: &EvidenceRules,
    settings: &Settings,
) -> Result<GivenEvidence, CliError> {
    let max_age_seconds = rules.max_age.as_secs();
    if Path::new(name).is_file() {
        let allowed: Option<PathBuf> =
            rules.allowed_signers.as_ref().map(|path| settings.local_path(inventory, path));
        let (evidence, signer) = file::read(Path::new(name), allowed.as_deref())?;
        let source = name.to_owned();
        return Ok(GivenEvidence { source, wave: None, signer, max_age_seconds, evidence });
    }
    let id = settings.store.find(name).map_err(|error| {
        CliError::from(error).help("--requires-run names a run of this controller, or a file: ixporch runs")
    })?;
    let run = settings.store.load(&id)?;
    let shown = settings.store.shorten(&id)?;
    let evidence = of_run(&settings.store, &run, None)?
        .ok_or_else(|| CliError::invalid(format!("run {shown} has no events: it proved nothing")))?;
    Ok(GivenEvidence { source: format!("run {shown}"), wave: None, signer: None, max_age_seconds, evidence })
}
