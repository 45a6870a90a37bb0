//! `ixporch check`: the preflight alone.

use clap::Args;
use serde_json::json;

use crate::cli::args::{Format, Preflight, Work, own_words};
use crate::cli::error::CliError;
use crate::cli::planning;
use crate::cli::printer::Printer;
use crate::cli::request::Request;
use crate::cli::settings::Settings;
use crate::plan::{HostAction, HostPlan, Plan};
use crate::report;
use crate::state::ExitCode;

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch check\n  ixporch check --to v4.9.3 --limit @prod --strict")]
pub struct Check {
    /// What would be done
    #[command(flatten)]
    pub work: Work,

    /// How findings are taken
    #[command(flatten)]
    pub preflight: Preflight,

    /// Reason; required by --skip-check
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, value_parser = own_words)]
    pub reason: String,
}

pub(in crate::cli) fn run(
    arguments: &Check,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let mut request = Request::of_work(&arguments.work)?;
    if !request.kind().is_upgrade() {
        return Err(CliError::usage(format!(
            "{} is not an upgrade: it has no preflight checks",
            request.procedure.name
        )));
    }
    request.options.preflight_policy = arguments.preflight.policy(&arguments.reason)?;
    let history = settings.store.history()?;
    let plan = planning::runtime()?
        .block_on(Box::pin(planning::plan(&request, &history, None, settings, printer)))?
        .plan;
    match printer.format {
        Format::Human => {
            let inventory = arguments.work.selection.file.inventory.display().to_string();
            printer.result(&report::findings(printer.out, &plan, true, Some(&inventory)));
        }
        Format::Json | Format::Jsonl => {
            let hosts: Vec<_> = plan.hosts().map(|(_, host)| document(host)).collect();
            printer.json(&json!({ "format": 1, "hosts": hosts }));
        }
    }
    Ok(exit(&plan))
}

fn document(host: &HostPlan) -> serde_json::Value {
    let why = match &host.action {
        HostAction::Unreachable(why) => Some(why),
        HostAction::Steps(_) | HostAction::Current | HostAction::PlannedLater => None,
    };
    json!({ "host": host.host, "reachable": why.is_none(), "why": why, "findings": host.findings, "blocked": host.blocked.is_some(), "blocked_data": host.blocked })
}

fn exit(plan: &Plan) -> ExitCode {
    if plan.hosts().any(|(_, host)| host.blocked.is_some()) {
        return ExitCode::Failed;
    }
    if plan.hosts().any(|(_, host)| matches!(host.action, HostAction::Unreachable(_))) {
        return ExitCode::Unreachable;
    }
    ExitCode::Success
}
