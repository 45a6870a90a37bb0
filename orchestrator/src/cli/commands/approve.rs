//! `ixporch approve`: a person's word on a wave or on schema changes that a run waits for.

use clap::Args;
use ixporch_inventory::suggest;
use jiff::Timestamp;

use crate::cli::args::{fingerprint, own_words};
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::cli::which::{self, Question};
use crate::event::{Approval, Envelope, FollowUpKind, Obstacle, RunEvent};
use crate::journal::{Inbox, LoadedRun, Writer};
use crate::report;
use crate::state::{ExitCode, RunState};

/// Arguments of `approve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ixporch approve latest --wave prod --reason 'staging is well'
  ixporch approve latest --schema 3f9a2c417b0e --reason 'only additions'")]
pub struct Approve {
    /// Run id, the beginning of it, or `latest`
    pub run: String,

    /// Approve the start of this wave
    #[arg(long, value_name = "WAVE", required_unless_present = "schema")]
    pub wave: Vec<String>,

    /// Approve these schema changes, by the fingerprint that `ixporch schema RUN` shows
    #[arg(long, value_name = "FINGERPRINT", value_parser = fingerprint)]
    pub schema: Vec<String>,

    /// Reason, recorded in the journal
    #[arg(long, value_name = "TEXT", value_parser = own_words)]
    pub reason: String,
}

pub(in crate::cli) fn run(
    arguments: &Approve,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let history = settings.store.history()?;
    let question =
        Question { follow_up: FollowUpKind::Approve, wanted: &arguments.run, inventory: None, limit: None };
    let record = which::followed(settings, &history, question)?;
    if !record.is_unfinished() && !record.going_on {
        return Err(which::obstacle(&Obstacle::NothingAwaited { run: record.run.clone() }, settings));
    }
    let id = record.run.clone();
    let shown = settings.store.shorten(&id)?;
    // A controller that is at work writes its journal alone.
    let (journal, mut run) = match settings.store.take_up(&id)? {
        Some((journal, run)) => (Some(journal), run),
        None if settings.store.is_going_on(&id)? => (None, settings.store.load(&id)?),
        None => return Err(which::followed_up(&id, settings)),
    };
    if let Some(by) = &run.state.taken_over_by {
        return Err(CliError::invalid(format!("run {shown} was taken over by run {by}"))
            .help(format!("{} report {by}", settings.program)));
    }
    if arguments.reason.trim().is_empty() {
        return Err(CliError::usage("an approval needs a reason; it is recorded in the journal")
            .help("add --reason \"staging has run well since Monday\""));
    }
    let approval = Approval {
        by: settings.user.clone(),
        origin: settings.origin.clone(),
        reason: arguments.reason.clone(),
    };
    let mut events = Vec::new();
    for wave in &arguments.wave {
        known_wave(&run.state, &shown, wave)?;
        events.push(RunEvent::WaveApproved { wave: wave.clone(), approval: approval.clone() });
    }
    for digits in &arguments.schema {
        let fingerprint = known_schema(&run.state, &shown, digits, settings)?;
        events.push(RunEvent::SchemaApproved { fingerprint, approval: approval.clone() });
    }
    let (by, program) = (&approval.by, &settings.program);
    if let Some(mut journal) = journal {
        append(&mut journal, &mut run, events)?;
        printer.say(&format!("approved by {by}; next: {program} resume {shown}"));
    } else {
        Inbox::of(&run.folder).put(&uuid::Uuid::now_v7().to_string(), &events)?;
        printer.say(&format!(
            "approved by {by}; run {shown} is in progress and picks this up; if it ends first: {program} resume {shown}"
        ));
    }
    Ok(ExitCode::Success)
}

/// Writes events behind those of a run whose journal nobody else writes.
fn append(journal: &mut Writer, run: &mut LoadedRun, events: Vec<RunEvent>) -> Result<(), CliError> {
    let first = run.events.last().map_or(0, |last| last.sequence) + 1;
    let at = Timestamp::now();
    let envelopes: Vec<Envelope> =
        (first..).zip(events).map(|(sequence, event)| Envelope { sequence, at, event }).collect();
    journal.append(&envelopes, true)?;
    for envelope in &envelopes {
        run.state.apply(envelope);
    }
    run.events.extend(envelopes);
    Ok(())
}

/// Writes down what was approved for a controller that ended before it heard of it.
pub(super) fn take_letters(journal: &mut Writer, run: &mut LoadedRun) -> Result<(), CliError> {
    for mut letter in Inbox::of(&run.folder).letters() {
        let mut events = std::mem::take(&mut letter.events);
        events
            .retain(|event| matches!(event, RunEvent::WaveApproved { .. } | RunEvent::SchemaApproved { .. }));
        append(journal, run, events)?;
        letter.taken();
    }
    Ok(())
}

fn known_wave(state: &RunState, shown: &str, wave: &str) -> Result<(), CliError> {
    let waves = state.header.iter().flat_map(|header| &header.plan.waves);
    let known: Vec<&str> = waves.map(|wave| wave.name.as_str()).collect();
    if known.contains(&wave) {
        return Ok(());
    }
    let mut error = CliError::usage(format!("run {shown} has no wave `{wave}`"));
    error.help = suggest::help(wave, known);
    Err(error)
}

/// All digits of the fingerprint that is meant: nothing is approved that no host of the run has shown.
fn known_schema(
    state: &RunState,
    shown: &str,
    digits: &str,
    settings: &Settings,
) -> Result<String, CliError> {
    let groups = report::schema_groups(state);
    let meant = groups.iter().find(|group| group.changes.fingerprint.is_named_by(digits));
    meant.map(|group| group.changes.fingerprint.digits().to_owned()).ok_or_else(|| {
        CliError::usage(format!("no host of run {shown} has pending schema changes {digits}"))
            .help(format!("{} schema {shown}", settings.program))
    })
}
