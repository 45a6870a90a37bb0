//! `ixporch report`: the report of a run, from its journal.

use clap::Args;
use ixporch_inventory::suggest;
use jiff::Timestamp;

use crate::cli::args::Format;
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::cli::which;
use crate::report::{self, Names};
use crate::state::ExitCode;

/// Arguments of `report`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch report\n  ixporch report 0198c2 --host ixp1")]
pub struct Report {
    /// Run id, or the beginning of it
    #[arg(default_value = "latest")]
    pub run: String,

    /// Show only this host, with all its steps
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
}

pub(in crate::cli) fn run(
    arguments: &Report,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let run = settings.store.load(&which::shown(settings, &arguments.run, printer)?)?;
    if run.torn {
        printer.say(&printer.err.warn("the journal's last line was cut off; everything before it is shown"));
    }
    let history = settings.store.history()?;
    let names = Names {
        program: settings.program.clone(),
        run: settings.store.shorten(&run.id)?,
        going_on: run.going_on,
        now: Timestamp::now(),
        since: history.run(&run.id).map(|record| history.since(record)).unwrap_or_default(),
    };
    if let Some(host) = &arguments.host
        && !run.state.hosts.contains_key(host)
    {
        let mut error = CliError::usage(format!("run {} has no host `{host}`", names.run));
        error.help = suggest::help(host, run.state.hosts.keys().map(String::as_str));
        return Err(error);
    }
    match (printer.format, &arguments.host) {
        (Format::Human, None) => printer.result(&report::summary(printer.out, &names, &run.state)),
        (Format::Human, Some(host)) => {
            printer.result(&report::host_report(printer.out, &names, &run.state, host));
        }
        (Format::Json, None) => printer.json(&report::document(&names, &run.state)),
        (Format::Json, Some(host)) => printer.json(&report::host_document(&names, &run.state, host)),
        (Format::Jsonl, _) => run.events.iter().for_each(|envelope| printer.json(envelope)),
    }
    Ok(ExitCode::Success)
}
