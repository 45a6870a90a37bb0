//! Evidence between runs and controllers: found in this controller's journals, or read from a file of another one.

mod file;
mod ssh_keygen;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ixporch_inventory::{EvidenceRules, Inventory};

#[cfg(any(test, feature = "fuzzing"))]
pub(super) use file::read_bytes;
pub(super) use file::write;
pub(super) use ssh_keygen::{SigningKey, agents_first_key};

use super::error::CliError;
use super::settings::Settings;
use crate::event::{Evidence, EvidenceSource, HostEvidence, HostOutcome, RunKind};
use crate::history::{History, HostRecord, RunRecord};
use crate::plan::{HostId, Plan, quote};
use crate::state::{GivenEvidence, RunState};

/// What the runs of this controller proved: the history tells which run is meant, and only that one is read.
struct Records<'a> {
    settings: &'a Settings,
    history: &'a History,
    read: BTreeMap<String, RunState>,
}

impl<'a> Records<'a> {
    fn new(settings: &'a Settings, history: &'a History) -> Self {
        Self { settings, history, read: BTreeMap::new() }
    }

    /// What the last upgrade or rollback proved about a host, of those runs that are meant.
    fn latest(
        &mut self,
        host: &HostId,
        is_meant: impl Fn(&RunRecord) -> bool,
    ) -> Result<Option<(&RunState, HostEvidence)>, CliError> {
        let proves = |run: &RunRecord, on_host: &HostRecord| {
            let did = match run.kind {
                RunKind::Upgrade => true,
                // A rollback that was refused before it changed anything proves nothing against what was there.
                RunKind::Rollback => on_host.changed,
                _ => false,
            };
            did && is_meant(run)
        };
        let Some((run, _)) = self.history.last_on(host, proves) else { return Ok(None) };
        let state = self.state(&run.run)?;
        Ok(state.evidence_of(&host.name).map(|proof| (state, proof)))
    }

    fn state(&mut self, run: &str) -> Result<&RunState, CliError> {
        let loaded = match self.read.remove(run) {
            Some(state) => state,
            None => self.settings.store.load(run)?.state,
        };
        Ok(self.read.entry(run.to_owned()).or_insert(loaded))
    }
}

/// What a run proved. If it found nothing to do on a host, or left one out of its waves, that is what the run proved which
/// brought the host where it is.
pub(super) fn of_run(
    settings: &Settings,
    history: &History,
    run: &RunState,
    wave: Option<&str>,
) -> Result<Option<Evidence>, CliError> {
    let (Some(mut evidence), Some(header)) = (run.evidence(wave), run.header.as_ref()) else {
        return Ok(None);
    };
    let mut records = Records::new(settings, history);
    for host in &mut evidence.hosts {
        let plan = run.plan_of(&host.host).filter(|_| host.outcome == Some(HostOutcome::Current));
        let Some(plan) = plan else { continue };
        if let Some((_, earlier)) = records.latest(&plan.id(), |_| true)?
            && earlier.composition.commit.is_some()
            && earlier.composition.commit == plan.commit
        {
            *host = HostEvidence { wave: host.wave.clone(), ..earlier };
        }
    }
    for of in header.plan.waves.iter().filter(|of| wave.is_none_or(|wave| of.name == wave)) {
        let is_planned = |member: &&String| header.plan.host(member).is_some();
        for member in of.members.iter().filter(|member| !is_planned(member)) {
            let is_of_inventory = |theirs: &RunRecord| theirs.inventory == header.inventory;
            // The run does not know the host: the last one of its inventory does that names it.
            let known = history.runs().iter().rev().filter(|theirs| is_of_inventory(theirs));
            let id = known.flat_map(|theirs| &theirs.hosts).find(|host| host.id.name == *member);
            let earlier = match id {
                Some(host) => records.latest(&host.id, is_of_inventory)?,
                None => None,
            };
            match earlier {
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
    settings: &Settings,
    history: &History,
    kind: RunKind,
    plan: &Plan,
    inventory: &Inventory,
    run: Option<&str>,
) -> Result<Vec<GivenEvidence>, CliError> {
    let mut given: Vec<GivenEvidence> = Vec::new();
    if !kind.is_upgrade() {
        return Ok(given);
    }
    let mut records = Records::new(settings, history);
    let is_other = |other: &RunRecord| Some(other.run.as_str()) != run;
    // A run that begins will prove anew what it is about to do.
    let begins = |host: &str| {
        run.is_none() && plan.host(host).is_some_and(|plan| plan.has_steps() || plan.is_planned_later())
    };
    for wave in &plan.waves {
        let Some(required) = wave.requires.as_ref() else { continue };
        if given.iter().any(|given| given.source == EvidenceSource::Wave(required.clone())) {
            continue;
        }
        let hosts = wave.required_hosts.iter().filter_map(|host| inventory.host(host));
        let mut whole = None;
        let mut proofs = Vec::new();
        for host in hosts.filter(|host| !begins(&host.name)) {
            if let Some((state, proof)) = records.latest(&HostId::of(host), is_other)? {
                whole = whole.or_else(|| state.evidence(None));
                proofs.push(proof);
            }
        }
        given.extend(whole.map(|whole| GivenEvidence {
            source: EvidenceSource::Wave(required.clone()),
            signer: None,
            max_age_seconds: wave.max_age_seconds,
            evidence: Evidence { hosts: proofs, missing: Vec::new(), ..whole },
        }));
    }
    Ok(given)
}

/// The evidence that the user names: a run of this controller, or a file (a path with a `/`).
pub(super) fn named(
    name: &str,
    inventory: &Path,
    rules: &EvidenceRules,
    history: &History,
    settings: &Settings,
) -> Result<GivenEvidence, CliError> {
    let max_age_seconds = rules.max_age.as_secs();
    if name.contains('/') {
        let allowed: Option<PathBuf> =
            rules.allowed_signers.as_ref().map(|path| settings.local_path(inventory, path));
        let (evidence, signer) = file::read(Path::new(name), allowed.as_deref())?;
        // It is named again in what is to be typed next, perhaps in another folder.
        let path = std::path::absolute(name).unwrap_or_else(|_| PathBuf::from(name));
        let source = EvidenceSource::File(path.display().to_string());
        return Ok(GivenEvidence { source, signer, max_age_seconds, evidence });
    }
    let id = super::which::id(settings, name).map_err(|error| {
        // What is there under a run's name must not be taken for that run.
        if Path::new(name).is_file() {
            return error.help(format!("the path of a file needs a `/`: --requires-run ./{}", quote(name)));
        }
        error.help(format!(
            "--requires-run takes a run of this controller, or the path of a file with a `/`; list the runs: {} runs",
            settings.program
        ))
    })?;
    let run = settings.store.load(&id)?;
    let shown = settings.store.shorten(&id)?;
    let evidence = of_run(settings, history, &run.state, None)?
        .ok_or_else(|| CliError::invalid(format!("run {shown} has no events, so it proved nothing")))?;
    Ok(GivenEvidence { source: EvidenceSource::Run(shown), signer: None, max_age_seconds, evidence })
}
