//! Which run is meant by what a person typed, and what stands against a request about it, as an error.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ixporch_inventory::{Host, Inventory, Selector};

use super::args::InventoryFile;
use super::error::{CliError, ErrorCode};
use super::load;
use super::openssh;
use super::printer::Printer;
use super::settings::Settings;
use crate::event::{FollowUpKind, Obstacle};
use crate::follow_up::choose::{self, Asked};
use crate::history::{History, RunRecord};
use crate::journal::{JournalError, LoadedRun, Writer};
use crate::plan::{Former, HostId};
use crate::report::{self, KnownRun};
use crate::state::ExitCode;

/// What stands for the last run that changes anything.
const LATEST: &str = "latest";

/// The id of the run that is named; `latest` is the last one that changes anything.
pub(super) fn id(settings: &Settings, wanted: &str) -> Result<String, CliError> {
    if wanted != LATEST {
        return Ok(settings.store.find(wanted)?);
    }
    latest(&settings.store.history()?, settings)
}

/// The same for a command that only shows something: it tells if a later run cannot be read.
pub(super) fn shown(settings: &Settings, wanted: &str, printer: Printer) -> Result<String, CliError> {
    if wanted != LATEST {
        return id(settings, wanted);
    }
    let history = settings.store.history()?;
    let latest = latest(&history, settings)?;
    if let Some(unread) = history.unreadable().iter().find(|unread| unread.run > latest) {
        let run = settings.shorten(&unread.run);
        let what = format!(
            "run {run} began later, but its journal cannot be read: {} runs verify",
            settings.program
        );
        printer.say(&printer.err.warn(&what));
    }
    Ok(latest)
}

fn latest(history: &History, settings: &Settings) -> Result<String, CliError> {
    let latest = history.latest().map(|run| run.run.clone());
    latest.ok_or_else(|| obstacle(&Obstacle::NoRun, settings))
}

/// Who asks about a run, and what for.
pub(super) struct Question<'a> {
    pub(super) follow_up: FollowUpKind,
    /// The run as it was named; `latest`, if it was not.
    pub(super) wanted: &'a str,
    pub(super) inventory: Option<&'a Path>,
    /// The hosts that are meant, as a selector.
    pub(super) limit: Option<&'a str>,
}

/// The hosts that `--limit` selects, as the inventory of each run has them.
struct Selected<'a> {
    limit: Option<Selector>,
    /// The inventory that is named, instead of those of the runs.
    inventory: Option<&'a Path>,
    known: RefCell<BTreeMap<PathBuf, Option<BTreeSet<String>>>>,
}

impl Selected<'_> {
    /// Whether a host of a run is selected. If that cannot be told, it may be: what is wrong is told once the run is chosen.
    fn selects(&self, run: &RunRecord, host: &str) -> bool {
        let Some(limit) = &self.limit else { return true };
        let path = self.inventory.map_or_else(|| PathBuf::from(&run.inventory), Path::to_owned);
        let mut known = self.known.borrow_mut();
        let names = known.entry(path.clone()).or_insert_with(|| {
            let inventory = load::inventory(&InventoryFile { inventory: path }).ok()?;
            let hosts = inventory.select(limit).ok()?;
            Some(hosts.into_iter().map(|host| host.name.clone()).collect())
        });
        names.as_ref().is_none_or(|names| names.contains(host))
    }
}

/// The run that a follow-up means.
pub(super) fn followed<'h>(
    settings: &Settings,
    history: &'h History,
    question: Question<'_>,
) -> Result<&'h RunRecord, CliError> {
    if question.wanted == LATEST {
        let path = question.inventory.map(absolute);
        let limit = question.limit.map(Selector::parse).transpose()?;
        let selected = Selected { limit, inventory: question.inventory, known: RefCell::default() };
        let asked = Asked {
            follow_up: question.follow_up,
            inventory: path.as_deref(),
            file: &|path| canonical(Path::new(path)),
            selects: &|run, host| selected.selects(run, host),
        };
        return choose::choose(history, &asked).map_err(|found| obstacle(&found, settings));
    }
    let id = settings.store.find(question.wanted)?;
    match history.run(&id) {
        Some(run) => Ok(run),
        None => match settings.store.load(&id) {
            Err(error) => Err(error.into()),
            Ok(_) => Err(obstacle(&Obstacle::NotBegun { run: id }, settings)),
        },
    }
}

/// Takes up the journal of a run whose controller has ended, and reads it.
pub(super) fn take_up(id: &str, settings: &Settings) -> Result<(Writer, LoadedRun), CliError> {
    match settings.store.take_up(id)? {
        Some(taken) => Ok(taken),
        None if settings.store.is_going_on(id)? => Err(going_on(id, settings)),
        None => Err(followed_up(id, settings)),
    }
}

/// Another command has taken the run up.
pub(super) fn followed_up(id: &str, settings: &Settings) -> CliError {
    let shown = settings.shorten(id);
    let what =
        format!("another command follows up run {shown}: a resume, a rerun, a rollback or a settlement");
    CliError::new(ExitCode::Locked, what)
        .help(format!("wait until it ends, and see what it is: {} runs", settings.program))
}

/// The inventory of a run that is followed up; `verb` and `words` are what was typed.
pub(super) fn inventory_of(
    file: &InventoryFile,
    verb: &str,
    words: &str,
    record: &RunRecord,
    settings: &Settings,
) -> Result<Inventory, CliError> {
    let mut inventory = load::inventory(file).map_err(|error| {
        if file.inventory.exists() {
            return error;
        }
        error.help(format!(
            "the run was started with this inventory; if it has moved: {} {verb} {words} --inventory FILE",
            settings.program
        ))
    })?;
    let is_meant = |host: &Host| record.hosts.iter().any(|known| known.id.name == host.name);
    openssh::complete(&mut inventory, &file.inventory, settings, is_meant)?;
    Ok(inventory)
}

/// A run's own controller is at work on it.
pub(super) fn going_on(id: &str, settings: &Settings) -> CliError {
    let shown = settings.shorten(id);
    CliError::new(ExitCode::Locked, format!("run {shown} is going on: its controller is at work"))
        .help(format!("wait until it ends, and see how far it is: {} report {shown}", settings.program))
}

/// What this controller knows of a run that a host names.
pub(super) fn known_run(history: &History, run: &str) -> KnownRun {
    match history.run(run) {
        None => KnownRun::Unknown,
        Some(run) if run.going_on => KnownRun::GoingOn,
        Some(run) if run.exit_code.is_some() && !run.is_unfinished() => KnownRun::Ended,
        Some(_) => KnownRun::Unfinished,
    }
}

/// What stands against a request, in words.
pub(super) fn obstacle(found: &Obstacle, settings: &Settings) -> CliError {
    let shorten = |run: &str| settings.shorten(run);
    let words = report::obstacle(found, &settings.program, &shorten);
    let mut error = CliError::new(found.exit(), words.message);
    error.help = words.help;
    match found {
        Obstacle::NoRun => error.coded(ErrorCode::NoRuns),
        Obstacle::WhichRun { .. } => error.coded(ErrorCode::AmbiguousRun),
        _ => error,
    }
}

/// The identity under which an earlier run left something on a host of an inventory.
pub(super) fn former(history: &History, id: &HostId, inventory: &Inventory, file: &Path) -> Option<Former> {
    let here = canonical(file);
    // Of a host that is not selected it may not be known where it is: its name is enough then.
    let is_known = |other: &HostId| {
        inventory.host(&other.name).is_some_and(|host| !host.is_complete() || HostId::of(host) == *other)
    };
    history.former(id, |path| canonical(Path::new(path)) == here, is_known)
}

/// A path that means the same in every folder. What it links to may change, and is not resolved.
pub(super) fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// One path for all spellings of that of a file that exists, to compare; it is never written down.
pub(super) fn canonical(path: &Path) -> String {
    std::fs::canonicalize(path).map_or_else(|_| absolute(path), |path| path.display().to_string())
}

impl Settings {
    /// A run's id as it is shown; where runs cannot be listed, all of it.
    pub(super) fn shorten(&self, id: &str) -> String {
        let shortened: Result<String, JournalError> = self.store.shorten(id);
        shortened.unwrap_or_else(|_| id.to_owned())
    }
}
