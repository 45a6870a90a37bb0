//! `ixporch plan`: what an upgrade would do.

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

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ixporch plan --to v4.9.3\n  ixporch plan --wave staging --exit-code")]
pub struct Plan {
    /// What is to be done
    #[command(flatten)]
    pub work: Work,

    /// Exit with code 10 if there is something to do
    #[arg(long)]
    pub exit_code: bool,
}

pub(in crate::cli) fn run(
    arguments: &Plan,
    settings: &Settings,
    printer: Printer,
) -> Result<ExitCode, CliError> {
    let request = Request::of_work(&arguments.work)?;
    let history = settings.store.history()?;
    let plan = planning::runtime()?
        .block_on(Box::pin(planning::plan(&request, &history, None, settings, printer)))?
        .plan;
    match printer.format {
        Format::Human => {
            printer.result(&report::plan(printer.out, request.kind(), &plan, true));
            if plan.hosts_to_upgrade() > 0 {
                printer.say("next: run the same command with `upgrade` instead of `plan`");
            }
        }
        Format::Json => printer.json(&json!({ "digest": plan.digest(), "plan": plan })),
        Format::Jsonl => {
            let digest = plan.digest();
            for (wave, host) in plan.hosts() {
                // Each line can be read without the others.
                let scripts = host.scripts();
                printer
                    .json(&json!({ "digest": digest, "wave": wave.name, "host": host, "scripts": scripts }));
            }
        }
    }
    if plan.hosts_to_upgrade() > 0 && arguments.exit_code {
        return Ok(ExitCode::SomethingToDo);
    }
    let unreachable = plan.hosts().any(|(_, host)| matches!(host.action, HostAction::Unreachable(_)));
    Ok(if unreachable { ExitCode::Unreachable } else { ExitCode::Success })
}
