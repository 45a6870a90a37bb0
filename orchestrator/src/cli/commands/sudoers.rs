//! `ixporch sudoers`: the rules of sudo that an upgrade needs.

use clap::Args;
use serde_json::json;

use crate::cli::args::{Format, Work};
use crate::cli::error::CliError;
use crate::cli::planning;
use crate::cli::printer::Printer;
use crate::cli::request::Request;
use crate::cli::settings::Settings;
use crate::plan::HostAction;
use crate::report;
use crate::state::ExitCode;

/// Arguments of `sudoers`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ixporch sudoers --to v4.9.3\n  ixporch sudoers --to v4.9.3 --limit ixp1 > ixporch.sudoers"
)]
pub struct Sudoers {
    /// What is to be done
    #[command(flatten)]
    pub work: Work,
}

pub(in crate::cli) fn run(
    arguments: &Sudoers,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let request = Request::of_work(&arguments.work)?;
    let history = settings.store.history()?;
    let planned = planning::plan(&request, &history, None, settings, printer);
    let plan = planning::runtime()?.block_on(Box::pin(planned))?.plan;
    let rules = report::sudoers(&plan);
    match printer.format {
        Format::Human => printer.result(&rules),
        Format::Json | Format::Jsonl => printer.json(&json!({ "format": 1, "sudoers": rules })),
    }
    let unreachable = plan.hosts().any(|(_, host)| matches!(host.action, HostAction::Unreachable(_)));
    Ok(if unreachable { ExitCode::Unreachable } else { ExitCode::Success })
}
