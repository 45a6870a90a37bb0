//! Evidence between runs and controllers: found in this controller's journals, or read from a file of another one.

mod file;
mod ssh_keygen;

use std::path::{Path, PathBuf};

use ixporch_inventory::{EvidenceRules, Host, Inventory};

pub(super) use file::write;
pub(super) use ssh_keygen::{SigningKey, agents_first_key};

use super::error::CliError;
use super::settings::Settings;
use crate::event::{Evidence, EvidenceSource, HostEvidence, HostOutcome, RunHeader};
use crate::journal::Store;
use crate::plan::{HostAction, HostPlan, Plan};
use crate::procedure::ROLLBACK;
use crate::state::{GivenEvidence, RunState};

/// Every run of this controller that moved code, or took it back, read once.
pub(super) struct Records {
    runs: Vec<RunState>,
}

impl Records {
    /// Reads them all. What a journal that cannot be read says of hosts is not known, so nothing is assumed.
    pub(super) fn read(store: &Store) -> Result<Self, CliError> {
        let mut runs = Vec::new();
        for id in store.ids()? {
            let state = store.load(&id)?.state;
            let moves_code = |header: &RunHeader| header.plan.moves_code || header.procedure == ROLLBACK;
            if state.header.as_ref().is_some_and(moves_code) {
                runs.push(state);
            }
        }
        Ok(Self { runs })
    }

    /// What the run proved about a host that did something there last, with the run.
    fn latest(
        &self,
        host: &str,
        is_same: impl Fn(&RunState, &HostPlan) -> bool,
    ) -> Option<(&RunState, HostEvidence)> {
        let tells = |run: &&RunState| {
            let (Some(plan), Some(state)) = (run.plan_of(host), run.hosts.get(host)) else { return false };
            // A rollback that was refused before it changed anything proves nothing against what was there.
            let did = if plan.takes_back.is_some() { state.has_changed(plan) } else { state.was_touched() };
            is_same(run, plan) && did
        };
        let proofs = self.runs.iter().filter(tells).filter_map(|run| Some((run, run.evidence_of(host)?)));
        // One without an end is as late as what was heard of it last.
        proofs.max_by_key(|(_, proof)| proof.at())
    }
}

/// What a run proved. Where it found nothing to do on a host, or left one out of its waves, that is what the run proved which
/// brought the host where it is.
pub(super) fn of_run(
    store: &Store,
    run: &RunState,
    wave: Option<&str>,
) -> Result<Option<Evidence>, CliError> {
    let (Some(mut evidence), Some(header)) = (run.evidence(wave), run.header.as_ref()) else {
        return Ok(None);
    };
    let records = Records::read(store)?;
    for host in &mut evidence.hosts {
        let plan = run.plan_of(&host.host).filter(|_| host.outcome == Some(HostOutcome::Current));
        let Some(plan) = plan else { continue };
        if let Some((_, earlier)) = records.latest(&host.host, |_, theirs| theirs.login == plan.login)
            && earlier.composition.commit.is_some()
            && earlier.composition.commit == plan.commit
        {
            *host = HostEvidence { wave: host.wave.clone(), ..earlier };
        }
    }
    for of in header.plan.waves.iter().filter(|of| wave.is_none_or(|wave| of.name == wave)) {
        let is_planned = |member: &&String| header.plan.host(member).is_some();
        for member in of.members.iter().filter(|member| !is_planned(member)) {
            let is_of_inventory = |run: &RunState, _: &HostPlan| {
                run.header.as_ref().is_some_and(|theirs| theirs.inventory == header.inventory)
            };
            match records.latest(member, is_of_inventory) {
                Some((_, earlier)) => {
                    evidence.hosts.push(HostEvidence { wave: of.name.clone(), ..earlier });
                }
                None => evidence.missing.push(member.clone()),
            }
        }
    }
    Ok(Some(evidence))
}

/// What other runs proved about the hosts of waves that the plan's waves require. `run` is the one that is taken up
/// again: what it did itself it knows.
pub(super) fn of_waves(
    store: &Store,
    plan: &Plan,
    inventory: &Inventory,
    run: Option<&str>,
    is_same: impl Fn(&HostPlan, &Host) -> bool,
) -> Result<Vec<GivenEvidence>, CliError> {
    let mut given: Vec<GivenEvidence> = Vec::new();
    if !plan.moves_code || plan.waves.iter().all(|wave| wave.requires.is_none()) {
        return Ok(given);
    }
    let records = Records::read(store)?;
    let is_own =
        |other: &RunState| other.header.as_ref().is_some_and(|header| Some(header.run.as_str()) == run);
    // A run that begins will prove anew what it is about to do.
    let begins = |host: &str| {
        let is_upgrade = |plan: &HostPlan| matches!(plan.action, HostAction::Upgrade(_));
        run.is_none() && plan.host(host).is_some_and(is_upgrade)
    };
    for wave in &plan.waves {
        let Some(required) = wave.requires.as_ref() else { continue };
        if given.iter().any(|given| given.source == EvidenceSource::Wave(required.clone())) {
            continue;
        }
        let hosts = wave.required_hosts.iter().filter_map(|host| inventory.host(host));
        let proofs: Vec<(&RunState, HostEvidence)> = hosts
            .filter(|host| !begins(&host.name))
            .filter_map(|host| {
                records.latest(&host.name, |other, theirs| !is_own(other) && is_same(theirs, host))
            })
            .collect();
        let whole = proofs.first().and_then(|(run, _)| run.evidence(None));
        let hosts = proofs.into_iter().map(|(_, proof)| proof).collect();
        given.extend(whole.map(|whole| GivenEvidence {
            source: EvidenceSource::Wave(required.clone()),
            signer: None,
            max_age_seconds: wave.max_age_seconds,
            evidence: Evidence { hosts, missing: Vec::new(), ..whole },
        }));
    }
    Ok(given)
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
        // It is named again in what is to be typed next, perhaps in another folder.
        let path = std::path::absolute(name).unwrap_or_else(|_| PathBuf::from(name));
        let source = EvidenceSource::File(path.display().to_string());
        return Ok(GivenEvidence { source, signer, max_age_seconds, evidence });
    }
    let id = settings.store.find(name).map_err(|error| {
        CliError::from(error)
            .help("--requires-run takes a run of this controller or a file; list the runs: ixporch runs")
    })?;
    let run = settings.store.load(&id)?;
    let shown = settings.store.shorten(&id)?;
    let evidence = of_run(&settings.store, &run.state, None)?
        .ok_or_else(|| CliError::invalid(format!("run {shown} has no events, so it proved nothing")))?;
    Ok(GivenEvidence { source: EvidenceSource::Run(shown), signer: None, max_age_seconds, evidence })
}
