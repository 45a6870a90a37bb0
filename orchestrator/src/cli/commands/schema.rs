//! `ixporch schema`: what is pending on the hosts of a run, or was before its update; and what is done about schemas.

use clap::Args;

use super::run;
use crate::cli::args::{Change, Format, Look};
use crate::cli::error::CliError;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::cli::start;
use crate::cli::which;
use crate::report;
use crate::state::ExitCode;

/// Arguments of `schema`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch schema\n  ixporch schema diff --limit @staging")]
#[command(args_conflicts_with_subcommands = true)]
pub struct Schema {
    /// Run id, or the beginning of it; its hosts are grouped by their schema changes
    #[arg(default_value = "latest")]
    pub run: String,

    /// What to do with the schemas of hosts
    #[command(subcommand)]
    pub command: Option<SchemaCommand>,
}

/// What to do with the schemas of hosts.
#[derive(Debug, clap::Subcommand)]
pub enum SchemaCommand {
    /// Check that the mapping is correct and the database in sync with it; exit code 5 if not
    #[command(after_help = "Examples:\n  ixporch schema validate --restart-memcached")]
    Validate(Look),
    /// Show the SQL that would bring the databases into sync; hosts with the same SQL are one group
    #[command(after_help = "Examples:\n  ixporch schema diff --restart-memcached")]
    Diff(Look),
    /// Bring the databases into sync: restart memcached, review, update, restart memcached, validate
    #[command(after_help = "Examples:\n  ixporch schema fix --limit ixp1")]
    Fix(Change),
}

pub(in crate::cli) fn run(
    arguments: &Schema,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    match &arguments.command {
        None => show(&arguments.run, settings, printer),
        Some(SchemaCommand::Validate(look)) => {
            if !look.restart_memcached {
                let note = "note: Doctrine may answer from outdated metadata in memcached, which makes this result worthless; \
                            restart memcached first with --restart-memcached";
                printer.say(&printer.err.warn(note));
            }
            look_with("schema-validate", look, settings, printer)
        }
        Some(SchemaCommand::Diff(look)) => look_with("schema-diff", look, settings, printer),
        Some(SchemaCommand::Fix(change)) => run::change("schema-fix", change, settings, printer),
    }
}

fn look_with(
    procedure: &str,
    look: &Look,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let mut request = run::looking(procedure, &look.selection, &look.connecting)?;
    request.options.restart_memcached = look.restart_memcached;
    request.yes = look.yes;
    start::start(&run::unwaved(request), settings, printer)
}

fn show(run: &str, settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
    let run = settings.store.load(&which::shown(settings, run, printer)?)?;
    let groups = report::schema_groups(&run.state);
    match printer.format {
        Format::Human if groups.is_empty() => {
            printer.say("no host of this run has reached its schema review");
            printer.say(&format!("help: {} report {}", settings.program, settings.store.shorten(&run.id)?));
        }
        Format::Human => {
            printer.result(&format!("{}\n", report::schema_line(&groups)));
            printer.result(&report::schema(printer.out, &groups));
        }
        Format::Json => printer.json(&report::schema_document(&groups)),
        Format::Jsonl => {
            for group in report::schema_document(&groups).as_array().into_iter().flatten() {
                printer.json(group);
            }
        }
    }
    Ok(ExitCode::Success)
}
