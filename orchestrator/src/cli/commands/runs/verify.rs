//! `ixporch runs verify`: read all journals to their end.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::cli::args::Format;
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::history::History;
use crate::journal::LoadedRun;
use crate::plan::fold_names;
use crate::state::ExitCode;
use crate::text::harmless_line;

/// What reading a journal found.
struct Verified {
    run: String,
    /// What is wrong with it.
    trouble: Option<String>,
    /// What is unusual and harmless.
    notes: Vec<String>,
}

pub(super) fn run(settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
    let mut verified = Vec::new();
    for id in settings.store.ids()? {
        let (trouble, notes) = match settings.store.load(&id) {
            Ok(run) => (None, notes(&run)),
            Err(error) => (Some(error.to_string()), Vec::new()),
        };
        verified.push(Verified { run: id, trouble, notes });
    }
    let damaged: Vec<&Verified> = verified.iter().filter(|one| one.trouble.is_some()).collect();
    let history = settings.store.history()?;
    match printer.format {
        Format::Human => {
            for one in verified.iter().filter(|one| one.trouble.is_some() || !one.notes.is_empty()) {
                printer.result(&text(one, &history, settings, printer));
            }
            printer.result(&format!("{} journals verified, {} damaged\n", verified.len(), damaged.len()));
        }
        Format::Json | Format::Jsonl => {
            let values: Vec<Value> = verified.iter().map(|one| value(one, &history)).collect();
            printer.json(&json!({ "format": 1, "runs": values }));
        }
    }
    if let Some(first) = damaged.first() {
        printer.say(&format!(
            "help: to let the hosts of such a run be worked on again, move it away: {} runs archive {}",
            settings.program,
            settings.shorten(&first.run)
        ));
        return Ok(ExitCode::Invalid);
    }
    Ok(ExitCode::Success)
}

fn notes(run: &LoadedRun) -> Vec<String> {
    let mut notes = Vec::new();
    if run.torn && !run.going_on {
        notes.push(
            "the last line of its journal is incomplete, which is normal after a crash; it is ignored"
                .to_owned(),
        );
    }
    if !run.skipped.is_empty() {
        notes.push(format!("skipped events of a newer version: {}", run.skipped.join(", ")));
    }
    notes
}

fn text(one: &Verified, history: &History, settings: &Settings, printer: Printer) -> String {
    let shown = settings.shorten(&one.run);
    let mut text = String::new();
    if let Some(trouble) = &one.trouble {
        let _ = writeln!(text, "{shown}  {}: {}", printer.out.bad("damaged"), harmless_line(trouble));
        let of = history.unreadable().iter().find(|unreadable| unreadable.run == one.run);
        let hosts = match of.map(|unreadable| &unreadable.hosts) {
            Some(Some(hosts)) if hosts.is_empty() => "it only looked, so it blocks no host".to_owned(),
            Some(Some(hosts)) => {
                let names = fold_names(hosts.iter().map(|host| host.name.as_str()));
                format!("it may have changed {names}: nothing is started there")
            }
            Some(None) => "it may have changed any host: nothing is started anywhere".to_owned(),
            None => "its summary is whole, so it blocks no host".to_owned(),
        };
        let _ = writeln!(text, "  {hosts}");
    }
    for note in &one.notes {
        let _ = writeln!(text, "{shown}  {}", harmless_line(note));
    }
    text
}

fn value(one: &Verified, history: &History) -> Value {
    let of = history.unreadable().iter().find(|unreadable| unreadable.run == one.run);
    let hosts = of.and_then(|unreadable| unreadable.hosts.as_ref());
    let names = hosts.map(|hosts| hosts.iter().map(|host| host.name.clone()).collect::<Vec<_>>());
    json!({ "run": one.run, "whole": one.trouble.is_none(), "trouble": one.trouble, "notes": one.notes, "may_concern": names })
}
