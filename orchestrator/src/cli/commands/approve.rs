//! `ixporch approve`: a person's word on a wave or on schema changes that a run waits for.

use ixporch_inventory::suggest;
use jiff::Timestamp;

use crate::cli::args;
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::event::{Approval, Envelope, RunEvent};
use crate::report;
use crate::state::{ExitCode, RunState};

pub(in crate::cli) fn run(
    arguments: &args::Approve,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let id = settings.store.find(&arguments.run)?;
    let shown = settings.store.shorten(&id)?;
    let Some((mut journal, run)) = settings.store.take_up(&id)? else {
        return Err(CliError::new(
            ExitCode::Locked,
            format!("run {shown} is going on: its controller writes its journal, and asks there"),
        )
        .help("answer at its terminal, or wait until it holds"));
    };
    if let Some(by) = &run.state.taken_over_by {
        return Err(CliError::invalid(format!("run {shown} was taken over by run {by}"))
            .help(format!("{} report {by}", settings.program)));
    }
    if arguments.reason.trim().is_empty() {
        return Err(CliError::usage("a reason is needed: it stands in the journal")
            .help("--reason \"staging is well since Monday\""));
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
    let first = run.events.last().map_or(0, |last| last.sequence) + 1;
    let at = Timestamp::now();
    let envelopes: Vec<Envelope> =
        (first..).zip(events).map(|(sequence, event)| Envelope { sequence, at, event }).collect();
    journal.append(&envelopes, true)?;
    printer.say(&format!("approved by {}; go on with: {} resume {shown}", approval.by, settings.program));
    Ok(ExitCode::Success)
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
        CliError::usage(format!("no host of run {shown} has schema changes {digits} pending"))
            .help(format!("{} schema {shown}", settings.program))
    })
}
